/** Which scenarios are not run, and how a host that stops is told from one that does not. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { runScenario, type ScenarioResult } from './run.js';
import { parseWritten, SMALL_MACHINE, type WrittenStep } from './test-scenarios.js';
import { createScriptedTarget } from './test-target.js';

const FLUSH = { op: 'flush', vcpu: 0 };
const V3 = { ...SMALL_MACHINE, guestModel: 'gicv3', hostGic: 'gicv3' };

const runSteps = (
  flavour: string,
  steps: readonly WrittenStep[],
  { config = SMALL_MACHINE, fatalAfter }: { config?: object; fatalAfter?: string } = {},
): ScenarioResult =>
  runScenario(parseWritten({ flavours: [flavour], config: { ...config }, steps }), flavour, (machine) =>
    createScriptedTarget(machine, { fatalAfter }),
  );

test('what a flavour does not have is not run, with a reason, and has no differences', () => {
  const lpi = { op: 'lpiTrigger', intid: 8192 };
  const its = { op: 'itsReset' };
  const config = { kind: 'its', vcpus: 2, map: 'see schema.itsMemoryMap' };
  const cases: readonly (readonly [ScenarioResult, string])[] = [
    [runSteps('kvm-7.2', [its], { config }), 'needs an ITS'],
    [runSteps('kvm-7.2', [its]), 'needs an ITS'],
    [runSteps('xen-new', [lpi]), 'xen-new has no LPIs'],
    [runSteps('xen-new', [FLUSH], { config: V3 }), 'xen-new has no gicv3 machine'],
  ];
  for (const [{ notRun, differences }, reason] of cases) {
    assert.equal(notRun, reason);
    assert.deepEqual(differences, []);
  }
});

const fatal = (kind: string, flavour = '*'): WrittenStep => ({ op: 'expectFatal', expect: { [flavour]: { kind } } });

test('a host that stops as foreseen, otherwise than foreseen, and not at all', () => {
  const stops = (steps: readonly WrittenStep[]): unknown[] =>
    runSteps('xen-new', steps, { fatalAfter: 'flush' }).differences.map(({ step, field, expected, got }) => [
      step,
      field,
      expected,
      got,
    ]);
  assert.deepEqual(stops([FLUSH, fatal('host-deadlock')]), []);
  assert.deepEqual(stops([FLUSH, fatal('host-assertion')]), [[2, 'kind', 'host-assertion', 'host-deadlock']]);
  const { differences } = runSteps('xen-new', [FLUSH, fatal('host-deadlock')]);
  assert.deepEqual(
    differences.map(({ step, field, expected, got }) => [step, field, expected, got]),
    [[2, 'kind', 'host-deadlock', null]],
  );
});

test('a host that stops unforeseen is one difference, and the end of the scenario', () => {
  const wrong = { op: 'expectPendingIrq', vcpu: 0, expect: { '*': { value: true } } };
  const { differences } = runSteps('xen-new', [FLUSH, wrong, fatal('host-deadlock')], { fatalAfter: 'flush' });
  const stop = { step: 1, op: 'flush', field: 'fatal', expected: null, got: 'host-deadlock' };
  assert.deepEqual(differences, [{ scenario: 'S1', flavour: 'xen-new', ...stop }]);
});

test('a stop foreseen for another flavour is unforeseen here', () => {
  const scenario = parseWritten({
    flavours: ['kvm-6.1', 'xen-new'],
    steps: [FLUSH, fatal('host-deadlock', 'xen-new')],
  });
  const run = (flavour: string, fatalAfter?: string): number =>
    runScenario(scenario, flavour, (machine) => createScriptedTarget(machine, { fatalAfter })).differences.length;
  assert.deepEqual([run('kvm-6.1'), run('kvm-6.1', 'flush')], [0, 1]);
  assert.deepEqual([run('xen-new'), run('xen-new', 'flush')], [1, 0]);
});

test('expectations of all flavours and of one count together', () => {
  const ask = (expect: object): WrittenStep => ({ op: 'expectLrs', vcpu: 0, expect });
  const both = { '*': { hcr: '0x1', lrs: [] }, 'kvm-7.2': { hcr: '0x191' } };
  assert.equal(runSteps('kvm-7.2', [ask(both)]).differences.length, 1);
  const { differences } = runSteps('kvm-7.2', [ask({ '*': { hcr: '0x191' }, 'kvm-7.2': { hcr: '0x1' } })]);
  assert.deepEqual(differences, []);
});

test('a step that says nothing of a flavour is carried out for it, unchecked', () => {
  const steps = [FLUSH, { op: 'expectPendingIrq', vcpu: 0, expect: { 'xen-new': { value: true } } }];
  const scenario = parseWritten({ flavours: ['kvm-6.1', 'xen-new'], steps });
  const count = (flavour: string): number =>
    runScenario(scenario, flavour, (machine) => createScriptedTarget(machine)).differences.length;
  assert.deepEqual([count('kvm-6.1'), count('xen-new')], [0, 1]);
});
