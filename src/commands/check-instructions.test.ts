/**
 * Layer 2 without its valgrind: a program in its place starts the real process that is counted, and writes as many
 * instructions as the test says. The last test asks valgrind itself, where that is wanted.
 */
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { chmodSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { after, before, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { ARM_FLAGS, firstReason } from './arm-process.js';
import type { KeyCell } from './check-base.js';
import { findValgrindLack, judgeCounts, judgeInstructions } from './check-instructions.js';
import { ownBuild } from './injected-build.js';
import { openInput } from './inputs.js';
import { isOtherCore } from './other-core.js';
import { run } from './test-run.js';

const folder = mkdtempSync(join(tmpdir(), 'vgic-instructions-'));
const path = process.env.PATH;
after(() => {
  process.env.PATH = path;
  rmSync(folder, { recursive: true, force: true });
});
const TRACE = join(folder, 'small.vgt');

/** setarch -R valgrind --tool=… --dump-before=… --callgrind-out-file=OUT node … counted-replays.js BUILD …; totals by side. */
const SETARCH = `#!/bin/bash
for each in "$@"; do case "$each" in --callgrind-out-file=*) out=\${each#*=} ;; */count-a) side=a ;; */count-b) side=b ;; esac; done
shift 5
printf '%s\\n' "$@" > "$FOLDER/arguments-$side"
i=0
while read -r total; do i=$((i + 1)); printf 'events: Ir\\ntotals: %s\\n' "$total" > "$out.$i"; done < "$FOLDER/totals-$side"
exec "$@"
`;

before(async () => {
  assert.equal((await run(['gen', 'net:events=400,seed=3', '-o', TRACE])).code, 0);
  mkdirSync(join(folder, 'bin'));
  writeFileSync(join(folder, 'bin', 'setarch'), SETARCH.replaceAll('$FOLDER', folder));
  chmodSync(join(folder, 'bin', 'setarch'), 0o755);
});

async function judge(before_: number, after_: number, strategies: readonly [string, string] = ['fifo', 'fifo']) {
  // The first is of what precedes the groups; of the groups the least counts.
  const totals = (count: number): string => [99, count + 7, count, count + 1, count + 2, ''].join('\n');
  writeFileSync(join(folder, 'totals-a'), totals(before_));
  writeFileSync(join(folder, 'totals-b'), totals(after_));
  return judgeWith([join(folder, 'bin'), path].join(delimiter), strategies);
}

async function judgeWith(programs: string | undefined, strategies: readonly [string, string]) {
  const { open } = await openInput(TRACE);
  const cell: KeyCell = { cell: 'small/kvm-6.1/fifo', path: TRACE, flavour: 'kvm-6.1', strategy: strategies[1], open };
  const scratch = mkdtempSync(join(folder, 'scratch-'));
  const build = { name: 'v1', folder: ownBuild, commit: null, isDirty: null };
  process.env.PATH = programs;
  try {
    const { cells, outcomes } = await judgeInstructions({
      cells: [cell],
      builds: { kind: 'build', base: build, own: build, baseSpec: () => strategies[0] },
      strict: true,
      warn: 0.5,
      fail: 2,
      repeat: 1,
      scratch,
      signal: new AbortController().signal,
      width: 80,
      onCell: () => {},
    });
    return [cells[0].verdict, outcomes.map(({ kind }) => kind).join(), cells[0].reason] as const;
  } finally {
    process.env.PATH = path;
  }
}

test('the least of the groups of each side is what counts, and both processes are started alike', async () => {
  const [verdict, outcomes, reason] = await judge(1_000_000, 1_021_000);
  assert.deepEqual([verdict, outcomes], ['regressed', 'regression'], reason);
  assert.match(reason, /^2\.100 % more instructions \([\d.]+ → [\d.]+ an event\), over the limit of 2 %/);
  const args = readFileSync(join(folder, 'arguments-b'), 'utf8').split('\n');
  for (const flag of [...ARM_FLAGS, '--v8-pool-size=0']) assert.ok(args.includes(flag), flag);
  const lengths = ['a', 'b'].map((side) => readFileSync(join(folder, `arguments-${side}`), 'utf8').length);
  assert.equal(lengths[0], lengths[1], 'paths of the same length: they are hashed and copied too');
});

test('what the limits make of the counts', () => {
  const cases: readonly [readonly number[], string, RegExp][] = [
    [[1_000_000], 'unchanged', /^0\.000 % more instructions \(40\.00 → 40\.00 an event\)$/],
    [[1_004_000], 'unchanged', /^0\.400 % more/],
    [[1_006_000], 'inconclusive', /^warning: 0\.600 % more/],
    [[1_021_000], 'regressed', /over the limit of 2 %$/],
    [[1_021_000, 1_000_100], 'unchanged', /^0\.010 % more .*; 2 counts of a side differ by 2\.0898 %$/],
    [[990_000], 'improved', /^1\.000 % fewer/],
    [[0], 'error', /^could not be counted/],
  ];
  for (const [counts, verdict, reason] of cases) {
    const said = judgeCounts([1_000_000], counts, 25_000, { warn: 0.5, fail: 2, repeat: counts.length });
    assert.equal(said.verdict, verdict, said.reason);
    assert.match(said.reason, reason);
  }
});

test('other list registers are no comparison; a process that fails is an error with its reason', async () => {
  const other = await judge(1_000_000, 1_000_000, ['sort-on-flush', 'lifo-that-is-none']);
  assert.deepEqual(other.slice(0, 2), ['error', 'crash']);
  assert.match(other[2], /could not be counted: .*lifo-that-is-none/);
  const file = join(folder, 'other.mjs');
  const lifo = readFileSync(join(ownBuild, 'examples/strategies/lifo.js'), 'utf8');
  writeFileSync(file, lifo);
  const trace = await judge(1_000_000, 1_000_000, ['sort-on-flush', file]);
  assert.deepEqual(trace.slice(0, 2), ['incomparable', 'undecided'], trace[2]);
  assert.match(trace[2], /the base fills other list registers/);
});

const execute = promisify(execFile);
const CELL = fileURLToPath(new URL('counted-replays.js', import.meta.url));

test('a build whose core is called otherwise says so: incomparable, and no error of it', async () => {
  const build = join(folder, 'older');
  mkdirSync(join(build, 'dist/src/replay'), { recursive: true });
  writeFileSync(join(build, 'package.json'), '{"type":"module"}');
  writeFileSync(join(build, 'dist/src/replay/create-model.js'), 'export const makeModel = () => {};\n');
  const args = [...ARM_FLAGS, CELL, build, join(folder, 'none'), 'fifo', '1', '1', '1'];
  await assert.rejects(execute(process.execPath, args), ({ stderr }: { stderr: string }) => {
    const said = firstReason(stderr);
    return isOtherCore(said) && /it has no createModel in replay\/create-model\.js/.test(said);
  });
});

/** Minutes of CPU time: not part of every run of the tests. */
const lack = process.env.VGIC_VALGRIND === '1' ? findValgrindLack() : 'takes minutes; VGIC_VALGRIND=1 runs it';
test('the same build twice: valgrind counts the same', { skip: lack ?? false }, async () => {
  const [verdict, outcomes, reason] = await judgeWith(path, ['fifo', 'fifo']);
  assert.deepEqual([verdict, outcomes], ['unchanged', ''], reason);
  assert.match(reason, /^0\.0\d\d % (more|fewer) instructions/);
});
