/**
 * Runs every compiled test with Node's test runner, as many processes at a time as there are cores; `node --test` alone leaves one
 * core idle, and its option for that is not in every Node 20. Arguments: files to run instead, or --all. Exits 1 if one fails.
 * What tests the tools around the program rather than it, and takes long, runs where CI is set, and with --all.
 */
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { availableParallelism, tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { run } from 'node:test';
import { spec, tap } from 'node:test/reporters';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { parseArgs } from 'node:util';

const DIST = fileURLToPath(new URL('../', import.meta.url));

/** Those that take longest come first: one that begins last leaves the other core idle. */
const LONG = [
  'src/attack/growth-deep',
  'src/commands/sharded-verbs',
  'src/cli',
  'src/import/ftrace/raw-recordings',
  'src/commands/bad-input',
  'src/commands/attack',
  'src/commands/check-instructions',
  'src/commands/check',
  'src/commands/report',
  'src/commands/shards',
  'src/commands/interrupted-runs',
  'src/attack/growth',
  'src/commands/sharding-examples',
  'src/replay/strategies',
  'bench/findings',
  'src/commands/ci-action',
  'src/commands/reporter-options',
  'src/report/browser',
  'bench/kills',
  'src/commands/contract',
  'src/commands/check-baseline',
  'src/commands/convert',
  'src/commands/gen',
  'src/replay/worst',
].map((name) => `${name}.test.js`);

/** The gate takes all growth, `npm run kill-test` kills more often, `npm run findings` counts all: here they are samples. */
const SAMPLES = ['src/attack/growth-deep', 'bench/kills', 'bench/findings'];
/** Jobs of engines and recipes of other programs that this one is used with; none of it moves with the model. */
const SURROUNDINGS = [
  'bench/native',
  'src/commands/check-instructions',
  'src/commands/ci-action',
  'src/commands/ci-gitlab',
  'src/commands/ci-time-base',
  'src/commands/sharding-examples',
];
const ELSEWHERE = new Set([...SAMPLES, ...SURROUNDINGS].map((name) => `${name}.test.js`));

function findTests(isAll: boolean): string[] {
  const names = (readdirSync(DIST, { recursive: true }) as string[]).filter((name) => name.endsWith('.test.js')).sort();
  const gone = [...LONG, ...ELSEWHERE].filter((name) => !names.includes(name));
  if (gone.length > 0) throw new Error(`not there: ${gone.join(', ')}`);
  const isHere = (name: string): boolean => isAll || !ELSEWHERE.has(name);
  if (!isAll)
    process.stderr.write(
      `npm test: left out here, run in CI and by "npm test -- --all": ${[...ELSEWHERE].join(', ')}\n`,
    );
  return [...LONG, ...names.filter((name) => !LONG.includes(name))].filter(isHere).map((name) => join(DIST, name));
}

/** What only a process of its own may do: hooks around every test, mocks, another environment or folder. */
const NEEDS_OWN_PROCESS = /\b(beforeEach|afterEach|mock|process\.(env|chdir|exitCode|on))\b/;
/** They start processes and take signals. */
const OWN_PROCESS_FOLDERS = ['src', 'bench'].map((name) => join(DIST, name));
/** Files that share a process: with more, the other core would wait for the last. */
const MOST_SHARED = 9;

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
  const shared = [...byFolder.values()].flatMap((all) =>
    Array.from({ length: Math.ceil(all.length / MOST_SHARED) }, (_, at) =>
      all.slice(at * MOST_SHARED, (at + 1) * MOST_SHARED),
    ),
  );
  const groups = shared.map((group, at) => {
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
const { values, positionals } = parseArgs({ options: { all: { type: 'boolean' } }, allowPositionals: true });
const isAll = values.all === true || (process.env.CI ?? '') !== '';
const tests = run({
  files: positionals.length > 0 ? positionals : joinShort(findTests(isAll), scratch),
  concurrency: Math.max(2, availableParallelism()),
});
tests.on('test:fail', () => {
  process.exitCode = 1;
});
if (process.stdout.isTTY) tests.compose(new spec()).pipe(process.stdout);
else tests.compose(tap).pipe(process.stdout);
