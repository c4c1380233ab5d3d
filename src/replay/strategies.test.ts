/** The contract every listed strategy keeps, on golden and on random events. A new strategy is tested by being listed. */
import assert from 'node:assert/strict';
import { readdirSync } from 'node:fs';
import { test } from 'node:test';
import fc from 'fast-check';
import { AP_LIST_FLAVOURS, scenarios } from '../reference/arbitrary.js';
import { type ChosenStrategy, strategyNamed } from '../strategy/index.js';
import { isPending, LATCH, WIRE } from '../vgic/word.js';
import { replayTrace } from './replay.js';
import { checkedStrategies, checkStrategy, inTurn } from './test-strategies.js';
import { readVgr1, sourceOf, tracesFolder } from './test-traces.js';

const NR_RUNS = Number(process.env.FUZZ_RUNS ?? 6);
const chosen = checkedStrategies;

for (const flavour of AP_LIST_FLAVOURS) {
  for (const candidate of chosen) {
    test(`${flavour}, ${candidate.label}: lists, invariants and the declared class hold on random events`, () => {
      const property = fc.property(scenarios({ flavours: [flavour] }), (scenario) => {
        checkStrategy(scenario, candidate);
      });
      // Fewer of those on request; npm run fuzz -- --strategies has no end.
      const numRuns = candidate.strategy.isOnRequest === true ? Math.ceil(NR_RUNS / 3) : NR_RUNS;
      fc.assert(property, { numRuns, seed: 1, includeErrorInReport: true });
    });
  }
}

/** Of a golden file, unless its list grows to the end. */
const NR_EVENTS = 3000;
const golden = readdirSync(new URL('golden/', tracesFolder)).filter(
  (name) => name.endsWith('-s01.bin.gz') || (name.startsWith('scen-') && name.endsWith('.bin.gz')),
);

test('the declared class of every strategy holds on the golden events', () => {
  assert.ok(golden.length > 30);
  for (const [at, file] of golden.entries()) {
    const { header, word, value } = readVgr1(`golden/${file}`);
    const count = file.startsWith('deep') ? word.length : NR_EVENTS;
    const source = sourceOf(header, word.subarray(0, count), value.subarray(0, count));
    const parts = replayTrace(source, inTurn(chosen, at), { path: file, sha256: '', origin: 'golden' });
    for (const { strategy, equivalence } of parts)
      assert.ok(equivalence.holds, `${file}: ${strategy.id} at event ${equivalence.firstViolation}`);
  }
});

test('a strategy that orders wrongly is caught', () => {
  const { header, word, value } = readVgr1('golden/deep100-s01.bin.gz');
  const fifo = strategyNamed('fifo');
  const liar: ChosenStrategy = { ...fifo, strategy: { ...fifo.strategy, equivalence: 'tie-equivalent' } };
  const [part] = replayTrace(sourceOf(header, word, value), [liar], { path: 'deep100', sha256: '', origin: 'golden' });
  assert.equal(part.equivalence.holds, false);
  assert.ok(part.equivalence.deviating > 0);
});

test('a strategy that loses an interrupt is caught', () => {
  const { header, word, value } = readVgr1('golden/typical-s01.bin.gz');
  const honest = strategyNamed('sort-on-insert');
  let inserts = 0;
  const liar: ChosenStrategy = {
    ...honest,
    create: (s, ops) => {
      const list = honest.create(s, ops);
      return { ...list, insert: (vcpu, slot) => (++inserts % 10 === 0 ? undefined : list.insert(vcpu, slot)) };
    },
  };
  const [part] = replayTrace(sourceOf(header, word, value), [liar], { path: 'typical', sha256: '', origin: 'golden' });
  assert.equal(part.equivalence.holds, false);
});

test('a strategy that chooses other ties than upstream is not identical', () => {
  const { header, word, value } = readVgr1('golden/deep100-s01.bin.gz');
  const ordered = strategyNamed('sort-on-insert');
  const liar: ChosenStrategy = { ...ordered, strategy: { ...ordered.strategy, equivalence: 'identical' } };
  const [part] = replayTrace(sourceOf(header, word, value), [liar], { path: 'deep100', sha256: '', origin: 'golden' });
  assert.equal(part.equivalence.holds, false);
  assert.equal(part.equivalence.deviating, 0);
});

test('pending is the latch, or the wire of a level interrupt', () => {
  assert.equal(isPending(LATCH), true);
  assert.equal(isPending(WIRE), true);
  assert.equal(isPending(0), false);
});
