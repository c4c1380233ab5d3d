/** What layers 2 and 3 compare: key cells in this build and in that of a base, a git ref built for the time; or under strategies of two commits. */
import { existsSync, realpathSync } from 'node:fs';
import { basename } from 'node:path';
import { UsageError } from '../base/errors.js';
import { type ExactComparison, judgeSame } from '../compare/compare-cells.js';
import { findStrategyLack, referenceFor } from '../replay/create-model.js';
import { type BlockSource, quoted, replayTrace } from '../replay/replay.js';
import type { ExactPart } from '../replay/result.js';
import { specOf } from '../strategy/index.js';
import { placeIn, prepareBaseStrategies } from './base-strategy.js';
import { type Build, builtFolder, prepareBuild } from './built-sides.js';
import { MAX_KEY_CELLS } from './check-config.js';
import { OTHERS, RECORDED } from './check-plan.js';
import { ownBuild } from './injected-build.js';
import { findFlavourLack, openInput } from './inputs.js';
import { KEY_TRACES } from './key-cells.js';
import { loadStrategy } from './strategy-files.js';

export interface KeyCell {
  /** "trace/flavour/strategy". */
  readonly cell: string;
  readonly path: string;
  readonly flavour: string;
  readonly strategy: string;
  /** A fresh pass over the events. */
  readonly open: () => BlockSource;
  /**
   * The counters of two strategies; undefined where two builds are compared, whose counters layer 0 has. `isFaulty`: this
   * side's throws or is not what it declares, and is no cheaper for being fast.
   */
  readonly exact?: ExactComparison & { readonly isFaulty: boolean };
}

/** What repeats a layer of one cell. */
export const commandOfLayer = (layer: number, { path, flavour, strategy }: KeyCell, base: string): string =>
  `vgic-replay check ${quoted(path)} --layers ${layer} --strategy ${quoted(strategy)} --flavour ${flavour} --base ${quoted(base)}`;

export interface KeyChoice {
  /** Of the settings. */
  readonly keyCells: readonly string[] | undefined;
  /** Trace name → path, of all that are replayed. */
  readonly paths: ReadonlyMap<string, string>;
  readonly isShipped: boolean;
  readonly strategies: readonly string[] | undefined;
  /** As the command line or the settings name them. */
  readonly flavours: readonly string[];
}

/** At most ten; `left`: how many more there would have been. */
export async function chooseKeyCells(choice: KeyChoice): Promise<{ cells: KeyCell[]; left: number }> {
  if (choice.keyCells !== undefined)
    return { cells: await Promise.all(choice.keyCells.map((cell) => namedCell(cell, choice.paths))), left: 0 };
  const paths = choice.isShipped ? [...KEY_TRACES] : [...choice.paths.values()];
  const cells: KeyCell[] = [];
  for (const path of paths)
    for (const flavour of await flavoursOf(path, choice.flavours))
      cells.push(...(await cellsOf(path, flavour, choice)));
  if (cells.length === 0)
    throw new UsageError(
      'layers 2 and 3 have no cell: none of the strategies can run on any of the traces in these flavours',
    );
  return { cells: cells.slice(0, MAX_KEY_CELLS), left: Math.max(0, cells.length - MAX_KEY_CELLS) };
}

/** Those that are asked for; that of the trace where none is named. */
async function flavoursOf(path: string, wanted: readonly string[]): Promise<readonly string[]> {
  const input = await openInput(path);
  const { machine } = input.open().header;
  input.close();
  const named = wanted.filter((id) => id !== RECORDED && id !== OTHERS);
  const own = named.length === 0 || wanted.includes(RECORDED) ? [machine.flavour] : [];
  return [...new Set([...own, ...named])].filter((id) => findFlavourLack(machine, id) === undefined);
}

async function cellsOf(path: string, flavour: string, { strategies }: KeyChoice): Promise<KeyCell[]> {
  const { open } = await openInput(path, { flavour });
  const { machine } = open().header;
  const chosen =
    strategies === undefined
      ? [referenceFor(machine)]
      : await Promise.all(strategies.map((spec) => loadStrategy(spec)));
  return chosen
    .filter(({ strategy }) => findStrategyLack(machine, strategy) === undefined)
    .map((each) => {
      const cell = `${traceName(path)}/${flavour}/${each.label}`;
      return { cell, path, flavour, strategy: specOf(each), open };
    });
}

const traceName = (path: string): string => basename(path).replace(/(\.vgt)?(\.gz)?$/, '');

async function namedCell(cell: string, paths: KeyChoice['paths']): Promise<KeyCell> {
  const [, trace, flavour, strategy] = /^(.+?)\/([^/]+)\/(.+)$/.exec(cell) ?? [];
  const path = paths.get(trace ?? '');
  if (path === undefined)
    throw new UsageError(
      `key cell '${cell}' is of no trace here; name it trace/flavour/strategy, as the baseline does`,
    );
  const { open } = await openInput(path, { flavour });
  const lack = findStrategyLack(open().header.machine, (await loadStrategy(strategy)).strategy);
  if (lack !== undefined) throw new UsageError(`key cell '${cell}': ${lack}`);
  return { cell, path, flavour, strategy, open };
}

export interface Builds {
  /** Where strategies are compared both run in this build, and the names and commits are those of the files. */
  readonly kind: 'build' | 'strategy';
  readonly base: Build;
  readonly own: Build;
  /** What the base runs for a strategy of this side. */
  readonly baseSpec: (strategy: string) => string;
}

/** Throws UsageError if the ref is none or this build itself, InputError if it does not build. */
export async function prepareBase(ref: string, scratch: string, signal: AbortSignal): Promise<Builds> {
  const own = builtFolder(ownBuild);
  if (existsSync(ref) && realpathSync(ref) === realpathSync(ownBuild))
    throw new UsageError(`--base ${ref} is this build itself: nothing could ever be slower than it; name a ref`);
  const base = await prepareBuild(ref, ownBuild, scratch, signal);
  // A strategy that is a file of this very repository has its own past; one from elsewhere is the same on both sides.
  return { kind: 'build', base, own, baseSpec: (spec) => placeIn(base.folder, ownBuild, spec) ?? spec };
}

/** The same for strategy files of `repo`, in this build. */
export async function prepareStrategies(
  ref: string,
  strategies: readonly string[],
  repo: string,
  scratch: string,
  signal: AbortSignal,
): Promise<Builds> {
  const { base, own, specs } = await prepareBaseStrategies(ref, strategies, repo, scratch, signal);
  return { kind: 'strategy', base, own, baseSpec: (spec) => specs.get(spec) ?? spec };
}

/** What a reader has to know of the two, in words, or null. */
export const findSameness = ({ kind, base, own }: Builds): string | null =>
  base.commit !== null && base.commit === own.commit && own.isDirty === false
    ? `${base.name} is the commit of ${kind === 'build' ? 'this build' : own.name}: nothing between the two can differ`
    : null;

/** Key cells with what their counters say of the base's strategy beside this one. */
export async function countAgainstBase(cells: readonly KeyCell[], { baseSpec }: Builds): Promise<KeyCell[]> {
  const counted: KeyCell[] = [];
  for (const cell of cells) {
    const identity = { path: cell.path, sha256: '', origin: 'recorded' };
    const count = async (spec: string): Promise<ExactPart> => {
      const [part] = replayTrace(cell.open(), [await loadStrategy(spec)], identity);
      // The file is another one: that is what is looked at.
      const { outside: _, ...strategy } = part.strategy;
      return { ...part, strategy };
    };
    const [before, after] = [await count(baseSpec(cell.strategy)), await count(cell.strategy)];
    const isFaulty = after.stopped?.kind === 'strategy-fault' || !after.equivalence.holds;
    counted.push({ ...cell, exact: { ...judgeSame(before, after), isFaulty } });
  }
  return counted;
}
