/** What the two names of `compare A B` stand for: results, builds, strategies or traces. */
import { existsSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { InputError, UsageError, UserError } from '../base/errors.js';
import { strategyNamed } from '../strategy/index.js';
import { isBuild, resolveCommit } from './built-sides.js';
import { resolveShipped } from './shipped.js';

export const SIDE_KINDS = ['result', 'build', 'strategy', 'trace'] as const;
export type SideKind = (typeof SIDE_KINDS)[number];

export const KIND_HELP = 'what A and B are, where their names do not tell: result, build, strategy or trace';

export function parseKind(text: string): SideKind {
  const kind = SIDE_KINDS.find((known) => known === text);
  if (kind === undefined) throw new UsageError(`--as must be one of ${SIDE_KINDS.join(', ')}, not '${text}'`);
  return kind;
}

/** The kind of both names; `repo`: where git refs are looked up. Throws UsageError if they are of two kinds, or of none. */
export function kindOfSides(a: string, b: string, repo: string): SideKind {
  const [left, right] = [kindOf(a, repo), kindOf(b, repo)];
  if (left === right) return left;
  throw new UsageError(
    `'${a}' is a ${left} and '${b}' a ${right}; both must be of one kind: results, builds, strategies or traces (--as says which)`,
  );
}

function kindOf(name: string, repo: string): SideKind {
  const path = resolveShipped(name);
  const stat = existsSync(path) ? statSync(path) : undefined;
  if (stat?.isDirectory()) return isBuild(path) || !existsSync(join(path, 'meta.json')) ? 'build' : 'trace';
  if (stat !== undefined) return kindOfFile(path);
  if (isStrategy(name)) return 'strategy';
  if (resolveCommit(name, repo) !== null) return 'build';
  throw new InputError(
    name,
    'name',
    'is no file, no folder with a build, no strategy and no git ref here',
    'name a result (.json), a trace, a strategy (see strategies), or a build: its folder or a ref of --repo',
  );
}

function kindOfFile(path: string): SideKind {
  if (/\.[cm]?js$/.test(path)) return 'strategy';
  return /\.json$/.test(path) ? 'result' : 'trace';
}

function isStrategy(spec: string): boolean {
  if (/\.[cm]?js(:|$)/.test(spec)) return true;
  try {
    strategyNamed(spec);
    return true;
  } catch (error) {
    if (!(error instanceof UserError)) throw error;
    return /^strategy /.test(error.message);
  }
}
