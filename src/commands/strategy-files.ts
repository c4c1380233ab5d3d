/** The option --strategy: ids of listed strategies, and files with one of the user's own (strategy/outside.ts). */
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { InputError } from '../base/errors.js';
import {
  allStrategies,
  type ChosenStrategy,
  isLoaded,
  keepLoaded,
  strategyNamed,
  withParams,
} from '../strategy/index.js';
import { declaresWorst, describeException, readStrategy } from '../strategy/outside.js';
import type { Terminal } from './terminal.js';

export const STRATEGY_HELP =
  'comma-separated strategies, parameters as hybrid:threshold=32; files with one of your own: ./mine.js; `all`: also those on request (see strategies)';

/** A file that is loaded before the verb begins. */
interface FileChoice {
  readonly file: string;
  /** `param=number,…` */
  readonly assignments: string;
}
type Choice = ChosenStrategy | FileChoice;

/** ./ ../ / or a drive begin it, or .js, .mjs or .cjs ends it: a file. A bare word is an id. */
export const isStrategyFile = (spec: string): boolean =>
  /^(\.{0,2}[\\/]|[A-Za-z]:[\\/])/.test(spec) || /\.[cm]?js(:|$)/.test(spec);

function parseFile(spec: string): FileChoice {
  const [, file, assignments = ''] = /^(.*?\.[cm]?js)(?::(.*))?$/.exec(spec) ?? /^([^:]*)(?::(.*))?$/.exec(spec) ?? [];
  return { file: file ?? spec, assignments };
}

/** The file of a choice, and what follows it there: "./mine.js" and ":n=3"; null: a listed strategy. */
export function splitStrategyFile(spec: string): { readonly file: string; readonly rest: string } | null {
  if (!isStrategyFile(spec)) return null;
  const { file } = parseFile(spec);
  return { file, rest: spec.slice(file.length) };
}

const parseSpec = (spec: string): Choice => (isStrategyFile(spec) ? parseFile(spec) : strategyNamed(spec));
const parseSpecs = (spec: string): Choice[] => (spec === 'all' ? allStrategies() : [parseSpec(spec)]);

/**
 * `a,b:n=3,./mine.js,all` → choices; a comma followed by `name=` continues the parameters of the one before. Throws UsageError
 * with the choices. Before a verb's action runs, program.ts has the files loaded: the action sees ChosenStrategy[].
 */
export function parseStrategies(text: string, previous: Choice[] = []): Choice[] {
  return [...previous, ...text.split(/,(?![A-Za-z][A-Za-z0-9-]*=)/).flatMap(parseSpecs)];
}

/** Loads the files among the choices. Says of each on stderr what it leaves undeclared. */
export async function loadChosen(
  choices: readonly Choice[],
  terminal: Pick<Terminal, 'err'>,
): Promise<ChosenStrategy[]> {
  const loaded: ChosenStrategy[] = [];
  for (const choice of choices) {
    const chosen = 'strategy' in choice ? choice : await loadFile(choice, true);
    const { outside, strategy } = chosen;
    if (outside !== undefined) {
      const same = loaded.find((other) => other.strategy.id === strategy.id && other.outside?.file !== outside.file);
      if (same !== undefined)
        throw new InputError(
          outside.file,
          'id',
          `"${strategy.id}" is also that of ${same.outside?.file}`,
          'rename one',
        );
      const isFirst = !loaded.some((other) => other.outside?.file === outside.file);
      if (isFirst && !declaresWorst(strategy))
        terminal.err(`${outside.file}: ${strategy.id} declares no worst case; none is checked`);
    }
    loaded.push(chosen);
  }
  return loaded;
}

/** One id or file with its parameters, as processes that run a cell are handed it. `guarded` false: exceptions as they are. */
export async function loadStrategy(spec: string, { guarded = true } = {}): Promise<ChosenStrategy> {
  const choice = parseSpec(spec);
  return 'strategy' in choice ? choice : loadFile(choice, guarded);
}

/** Loads the files among what targets of a search name, once a process. */
export async function loadTargets(targets: readonly { readonly strategy: string }[]): Promise<void> {
  for (const { strategy } of targets) if (isStrategyFile(strategy) && !isLoaded(strategy)) await loadStrategy(strategy);
}

async function loadFile({ file, assignments }: FileChoice, guarded: boolean): Promise<ChosenStrategy> {
  const bytes = readBytes(file);
  const strategy = readStrategy(await importFile(file), file, guarded);
  const sha256 = createHash('sha256').update(bytes).digest('hex');
  return keepLoaded({ ...withParams(strategy, assignments), outside: { file, sha256 } });
}

function readBytes(file: string): Uint8Array {
  try {
    return readFileSync(file);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    const remedy = code === 'ENOENT' ? 'check the path' : 'name a JavaScript file that can be read';
    throw new InputError(file, 'byte 0', `cannot be read (${code})`, remedy);
  }
}

async function importFile(file: string): Promise<Readonly<Record<string, unknown>>> {
  try {
    return (await import(pathToFileURL(resolve(file)).href)) as Readonly<Record<string, unknown>>;
  } catch (error) {
    if (error instanceof SyntaxError) {
      // Without module syntax an older Node takes .js for CommonJS.
      const remedy = /'export'|import statement/.test(error.message) ? 'name it .mjs' : 'correct it';
      throw new InputError(file, `line ${findSyntaxError(file) ?? '?'}`, `SyntaxError: ${error.message}`, remedy);
    }
    const what = describeException(error);
    const line = new RegExp(`${pathToFileURL(resolve(file)).href.replace(/[.*+?^${}()|[\]\\]/g, '\\$&')}:(\\d+)`);
    const at = line.exec(error instanceof Error ? (error.stack ?? '') : '');
    const remedy =
      error instanceof Error && /Cannot find (package|module)/.test(error.message)
        ? 'import files by their path; what a strategy needs is in the second argument of create'
        : 'correct it';
    throw new InputError(file, at === null ? 'import' : `line ${at[1]}`, what, remedy);
  }
}

/** Only a process of its own says where a syntax error is: "FILE:LINE" on its first line. */
function findSyntaxError(file: string): string | undefined {
  try {
    execFileSync(process.execPath, ['--check', file], { stdio: ['ignore', 'ignore', 'pipe'], encoding: 'utf8' });
    return undefined;
  } catch (error) {
    const { stderr } = error as { stderr?: string };
    return /:(\d+)$/m.exec(stderr?.split('\n')[0] ?? '')?.[1];
  }
}
