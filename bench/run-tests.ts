/**
 * Runs every compiled test with Node's test runner, as many processes at a time as there are cores; `node --test` alone leaves one
 * core idle, and its option for that is not in every Node 20. Arguments: files to run instead of all. Exits 1 if one fails.
 */
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { availableParallelism, tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { run } from 'node:test';
import { spec, tap } from 'node:test/reporters';
import { fileURLToPath, pathToFileURL } from 'node:url';

const DIST = fileURLToPath(new URL('../', import.meta.url));

/** Those that take longest come first: one that begins last leaves the other core idle. */
const LONG = [
  'src/attack/growth-deep',
  'src/cli',
  'src/import/ftrace/raw-recordings',
  'src/commands/shards',
  'src/replay/strategies',
  'src/commands/report',
  'src/commands/ci-action',
  'src/attack/growth',
  'src/commands/check',
  'src/commands/interrupted-runs',
  'src/report/browser',
  'src/commands/bad-input',
  'bench/kills',
  'src/commands/contract',
  'src/commands/attack',
  'bench/findings',
  'src/commands/sharding-examples',
  'src/replay/worst',
  'src/commands/gen',
].map((name) => `${name}.test.js`);

function findTests(): string[] {
  const names = (readdirSync(DIST, { recursive: true }) as string[]).filter((name) => name.endsWith('.test.js')).sort();
  const gone = LONG.filter((name) => !names.includes(name));
  if (gone.length > 0) throw new Error(`not there: ${gone.join(', ')}`);
  return [...LONG, ...names.filter((name) => !LONG.includes(name))].map((name) => join(DIST, name));
}

/** What only a process of its own may do: hooks around every test, mocks, another environment or folder. */
const NEEDS_OWN_PROCESS = /\b(beforeEach|afterEach|mock|process\.(env|chdir|exitCode|on))\b/;
/** Verbs start processes, change the environment and take signals. */
const OWN_PROCESS_FOLDERS = ['src/commands', 'src', 'bench'].map((name) => join(DIST, name));

/**
 * Short files of one folder share a process: to start one and to load the model takes as long as many a file. Each such
 * process gets a file that imports the others, in `folder`.
 */
function joinShort(files: readonly string[], folder: string): string[] {
  const alone: string[] = [];
  const byFolder = new Map<string, string[]>();
  const isLong = new Set(LONG.map((name) => join(DIST, name)));
  for (const file of files) {
    const home = dirname(file);
    if (isLong.has(file) || OWN_PROCESS_FOLDERS.includes(home) || NEEDS_OWN_PROCESS.test(readFileSync(file, 'utf8')))
      alone.push(file);
    else byFolder.set(home, [...(byFolder.get(home) ?? []), file]);
  }
  const groups = [...byFolder.values()].map((group, at) => {
    const path = join(folder, `group-${at}.mjs`);
    writeFileSync(path, group.map((file) => `import ${JSON.stringify(pathToFileURL(file).href)};\n`).join(''));
    return { path, size: group.length };
  });
  groups.sort((a, b) => b.size - a.size);
  const long = alone.filter((file) => isLong.has(file));
  return [...long, ...groups.map(({ path }) => path), ...alone.filter((file) => !isLong.has(file))];
}

const scratch = mkdtempSync(join(tmpdir(), 'vgic-tests-'));
process.on('exit', () => rmSync(scratch, { recursive: true, force: true }));
const given = process.argv.slice(2);
const tests = run({
  files: given.length > 0 ? given : joinShort(findTests(), scratch),
  concurrency: Math.max(2, availableParallelism()),
});
tests.on('test:fail', () => {
  process.exitCode = 1;
});
if (process.stdout.isTTY) tests.compose(new spec()).pipe(process.stdout);
else tests.compose(tap).pipe(process.stdout);
