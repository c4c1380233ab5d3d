/** What compare and doctor print, in terminals of 80 columns. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createGenerator } from '../base/rng.js';
import { type CellComparison, COMPARISON_SCHEMA, type Comparison, type TimeComparison } from '../compare/comparison.js';
import { type BlockSamples, FULL_DRAWS } from '../stats/block-samples.js';
import { foreseeResolution, judgeFitness } from '../stats/fitness.js';
import { decideTimes } from '../stats/time-verdict.js';
import { describeComparison } from './compare-text.js';
import { DOCTOR_SCHEMA, describeDiagnosis } from './doctor.js';
import { machineFacts } from './machine-facts.js';

const generator = createGenerator(1);
const arm = (blocks: number, by = 1): number[] =>
  Array.from({ length: blocks }, () => by * (14 + generator.nextBelow(1000) / 4000));
const stage = (blocks: number, by: number): BlockSamples => ({
  a: arm(blocks),
  b: arm(blocks, by),
  control: arm(blocks),
});

function timeOf(by: number): TimeComparison {
  const cell = { screen: stage(10, by), confirm: stage(30, by), again: null, disturbance: null };
  return decideTimes([cell], 1, { ...FULL_DRAWS, bootstrap: 500 })[0];
}

const cellOf = (cell: string, by: number): CellComparison => {
  const time = timeOf(by);
  return {
    cell,
    verdict: time.verdict,
    reason: `time: ${time.reason}`,
    changes: [],
    counters: 282,
    time,
    command: 'again',
  };
};

const comparison: Comparison = {
  schema: COMPARISON_SCHEMA,
  tool: { name: 'vgic-replay', version: '0' },
  command: 'vgic-replay compare v1 v2',
  seed: 1,
  a: { name: 'v1', kind: 'build', commit: '0123456789abcdef', isDirty: false },
  b: { name: 'v2', kind: 'build', commit: 'fedcba9876543210', isDirty: true },
  cells: [
    cellOf('virtio-pci-net/kvm-6.1/sort-on-flush', 1.1),
    {
      ...cellOf('bare-flood/kvm-6.1/sort-on-flush', 1),
      changes: [
        {
          counter: 'flush/steps/max',
          before: 3812,
          after: 4000,
          beforeAt: { event: 17, vcpu: 0 },
          afterAt: { event: 1234, vcpu: 1 },
        },
      ],
    },
  ],
};

test('words come before numbers, and the lines fit', () => {
  const text = describeComparison(comparison, 80, false);
  const lines = text.split('\n');
  assert.ok(
    lines.every((line) => line.length <= 80),
    lines.filter((line) => line.length > 80).join('\n'),
  );
  assert.equal(lines[0], 'A build v1 at 0123456789ab');
  assert.equal(lines[1], 'B build v2 at fedcba987654 with changes');
  assert.match(text, /B is worse: of 2 cells 1 regressed and 1 unchanged\./);
  assert.match(text, /REGRESSED virtio-pci-net\/kvm-6\.1\/sort-on-flush: time: \d+\.\d\u00a0% slower/);
  assert.match(text, /flush\/steps\/max +3,812 +4,000 +\+4\.9\u00a0% +at event 1,234, vCPU 1/);
  assert.match(text, /time of +B against A +90 % interval/);
});

test('a wide terminal shows all columns of the times', () => {
  const wide = describeComparison(comparison, 120, false);
  assert.match(wide, /B against A +90 % interval +limit +finds +blocks/);
});

test('doctor says what can be resolved, then why', () => {
  const times = arm(12);
  const resolution = foreseeResolution(times, 30, 1);
  const disturbance = { steal: 0, throttled: 'unknown' } as const;
  const timer = { granularityNs: 40, overheadNs: 60 };
  const machine = machineFacts();
  const text = describeDiagnosis(
    {
      schema: DOCTOR_SCHEMA,
      tool: { name: 'vgic-replay', version: '0' },
      machine,
      timer,
      disturbance,
      times,
      leastProcesses: 10,
      limitSeconds: 20,
      processSeconds: 0.5,
      resolution,
      fitness: judgeFitness({ ...machine, quotaCpus: null }, disturbance, timer, resolution),
    },
    80,
  );
  assert.match(
    text.replace(/\n/g, ' '),
    /^Fit for times: this machine can resolve ≥ \d\.\d\u00a0% with 30 blocks \(about 45 s a cell\)\./,
  );
  assert.ok(text.split('\n').every((line) => line.length <= 80));
  assert.match(text, new RegExp(machine.fingerprint));
});
