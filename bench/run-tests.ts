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

const findTests = (): string[] =>
  (readdirSync(DIST, { recursive: true }) as string[])
    .filter((name) => name.endsWith('.test.js'))
    .sort()
    .map((name) => join(DIST, name));

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
