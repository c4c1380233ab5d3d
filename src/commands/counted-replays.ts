/**
 * One process under an instruction counter: `node --conditions=plain counted-replays.js BUILD COLUMNS STRATEGY REPLAYS`.
 * Replays the columns (arm-columns.ts) so often with the core of BUILD, the folder above its dist/, and prints the digest of
 * the first replay. No clock decides anything here: the same arguments execute the same instructions.
 */
import './jit-flags.js';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { COUNTED } from '#counting';
import type { Machine } from '../gic/intid.js';

if (COUNTED) throw new Error('run with --conditions=plain: the counted build is not what is measured');
const [build, columns, strategy, replays] = process.argv.slice(2);
const importCore = (module: string): Promise<Readonly<Record<string, unknown>>> =>
  import(pathToFileURL(join(build, 'dist', 'src', module)).href) as Promise<Readonly<Record<string, unknown>>>;

const { createModel } = (await importCore('replay/create-model.js')) as typeof import('../replay/create-model.js');
const { createEngine } = (await importCore('replay/engine.js')) as typeof import('../replay/engine.js');
const { loadStrategy } = (await importCore('commands/strategy-files.js')) as typeof import('./strategy-files.js');

const machine = JSON.parse(readFileSync(`${columns}.json`, 'utf8')) as Machine;
const bytes = readFileSync(columns);
const all = new Int32Array(bytes.buffer, bytes.byteOffset, bytes.byteLength / Int32Array.BYTES_PER_ELEMENT);
const events = all.length / 2;
const word = all.slice(0, events);
const value = all.slice(events);

const vgic = createModel(machine, await loadStrategy(strategy, { guarded: false }));
const engine = createEngine(vgic);
let digest = 0;
for (let replay = 0; replay < Number(replays); replay++) {
  vgic.reset();
  engine.resetSystems();
  engine.run(word, value, events);
  if (replay === 0) digest = Number(engine.digest() >>> 0);
}
process.stdout.write(`${JSON.stringify({ events, digest })}\n`);
