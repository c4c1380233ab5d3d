/** The growth gate: no strategy's calls grow faster, or get longer, than it declares. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { flavours } from '../gic/flavour/index.js';
import { type ChosenStrategy, reference, strategyNamed } from '../strategy/index.js';
import type { WorstCases } from '../strategy/strategy.js';
import { DEPTHS, growthCurves, type Subject } from './growth.js';
import { growthPrograms } from './growth-programs.js';
import { DEEP_FLAVOUR, faultsOf, requireDeclared } from './test-growth.js';

const FEW = { spi: [8, 32, 128, 512], lpi: [] };
for (const { id } of flavours) {
  // The deepest lists are in growth-deep.test.ts, under the flavour whose calls are the longest.
  if (id === DEEP_FLAVOUR) continue;
  test(`${id}: no path of any strategy grows faster or gets longer than declared`, () => {
    requireDeclared(id, { ...DEPTHS, lpi: id === 'kvm-6.1' ? [512, 4096] : [] });
  });
}

/** sort-on-flush under another name, with something changed. */
function liar(id: string, change: Partial<ChosenStrategy>, worst: Partial<WorstCases> = {}): ChosenStrategy {
  const honest = strategyNamed(reference.id);
  const strategy = {
    ...honest.strategy,
    ...change.strategy,
    id,
    worst: (...given: Parameters<typeof reference.worst>) => ({
      ...(change.strategy ?? honest.strategy).worst(...given),
      ...worst,
    }),
  };
  return { ...honest, ...change, label: id, strategy };
}

test('a pass too many in the flush is caught, by name and path', () => {
  const { create } = strategyNamed(reference.id);
  const twice = liar('twice', {
    create: (s, ops) => {
      const list = create(s, ops);
      return {
        ...list,
        // Each entry is compared with every other.
        select(vcpu) {
          for (const _slot of list.order(vcpu)) s.cost.comparisons += list.length(vcpu);
          return list.select(vcpu);
        },
      };
    },
  });
  const faults = faultsOf(growthCurves([strategyNamed(reference.id), twice], 'kvm-7.2', { depths: FEW }).curves);
  assert.equal(faults.length, 1);
  assert.match(faults[0], /^twice, flush: grows with exponent (1\.[89]|2\.0)\d under spi-/);
});

test('a linear insertion that is declared constant is caught, by name and path', () => {
  const constant = strategyNamed('buckets').strategy.worst(flavours[0]).inject;
  const ordered = liar('ordered', strategyNamed('sort-on-insert'), { inject: constant });
  const faults = faultsOf(growthCurves([ordered], 'kvm-6.1', { depths: FEW }).curves);
  assert.equal(faults.length, 1);
  assert.match(faults[0], /^ordered, inject: grows with exponent (0\.9|1\.)\d+ under spi-.*'constant' allows 0\.15/);
});

test('a call that is longer than declared, and grows as declared, is caught', () => {
  const listPending = strategyNamed('fifo').strategy.worst(flavours[0]).pending;
  const hasty = liar('hasty', {}, { pending: { ...listPending, steps: (size) => listPending.steps(size) - 1 } });
  const faults = faultsOf(growthCurves([hasty], 'kvm-6.1', { depths: FEW }).curves);
  const kinds = faults.map(
    (fault) =>
      /^hasty, ([a-z-]+): takes \d+ steps at depth 8 under spi-flood; declared are at most \d+$/.exec(fault)?.[1],
  );
  assert.deepEqual(kinds, ['pending', 'dist-enable', 'dist-enable-all']);
});

test('a program that would take too long ends, and with it the curves that it is the worst of', () => {
  const { curves, cut } = growthCurves([strategyNamed('sort-on-insert')], 'kvm-6.1', {
    depths: { spi: [], lpi: [64, 128, 256, 512] },
    maxWork: 20_000,
  });
  const ended = cut.find(({ program }) => program === 'lpi-urgent-movers');
  assert.ok(ended !== undefined && ended.deepest < 512);
  const depthsOf = (subject: Subject['id']): number | undefined =>
    curves.find((curve) => curve.subject === subject)?.depths.at(-1);
  assert.equal(depthsOf('prune'), ended.deepest);
  assert.equal(depthsOf('pending'), 512);
});

test('where the host stops, what came before counts', () => {
  const { curves, stops } = growthCurves([strategyNamed(reference.id)], 'xen-new');
  assert.ok(stops.every(({ depth, reason }) => depth >= 256 && /locks one interrupt twice/.test(reason)));
  assert.ok(stops.some(({ program, depth }) => program === 'spi-flood' && depth === 256));
  const prune = curves.find(({ subject }) => subject === 'prune');
  // 480 entries that stay are visited again for each of 480 that go (vgic-spec 8.2 row 6).
  assert.deepEqual([prune?.depths.at(-1), prune?.worstBy.at(-1)], [960, 'spi-half-moved']);
});

test('programs have names of their own, and queue what they say', () => {
  assert.equal(new Set(growthPrograms.map(({ id }) => id)).size, growthPrograms.length);
  for (const { queued } of growthPrograms) assert.ok(queued(8) >= 8);
});
