/** A runner that cannot fail is worthless: for every field that a step may expect, the wrong value is one difference. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type Difference, runScenario } from './run.js';
import { LR_FIELDS, STEPS } from './steps.js';
import { parseWritten, SMALL_MACHINE, type WrittenStep } from './test-scenarios.js';
import { type Answers, createScriptedTarget } from './test-target.js';

type Expect = Readonly<Record<string, unknown>>;

/** What the model answers, every field different from what it is at rest … */
const ANSWERS: Partial<Answers> = {
  returns: -22,
  read: 0xf880a0f8,
  acknowledged: { intid: 3, source: 2 },
  trapped: true,
  // Pending and active, group 1, priority 0xa0, EOI; then pending, tied to host interrupt 45.
  lrs: [
    { slot: 0, lo: 0x0803, hi: 0xd0a00200 | 0 },
    { slot: 2, lo: 0x21, hi: 0x6018002d },
  ],
  hcr: 0x4191,
  eoiCount: 2,
  irq: {
    enabled: true,
    latch: true,
    line: true,
    active: true,
    pending: true,
    level: true,
    priority: 0xa0,
    group: 1,
    queuedOn: 1,
    target: -1,
    hw: true,
    sources: 5,
    activeSource: 2,
    onLr: true,
    references: 2,
  },
  xenOldIrq: {
    queued: true,
    active: true,
    visible: true,
    enabled: true,
    migrating: true,
    prioritySnapshot: 0xa0,
    inInflight: true,
    inLrPending: true,
  },
  list: [33, 34],
  lrPending: [35],
  pendingTest: true,
  kicks: {
    kicks: [1, 2],
    requestSet: [true, false],
    halts: 3,
    processUpdate: [false, true],
    broadcasts: 4,
    activeSpis: 5,
    unblocks: [6, 7],
    ipis: [8, 9],
  },
  ackNotified: 1,
  locks: 37,
  phys: { pending: true, active: true },
};

/** … and the step that asks for all of it, as a file would write it. */
const LR0 = { raw: '0xd0a0020000000803', slot: 0, intid: 3, state: 'pending+active', priority: '0xa0' };
const LRS = [
  { ...LR0, group: 1, hw: 0, eoi: 1, source: 2 },
  { raw: '0x6018002d00000021', slot: 2, intid: 33, state: 'pending', priority: '0x18', group: 0, hw: 1, pintid: 45 },
];
const LPI = { exists: true, enabled: 1, pendingLatch: 1, priority: '0xa0', target: null, onListOf: 1, references: 2 };

interface Question {
  readonly args: Readonly<Record<string, unknown>>;
  readonly expect: Expect;
}

const ASKED: Readonly<Record<string, Question>> = {
  mmioRead: { args: { vcpu: 0, reg: 'IPRIORITYR', offset: 32, len: 4 }, expect: { value: '0xf880a0f8' } },
  inject: { args: { vcpu: null, intid: 1000, level: 1 }, expect: { returns: -22 } },
  expectPhys: { args: { hwIntid: 45 }, expect: { pending: 1, active: 1 } },
  guestAck: { args: { vcpu: 0 }, expect: { intid: 3, source: 2 } },
  guestDir: { args: { vcpu: 0, intid: 33 }, expect: { trapped: true } },
  expectLrs: { args: { vcpu: 0 }, expect: { lrs: LRS, hcr: '0x4191', eoiCount: 2 } },
  expectIrq: {
    args: { vcpu: 0, intid: 33 },
    expect: {
      ...LPI,
      lineLevel: 1,
      active: 1,
      isPending: 1,
      config: 'level',
      group: 1,
      hw: 1,
      sources: '0x5',
      activeSource: 2,
      onLr: 1,
    },
  },
  expectApList: { args: { vcpu: 0 }, expect: { list: [33, 34] } },
  expectPendingIrq: { args: { vcpu: 0 }, expect: { value: true } },
  expectKicks: {
    args: {},
    expect: {
      kicks: [1, 2],
      requestSet: [1, 0],
      halts: 3,
      processUpdate: [0, 1],
      broadcasts: 4,
      activeSpis: 5,
      unblocks: [6, 7],
      ipis: [8, 9],
    },
  },
  expectAckNotified: { args: { intid: 33 }, expect: { count: 1 } },
  expectLockAcquisitions: { args: {}, expect: { count: 37 } },
  expectLpi: { args: { lpi: 8192 }, expect: LPI },
};

const ASKED_OF_XEN_OLD: Readonly<Record<string, Question>> = {
  expectIrq: {
    args: { vcpu: 0, intid: 33 },
    expect: {
      exists: true,
      queued: 1,
      active: 1,
      visible: 1,
      enabled: 1,
      migrating: 1,
      prioritySnapshot: '0xa0',
      inInflight: 1,
      inLrPending: 1,
    },
  },
  expectApList: { args: { vcpu: 0 }, expect: { inflight: [33, 34], lrPending: [35] } },
};

const ON_V3 = { ...SMALL_MACHINE, hostGic: 'gicv3' };
const V3 = { ...ON_V3, guestModel: 'gicv3' };

function ask(flavour: string, op: string, { args, expect }: Question, answers = ANSWERS): readonly Difference[] {
  const config = op === 'expectLpi' ? V3 : flavour === 'xen-old' ? SMALL_MACHINE : ON_V3;
  const steps: WrittenStep[] = [
    { op: 'flush', vcpu: 0 },
    { op, ...args, expect: { '*': expect } },
  ];
  const { notRun, differences } = runScenario(
    parseWritten({ flavours: [flavour], config, steps }),
    flavour,
    (machine) => createScriptedTarget(machine, answers),
  );
  assert.equal(notRun, undefined, op);
  return differences;
}

/** A value of the same kind that is wrong. */
function spoil(value: unknown): unknown {
  if (Array.isArray(value)) return [...value.slice(0, -1), spoil(value.at(-1))];
  if (typeof value === 'boolean') return !value;
  if (value === 0 || value === 1) return 1 - value;
  if (typeof value === 'number') return value - 1;
  if (value === null) return 0;
  const words: Readonly<Record<string, string>> = { level: 'edge', pending: 'active', 'pending+active': 'pending' };
  const text = value as string;
  return words[text] ?? `0x${(BigInt(text) ^ 1n).toString(16)}`;
}

const QUESTIONS = [
  ...Object.entries(ASKED).map(([op, question]) => ['kvm-7.2', op, question] as const),
  ...Object.entries(ASKED_OF_XEN_OLD).map(([op, question]) => ['xen-old', op, question] as const),
];

test('the questions below ask for every field of every step', () => {
  for (const [op, { expect, expectXenOld, needsIts }] of Object.entries(STEPS)) {
    if (needsIts || Object.keys(expect).length === 0 || op === 'expectFatal') continue;
    assert.deepEqual(Object.keys(ASKED[op].expect).sort(), Object.keys(expect).sort(), op);
    if (expectXenOld)
      assert.deepEqual(Object.keys(ASKED_OF_XEN_OLD[op].expect).sort(), Object.keys(expectXenOld).sort(), op);
  }
  const lrFields = new Set(LRS.flatMap((lr) => Object.keys(lr)));
  assert.deepEqual([...lrFields].sort(), Object.keys(LR_FIELDS).sort());
});

for (const [flavour, op, question] of QUESTIONS) {
  test(`${op} on ${flavour}: right values pass, each wrong one is exactly that difference`, () => {
    assert.deepEqual(ask(flavour, op, question), []);
    for (const [field, right] of Object.entries(question.expect)) {
      if (field === 'lrs') continue;
      const wrong = spoil(right);
      const differences = ask(flavour, op, { ...question, expect: { ...question.expect, [field]: wrong } });
      assert.deepEqual(differences, [{ scenario: 'S1', flavour, step: 2, op, field, expected: wrong, got: right }]);
    }
  });
}

test('each field of each list register', () => {
  LRS.forEach((lr, at) => {
    for (const [name, right] of Object.entries(lr)) {
      const wrong = spoil(right);
      const lrs = LRS.map((each, index) => (index === at ? { ...each, [name]: wrong } : each));
      const found = ask('kvm-7.2', 'expectLrs', { ...ASKED.expectLrs, expect: { lrs, eoiCount: 2 } });
      assert.deepEqual(
        found.map(({ field, expected, got }) => [field, expected, got]),
        [[`lrs[${at}].${name}`, wrong, right]],
      );
    }
  });
});

test('a list register too many or too few', () => {
  for (const lrs of [LRS.slice(0, 1), [...LRS, LRS[0]], []]) {
    const found = ask('kvm-7.2', 'expectLrs', { ...ASKED.expectLrs, expect: { lrs, eoiCount: 2 } });
    assert.deepEqual(
      found.map(({ field, expected, got }) => [field, expected, got]),
      [['lrs.length', lrs.length, 2]],
    );
  }
});

test('a field that does not exist in that list register is a difference', () => {
  const found = ask('kvm-7.2', 'expectLrs', {
    args: { vcpu: 0 },
    expect: { lrs: [{ pintid: 0 }, { eoi: 0 }], eoiCount: 2 },
  });
  assert.deepEqual(
    found.map(({ field, got }) => [field, got]),
    [
      ['lrs[0].pintid', null],
      ['lrs[1].eoi', null],
    ],
  );
});

test('words of a GICv2 host have 32 bits', () => {
  const lo = 0xb2880c03 | 0;
  const flavour = 'xen-old';
  const lr = { raw: '0xb2880c03', intid: 3, state: 'pending+active', priority: '0x28', group: 0, hw: 1, pintid: 515 };
  const answers = { ...ANSWERS, lrs: [{ slot: 1, lo, hi: 0 }] };
  assert.deepEqual(ask(flavour, 'expectLrs', { args: { vcpu: 0 }, expect: { lrs: [lr] } }, answers), []);
  const sgi = { raw: '0x10080c03', eoi: 1, source: 3, hw: 0 };
  const other = { ...ANSWERS, lrs: [{ slot: 1, lo: 0x10080c03, hi: 0 }] };
  assert.deepEqual(ask(flavour, 'expectLrs', { args: { vcpu: 0 }, expect: { lrs: [sgi] } }, other), []);
});

test('lists of another length', () => {
  for (const list of [[], [33], [33, 34, 35], [34, 33]]) {
    const found = ask('kvm-7.2', 'expectApList', { args: { vcpu: 0 }, expect: { list } });
    assert.deepEqual(
      found.map(({ field, got }) => [field, got]),
      [['list', [33, 34]]],
    );
  }
});

test('an interrupt that does not exist has no fields', () => {
  const none = { ...ANSWERS, irq: undefined, xenOldIrq: undefined };
  for (const flavour of ['kvm-7.2', 'xen-old']) {
    const question = { args: { vcpu: 0, intid: 1000 }, expect: { exists: false } };
    assert.deepEqual(ask(flavour, 'expectIrq', question, none), []);
    const active = ask(flavour, 'expectIrq', { ...question, expect: { active: 0 } }, none);
    assert.deepEqual(
      active.map(({ field, got }) => [field, got]),
      [['active', null]],
    );
  }
});

test('what is left out is not checked, but for EOIcount of KVM and the result of an injection', () => {
  const bare: Question = { args: { vcpu: 0 }, expect: {} };
  const fields = (found: readonly Difference[]): unknown[] =>
    found.map(({ field, expected, got }) => [field, expected, got]);
  assert.deepEqual(fields(ask('kvm-7.2', 'expectLrs', bare)), [['eoiCount', 0, 2]]);
  assert.deepEqual(fields(ask('xen-old', 'expectLrs', bare)), []);
  for (const op of ['expectIrq', 'guestAck', 'expectApList'])
    assert.deepEqual(ask('kvm-7.2', op, { args: ASKED[op].args, expect: {} }), [], op);
  const inject = { op: 'inject', intid: 1000, level: 1 };
  const scenario = parseWritten({ flavours: ['kvm-7.2'], steps: [inject] });
  const { differences } = runScenario(scenario, 'kvm-7.2', (machine) => createScriptedTarget(machine, ANSWERS));
  assert.deepEqual(fields(differences), [['returns', 0, -22]]);
});

test('a read that nothing answers differs from every value', () => {
  const { args } = ASKED.mmioRead;
  const found = ask('kvm-7.2', 'mmioRead', { args, expect: { value: '0x0' } }, { ...ANSWERS, read: -1 });
  assert.deepEqual(
    found.map(({ field, got }) => [field, got]),
    [['value', null]],
  );
});
