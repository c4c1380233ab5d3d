/** The shipped scenarios on the core, flavour by flavour, and that a wrong value in one of them is found. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { flavours } from '../gic/flavour/index.js';
import { XenOldReference } from '../reference/xen-old/xen-old-reference.js';
import { createCoreTarget } from './core-target.js';
import { type CreateTarget, type Difference, runScenario, type ScenarioResult } from './run.js';
import { parseScenarios, type Scenario } from './scenario.js';
import { CORE_FLAVOURS, readShipped, readShippedText } from './test-scenarios.js';

const scenarios = readShipped();
const namedBy = (flavour: string): Scenario[] => scenarios.filter((each) => each.flavours.includes(flavour));

/** Scenarios shipped for a flavour, and how many of them need an ITS. */
const SHIPPED: Readonly<Record<string, { readonly all: number; readonly its: number }>> = {
  'kvm-6.1': { all: 139, its: 22 },
  'kvm-7.2': { all: 136, its: 23 },
  'kvm-6.19': { all: 50, its: 0 },
  'xen-new': { all: 53, its: 0 },
  'xen-old': { all: 13, its: 0 },
};

test('as many scenarios are shipped for each flavour as are counted here', () => {
  for (const { id } of flavours) {
    const own = namedBy(id);
    assert.deepEqual({ all: own.length, its: own.filter(({ needsIts }) => needsIts).length }, SHIPPED[id], id);
  }
});

for (const id of CORE_FLAVOURS) {
  test(`every shipped scenario of ${id} holds on the core`, () => {
    const results = namedBy(id).map((scenario) => runScenario(scenario, id, createCoreTarget));
    assert.deepEqual(
      results.flatMap(({ differences }) => differences),
      [],
    );
    assert.deepEqual(
      results.filter(({ notRun }) => notRun !== undefined),
      [],
    );
  });
}

interface RawStep {
  readonly op: string;
  readonly expect?: Readonly<Record<string, Record<string, unknown>>>;
}
interface RawScenario {
  readonly id: string;
  readonly flavours: readonly string[];
  readonly steps: readonly RawStep[];
}

const createReference: CreateTarget = (machine) => new XenOldReference(machine);

/** A wrong value of the same kind; lists lose an entry. */
function spoil(value: unknown): unknown {
  if (Array.isArray(value)) return value.slice(0, -1);
  if (typeof value === 'boolean') return !value;
  if (value === 0 || value === 1) return 1 - value;
  return typeof value === 'number' ? value - 1 : `0x${(BigInt(value as string) ^ 2n).toString(16)}`;
}

/** The scenario with one expected value replaced, run on the reference unless `on` says otherwise. */
function runSpoilt(
  raw: RawScenario,
  at: number,
  flavour: string,
  field: string,
  on = { flavour: 'xen-old', create: createReference },
): ScenarioResult {
  const expected = raw.steps[at].expect![flavour];
  const wrong = { ...raw.steps[at].expect, [flavour]: { ...expected, [field]: spoil(expected[field]) } };
  const steps = raw.steps.map((step, index) => (index === at ? { ...step, expect: wrong } : step));
  const [scenario] = parseScenarios('test', JSON.stringify({ scenarios: [{ ...raw, steps }] }));
  return runScenario(scenario, on.flavour, on.create);
}

test('one wrong value in a random walk is found, and nothing else, for every field of every step', () => {
  const { scenarios: walks } = JSON.parse(readShippedText('random-public.json.gz')) as { scenarios: RawScenario[] };
  const walk = walks.find(({ flavours: [first] }) => first === 'xen-old')!;
  const kinds = new Set<string>();
  walk.steps.forEach(({ op, expect }, at) => {
    for (const [field, value] of Object.entries(expect?.['*'] ?? {})) {
      if (Array.isArray(value) && value.length === 0) continue;
      const { differences } = runSpoilt(walk, at, '*', field);
      const expected: Partial<Difference> = { step: at + 1, op, field: field === 'lrs' ? 'lrs.length' : field };
      assert.deepEqual(
        differences.map(({ step, op, field }) => ({ step, op, field })),
        [expected],
      );
      kinds.add(`${op} ${field}`);
    }
  });
  const seen = [...kinds].map((kind) => kind.split(' ')[0]);
  const wanted = ['expectLrs', 'expectApList', 'expectIrq', 'guestAck', 'expectPendingIrq', 'expectKicks'];
  for (const op of wanted) assert.ok(seen.includes(op), op);
});

test('one wrong value in a random walk of the ITS is found, and nothing else', () => {
  const { scenarios: walks } = JSON.parse(readShippedText('random-public.json.gz')) as { scenarios: RawScenario[] };
  const walk = walks.find(({ id }) => id === 'R-its-1')!;
  const kinds = new Set<string>();
  walk.steps.forEach(({ op, expect }, at) => {
    for (const [field, value] of Object.entries(expect?.['*'] ?? {})) {
      const isWord = typeof value === 'number' || typeof value === 'boolean' || /^0x/.test(String(value));
      // One of each kind, so that the test stays short.
      if (!isWord || kinds.has(`${op} ${field}`)) continue;
      const { differences } = runSpoilt(walk, at, '*', field, { flavour: 'kvm-7.2', create: createCoreTarget });
      assert.deepEqual(
        differences.map((found) => [found.step, found.op, found.field]),
        [[at + 1, op, field]],
      );
      kinds.add(`${op} ${field}`);
    }
  });
  for (const kind of ['itsCmd result', 'expectMem value', 'expectLpi exists', 'expectPendingTableBit value'])
    assert.ok(kinds.has(kind), kind);
});
