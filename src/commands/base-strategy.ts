/**
 * A strategy file as it was at a commit of the repository that it lies in: what layers 2 and 3 compare for a team that has
 * strategies of its own, and no fork of this tool. Both sides run in this build.
 */
import { existsSync, realpathSync, symlinkSync } from 'node:fs';
import { dirname, join, relative, resolve } from 'node:path';
import { InputError, UsageError } from '../base/errors.js';
import { type Build, findCheckout, stateOfCheckout, unpackCommit } from './built-sides.js';
import { ownBuild } from './injected-build.js';
import { loadStrategy, splitStrategyFile } from './strategy-files.js';

/** Where it really lies; the path itself where there is no such file. */
const realPath = (path: string): string => (existsSync(path) ? realpathSync(path) : resolve(path));
const filesOf = (specs: readonly string[]): string[] => specs.flatMap((spec) => splitStrategyFile(spec)?.file ?? []);

/** The one repository of the strategy files, or null: there is no file, or they lie in no repository, or in that of this tool. */
export function findTeamRepository(specs: readonly string[]): string | null {
  const tops = filesOf(specs).map((file) => findCheckout(dirname(realPath(file))));
  const [first, ...others] = [...new Set(tops.filter((top) => top !== null && realPath(top) !== realPath(ownBuild)))];
  if (others.length > 0)
    throw new UsageError(
      `--base: the strategies lie in two repositories, ${first} and ${others[0]}; name those of one`,
    );
  return first ?? null;
}

/** The file `spec` names, below `folder`, where the repository `top` was unpacked; null: it is not there. */
export function placeIn(folder: string, top: string, spec: string): string | null {
  const split = splitStrategyFile(spec);
  if (split === null) return null;
  const path = relative(realPath(top), realPath(split.file));
  const placed = join(folder, path);
  return path.startsWith('..') || !existsSync(placed) ? null : `${placed}${split.rest}`;
}

export interface BaseStrategies {
  readonly base: Build;
  readonly own: Build;
  /** Each spec → the same of the base. */
  readonly specs: ReadonlyMap<string, string>;
}

/** Throws UsageError if `ref` is no commit of the repository, InputError if a file is not in it or is no strategy there. */
export async function prepareBaseStrategies(
  ref: string,
  specs: readonly string[],
  repo: string,
  target: string,
  signal: AbortSignal,
): Promise<BaseStrategies> {
  const { commit } = await unpackCommit(ref, repo, target, signal);
  const placed = new Map<string, string>();
  for (const spec of specs) {
    const { file } = splitStrategyFile(spec) ?? { file: spec };
    const there = placeIn(target, repo, spec);
    if (there === null)
      throw new InputError(
        file,
        ref,
        'is not in this commit',
        'name one that has it; two files that are in none: vgic-replay compare OLD.js NEW.js',
      );
    linkPackages(dirname(realPath(file)), realPath(repo), target);
    await requireStrategy(there, file, ref);
    placed.set(spec, there);
  }
  const own = { name: filesOf(specs).join(', '), folder: ownBuild, ...stateOfCheckout(repo) };
  return { base: { name: ref, folder: ownBuild, commit, isDirty: false }, own, specs: placed };
}

/** Packages are in no commit: those of today stand in, from the folder of the file up to that of the repository. */
function linkPackages(from: string, top: string, target: string): void {
  for (let folder = from; !relative(top, folder).startsWith('..'); folder = dirname(folder)) {
    const [packages, there] = [join(folder, 'node_modules'), join(target, relative(top, folder), 'node_modules')];
    if (existsSync(packages) && !existsSync(there)) symlinkSync(packages, there, 'junction');
  }
}

async function requireStrategy(spec: string, file: string, ref: string): Promise<void> {
  try {
    await loadStrategy(spec);
  } catch (error) {
    if (!(error instanceof InputError)) throw error;
    throw new InputError(`${file} at ${ref}`, error.place, error.what, 'name a commit that has a strategy there');
  }
}
