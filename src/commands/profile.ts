/** `vgic-replay profile`: where the time of one cell goes, by function: V8's own profiler, and clinic where it is installed. */
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import Table from 'cli-table3';
import type { Command } from 'commander';
import { EXIT_INTERNAL, InputError, UsageError, UserError } from '../base/errors.js';
import { referenceFor } from '../replay/create-model.js';
import { renderSpeedscopeProfile } from '../report/speedscope-profile.js';
import { wrapText } from '../report/wrap-text.js';
import { type CpuProfile, type SelfTime, selfTimes } from '../stats/cpu-profile.js';
import { type ChosenStrategy, specOf } from '../strategy/index.js';
import { FLAVOUR_HELP, parseFlavour } from './flavour-option.js';
import { openInput } from './inputs.js';
import { cannotWrite, writeText } from './outputs.js';
import { parseStrategies } from './strategy-files.js';
import { type Terminal, tool } from './terminal.js';

interface Options {
  readonly strategy?: ChosenStrategy[];
  readonly flavour?: string;
  readonly seconds: number;
  readonly out: string;
  readonly clinic?: ClinicTool[];
  readonly json?: boolean;
}

const CLINIC_TOOLS = ['flame', 'doctor', 'bubbleprof', 'heapprofiler'] as const;
type ClinicTool = (typeof CLINIC_TOOLS)[number];

const CELL = fileURLToPath(new URL('profiled-cell.js', import.meta.url));
/** Root of the compiled code: what is below it is ours. */
const DIST = new URL('../../', import.meta.url).href;
const PROFILER_PACKAGE = fileURLToPath(new URL('../../../bench/profiler/', import.meta.url));
/** Without these clinic waits for an answer nobody gives, or looks for a newer version. */
const QUIET = { ...process.env, NO_INSIGHT: '1', NO_UPDATE_NOTIFIER: '1' };
const MAX_SECONDS = 600;
const SECONDS_OF_RATE = '0.5';
const NO_INLINING = '--no-turbo-inlining';
const NR_ROWS = 12;

export function registerProfile(program: Command, terminal: Terminal): void {
  program
    .command('profile')
    .description('show where the time of a replay goes, by function; write a CPU profile for DevTools and speedscope')
    .argument('<trace>', 'a .vgt file, or anything import reads')
    .option('-s, --strategy <id>', "one of 'strategies', or a file (default: the flavour's own)", parseStrategies)
    .option('--flavour <id>', FLAVOUR_HELP, parseFlavour)
    .option('--seconds <n>', 'how long to watch, once the code is warm', parseSeconds, 3)
    .option('-o, --out <dir>', 'folder of the profile', 'vgic-profile')
    .option('--clinic <tools>', `also pages of clinic: ${CLINIC_TOOLS.join(', ')}`, parseClinic)
    .option('--json', 'print the self times as JSON')
    .action(async (path: string, options: Options) => {
      if (path === '-')
        throw new UsageError('profile replays in a process of its own, which cannot read this input; name a file');
      const clinic = options.clinic === undefined ? undefined : findClinic();
      const { strategy, flavour } = await chooseCell(path, options);
      try {
        mkdirSync(options.out, { recursive: true });
      } catch (error) {
        throw cannotWrite(
          options.out,
          `cannot be made (${(error as NodeJS.ErrnoException).code})`,
          'name another folder',
        );
      }
      const cell = [path, strategy, options.flavour ?? '-', `${options.seconds}`];
      const { profile, slowdown } = takeProfile(cell, options.out);
      const name = `${path}, ${strategy}, ${flavour}`;
      writeText(join(options.out, 'profile.speedscope.json'), renderSpeedscopeProfile(name, exporter, profile));
      const found = selfTimes(profile).map(shorten);
      if (options.json === true)
        terminal.out(
          JSON.stringify(
            { schema: 'vgic-replay/profile/1', tool, trace: path, strategy, flavour, slowdown, found },
            null,
            2,
          ),
        );
      else terminal.out(describe(name, found, slowdown, options.out, terminal.width));
      for (const each of options.clinic ?? []) runClinic(clinic!, each, cell, options.out, terminal);
    });
}

const exporter = `${tool.name} ${tool.version}`;

function parseSeconds(text: string): number {
  const seconds = Number(text);
  if (!(seconds >= 0.1 && seconds <= MAX_SECONDS))
    throw new UsageError(`--seconds must be a number from 0.1 to ${MAX_SECONDS}, not '${text}'`);
  return seconds;
}

function parseClinic(text: string): ClinicTool[] {
  return text.split(',').map((name) => {
    const known = CLINIC_TOOLS.find((each) => each === name);
    if (known === undefined) throw new UsageError(`clinic has no '${name}'; one of: ${CLINIC_TOOLS.join(', ')}`);
    return known;
  });
}

/** The strategy as the process of the cell takes it, and the flavour for people; what cannot be replayed is refused here. */
async function chooseCell(path: string, options: Options): Promise<{ strategy: string; flavour: string }> {
  const { strategy, flavour } = options;
  if (strategy !== undefined && strategy.length !== 1)
    throw new UsageError(`profile takes one strategy, not ${strategy.length}; run it once for each`);
  const input = await openInput(path, { flavour });
  try {
    const { machine } = input.open().header;
    return { strategy: specOf(strategy?.[0] ?? referenceFor(machine)), flavour: machine.flavour };
  } finally {
    input.close();
  }
}

/**
 * V8 counts inlined code for the function that it is in, and here nearly everything is: the profile is taken without inlining.
 * `slowdown`: how many times as long a replay then takes, not watched.
 */
function takeProfile(cell: readonly string[], folder: string): { profile: CpuProfile; slowdown: number } {
  const file = join(folder, 'profile.cpuprofile');
  rmSync(file, { force: true });
  const [path, strategy, flavour] = cell;
  const unwatched = [path, strategy, flavour, SECONDS_OF_RATE];
  const inlined = runCell([], unwatched);
  const plain = runCell([NO_INLINING], unwatched);
  runCell([NO_INLINING], [...cell, file]);
  try {
    return { profile: JSON.parse(readFileSync(file, 'utf8')) as CpuProfile, slowdown: plain / inlined };
  } catch (error) {
    throw new InputError(file, 'byte 0', `is no CPU profile (${(error as Error).message})`, 'check the space left');
  }
}

/** Milliseconds that a replay took. */
function runCell(flags: readonly string[], args: readonly string[]): number {
  const { status, stdout, stderr } = spawnSync(process.execPath, [...flags, '--conditions=plain', CELL, ...args], {
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  if (status !== 0)
    throw new UserError(`the profiled process ended with ${status ?? 'a signal'}: ${lastLine(stderr)}`, EXIT_INTERNAL);
  return Number(stdout);
}

const lastLine = (text: string): string => text.trim().split('\n').at(-1) ?? '';

/** Where a function is, as a reader of the sources looks for it: "vgic/flush.ts". */
const shorten = (self: SelfTime): SelfTime => ({
  ...self,
  url: self.url.startsWith(DIST) ? self.url.slice(DIST.length).replace(/\.js$/, '.ts') : self.url,
});

const percent = (share: number): string => `${(100 * share).toFixed(1)} %`;
const isOurs = ({ url }: SelfTime): boolean => url.startsWith('src/');

function describe(name: string, found: readonly SelfTime[], slowdown: number, folder: string, width: number): string {
  const table = new Table({
    head: ['self time', 'function', 'file'],
    style: { head: [], border: [] },
    colAligns: ['right'],
    chars: { mid: '', 'mid-mid': '', 'left-mid': '', 'right-mid': '' },
  });
  for (const { share, name: called, url, line } of found.slice(0, NR_ROWS))
    table.push([percent(share), called, line === 0 ? '' : url]);
  const sumOf = (list: readonly SelfTime[]): number => list.reduce((sum, { share }) => sum + share, 0);
  const ours = found.filter(isOurs);
  const collector = found.filter((self) => self.name === '(garbage collector)');
  const below = (part: string): number => sumOf(ours.filter(({ url }) => url.startsWith(part)));
  const [first] = ours;
  return [
    name,
    ...wrapText(
      first === undefined
        ? 'No sample fell into the replay.'
        : `The largest share is that of ${first.name} (${first.url}): ${percent(first.share)}. The model itself (vgic/) takes ${percent(below('src/vgic/'))}, the strategy ${percent(below('src/strategy/'))}, the walk over the events ${percent(below('src/replay/'))}, the garbage collector ${percent(sumOf(collector))}.`,
      width,
    ),
    table.toString(),
    ...wrapText(
      `Taken without inlining, so that functions can be told apart: a replay takes ${slowdown.toFixed(2)} times as long as it does otherwise.`,
      width,
    ),
    `Profile: ${join(folder, 'profile.cpuprofile')} (Chrome DevTools), ${join(folder, 'profile.speedscope.json')} (speedscope)`,
  ].join('\n');
}

/** The package "clinic" of the folder we are in, or that of the checkout. It is no dependency: it brings hundreds of packages. */
function findClinic(): string {
  for (const folder of [process.cwd(), PROFILER_PACKAGE]) {
    try {
      return createRequire(resolve(folder, 'package.json')).resolve('clinic/bin.js');
    } catch {
      // Not in this one.
    }
  }
  const remedy = existsSync(PROFILER_PACKAGE)
    ? 'install it with "npm ci --prefix bench/profiler"'
    : 'install it with "npm install --no-save clinic"';
  throw new UsageError(`--clinic needs the package clinic, which is not here; ${remedy}`);
}

const listPages = (folder: string): string[] => readdirSync(folder).filter((file) => file.endsWith('.html'));

/** Clinic ends with 0 whatever happens: what counts is whether a page came out. */
function runClinic(
  clinic: string,
  each: ClinicTool,
  cell: readonly string[],
  folder: string,
  terminal: Terminal,
): void {
  const before = new Set(listPages(folder));
  const args = [clinic, each, '--open=false', '--dest', folder, '--', process.execPath, '--conditions=plain', CELL];
  spawnSync(process.execPath, [...args, ...cell], { env: QUIET, stdio: ['ignore', 'ignore', 'inherit'] });
  const page = listPages(folder).find((file) => !before.has(file) && statSync(join(folder, file)).size > 0);
  if (page === undefined)
    throw new UserError(`clinic ${each}: no page came out; run it by hand to see why`, EXIT_INTERNAL);
  terminal.out(`clinic ${each}: ${join(folder, page)}`);
}
