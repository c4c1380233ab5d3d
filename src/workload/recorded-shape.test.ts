/** Workloads that imitate a recording against that recording: figures of both are counted here, none is written down. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { openFileSource } from '../commands/trace-files.js';
import type { BlockSource } from '../replay/replay.js';
import { tracesFolder } from '../replay/test-traces.js';
import { createEventBlock, INJECT, wordKind } from '../trace/events.js';
import { openTrace } from '../trace/reader.js';
import { generateColumns, workloadHeader, workloads } from './index.js';
import { isDeviceRaise, measureShape, type Shape } from './test-shape.js';
import { resolveParams, type Workload, type WorkloadParams } from './workload.js';

/** Percentage points that the share of entries with 0, 1, 2, 3 and more used LRs may differ. */
const LR_POINTS = 5;
/** The share by which a count a guest entry may differ. */
const COUNT_SHARE = 0.15;
/** The workload runs in these for as long as its guest takes to settle, then some. */
const EVENTS = 150_000;

const openRecording = (name: string): BlockSource =>
  openTrace(openFileSource(fileURLToPath(new URL(`recorded/${name}.vgt`, tracesFolder))));

/** Recordings begin with a boot and end with a shutdown; what they are about lies between these shares of the events. */
const STRETCHES: Readonly<Record<string, readonly [from: number, to: number]>> = { 'ipi-4': [0.31, 0.88] };

/** First and last event of the part that the recording is about; of a device's, from its first raise to its last. */
function findStretch(name: string): [first: number, last: number] {
  const source = openRecording(name);
  const block = createEventBlock();
  let first = -1;
  let last = 0;
  let events = 0;
  while (source.next(block)) {
    for (let at = 0; at < block.count; at++, events++) {
      const word = block.word[at];
      if (wordKind(word) !== INJECT || !isDeviceRaise(word, block.value[at])) continue;
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

function measureWorkload(workload: Workload, given: WorkloadParams): Shape {
  const params = resolveParams(workload, given);
  const block = generateColumns(workload, params);
  let isRead = false;
  const source: BlockSource = {
    header: workloadHeader(workload, params, ''),
    next(part) {
      if (isRead) return false;
      isRead = true;
      Object.assign(part, block);
      return true;
    },
  };
  return measureShape(source, () => true);
}

for (const workload of workloads) {
  const { id, imitates, systems } = workload;
  if (imitates === undefined || systems !== undefined) continue;
  test(`${id} has the shape of ${imitates}`, () => {
    const recorded = measureRecording(imitates);
    for (const seed of [1, 2]) {
      const made = measureWorkload(workload, { events: EVENTS, seed });
      if (process.env.SHOW_SHAPE) console.log(id, seed, JSON.stringify({ recorded, made }));
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
