/** The verb `contract`: every listed strategy passes it, so do the examples, and liars of every kind do not. */
import assert from 'node:assert/strict';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { type Breach, checkContract } from '../replay/contract.js';
import { apListStrategies, type ChosenStrategy, strategyNamed } from '../strategy/index.js';
import type { ApList } from '../vgic/ap-list.js';
import { AP_LIST_FLAVOURS, CASE_SOURCES, type ContractCase, contractCases } from './contract-cases.js';
import { loadStrategy } from './strategy-files.js';
import { run } from './test-run.js';

const EXAMPLES = fileURLToPath(new URL('../../../examples/strategies/', import.meta.url));
const cases: ContractCase[] = [];
for await (const each of contractCases({ events: 2000, seed: 3, flavours: AP_LIST_FLAVOURS })) cases.push(each);
const honest: readonly ChosenStrategy[] = [
  ...apListStrategies.map(({ id }) => strategyNamed(id)),
  ...(await Promise.all(['lifo.js', 'lazy-sort.js:factor=3'].map((spec) => loadStrategy(join(EXAMPLES, spec))))),
];

const folder = mkdtempSync(join(tmpdir(), 'vgic-replay-'));
after(() => rmSync(folder, { recursive: true }));

test('the events are of every source and of every flavour', () => {
  for (const source of CASE_SOURCES) {
    const flavours = new Set(cases.filter((each) => each.source === source).map(({ machine }) => machine.flavour));
    assert.deepEqual([...flavours].sort(), [...AP_LIST_FLAVOURS].sort(), source);
  }
});

/** Of the cases, the share that each strategy gets here: in other flavours for each. replay/strategies.test.ts has more. */
const SHARE = 9;

honest.forEach((chosen, index) => {
  test(`${chosen.label} keeps its word`, () => {
    for (const { machine, name, columns } of cases.filter((_, at) => at % SHARE === index % SHARE)) {
      const { breach } = checkContract(machine, columns, chosen);
      assert.equal(breach, null, `${machine.flavour}, ${name}: ${breach?.what}`);
    }
  });
});

/** sort-on-insert with some of its list changed. */
function liarOf(
  change: (list: ApList) => Partial<ApList>,
  strategy: Partial<ChosenStrategy['strategy']> = {},
): ChosenStrategy {
  const base = strategyNamed('sort-on-insert');
  return {
    ...base,
    strategy: { ...base.strategy, ...strategy },
    create: (state, ops) => {
      const list = base.create(state, ops);
      return { ...list, ...change(list) };
    },
  };
}

function findBreach(liar: ChosenStrategy): Breach | null {
  // Rows for LPIs make a check long, and no liar here is one about LPIs.
  for (const { machine, columns } of cases.filter((each) => each.machine.nrLpis === 0)) {
    const { breach } = checkContract(machine, columns, liar);
    if (breach !== null) return breach;
  }
  return null;
}

const everyNth = (n: number): (() => boolean) => {
  let calls = 0;
  return () => ++calls % n === 0;
};
const { worst } = strategyNamed('fifo').strategy;
const LIARS: readonly (readonly [what: string, liar: ChosenStrategy, expected: RegExp])[] = [
  [
    'loses an interrupt',
    liarOf((list) => {
      const loses = everyNth(20);
      return { insert: (vcpu, slot) => (loses() ? undefined : list.insert(vcpu, slot)) };
    }),
    /invariant 1: \d+ rows name the list of vCPU \d, which has \d+ entries/,
  ],
  [
    'shows an entry twice',
    liarOf((list) => ({ order: (vcpu) => list.order(vcpu).flatMap((slot) => [slot, slot]) })),
    /declares 'tie-equivalent' and is not|twice/,
  ],
  ['keeps what should leave', liarOf(() => ({ prune: () => {} })), /invariant 5: /],
  [
    'orders by arrival',
    { ...strategyNamed('fifo'), strategy: strategyNamed('sort-on-insert').strategy },
    /declares 'tie-equivalent' and is not/,
  ],
  [
    'does not notice a new priority',
    liarOf(() => ({ touch: () => {}, touchAll: () => {} })),
    /declares 'tie-equivalent' and is not/,
  ],
  ['claims to be identical', liarOf(() => ({}), { equivalence: 'identical' }), /declares 'identical' and is not/],
  [
    'sleeps on what is pending',
    liarOf(() => ({ hasPending: () => false })),
    /hasPending of the list of vCPU \d says false, and INTID/,
  ],
  [
    'never sleeps',
    liarOf(() => ({ hasPending: () => true })),
    /hasPending of the list of vCPU \d says true, and nothing/,
  ],
  [
    'stops the walk early',
    liarOf(() => ({ after: () => -1 })),
    /after walks the list of vCPU \d and does not meet INTID \d+, which is on it and active/,
  ],
  [
    'claims a shorter worst case',
    liarOf(() => ({}), { worst }),
    /a call of (inject|rekey|prune|fold) took \d+ steps; declared are at most \d+/,
  ],
];

for (const [what, liar, expected] of LIARS) {
  test(`a strategy that ${what} is caught`, () => {
    const breach = findBreach(liar);
    assert.ok(breach !== null);
    assert.match(breach.what, expected);
  });
}

const LIFO = readFileSync(join(EXAMPLES, 'lifo.js'), 'utf8');

test('a breach is written with the fewest events found, and the command that is named shows it again', async () => {
  const liar = join(folder, 'liar.mjs');
  writeFileSync(
    liar,
    LIFO.replace('lists[vcpu].unshift(row);', 'if (lists[vcpu].length < 5) lists[vcpu].unshift(row);'),
  );
  const file = join(folder, 'breach.jsonl');
  const { code, err } = await run(['contract', liar, '--events', '500', '-o', file]);
  assert.equal(code, 5);
  assert.match(
    err,
    /^vgic-replay: strategy lifo breaks its word: kvm-[^\n]+; \d+ events that show it are in [^\n]+\n$/,
  );
  const lines = readFileSync(file, 'utf8').trimEnd().split('\n').length - 1;
  // Six interrupts on one list, each enabled and raised.
  assert.ok(lines >= 6 && lines <= 16, `${lines} events`);
  const named = /"vgic-replay (contract [^"]+)"\n$/.exec(err);
  assert.ok(named);
  const again = await run(named[1].split(' '));
  assert.equal(again.code, 5);
  assert.match(again.err, /strategy lifo breaks its word: [^\n]*invariant 1: /);
  assert.equal((await run(['contract', join(EXAMPLES, 'lifo.js'), file])).code, 0);
});

test('an exception is a breach', async () => {
  const liar = join(folder, 'throws.mjs');
  writeFileSync(
    liar,
    LIFO.replace('let taken = 0;', 'let taken = 0; if (lists[vcpu].length > 1) throw new Error("too long");'),
  );
  const { code, err } = await run([
    'contract',
    liar,
    '--events',
    '100',
    '--flavour',
    'xen-new',
    '-o',
    join(folder, 'throws.jsonl'),
  ]);
  assert.equal(code, 5);
  assert.match(
    err,
    /flush of vCPU \d: select of strategy lifo \(list of vCPU \d\) threw Error: too long \(throws\.mjs:\d+:\d+\)/,
  );
});

test('what was checked is printed; nothing is written where all is well', async () => {
  const { code, out } = await run([
    'contract',
    'hybrid:threshold=4',
    '--events',
    '400',
    '--flavour',
    'kvm-7.2,xen-new',
  ]);
  assert.equal(code, 0);
  assert.match(out, /^hybrid:threshold=4 \(built in\): class tie-equivalent, declares a worst case\n/);
  assert.match(out, /│ kvm-7\.2 │ .*\n.*\n│ xen-new /);
  assert.doesNotMatch(out, /kvm-6/);
  assert.match(out, /hybrid:threshold=4 keeps its word on all of it\.\n$/);
  assert.ok(!existsSync('hybrid-breach.jsonl'));
});

for (const [args, expected] of [
  [['xen-old'], /xen-old keeps no ap_list/],
  [['fifo,buckets'], /contract takes one strategy/],
  [['fifo', '--flavour', 'xen-old'], /xen-old has no ap_list; one of: kvm-6\.1, /],
  [['fifo', '--events', '0'], /--events must be a whole number from 1 to /],
] as const) {
  test(`contract ${args.join(' ')}: one line, exit 2`, async () => {
    const { code, err } = await run(['contract', ...args]);
    assert.equal(code, 2);
    assert.match(err, /^vgic-replay: [^\n]+\n$/);
    assert.match(err, expected);
  });
}
