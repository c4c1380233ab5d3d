/** Every shipped scenario, those of the ITS too, put to the reference model. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type CreateTarget, type Difference, runScenario } from '../conform/run.js';
import type { Scenario } from '../conform/scenario.js';
import { readShipped } from '../conform/test-scenarios.js';
import type { Machine } from '../gic/intid.js';
import { HCR_LRENPIE } from '../gic/lr.js';
import { ReferenceTarget } from './reference-target.js';

const scenarios = readShipped();
const createTarget = (machine: Machine): ReferenceTarget => new ReferenceTarget(machine);

/** Differences of every scenario in `own`; only the first few, for a readable report. */
function runAll(
  own: readonly Scenario[],
  flavour: string,
  create: CreateTarget = createTarget,
): Map<string, readonly Difference[]> {
  const failed = new Map<string, readonly Difference[]>();
  for (const scenario of own) {
    const { notRun, differences } = runScenario(scenario, flavour, create);
    assert.equal(notRun, undefined, scenario.id);
    if (differences.length > 0) failed.set(scenario.id, differences.slice(0, 3));
  }
  return failed;
}

for (const flavour of ['kvm-6.1', 'kvm-7.2', 'kvm-6.19', 'xen-new']) {
  const own = scenarios.filter(({ flavours }) => flavours.includes(flavour));
  test(`${own.length} scenarios of ${flavour}`, () => {
    assert.ok(own.length > 0);
    assert.deepEqual([...runAll(own, flavour)], []);
  });
}

/** Notes that an exit will walk the list for an EOI that met no list register. */
class WalkWatcher extends ReferenceTarget {
  hasWalked = false;

  override apply(kind: number, vcpu: number, intid: number, value: number): void {
    super.apply(kind, vcpu, intid, value);
    this.hasWalked ||= this.eoiCount(vcpu) > 0 && (this.hcr(vcpu) & HCR_LRENPIE) !== 0;
  }
}

test('kvm-6.19 answers what kvm-7.2 does, but where EOIcount walks the list', () => {
  const of72 = scenarios.filter(({ flavours }) => flavours.includes('kvm-7.2'));
  const walking: string[] = [];
  const differing = of72.filter((scenario) => {
    const steps = scenario.steps.map((step) => ({ ...step, expectedOn: () => step.expectedOn('kvm-7.2') }));
    let watcher: WalkWatcher | undefined;
    const failed = runAll([{ ...scenario, steps }], 'kvm-6.19', (machine) => {
      watcher = new WalkWatcher(machine);
      return watcher;
    });
    if (watcher?.hasWalked) walking.push(scenario.id);
    return failed.size > 0;
  });
  assert.ok(differing.length > 0);
  assert.ok(differing.length < of72.length);
  assert.deepEqual(
    differing.map(({ id }) => id).filter((id) => !walking.includes(id)),
    [],
  );
});
