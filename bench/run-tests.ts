/**
 * Runs every compiled test with Node's test runner, as many files at a time as there are cores; `node --test` alone leaves one
 * core idle, and its option for that is not in every Node 20. Arguments: files to run instead of all. Exits 1 if one fails.
 */
import { readdirSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import { run } from 'node:test';
import { spec, tap } from 'node:test/reporters';
import { fileURLToPath } from 'node:url';

const DIST = fileURLToPath(new URL('../', import.meta.url));

/** Those that take longest come first: one that begins last leaves the other core idle. */
const LONG = [
  'src/attack/growth-deep',
  'src/cli',
  'src/import/ftrace/raw-recordings',
  'src/commands/shards',
  'src/commands/sharding-examples',
  'src/commands/gen',
  'bench/findings',
  'src/commands/interrupted-runs',
  'src/replay/strategies',
  'src/commands/bad-input',
  'src/commands/check',
  'src/attack/growth',
  'src/commands/attack',
  'src/report/browser',
  'src/commands/contract',
  'bench/kills',
  'src/commands/report',
].map((name) => `${name}.test.js`);

function findTests(): string[] {
  const names = (readdirSync(DIST, { recursive: true }) as string[]).filter((name) => name.endsWith('.test.js')).sort();
  const gone = LONG.filter((name) => !names.includes(name));
  if (gone.length > 0) throw new Error(`not there: ${gone.join(', ')}`);
  return [...LONG, ...names.filter((name) => !LONG.includes(name))].map((name) => join(DIST, name));
}

const given = process.argv.slice(2);
const tests = run({
  files: given.length > 0 ? given : findTests(),
  concurrency: Math.max(2, availableParallelism()),
});
tests.on('test:fail', () => {
  process.exitCode = 1;
});
if (process.stdout.isTTY) tests.compose(new spec()).pipe(process.stdout);
else tests.compose(tap).pipe(process.stdout);
