/** What the strategies declare of their longest calls holds: on random, golden and hostile events. */
import assert from 'node:assert/strict';
import { readdirSync } from 'node:fs';
import { test } from 'node:test';
import fc from 'fast-check';
import { xenOldRuns } from '../conform/test-xen-old.js';
import { AP_LIST_FLAVOURS, type Scenario, scenarios } from '../reference/arbitrary.js';
import { type ChosenStrategy, strategyNamed } from '../strategy/index.js';
import { packWord } from '../trace/events.js';
import { workloadNamed } from '../workload/index.js';
import { resolveParams } from '../workload/workload.js';
import { findStrategyLack } from './create-model.js';
import { checkedStrategies, inTurn } from './test-strategies.js';
import { collectEvents, readVgr1, tracesFolder } from './test-traces.js';
import { demandWorst } from './test-worst.js';

const NR_RUNS = Number(process.env.FUZZ_RUNS ?? 6);

function checkScenario({ machine, events }: Scenario, chosen: ChosenStrategy): void {
  const words = events.map(({ kind, vcpu, intid }) => packWord(kind, vcpu, intid));
  const values = events.map(({ value }) => value);
  demandWorst(machine, words, values, chosen);
}

for (const flavour of AP_LIST_FLAVOURS) {
  test(`${flavour}: no call of random events is longer than declared`, () => {
    const property = fc.property(scenarios({ flavours: [flavour] }), (scenario) => {
      for (const chosen of checkedStrategies) checkScenario(scenario, chosen);
    });
    fc.assert(property, { numRuns: NR_RUNS, seed: 5, includeErrorInReport: true });
  });
}

test('xen-old: no call of random events is longer than declared', () => {
  const xenOld = strategyNamed('xen-old');
  const runs = xenOldRuns(400).filter(({ machine }) => findStrategyLack(machine, xenOld.strategy) === undefined);
  const property = fc.property(runs, (scenario) => checkScenario(scenario, xenOld));
  fc.assert(property, { numRuns: NR_RUNS, seed: 5, includeErrorInReport: true });
});

const golden = readdirSync(new URL('golden/', tracesFolder)).filter((name) => name.endsWith('-s02.bin.gz'));

test('no call of golden events is longer than declared', () => {
  assert.ok(golden.length > 10);
  for (const [at, file] of golden.entries()) {
    const { header, word, value } = readVgr1(`golden/${file}`);
    for (const chosen of inTurn(checkedStrategies, at + 2))
      demandWorst(header.machine, word.subarray(0, 4000), value, chosen);
  }
});

for (const spec of ['deep', 'flood', 'migrate-churn', 'lpi-storm', 'standing']) {
  test(`no call of ${spec} is longer than declared, in any flavour that has its machine`, () => {
    const workload = workloadNamed(spec);
    const params = resolveParams(workload, { events: 3000 });
    const { word, value, sink } = collectEvents();
    workload.generate(params, sink);
    const machine = workload.machine(params);
    for (const flavour of machine.nrLpis > 0 ? ['kvm-6.1', 'kvm-7.2'] : ['kvm-6.1', 'kvm-7.2', 'kvm-6.19']) {
      for (const chosen of checkedStrategies) demandWorst({ ...machine, flavour }, word, value, chosen);
    }
  });
}
