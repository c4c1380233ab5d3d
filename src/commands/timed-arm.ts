/**
 * One process of one arm of a comparison: `node --conditions=plain timed-arm.js BUILD COLUMNS STRATEGY EFFORT`. Replays the
 * columns (arm-columns.ts) with the core of BUILD, the folder above its dist/, and prints one line of JSON: an ArmSample.
 * It imports the core and no more, and the same file times both arms: what is not the build's is alike.
 */
import './jit-flags.js';
import { readFileSync } from 'node:fs';
import { COUNTED } from '#counting';
import type { Machine } from '../gic/intid.js';
import { type PieceEffort, timePieces } from '../stats/sample.js';
import { importBuildCore, requireEngine } from './build-core.js';
import { warmUp } from './warm-up.js';

/** What one process says. Times in ns per event. */
export interface ArmSample {
  readonly events: number;
  /** Of each pass. */
  readonly passes: readonly number[];
  /** Of the pass that was not disturbed in any piece (stats/sample.ts): the value of this process. */
  readonly undisturbed: number;
  /** Of the first replay, 8 hex digits. */
  readonly digest: string;
}

/** Short enough that one of many runs of a piece is not interrupted, where the deepest lists take 20 ms a pass. */
const PIECES = 16;

if (COUNTED) throw new Error('run with --conditions=plain: the counted build is not what an arm measures');
const [build, columns, strategy, effortText] = process.argv.slice(2);
const { createModel, createEngine, loadStrategy } = await importBuildCore(build);

const machine = JSON.parse(readFileSync(`${columns}.json`, 'utf8')) as Machine;
const bytes = readFileSync(columns);
const all = new Int32Array(bytes.buffer, bytes.byteOffset, bytes.byteLength / Int32Array.BYTES_PER_ELEMENT);
const events = all.length / 2;
const pieces = Array.from({ length: PIECES }, (_, piece) => {
  const [from, to] = [piece, piece + 1].map((at) => Math.floor((at * events) / PIECES));
  return { word: all.slice(from, to), value: all.slice(events + from, events + to), count: to - from };
});

const vgic = createModel(machine, await loadStrategy(strategy, { guarded: false }));
const engine = createEngine(vgic);
requireEngine(build, engine);
const code = {
  pieces: PIECES,
  reset(): void {
    vgic.reset();
    engine.resetSystems();
  },
  runPiece(piece: number): void {
    const { word, value, count } = pieces[piece];
    engine.run(word, value, count);
  },
};
code.reset();
for (let piece = 0; piece < PIECES; piece++) code.runPiece(piece);
const digest = Number(engine.digest() >>> 0)
  .toString(16)
  .padStart(8, '0');
warmUp({
  events,
  reset: code.reset,
  run(from, count) {
    engine.run(all.subarray(from, from + count), all.subarray(events + from, events + from + count), count);
  },
});
const cpuMs = (): number => {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1000;
};
const times = timePieces(code, JSON.parse(effortText) as PieceEffort, () => performance.now(), cpuMs);
const perEvent = (ms: number): number => (ms * 1e6) / events;
const sample: ArmSample = {
  events,
  passes: times.passes.map(perEvent),
  undisturbed: perEvent(times.undisturbed),
  digest,
};
process.stdout.write(`${JSON.stringify(sample)}\n`);
