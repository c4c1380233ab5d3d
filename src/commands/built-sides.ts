/** Builds of this tool that a comparison runs beside one another: a folder with its dist/, or a git ref built for the time. */
import { execFileSync, spawn } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, rmSync, symlinkSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { InputError, UsageError } from '../base/errors.js';

export interface Build {
  /** As the user named it. */
  readonly name: string;
  /** The folder above its dist/. */
  readonly folder: string;
  readonly commit: string | null;
  /** Do files of the folder differ from the commit? Null: it is under no version control. */
  readonly isDirty: boolean | null;
}

export const isBuild = (folder: string): boolean =>
  existsSync(join(folder, 'dist', 'src', 'cli.js')) && existsSync(join(folder, 'package.json'));

/** What git says, or null. */
function askGit(folder: string, args: readonly string[]): string | null {
  try {
    return execFileSync('git', ['-C', folder, ...args], {
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'ignore'],
    }).trim();
  } catch {
    return null;
  }
}

/** The commit that a ref of `repo` names, or null. */
export const resolveCommit = (ref: string, repo: string): string | null =>
  ref.startsWith('-') ? null : askGit(repo, ['rev-parse', '--verify', '--quiet', `${ref}^{commit}`]);

/** The folder of the checkout that `folder` lies in, or null. */
export const findCheckout = (folder: string): string | null => askGit(folder, ['rev-parse', '--show-toplevel']);

/** Where a checkout stands. */
export function stateOfCheckout(folder: string): Pick<Build, 'commit' | 'isDirty'> {
  const changes = askGit(folder, ['status', '--porcelain', '--untracked-files=no']);
  return { commit: askGit(folder, ['rev-parse', 'HEAD']), isDirty: changes === null ? null : changes !== '' };
}

/** A build that is there. */
export function builtFolder(name: string): Build {
  const folder = resolve(name);
  if (!isBuild(folder))
    throw new InputError(name, 'dist/src/cli.js', 'there is no build in this folder', 'build it with "npm run build"');
  // Of this folder itself, not of a checkout that it happens to lie in.
  const top = findCheckout(folder);
  const isOwn = top !== null && resolve(top) === folder;
  return { name, folder, ...(isOwn ? stateOfCheckout(folder) : { commit: null, isDirty: null }) };
}

/**
 * Runs a program and what it starts in a group of their own: `signal` ends all of it at once, so that no compiler goes on
 * writing where its folder was removed. Null, or the first line that a failed one printed,
 * or how it ended.
 */
function runInGroup(
  program: string,
  args: readonly string[],
  cwd: string,
  signal: AbortSignal,
): Promise<string | null> {
  return new Promise((done) => {
    let printed = '';
    const child = spawn(program, args, { cwd, detached: true, stdio: ['ignore', 'pipe', 'pipe'] });
    const keep = (text: Buffer): void => {
      if (printed.length < KEPT_OUTPUT) printed += text.toString('utf8');
    };
    child.stdout.on('data', keep);
    child.stderr.on('data', keep);
    const kill = (): void => {
      if (child.pid !== undefined) process.kill(-child.pid, 'SIGKILL');
    };
    signal.addEventListener('abort', kill, { once: true });
    const finish = (failure: string | null): void => {
      signal.removeEventListener('abort', kill);
      done(failure);
    };
    child.on('error', ({ message }) => finish(message));
    child.on('close', (code, by) => {
      const [said] = printed.trim().split('\n');
      finish(code === 0 ? null : said || (by === null ? `exit ${code}` : `ended by ${by}`));
    });
  });
}

const KEPT_OUTPUT = 4000;

type Step = (what: string, program: string, args: readonly string[], cwd: string) => Promise<void>;

/**
 * The files of a commit of `repo` in `target`, a new folder, as git archives them: nothing of the checkout is touched.
 * Throws UsageError if `ref` names none. `run` does more in the same way.
 */
export async function unpackCommit(
  ref: string,
  repo: string,
  target: string,
  signal: AbortSignal,
): Promise<{ readonly commit: string; readonly run: Step }> {
  const commit = resolveCommit(ref, repo);
  if (commit === null) throw new UsageError(`'${ref}' is no commit of ${repo}`);
  mkdirSync(target, { recursive: true });
  const archive = `${target}.tar`;
  const run: Step = async (what, program, args, cwd) => {
    const failure = await runInGroup(program, args, cwd, signal);
    signal.throwIfAborted();
    if (failure !== null)
      throw new InputError(ref, commit.slice(0, 12), `cannot be ${what} (${failure})`, 'name a commit that builds');
  };
  await run('read', 'git', ['-C', repo, 'archive', '--format=tar', '-o', archive, commit], repo);
  await run('unpacked', 'tar', ['-xf', archive, '-C', target], target);
  rmSync(archive);
  return { commit, run };
}

/** The commit of `repo` built in `target`; packages are those of `repo` where its lock file is the same, installed otherwise. */
export async function buildCommit(ref: string, repo: string, target: string, signal: AbortSignal): Promise<Build> {
  const { commit, run } = await unpackCommit(ref, repo, target, signal);
  const lock = (folder: string): string | null => {
    const file = join(folder, 'package-lock.json');
    return existsSync(file) ? readFileSync(file, 'utf8') : null;
  };
  if (lock(target) === null)
    throw new InputError(
      ref,
      commit.slice(0, 12),
      'has no package-lock.json: it is no build of this tool',
      'see --repo',
    );
  if (existsSync(join(repo, 'node_modules')) && lock(target) === lock(repo))
    symlinkSync(resolve(repo, 'node_modules'), join(target, 'node_modules'));
  else await run('given its packages', 'npm', ['ci', '--no-audit', '--no-fund'], target);
  await run('built', 'npm', ['run', '-s', 'build'], target);
  if (!isBuild(target))
    throw new InputError(ref, commit.slice(0, 12), 'its build makes no dist/src/cli.js', 'name a later commit');
  return { name: ref, folder: target, commit, isDirty: false };
}

/** A folder that is built, or a ref of `repo`, built below `scratch`. */
export async function prepareBuild(name: string, repo: string, scratch: string, signal: AbortSignal): Promise<Build> {
  if (existsSync(name)) return builtFolder(name);
  return buildCommit(name, repo, scratch, signal);
}
