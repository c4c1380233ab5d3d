/** A team's strategy file at two commits of the team's own repository: what `check --base REF --strategy ./mine.js` compares. */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, realpathSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { gatherColumns, writeColumns } from './arm-columns.js';
import { measureArm } from './arm-process.js';
import { findTeamRepository, prepareBaseStrategies } from './base-strategy.js';
import { runBaseLayers } from './check-base-layers.js';
import { ownBuild } from './injected-build.js';
import { openInput } from './inputs.js';
import { createTestTerminal, run } from './test-run.js';

const folder = realpathSync(mkdtempSync(join(tmpdir(), 'vgic-base-strategy-')));
after(() => rmSync(folder, { recursive: true, force: true }));
const TEAM = join(folder, 'team');
const MINE = join(TEAM, 'strategies', 'mine.mjs');
const BREAKS = join(TEAM, 'breaks.mjs');
const TRACE = join(folder, 'small.vgt');
const LIFO = readFileSync(new URL('../../../examples/strategies/lifo.js', import.meta.url), 'utf8');
const never = new AbortController().signal;

const git = (...args: string[]): string =>
  execFileSync('git', ['-C', TEAM, '-c', 'user.name=a', '-c', 'user.email=a@example.org', ...args], {
    encoding: 'utf8',
  });

/** The example with what a walk costs in a file beside it. */
const withCost = LIFO.replace('cost.locks += 1 + visits;', 'cost.locks += LOCKS + visits;');
const write = (locks: number): void => {
  writeFileSync(MINE, `import { LOCKS } from './cost.mjs';\n${withCost}`);
  writeFileSync(join(TEAM, 'strategies', 'cost.mjs'), `export const LOCKS = ${locks};\n`);
};

before(async () => {
  assert.equal((await run(['gen', 'net:events=400,seed=3', '-o', TRACE])).code, 0);
  mkdirSync(join(TEAM, 'strategies'), { recursive: true });
  git('init', '-q');
  writeFileSync(MINE, 'export default {};\n');
  git('add', '-A');
  git('commit', '-qm', 'no strategy yet');
  write(1);
  writeFileSync(BREAKS, LIFO);
  git('add', '-A');
  git('commit', '-qm', 'as the example');
  write(3);
});

test('the repository of the file decides: none of this tool, and one for all files', () => {
  assert.equal(findTeamRepository([`${MINE}:n=3`, 'fifo']), TEAM);
  assert.equal(findTeamRepository(['fifo', join(ownBuild, 'examples/strategies/lifo.js')]), null);
  assert.equal(findTeamRepository([]), null);
  const other = join(folder, 'other');
  mkdirSync(other);
  execFileSync('git', ['-C', other, 'init', '-q']);
  assert.throws(() => findTeamRepository([MINE, join(other, 'a.mjs')]), { exitCode: 2, message: /two repositories/ });
});

test('the file and what it imports are those of the commit, and run in the processes that are timed', async () => {
  const target = join(folder, 'taken');
  const { base, own, specs } = await prepareBaseStrategies('HEAD', [MINE], TEAM, target, never);
  assert.equal(base.commit, git('rev-parse', 'HEAD').trim());
  assert.deepEqual([own.commit, own.isDirty, own.name], [base.commit, true, MINE]);
  const spec = specs.get(MINE)!;
  assert.match(readFileSync(join(spec, '..', 'cost.mjs'), 'utf8'), /LOCKS = 1;/);
  const columns = join(folder, 'columns');
  const input = await openInput(TRACE);
  writeColumns(gatherColumns(input.open()), columns);
  input.close();
  const effort = { cpuMs: 0, leastPasses: 1 };
  const [then, now] = [spec, MINE].map((strategy) => measureArm({ build: ownBuild, columns, strategy }, { effort }));
  assert.equal((await then).digest, (await now).digest);
});

test('counters say what moved since the commit, by name; the record names both sides', async () => {
  const { terminal, printed } = createTestTerminal();
  const choice = { keyCells: undefined, paths: new Map([['small', TRACE]]), isShipped: false, flavours: [] };
  const options = { base: 'HEAD', repeat: 1, seed: 1 };
  const strategies = ['fifo', MINE];
  const { results, builds } = await runBaseLayers({ ...choice, strategies }, new Set(), options, {}, terminal);
  const [{ lines, outcomes }] = results;
  assert.equal(lines[0], 'counters: 1 of 1 key cells count otherwise than at HEAD');
  assert.match(lines.slice(1).join(' '), /lifo on small \(kvm-6\.1\): \d+ exact counters of \d+ moved, flush\/steps\//);
  assert.deepEqual(outcomes, []);
  assert.deepEqual([builds.kind, builds.base.name, builds.own.name], ['strategy', 'HEAD', MINE]);
  assert.match(printed().err, /taking \S+mine\.mjs as of HEAD/);
  assert.ok(!existsSync(builds.baseSpec(MINE)), 'what was taken goes when it is done');
});

test('a strategy that throws now is a fault, however fast; what is not there at the commit is said', async () => {
  const check = (base: string, file = MINE): ReturnType<typeof run> =>
    run(['check', TRACE, '--layers', '3', '--base', base, '-s', file]);
  const none = await check('no-such-ref');
  assert.deepEqual([none.code, /'no-such-ref' is no commit of \S+team/.test(none.err)], [2, true], none.err);
  const early = await check('HEAD^');
  assert.equal(early.code, 4);
  assert.match(early.err, /mine\.mjs at HEAD\^: .*; name a commit that has a strategy there/);
  const fresh = join(TEAM, 'fresh.mjs');
  writeFileSync(fresh, LIFO);
  const absent = await check('HEAD', fresh);
  assert.equal(absent.code, 4);
  assert.match(absent.err, /fresh\.mjs: HEAD: is not in this commit; .*compare OLD\.js NEW\.js/);
  writeFileSync(BREAKS, LIFO.replace('select(vcpu) {', "select(vcpu) {\n throw new Error('broken');"));
  const { terminal } = createTestTerminal();
  const choice = { keyCells: undefined, paths: new Map([['small', TRACE]]), isShipped: false, flavours: [] };
  const options = { base: 'HEAD', repeat: 1, seed: 1 };
  const ran = await runBaseLayers({ ...choice, strategies: [BREAKS] }, new Set(), options, {}, terminal);
  assert.deepEqual(
    ran.results.flatMap(({ outcomes }) => outcomes).map(({ kind, layer }) => [kind, layer]),
    [['fault', 'base']],
  );
});
