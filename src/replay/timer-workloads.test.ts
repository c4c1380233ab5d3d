/** The timer workloads know nothing of this model: what their scripts expect of the timers is what the timers do. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { apListStrategies, strategyNamed } from '../strategy/index.js';
import { RUN_ENTRY, RUN_EXIT, TIMER, wordIntid, wordKind, wordVcpu } from '../trace/events.js';
import { isLevelHigh, VIRTUAL_TIMER } from '../vgic/timer/contexts.js';
import { chooseWorkload, generateColumns, workloadHeader } from '../workload/index.js';
import { createModel, referenceFor } from './create-model.js';
import { createEngine } from './engine.js';
import { replayTrace } from './replay.js';
import { sourceOf } from './test-traces.js';

function generate(spec: string, flavour: string) {
  const { workload, params } = chooseWorkload(spec);
  const { word, value, count } = generateColumns(workload, params);
  const header = workloadHeader(workload, params, '0');
  return {
    header: { ...header, machine: { ...header.machine, flavour } },
    word: word.subarray(0, count),
    value: value.subarray(0, count),
  };
}

for (const flavour of ['kvm-6.1', 'kvm-7.2']) {
  for (const active of [0, 1]) {
    test(`timer-userspace: every run that its script lets begin begins, every other returns (${flavour}, ${active})`, () => {
      const { header, word, value } = generate(`timer-userspace:events=6000,active=${active}`, flavour);
      const engine = createEngine(createModel(header.machine, referenceFor(header.machine)));
      engine.run(word, value, word.length);
      const { timer } = engine.systemCounts();
      const { 'entries with a userspace irqchip': entries, 'exits to user space': exitsToUser } = timer;
      const { masks, unmasks, 'host interrupts': hostInterrupts } = timer;
      const countOf = (kind: number): number => word.filter((w) => wordKind(w) === kind).length;
      assert.equal(entries, countOf(RUN_EXIT));
      assert.equal(exitsToUser, countOf(RUN_ENTRY) - entries);
      assert.ok(exitsToUser > 100 && hostInterrupts > 0);
      assert.ok(masks - unmasks >= 0 && masks - unmasks <= header.machine.nrVcpus);
    });
  }

  for (const emulated of [0, 1]) {
    test(`timer: no invariant breaks, host interrupts are bounded (${flavour}, emulated ${emulated})`, () => {
      const { header, word, value } = generate(`timer:events=5000,emulated=${emulated}`, flavour);
      const chosen = apListStrategies.slice(0, 3).map(({ id }) => strategyNamed(id));
      const [record] = replayTrace(
        sourceOf(header, word, value),
        chosen,
        { path: 'timer', sha256: '', origin: 'test' },
        { onViolation: (violation) => assert.fail(JSON.stringify(violation)) },
      );
      const rises = countVirtualRises(word, value);
      const { 'host interrupts': hostInterrupts, 'soft timer expiries': softTimerExpiries } = record.systems.timer;
      const { 'wake-ups': wakeups, traps } = record.systems.timer;
      assert.ok(rises > 200);
      assert.ok(hostInterrupts > 0 && hostInterrupts <= rises + record.guest.acks);
      assert.ok(wakeups > 0 && wakeups <= softTimerExpiries);
      assert.equal(traps > 0, emulated === 1);
      assert.equal(record.guest.divergences, 0);
    });
  }
}

/** Times that the output of a vCPU's virtual timer goes up. */
function countVirtualRises(word: Int32Array, value: Int32Array): number {
  const high = new Set<number>();
  let rises = 0;
  word.forEach((w, event) => {
    if (wordKind(w) !== TIMER || wordIntid(w) !== VIRTUAL_TIMER) return;
    const vcpu = wordVcpu(w);
    if (!isLevelHigh(value[event])) high.delete(vcpu);
    else if (!high.has(vcpu)) {
      high.add(vcpu);
      rises += 1;
    }
  });
  return rises;
}
