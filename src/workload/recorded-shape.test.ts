/** Workloads that imitate a recording against that recording: figures of both are counted here, none is written down. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { openFileSource } from '../commands/trace-files.js';
import type { BlockSource } from '../replay/replay.js';
import { tracesFolder } from '../replay/test-traces.js';
import * as ev from '../trace/events.js';
import { openTrace } from '../trace/reader.js';
import { generateColumns, workloadHeader, workloadNamed, workloads } from './index.js';
import { isDeviceRaise, measureShape, type Shape } from './test-shape.js';
import { resolveParams, type Workload, type WorkloadParams } from './workload.js';

/** Percentage points that the share of entries with 0, 1, 2, 3 and more used LRs may differ. */
const LR_POINTS = 5;
/** The share by which a count a guest entry may differ. */
const COUNT_SHARE = 0.15;
/** Events of a workload that are looked at. */
const EVENTS = 80_000;

const openRecording = (name: string): BlockSource =>
  openTrace(openFileSource(fileURLToPath(new URL(`recorded/${name}.vgt`, tracesFolder))));

/** Recordings begin with a boot and end with a shutdown; what they are about lies between these shares of the events. */
const STRETCHES: Readonly<Record<string, readonly [from: number, to: number]>> = {
  'ipi-4': [0.31, 0.88],
  'timer-2': [0.41, 0.68],
};

/** First and last event of the part that the recording is about; of a device's, from its first raise to its last. */
function findStretch(name: string): [first: number, last: number] {
  const source = openRecording(name);
  const block = ev.createEventBlock();
  let first = -1;
  let last = 0;
  let events = 0;
  while (source.next(block)) {
    for (let at = 0; at < block.count; at++, events++) {
      const word = block.word[at];
      if (ev.wordKind(word) !== ev.INJECT || !isDeviceRaise(word, block.value[at])) continue;
      if (first < 0) first = events;
      last = events;
    }
  }
  const shares = STRETCHES[name];
  return shares === undefined ? [first, last] : [events * shares[0], events * shares[1]];
}

function measureRecording(name: string): Shape {
  const [first, last] = findStretch(name);
  return measureShape(openRecording(name), (event) => event >= first && event <= last);
}

function openWorkload(workload: Workload, given: WorkloadParams): BlockSource {
  const params = resolveParams(workload, given);
  const block = generateColumns(workload, params);
  let isRead = false;
  return {
    header: workloadHeader(workload, params, ''),
    next(part) {
      if (isRead) return false;
      isRead = true;
      Object.assign(part, block);
      return true;
    },
  };
}

for (const workload of workloads) {
  const { id, imitates, systems } = workload;
  if (imitates === undefined || systems !== undefined) continue;
  test(`${id} has the shape of ${imitates}`, () => {
    const recorded = measureRecording(imitates);
    for (const seed of [1, 2]) {
      const made = measureShape(openWorkload(workload, { events: EVENTS, seed }), () => true);
      recorded.usedLrs.forEach((share, lrs) => {
        const difference = Math.abs(made.usedLrs[lrs] - share);
        assert.ok(difference <= LR_POINTS, `${lrs} LRs: ${made.usedLrs[lrs]} % of the entries, recorded ${share} %`);
      });
      for (const figure of [
        'eventsPerEntry',
        'acksPerEntry',
        'raisesPerEntry',
        'sgisPerEntry',
        'waitsPerEntry',
      ] as const) {
        const ratio = recorded[figure] === 0 ? 1 + made[figure] : made[figure] / recorded[figure];
        assert.ok(Math.abs(ratio - 1) <= COUNT_SHARE, `${figure}: ${made[figure]}, recorded ${recorded[figure]}`);
      }
    }
  });
}

interface TimerRates {
  /** A guest entry: timer interrupts that the guest handled, SGIs, waits, times that a vCPU was scheduled out. */
  readonly handled: number;
  readonly sgis: number;
  readonly waits: number;
  readonly puts: number;
}

/** A recording has an acknowledge a handled timer interrupt; the workload's guest arms the virtual timer anew (value 1). */
function measureTimer(source: BlockSource, [first, last]: readonly [number, number]): TimerRates {
  const block = ev.createEventBlock();
  let entries = 0;
  let handled = 0;
  let sgis = 0;
  let waits = 0;
  let puts = 0;
  while (source.next(block)) {
    for (let at = 0; at < block.count; at++) {
      if (block.firstEvent + at < first || block.firstEvent + at > last) continue;
      const kind = ev.wordKind(block.word[at]);
      const intid = ev.wordIntid(block.word[at]);
      if (kind === ev.FLUSH) entries++;
      if ((kind === ev.ACK && intid === 27) || (kind === ev.TIMER && intid === 0 && block.value[at] === 1)) handled++;
      if (kind === ev.SGI) sgis++;
      if (kind === ev.WFI) waits++;
      if (kind === ev.PUT || kind === ev.VCPU_PUT) puts++;
    }
  }
  return { handled: handled / entries, sgis: sgis / entries, waits: waits / entries, puts: puts / entries };
}

test('timer has the rates of timer-2', () => {
  const recorded = measureTimer(openRecording('timer-2'), findStretch('timer-2'));
  for (const seed of [1, 2]) {
    const source = openWorkload(workloadNamed('timer'), { events: EVENTS, seed });
    const made = measureTimer(source, [0, EVENTS]);
    for (const figure of ['handled', 'sgis', 'waits', 'puts'] as const) {
      const ratio = made[figure] / recorded[figure];
      assert.ok(Math.abs(ratio - 1) <= COUNT_SHARE, `${figure}: ${made[figure]}, recorded ${recorded[figure]}`);
    }
  }
});
