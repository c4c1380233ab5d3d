/** The contract every listed strategy keeps, on golden and on random events. A new strategy is tested by being listed. */
import assert from 'node:assert/strict';
import { readdirSync } from 'node:fs';
import { test } from 'node:test';
import fc from 'fast-check';
import { type Scenario, scenarios } from '../reference/arbitrary.js';
import { apListStrategies, type ChosenStrategy, reference, strategyNamed } from '../strategy/index.js';
import { FLUSH, PRUNE, packWord, SYNC } from '../trace/events.js';
import { createVgic, type Vgic } from '../vgic/vgic.js';
import { isPending, LATCH, queuedOn, targetOracle, WIRE } from '../vgic/word.js';
import { createEngine } from './engine.js';
import { createEquivalenceChecker } from './equivalence.js';
import { replayTrace } from './replay.js';
import { readVgr1, sourceOf, tracesFolder } from './test-traces.js';

const NR_RUNS = Number(process.env.FUZZ_RUNS ?? 60);
/** Every strategy, and hybrid with thresholds that random lists cross. */
const chosen: ChosenStrategy[] = [
  ...apListStrategies.map(({ id }) => strategyNamed(id)),
  strategyNamed('hybrid:threshold=2'),
  strategyNamed('hybrid:threshold=4'),
];

/** An interrupt is on at most one list, and the word names that list (vgic-spec appendix B.1). */
function checkLists({ state, list }: Vgic, place: string): void {
  const holder = new Map<number, number>();
  for (let vcpu = 0; vcpu < state.nrVcpus; vcpu++) {
    const order = list.order(vcpu);
    assert.equal(order.length, list.length(vcpu), `${place}: length of the list of vCPU ${vcpu}`);
    for (const slot of order) {
      assert.equal(holder.get(slot), undefined, `${place}: row ${slot} is on two lists`);
      holder.set(slot, vcpu);
    }
  }
  state.word.forEach((w, slot) => {
    assert.equal(queuedOn(w), holder.get(slot) ?? -1, `${place}: row ${slot} says it is queued on ${queuedOn(w)}`);
  });
}

/** After prune the list holds exactly what the oracle sends here (B.5). */
function checkPruned({ state, list }: Vgic, vcpu: number, place: string): void {
  for (const slot of list.order(vcpu)) {
    assert.equal(targetOracle(state.word[slot], state.dist[0] === 1), vcpu, `${place}: row ${slot} was left behind`);
  }
}

function replayWithChecks({ machine, events }: Scenario, candidate: ChosenStrategy): void {
  const vgic = createVgic(machine, candidate.create);
  const other = createVgic(machine, reference.create({}));
  const engine = createEngine(vgic);
  const otherEngine = createEngine(other);
  const checker = createEquivalenceChecker(vgic, other, candidate.strategy.equivalence);
  events.forEach(({ kind, vcpu, intid, value }, event) => {
    const place = `${candidate.label}: event ${event}`;
    if (kind === FLUSH) checker.beforeFlush(vcpu);
    engine.step(packWord(kind, vcpu, intid), value);
    otherEngine.step(packWord(kind, vcpu, intid), value);
    if (kind === FLUSH) checker.afterFlush(vcpu, event);
    checkLists(vgic, place);
    if (kind === SYNC || kind === PRUNE) checkPruned(vgic, vcpu, place);
  });
  const result = checker.result();
  assert.ok(result.holds, `${candidate.label} declares ${result.declared}; broken at event ${result.firstViolation}`);
}

for (const candidate of chosen) {
  test(`${candidate.label}: lists stay sound and the declared class holds on random events`, () => {
    const property = fc.property(scenarios(), (scenario) => replayWithChecks(scenario, candidate));
    fc.assert(property, { numRuns: NR_RUNS, includeErrorInReport: true });
  });
}

const golden = readdirSync(new URL('golden/', tracesFolder)).filter(
  (name) => name.endsWith('-s01.bin.gz') || (name.startsWith('scen-') && name.endsWith('.bin.gz')),
);

test('the declared class of every strategy holds on the golden events', () => {
  for (const file of golden) {
    const { header, word, value } = readVgr1(`golden/${file}`);
    const parts = replayTrace(sourceOf(header, word, value), chosen, { path: file, sha256: '', origin: 'golden' });
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
