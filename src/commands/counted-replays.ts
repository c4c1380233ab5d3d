/**
 * One process under callgrind: `node --conditions=plain counted-replays.js BUILD COLUMNS STRATEGY WARM GROUPS SIZE`.
 * Replays the columns (arm-columns.ts) once, until the core is warm (warm-up.ts), WARM times more, and then in GROUPS of SIZE
 * times with the core of BUILD, the folder above its dist/, marks where each group begins and the last ends, and prints the digest of the first replay. No clock decides
 * anything here: the same arguments execute the same instructions.
 */
import './jit-flags.js';
import { readFileSync } from 'node:fs';
import { getPriority } from 'node:os';
import { COUNTED } from '#counting';
import type { Machine } from '../gic/intid.js';
import { importBuildCore, requireEngine } from './build-core.js';
import { warmUp } from './warm-up.js';

if (COUNTED) throw new Error('run with --conditions=plain: the counted build is not what is measured');
const [build, columns, strategy, warm, groups, size] = process.argv.slice(2);
const { createModel, createEngine, loadStrategy } = await importBuildCore(build);

const machine = JSON.parse(readFileSync(`${columns}.json`, 'utf8')) as Machine;
const bytes = readFileSync(columns);
const all = new Int32Array(bytes.buffer, bytes.byteOffset, bytes.byteLength / Int32Array.BYTES_PER_ELEMENT);
const events = all.length / 2;
const word = all.slice(0, events);
const value = all.slice(events);

const vgic = createModel(machine, await loadStrategy(strategy, { guarded: false }));
const engine = createEngine(vgic);
requireEngine(build, engine);
/** Does nothing that matters; callgrind writes and clears its counts before it (`--dump-before`). */
const mark = (): number => getPriority();
function replay(times: number): void {
  for (let time = 0; time < times; time++) {
    vgic.reset();
    engine.resetSystems();
    engine.run(word, value, events);
  }
}
replay(1);
const digest = Number(engine.digest() >>> 0);
warmUp({
  events,
  reset() {
    vgic.reset();
    engine.resetSystems();
  },
  run(from, count) {
    engine.run(word.subarray(from, from + count), value.subarray(from, from + count), count);
  },
});
replay(Number(warm));
for (let group = 0; group < Number(groups); group++) {
  mark();
  replay(Number(size));
}
mark();
process.stdout.write(`${JSON.stringify({ events, digest })}\n`);
