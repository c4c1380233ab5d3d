import assert from 'node:assert/strict';
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { gunzipSync } from 'node:zlib';
import { importVgr1 } from '../src/import/vgr1.js';
import { reference, strategyNamed } from '../src/strategy/index.js';
import { createColumnSink } from '../src/workload/column-sink.js';
import { generateColumns, workloads } from '../src/workload/index.js';
import { resolveParams } from '../src/workload/workload.js';
import { encodeColumnsFile } from './columns-file.js';
import { buildNative, printNativeFlushes, runNative } from './native-build.js';
import { createReplays } from './replays.js';

const GOLDEN = new URL('../../traces/golden/', import.meta.url);
const dir = mkdtempSync(join(tmpdir(), 'vgic-native-'));
after(() => rmSync(dir, { recursive: true }));
const native = buildNative(dir);
const skip = 'skipped' in native ? native.skipped : false;
const program = 'program' in native ? native.program : '';
const file = join(dir, 'columns');

const readLines = (name: string): string[] =>
  gunzipSync(readFileSync(new URL(name, GOLDEN))).toString().trimEnd().split('\n');

test('the native yardstick prints the F lines of every golden file', { skip }, () => {
  const names = readdirSync(GOLDEN).filter((name) => name.endsWith('.bin.gz'));
  assert.ok(names.length >= 100, `${names.length} golden files`);
  for (const name of names) {
    const sink = createColumnSink();
    const { machine } = importVgr1(gunzipSync(readFileSync(new URL(name, GOLDEN))), name, sink);
    writeFileSync(file, encodeColumnsFile(machine, sink.block));
    const expected = readLines(name.replace('.bin.gz', '.dump.gz')).filter((line) => line.startsWith('F '));
    assert.deepEqual(printNativeFlushes(program, file).trimEnd().split('\n'), expected, name);
  }
});

for (const workload of workloads) {
  test(`${workload.id}: typed-array core and native yardstick give the same digest, replay after replay`, { skip }, () => {
    const small: Record<string, number> = { events: 5000, seed: 3, depth: 100, lpis: 500 };
    const given = Object.entries(small).filter(([name]) => workload.params.some((param) => param.name === name));
    const params = resolveParams(workload, Object.fromEntries(given));
    const machine = workload.machine(params);
    const block = generateColumns(workload, params);
    writeFileSync(file, encodeColumnsFile(machine, block));
    const expected = runNative(program, file, { passes: 3 });

    const replays = createReplays(machine, strategyNamed(reference.id).create, block);
    replays.run();
    assert.equal(replays.digest(), expected.digest);
    for (let pass = 1; pass < 3; pass++) {
      replays.reset();
      replays.run();
    }
    assert.equal(replays.digest(), expected.digestOfAll);
  });
}
