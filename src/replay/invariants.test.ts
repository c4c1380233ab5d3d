/** The checker passes what is sound (random events: strategies.test.ts) and finds each invariant broken on purpose. */
import assert from 'node:assert/strict';
import { readdirSync } from 'node:fs';
import { test } from 'node:test';
import type { Machine } from '../gic/intid.js';
import { LR_ACTIVE, LR_PENDING } from '../gic/lr.js';
import { type ChosenStrategy, reference, strategyNamed } from '../strategy/index.js';
import * as K from '../trace/events.js';
import { createVgic, type Vgic } from '../vgic/vgic.js';
import { ACTIVE, EXISTS, LATCH, QUEUED_FIELD, QUEUED_SHIFT } from '../vgic/word.js';
import { createInvariantChecker, type Violation } from './invariants.js';
import { replayTrace } from './replay.js';
import { ENTER_AND_ACK, playSteps, SERVE_AND_LEAVE, type Step, slotOn0 } from './test-steps.js';
import { checkedStrategies, inTurn } from './test-strategies.js';
import { readVgr1, sourceOf, tracesFolder } from './test-traces.js';

const ownStrategy = strategyNamed(reference.id);

/** Of a golden file, unless its list grows to the end. */
const NR_EVENTS = 3000;

test('the invariants hold on the golden events, with every strategy', () => {
  const files = readdirSync(new URL('golden/', tracesFolder)).filter((name) =>
    /-s01\.bin\.gz$|^scen-.*\.bin/.test(name),
  );
  assert.ok(files.length > 30);
  for (const [at, file] of files.entries()) {
    const { header, word, value } = readVgr1(`golden/${file}`);
    const count = file.startsWith('deep') ? word.length : NR_EVENTS;
    const onViolation = (violation: Violation): void => assert.fail(`${file}: ${JSON.stringify(violation)}`);
    const identity = { path: file, sha256: '', origin: 'golden' };
    replayTrace(
      sourceOf(header, word.subarray(0, count), value.subarray(0, count)),
      inTurn(checkedStrategies, at + 1).filter((_, turn) => turn % 3 === at % 3),
      identity,
      { onViolation },
    );
  }
});

const MACHINE: Machine = {
  flavour: 'kvm-7.2',
  model: 'gicv3',
  nrVcpus: 2,
  nrSpis: 32,
  nrLpis: 57344,
  nrLr: 4,
  distEnabledAtStart: true,
  pmrAtStart: 0xf8,
};
/** What goes wrong with the core right before or after the step's own effect. */
type Fault = (vgic: Vgic) => void;

const setBits = (intid: number, bits: number): Fault => {
  return (vgic) => {
    vgic.state.word[slotOn0(vgic, intid)] |= bits;
  };
};
const clearBits = (intid: number, bits: number): Fault => {
  return (vgic) => {
    vgic.state.word[slotOn0(vgic, intid)] &= ~bits;
  };
};
const unqueue = (intid: number): Fault => clearBits(intid, QUEUED_FIELD);

/** Runs the steps on vCPU 0; the last one is the faulty one. */
function replayFaulty(
  steps: readonly Step[],
  fault: Fault,
  candidate = ownStrategy,
  machine = MACHINE,
  prunesAtMost?: number,
): Violation | null {
  const vgic = createVgic(machine, candidate.create);
  const checker = createInvariantChecker(vgic, { keepsOrder: prunesAtMost === undefined, prunesAtMost });
  playSteps(vgic, steps, {
    before: checker.before,
    after(event) {
      if (event === steps.length - 1) fault(vgic);
      checker.after(event);
    },
  });
  checker.finish();
  return checker.violation();
}

const none: Fault = () => {};
const RAISED: readonly Step[] = [
  [K.ENABLE, 32, 1],
  [K.INJECT, 32, 1],
];
const ENTERED: readonly Step[] = [...RAISED, [K.FLUSH, 0, 0]];
const ACKNOWLEDGED: readonly Step[] = [...RAISED, ...ENTER_AND_ACK];
const LEFT_ACTIVE: readonly Step[] = [...RAISED, ...SERVE_AND_LEAVE];
/** PPI 27, level, mapped; its line fell while it was in the guest. */
const MAPPED: readonly Step[] = [
  [K.HW_MAP, 27, 27],
  [K.PHYS_LINE, 27, 1],
  [K.PHYS_ACTIVE, 27, 1],
  [K.ENABLE, 27, 1],
  [K.INJECT, 27, 1],
  [K.FLUSH, 0, 0],
  [K.PHYS_LINE, 27, 0],
  [K.SYNC, 0, 0],
];
const SW_RESAMPLED: readonly Step[] = [
  [K.HW_MAP, 27, 27 | K.HW_MAP_SW_RESAMPLE],
  [K.PHYS_LINE, 27, 1],
  [K.PHYS_ACTIVE, 27, 1],
  [K.ENABLE, 27, 1],
  [K.INJECT, 27, 1],
  [K.FLUSH, 0, 0],
  [K.SYNC, 0, 0],
];
const LPI = 8192;
const LPI_MAPPED: readonly Step[] = [[K.LPI_MAP, LPI, 1 << 16]];

/** Invariant, what is wrong, the steps, the fault at the last of them. */
const FAULTS: readonly (readonly [invariant: number, name: string, steps: readonly Step[], fault: Fault])[] = [
  [1, 'a row forgets its list', RAISED, unqueue(32)],
  [
    1,
    'a row names another list',
    RAISED,
    (vgic) => {
      unqueue(32)(vgic);
      setBits(32, 2 << QUEUED_SHIFT)(vgic);
    },
  ],
  [
    1,
    'a private interrupt is on the list of another vCPU',
    [[K.SGI, 3, 1]],
    (vgic) => {
      unqueue(3)(vgic);
      setBits(3, 2 << QUEUED_SHIFT)(vgic);
    },
  ],
  [1, 'a row that no event concerns is queued', [...RAISED, [K.NOP, 0, 0]], setBits(40, 1 << QUEUED_SHIFT)],
  [
    2,
    'an interrupt is in two LRs',
    ENTERED,
    ({ state }) => {
      state.usedLrs[0] = 2;
      state.lrLo[1] = state.lrLo[0];
      state.lrHi[1] = state.lrHi[0];
    },
  ],
  [
    2,
    'an interrupt that is not pending is in an LR',
    ENTERED,
    ({ state }) => {
      state.lrLo[0] = 33;
    },
  ],
  [
    2,
    'an LR holds nothing',
    ENTERED,
    ({ state }) => {
      state.lrHi[0] &= ~LR_PENDING;
    },
  ],
  [
    2,
    'more LRs than there are',
    ENTERED,
    ({ state }) => {
      state.usedLrs[0] = 5;
    },
  ],
  [
    3,
    'a level interrupt is pending and active',
    [
      [K.ENABLE, 27, 1],
      [K.INJECT, 27, 1],
      [K.FLUSH, 0, 0],
    ],
    ({ state }) => {
      state.lrHi[0] |= LR_ACTIVE;
    },
  ],
  [4, 'an edge is gone from the latch', RAISED, clearBits(32, LATCH)],
  [
    4,
    'an edge is gone from its LR',
    ENTERED,
    ({ state }) => {
      state.usedLrs[0] = 0;
    },
  ],
  [
    5,
    'an interrupt stays on the list when it is over',
    [...ACKNOWLEDGED, [K.EOI, 32, 0], [K.SYNC, 0, 0]],
    (vgic) => {
      setBits(32, 1 << QUEUED_SHIFT)(vgic);
      vgic.list.insert(0, slotOn0(vgic, 32));
    },
  ],
  [6, 'an active interrupt leaves the list', [...LEFT_ACTIVE, [K.ENABLE, 32, 0]], unqueue(32)],
  [7, 'an entry and exit make an interrupt active', [...ENTERED, [K.SYNC, 0, 0]], setBits(32, ACTIVE)],
  [9, 'a mapped LPI is gone', LPI_MAPPED, clearBits(LPI, EXISTS)],
  [9, 'an LPI exists and nothing holds it', [...LPI_MAPPED, [K.LPI_UNMAP, LPI, 0]], setBits(LPI, EXISTS)],
  [
    11,
    'on_lr of an interrupt in an LR is clear',
    ENTERED,
    (vgic) => {
      vgic.state.onLr[slotOn0(vgic, 32)] = 0;
    },
  ],
  [
    11,
    'on_lr outlives the exit',
    LEFT_ACTIVE,
    (vgic) => {
      vgic.state.onLr[slotOn0(vgic, 32)] = 1;
    },
  ],
  [
    11,
    'on_lr of an idle interrupt is set',
    [[K.NOP, 0, 0]],
    (vgic) => {
      vgic.state.onLr[slotOn0(vgic, 40)] = 1;
    },
  ],
  [
    12,
    'the host interrupt of an idle one stays active',
    MAPPED,
    ({ state }) => {
      state.physActive[27] = 1;
    },
  ],
  [
    12,
    'the host interrupt of an idle one with SW_RESAMPLE stays active while the line is high',
    SW_RESAMPLED,
    ({ state }) => {
      state.physActive[27] = 1;
    },
  ],
];

for (const [invariant, name, steps, fault] of FAULTS) {
  test(`invariant ${invariant}: ${name}`, () => {
    assert.equal(replayFaulty(steps, none), null);
    const violation = replayFaulty(steps, fault);
    assert.equal(violation?.invariant, invariant, JSON.stringify(violation));
    assert.equal(violation.event, steps.length - 1);
  });
}

/** Strategies that betray the core. */
function liar(change: (list: ReturnType<ChosenStrategy['create']>) => Partial<typeof list>): ChosenStrategy {
  return {
    ...ownStrategy,
    create: (s, ops) => {
      const list = ownStrategy.create(s, ops);
      return { ...list, ...change(list) };
    },
  };
}

test('an LPI that nothing maps may end at an exit without a guest', () => {
  const steps: readonly Step[] = [
    ...LPI_MAPPED,
    [K.INJECT, LPI, 1],
    [K.LPI_UNMAP, LPI, 0],
    [K.DIST_ENABLE, 0, 0],
    [K.FLUSH, 0, 0],
    [K.SYNC, 0, 0],
  ];
  assert.equal(replayFaulty(steps, none), null);
});

test('invariant 1: a strategy that loses an interrupt is caught when it does', () => {
  const loser = liar(() => ({ insert: () => {} }));
  const violation = replayFaulty(RAISED, none, loser);
  assert.equal(violation?.invariant, 1);
  assert.equal(violation.event, 1);
});

test('invariant 5: a strategy that does not prune is caught, and one that turns the list round', () => {
  const over: readonly Step[] = [...RAISED, [K.FLUSH, 0, 0], [K.ENABLE, 32, 0], [K.SYNC, 0, 0]];
  assert.equal(replayFaulty(over, none), null);
  assert.equal(
    replayFaulty(
      over,
      none,
      liar(() => ({ prune: () => {} })),
    )?.invariant,
    5,
  );
  const two: readonly Step[] = [...RAISED, [K.SGI, 3, 1], [K.FLUSH, 0, 0], [K.SYNC, 0, 0]];
  assert.equal(replayFaulty(two, none), null);
  let turned = false;
  const turner = liar((list) => ({
    prune(vcpu) {
      list.prune(vcpu);
      turned = true;
    },
    order: (vcpu) => (turned ? list.order(vcpu).reverse() : list.order(vcpu)),
  }));
  assert.equal(replayFaulty(two, none, turner)?.invariant, 5);
});

test('5: an exit that may leave some behind takes off as many as were declared, no fewer and no more', () => {
  const three: readonly Step[] = [32, 33, 34].flatMap((intid): Step[] => [
    [K.ENABLE, intid, 1],
    [K.INJECT, intid, 1],
    [K.ENABLE, intid, 0],
  ]);
  const steps: readonly Step[] = [...three, [K.FLUSH, 0, 0], [K.SYNC, 0, 0]];
  const takes = (budget: number) => strategyNamed(`bounded-buckets:budget=${budget}`);
  assert.equal(replayFaulty(steps, none, takes(2), MACHINE, 2), null);
  assert.equal(replayFaulty(steps, none, takes(2))?.invariant, 7);
  const apart: readonly Step[] = [...three, [K.FLUSH, 0, 0], [K.NOP, 0, 0], [K.FOLD, 0, 0], [K.PRUNE, 0, 0]];
  assert.equal(replayFaulty(apart, none, takes(2), MACHINE, 2), null);
  for (const declared of [undefined, 1, 3])
    assert.equal(replayFaulty(apart, none, takes(2), MACHINE, declared)?.invariant, 5, `${declared}`);
  // All of them, where fewer must leave than may.
  assert.equal(replayFaulty(apart, none, takes(16), MACHINE, 16), null);
});

test('a replay tells of the first violation of each strategy', () => {
  const { header, word, value } = readVgr1('golden/typical-s01.bin.gz');
  let inserts = 0;
  const loser = liar((list) => ({
    insert: (vcpu, slot) => (++inserts === 10 ? undefined : list.insert(vcpu, slot)),
  }));
  const found: [number, number][] = [];
  replayTrace(
    sourceOf(header, word, value),
    [ownStrategy, loser],
    { path: 'typical', sha256: '', origin: 'golden' },
    { onViolation: ({ invariant }, strategyIndex) => found.push([invariant, strategyIndex]) },
  );
  assert.deepEqual(found, [[1, 1]]);
});
