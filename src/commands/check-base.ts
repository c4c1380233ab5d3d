/** What layers 2 and 3 compare: key cells in this build and in that of a base, a git ref built for the time. */
import { basename } from 'node:path';
import { UsageError } from '../base/errors.js';
import { findStrategyLack, referenceFor } from '../replay/create-model.js';
import type { BlockSource } from '../replay/replay.js';
import { specOf } from '../strategy/index.js';
import { type Build, builtFolder, prepareBuild } from './built-sides.js';
import { MAX_KEY_CELLS } from './check-config.js';
import { ownBuild } from './injected-build.js';
import { openInput } from './inputs.js';
import { KEY_TRACES } from './key-cells.js';
import { loadStrategy } from './strategy-files.js';

export interface KeyCell {
  /** "trace/flavour/strategy". */
  readonly cell: string;
  readonly path: string;
  readonly strategy: string;
  /** A fresh pass over the events. */
  readonly open: () => BlockSource;
}

export interface KeyChoice {
  /** Of the settings. */
  readonly keyCells: readonly string[] | undefined;
  /** Trace name → path, of all that are replayed. */
  readonly paths: ReadonlyMap<string, string>;
  readonly isShipped: boolean;
  readonly strategies: readonly string[] | undefined;
}

/** At most ten; `left`: how many more there would have been. */
export async function chooseKeyCells(choice: KeyChoice): Promise<{ cells: KeyCell[]; left: number }> {
  if (choice.keyCells !== undefined)
    return { cells: await Promise.all(choice.keyCells.map((cell) => namedCell(cell, choice.paths))), left: 0 };
  const paths = choice.isShipped ? [...KEY_TRACES] : [...choice.paths.values()];
  const cells: KeyCell[] = [];
  for (const path of paths) {
    const input = await openInput(path);
    const { machine } = input.open().header;
    const own = referenceFor(machine);
    const chosen =
      choice.strategies === undefined ? [own] : await Promise.all(choice.strategies.map((spec) => loadStrategy(spec)));
    for (const each of chosen) {
      if (findStrategyLack(machine, each.strategy) !== undefined) continue;
      const cell = `${traceName(path)}/${machine.flavour}/${each.label}`;
      cells.push({ cell, path, strategy: specOf(each), open: input.open });
    }
  }
  return { cells: cells.slice(0, MAX_KEY_CELLS), left: Math.max(0, cells.length - MAX_KEY_CELLS) };
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
  return { cell, path, strategy, open };
}

export interface Builds {
  readonly base: Build;
  readonly own: Build;
}

/** Throws UsageError if the ref is none, InputError if it does not build. */
export async function prepareBase(ref: string, scratch: string, signal: AbortSignal): Promise<Builds> {
  return { base: await prepareBuild(ref, ownBuild, scratch, signal), own: builtFolder(ownBuild) };
}
