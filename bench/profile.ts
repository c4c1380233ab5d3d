/**
 * `npm run profile [-- --input INPUT --strategy STRATEGY --seconds N]`: one cell under clinic flame and clinic doctor,
 * without a terminal. Their pages go to .clinic/. Exit 1 if a page is missing: clinic itself ends with 0 all the same.
 */
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';

const PROFILER = fileURLToPath(new URL('../../bench/profiler/', import.meta.url));
const CELL = fileURLToPath(new URL('./cell.js', import.meta.url));
const TOOLS = ['flame', 'doctor'] as const;
/** Without these clinic waits for an answer nobody gives, or looks for a newer version. */
const QUIET = { ...process.env, NO_INSIGHT: '1', NO_UPDATE_NOTIFIER: '1' };

const { values } = parseArgs({
  options: {
    input: { type: 'string', default: 'typical' },
    strategy: { type: 'string', default: 'sort-on-flush' },
    seconds: { type: 'string', default: '5' },
    dest: { type: 'string', default: '.clinic' },
  },
});

/** On first use: exactly what the lockfile names. */
function installProfiler(): string {
  const clinic = join(PROFILER, 'node_modules', 'clinic', 'bin.js');
  if (existsSync(clinic)) return clinic;
  console.log('installing the profiler (once)');
  const installed = spawnSync('npm', ['ci'], { cwd: PROFILER, stdio: 'inherit' });
  if (installed.status !== 0) throw new Error(`npm ci failed in ${PROFILER}`);
  return clinic;
}

const listPages = (dir: string): string[] => readdirSync(dir).filter((file) => file.endsWith('.html'));

/** Returns the new page, or undefined if none came out. */
function runTool(clinic: string, tool: (typeof TOOLS)[number], dest: string): string | undefined {
  const before = new Set(listPages(dest));
  const cell = [process.execPath, '--conditions=plain', CELL];
  const flags = ['--input', values.input, '--strategy', values.strategy, '--seconds', values.seconds];
  spawnSync(process.execPath, [clinic, tool, '--open=false', '--dest', dest, '--', ...cell, ...flags], {
    env: QUIET,
    stdio: 'inherit',
  });
  return listPages(dest).find((file) => !before.has(file) && statSync(join(dest, file)).size > 0);
}

mkdirSync(values.dest, { recursive: true });
const clinic = installProfiler();
for (const tool of TOOLS) {
  const page = runTool(clinic, tool, values.dest);
  if (page === undefined) {
    console.error(`clinic ${tool}: no page came out`);
    process.exitCode = 1;
  } else {
    console.log(`clinic ${tool}: ${join(values.dest, page)}`);
  }
}
