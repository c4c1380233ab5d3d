/**
 * Locks of a flush, an exit and a pending test of the core, against those measured on the compiled C code: vgic-spec
 * appendix A. The lists are built by guest programs, as the growth gate and the search build theirs.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { flavourNamed } from '../gic/flavour/index.js';
import { expandProgram } from '../hostile/expand.js';
import { type GuestProgram, interruptsAt, type Op, programMachine, SHARES, type Verb } from '../hostile/program.js';
import { createEngine } from '../replay/engine.js';
import { reference } from '../strategy/index.js';
import { FLUSH, SYNC, WFI, wordKind } from '../trace/events.js';
import { type CostCounters, METRIC_COMPARISONS, METRIC_LOCKS, NR_METRICS, NR_PATHS } from '../vgic/counters.js';
import { HostStop } from '../vgic/host-stop.js';
import { createVgic } from '../vgic/vgic.js';
import { createColumnSink } from '../workload/column-sink.js';

const NR_LR = 4;
/** Ladders of hostile/program.ts. */
const EQUAL = 20;
const ASCENDING = 32;
const DESCENDING = 33;
const SCATTERED = 34;

const op = (verb: Verb, value = 0): Op => ({ verb, vcpu: 0, from: 0, to: SHARES, order: 'up', value, slides: false });

/** All pending; two entries and exits with nothing acknowledged; a pending test with everything masked. */
const ladderProgram = (ladder: number): GuestProgram => ({
  model: 'gicv3',
  vcpus: 1,
  setUp: [op('priority', ladder), op('raise')],
  round: [op('enter'), op('exit'), op('enter'), op('exit'), op('pmr'), op('wfi')],
  rounds: 1,
});

interface Count {
  readonly locks: number;
  readonly comparisons: number;
}

/** What each entry, exit and pending test of a ladder took, in order. */
function countSteps(flavour: string, n: number, ladder: number): Count[] {
  const program = ladderProgram(ladder);
  const size = { n, nrLr: NR_LR };
  const machine = programMachine(program, size, flavour, flavourNamed(flavour).isXen);
  const sink = createColumnSink();
  expandProgram(program, machine, { ...interruptsAt(program, size), writesPerExit: Number.POSITIVE_INFINITY }, sink);
  const vgic = createVgic(machine, reference.create({}));
  const engine = createEngine(vgic);
  const { cost } = vgic.state;
  const { word, value, count } = sink.block;
  const steps: Count[] = [];
  for (let event = 0; event < count; event++) {
    const before = totals(cost);
    engine.step(word[event], value[event]);
    if (![FLUSH, SYNC, WFI].includes(wordKind(word[event]))) continue;
    const after = totals(cost);
    steps.push({ locks: after.locks - before.locks, comparisons: after.comparisons - before.comparisons });
  }
  return steps;
}

function totals({ sum }: CostCounters): Count {
  let locks = 0;
  let comparisons = 0;
  for (let path = 0; path < NR_PATHS; path++) {
    locks += sum[path * NR_METRICS + METRIC_LOCKS];
    comparisons += sum[path * NR_METRICS + METRIC_COMPARISONS];
  }
  return { locks, comparisons };
}

/** n; flush of equal or ascending, descending, scattered; sync; flush of a sorted list; pending test. */
const ROWS = [
  [4, 9, 9, 9, 9, 9, 5],
  [5, 22, 22, 26, 10, 22, 6],
  [16, 85, 85, 117, 21, 85, 17],
  [64, 453, 515, 699, 69, 453, 65],
  [256, 2309, 2707, 3793, 261, 2309, 257],
  [960, 10693, 12045, 17817, 965, 10693, 961],
];

for (const flavour of ['kvm-6.1', 'kvm-7.2']) {
  test(`${flavour}: every row and column of appendix A`, () => {
    for (const [n, sorted, descending, scattered, sync, repeated, pending] of ROWS) {
      const flushes = { [EQUAL]: sorted, [ASCENDING]: sorted, [DESCENDING]: descending, [SCATTERED]: scattered };
      for (const [ladder, flush] of Object.entries(flushes)) {
        const locks = countSteps(flavour, n, Number(ladder)).map((step) => step.locks);
        assert.deepEqual(locks, [flush, sync, repeated, sync, pending], `n = ${n}, ladder ${ladder}`);
      }
    }
  });

  test(`${flavour}: comparisons that appendix A states, and its formulas`, () => {
    assert.equal(countSteps(flavour, 960, EQUAL)[0].comparisons, 4864);
    assert.equal(countSteps(flavour, 960, DESCENDING)[0].comparisons, 5540);
    assert.equal(countSteps(flavour, 960, SCATTERED)[0].comparisons, 8426);
    for (const n of [32, 100, 777]) {
      const [flush, sync] = countSteps(flavour, n, SCATTERED);
      assert.equal(flush.locks, 1 + n + 2 * flush.comparisons + NR_LR);
      assert.equal(sync.locks, 1 + n + NR_LR);
    }
  });
}

test('xen-new: a flush locks nothing to count the list', () => {
  for (const n of [4, 5, 16, 64, 128]) {
    const [flush, sync, , , pending] = countSteps('xen-new', n, SCATTERED);
    assert.equal(flush.comparisons > 0, n > NR_LR);
    assert.equal(flush.locks, 1 + 2 * flush.comparisons + NR_LR);
    assert.equal(sync.locks, 1 + n + NR_LR);
    // Its pending test does not ask the mask: the first entry answers.
    assert.equal(pending.locks, 2);
  }
});

test('xen-new: comparisons on sorted input are n/2 log2 n too, and 256 equal ones are its last', () => {
  for (const exponent of [3, 5, 7])
    assert.equal(countSteps('xen-new', 2 ** exponent, EQUAL)[0].comparisons, 2 ** (exponent - 1) * exponent);
  assert.equal(countSteps('xen-new', 255, EQUAL).length, 5);
  assert.throws(() => countSteps('xen-new', 256, EQUAL), HostStop);
});
