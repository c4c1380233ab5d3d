/**
 * One group of micro-benchmarks in its process (micro.ts): `node --conditions=plain micro-cell.js --strategy ID --depth N`
    mapped: { type: 'boolean', default: false },
 * for the hot path on a list of N entries, `--doorbell --depth N` for the doorbell handlers (micro-doorbell.ts), or `--decode`
 * for reading. One vGIC and one engine a process, as in a replay; the doorbell handlers are compared on two.
 */
import '../src/commands/jit-flags.js';
import { parseArgs } from 'node:util';
import { Bench } from 'tinybench';
import { createEngine } from '../src/replay/engine.js';
import { reference, strategyNamed } from '../src/strategy/index.js';
import {
  ACK,
  CONFIG,
  createEventBlock,
  ENABLE,
  EOI,
  FLUSH,
  HW_MAP,
  HW_MAP_SW_RESAMPLE,
  INJECT,
  PENDING_QUERY,
  PHYS_ACTIVE,
  PHYS_LINE,
  PMR,
  PRIORITY,
  packWord,
  SYNC,
} from '../src/trace/events.js';
import { openTrace } from '../src/trace/reader.js';
import { createMemorySource } from '../src/trace/source.js';
import { createVgic } from '../src/vgic/vgic.js';
import { deep } from '../src/workload/deep.js';
import { loadInput } from './inputs.js';
import type { MicroResult } from './micro.js';
import { measureDoorbell } from './micro-doorbell.js';
import { encodeTrace } from './trace-file.js';

const SAMPLE_MS = 1;
const SAMPLES = 40;
const QUICK_SAMPLES = 10;
const WARMUP_SAMPLES = 3;
const WARMUP_MS = 150;
const SPI_BASE = 32;
const MIXED_ROUNDS = 200;
const MIXED_REPEATS = 1000;

interface Case {
  readonly name: string;
  /** What one repetition counts as, e.g. events; the result is divided by it. */
  readonly units: number;
  repeat(n: number): void;
}

type Played = readonly [kind: number, intid: number, value: number];

/** Makes a short column of events of vCPU 0 into what replays it n times. */
function createPlayer(run: (word: Int32Array, value: Int32Array, count: number) => void) {
  return (...events: readonly Played[]): ((n: number) => void) => {
    const word = Int32Array.from(events, ([kind, intid]) => packWord(kind, 0, intid));
    const value = Int32Array.from(events, ([, , value]) => value);
    return (n) => {
      for (let repeat = 0; repeat < n; repeat++) run(word, value, word.length);
    };
  };
}

/**
 * `depth` SPIs stay pending on vCPU 0. Each case drives the engine with a short column of events, as a replay does.
 * `probe` is a level-triggered SPI beside them: raised, lowered and pruned, so that the list keeps its length.
 */
function hotPathCases(spec: string, depth: number): Case[] {
  const vgic = createVgic(deep.machine({ depth: depth + 1, lrs: 4 }), strategyNamed(spec).create);
  const { run } = createEngine(vgic);
  const play = createPlayer(run);
  for (let n = 0; n < depth; n++) {
    const intid = SPI_BASE + n;
    play([PRIORITY, intid, ((n * 7) % 31) << 3], [ENABLE, intid, 1], [INJECT, intid, 1])(1);
  }
  const probe = SPI_BASE + depth;
  play([CONFIG, probe, 1], [ENABLE, probe, 1])(1);
  return [
    { name: 'flush+sync', units: 1, repeat: play([FLUSH, 0, 0], [SYNC, 0, 0]) },
    { name: 'flush+sync, one priority changed', units: 1, repeat: playChurn(run, depth) },
    { name: 'inject, already queued', units: 1, repeat: play([INJECT, SPI_BASE, 1]) },
    {
      name: 'inject, lower, flush+sync',
      units: 1,
      repeat: play([INJECT, probe, 1], [INJECT, probe, 0], [FLUSH, 0, 0], [SYNC, 0, 0]),
    },
    // Nothing is more urgent than PMR 0, so every entry must be ruled out.
    { name: 'pending test, all masked', units: 1, repeat: play([PMR, 0, 0], [PENDING_QUERY, 0, 0]) },
    { name: 'pending test, first is due', units: 1, repeat: play([PMR, 0, 0xff], [PENDING_QUERY, 0, 0]) },
  ];
}

/**
 * One level-triggered SPI alone on vCPU 0: not mapped, mapped, and mapped with SW_RESAMPLE. Waiting: its line stays high and
 * the guest does not look. Served: raised, acknowledged, lowered, ended; the host's line of a mapped one falls with it.
 */
function mappedCases(): Case[] {
  const machine = deep.machine({ depth: 1, lrs: 4 });
  const play = createPlayer(createEngine(createVgic(machine, strategyNamed(reference.id).create)).run);
  const [plain, mapped, resampled] = [SPI_BASE, SPI_BASE + 1, SPI_BASE + 2];
  const hostIrqOf = (intid: number): number => intid + 100;
  for (const intid of [plain, mapped, resampled]) play([CONFIG, intid, 1], [ENABLE, intid, 1])(1);
  play([HW_MAP, mapped, hostIrqOf(mapped)], [HW_MAP, resampled, hostIrqOf(resampled) | HW_MAP_SW_RESAMPLE])(1);
  const raise = (intid: number): readonly Played[] =>
    intid === plain
      ? [[INJECT, intid, 1]]
      : [
          [PHYS_LINE, hostIrqOf(intid), 1],
          [PHYS_ACTIVE, hostIrqOf(intid), 1],
          [INJECT, intid, 1],
        ];
  const lower = (intid: number): Played => (intid === plain ? [INJECT, intid, 0] : [PHYS_LINE, hostIrqOf(intid), 0]);
  /** Every batch leaves the machine as it found it: one interrupt at a time is on the list. */
  const waiting = (intid: number) => {
    const enter = play([FLUSH, 0, 0], [SYNC, 0, 0]);
    return (n: number): void => {
      play(...raise(intid))(1);
      enter(n);
      play([FLUSH, 0, 0], lower(intid), [SYNC, 0, 0])(1);
    };
  };
  const served = (intid: number) =>
    play(...raise(intid), [FLUSH, 0, 0], [ACK, 0, 0], lower(intid), [EOI, intid, 0], [SYNC, 0, 0]);
  const cases = [
    { name: 'waiting level, not mapped: flush+sync', units: 1, repeat: waiting(plain) },
    { name: 'waiting level, mapped: flush+sync', units: 1, repeat: waiting(mapped) },
    { name: 'level served, not mapped', units: 1, repeat: served(plain) },
    { name: 'level served, mapped', units: 1, repeat: served(mapped) },
    { name: 'level served, SW_RESAMPLE', units: 1, repeat: served(resampled) },
  ];
  // They are compared with one another: the JIT has seen all before one is measured.
  for (let round = 0; round < MIXED_ROUNDS; round++) for (const { repeat } of cases) repeat(MIXED_REPEATS);
  return cases;
}

/** A guest that rewrites one priority before each entry. */
function playChurn(run: (word: Int32Array, value: Int32Array, count: number) => void, depth: number) {
  const rounds = 64;
  const word = new Int32Array(rounds * 3);
  const value = new Int32Array(word.length);
  for (let round = 0; round < rounds; round++) {
    word[3 * round] = packWord(PRIORITY, 0, SPI_BASE + ((round * 13) % depth));
    value[3 * round] = ((round * 11) % 31) << 3;
    word[3 * round + 1] = packWord(FLUSH, 0, 0);
    word[3 * round + 2] = packWord(SYNC, 0, 0);
  }
  return (n: number): void => {
    for (let done = 0; done < n; done += rounds) run(word, value, 3 * Math.min(rounds, n - done));
  };
}

function readingCases(quick: boolean): Case[] {
  const { machine, header, block: events } = loadInput(`typical:events=${quick ? 50_000 : 200_000}`);
  const source = createMemorySource(encodeTrace({ machine, header, block: events }, {}));
  const block = createEventBlock();
  const vgic = createVgic(machine, reference.create({}));
  const { run } = createEngine(vgic);
  const readAll = (visit: () => void): void => {
    const reader = openTrace(source, { times: false });
    while (reader.next(block)) visit();
  };
  const timed = (name: string, once: () => void): Case => ({
    name,
    units: events.count,
    repeat(n) {
      for (let repeat = 0; repeat < n; repeat++) {
        // A second replay on what the first one left would be another workload. (A few hundred rows: lost in the noise.)
        vgic.reset();
        once();
      }
    },
  });
  return [
    timed('decode an event', () => readAll(() => {})),
    timed('replay an event', () => run(events.word, events.value, events.count)),
    timed('decode and replay an event', () => readAll(() => run(block.word, block.value, block.count))),
  ];
}

/** Repeats until the JIT has had its time, then doubles the batch until it takes SAMPLE_MS. */
function findBatch(repeat: (n: number) => void): number {
  const start = performance.now();
  for (let n = 1; performance.now() - start < WARMUP_MS; n = Math.min(2 * n, 1024)) repeat(n);
  for (let batch = 1; ; batch *= 2) {
    const batchStart = performance.now();
    repeat(batch);
    if (performance.now() - batchStart >= SAMPLE_MS) return batch;
  }
}

function measureCase({ name, units, repeat }: Case, samples: number): MicroResult {
  const batch = findBatch(repeat);
  const bench = new Bench({
    time: 0,
    iterations: samples,
    warmupTime: 0,
    warmupIterations: WARMUP_SAMPLES,
    throws: true,
  });
  bench.add(name, () => repeat(batch), { async: false });
  bench.runSync();
  const { result } = bench.tasks[0];
  if (result.state !== 'completed') throw new Error(`${name}: ${result.state}`);
  const nsOf = (ms: number): number => (ms * 1e6) / (batch * units);
  return {
    name,
    batch,
    samples: result.latency.samplesCount,
    min: nsOf(result.latency.min),
    median: nsOf(result.latency.p50),
  };
}

const { values } = parseArgs({
  options: {
    strategy: { type: 'string', default: 'sort-on-flush' },
    depth: { type: 'string', default: '4' },
    decode: { type: 'boolean', default: false },
    mapped: { type: 'boolean', default: false },
    doorbell: { type: 'boolean', default: false },
    quick: { type: 'boolean', default: false },
  },
});
const samples = values.quick ? QUICK_SAMPLES : SAMPLES;

function measure(): MicroResult[] {
  const depth = Number(values.depth);
  if (values.doorbell) return measureDoorbell(depth, samples, findBatch);
  const cases = values.mapped
    ? mappedCases()
    : values.decode
      ? readingCases(values.quick)
      : hotPathCases(values.strategy, depth);
  return cases.map((one) => measureCase(one, samples));
}

console.log(JSON.stringify(measure()));
