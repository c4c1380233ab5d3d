/** Builds and runs the native yardstick (bench/native) with the machine's C compiler, if it has one. */
import { execFileSync, spawnSync } from 'node:child_process';
import { mkdirSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** From dist/bench to the sources. */
const SOURCES = fileURLToPath(new URL('../../bench/native/', import.meta.url));
const FLAGS = ['-O2', '-std=gnu11', '-Wall', '-Wextra'];

export type NativeBuild =
  | { readonly program: string; readonly compiler: string }
  /** Why there is no program: one sentence for the report. */
  | { readonly skipped: string };

export interface NativeRun {
  readonly events: number;
  /** Nanoseconds of each pass, all its replays together. */
  readonly ns: readonly number[];
  readonly kicks: number;
  /** Digest after the first replay, 8 hex digits. */
  readonly digest: string;
  /** Digest continued through all replays. */
  readonly digestOfAll: string;
}

/** Compiles into `dir` with $CC or cc. */
export function buildNative(dir: string): NativeBuild {
  const compiler = process.env.CC ?? 'cc';
  const probe = spawnSync(compiler, ['--version'], { encoding: 'utf8' });
  if (probe.error || probe.status !== 0) return { skipped: `no C compiler: '${compiler} --version' failed; set CC` };
  mkdirSync(dir, { recursive: true });
  const program = join(dir, 'vgic-native');
  const sources = readdirSync(SOURCES)
    .filter((file) => file.endsWith('.c'))
    .sort();
  const built = spawnSync(compiler, [...FLAGS, '-o', program, ...sources], { cwd: SOURCES, encoding: 'utf8' });
  if (built.status !== 0) return { skipped: `${compiler} failed: ${(built.stderr ?? '').split('\n')[0]}` };
  return { program, compiler: `${probe.stdout.split('\n')[0]} ${FLAGS[0]}` };
}

/** Replays a columns file: `replays` from reset a pass, `warmup` passes that do not count, then `passes`. */
export function runNative(
  program: string,
  file: string,
  { passes = 1, replays = 1, warmup = 0 }: { passes?: number; replays?: number; warmup?: number } = {},
): NativeRun {
  const options = ['--passes', `${passes}`, '--replays', `${replays}`, '--warmup', `${warmup}`];
  return JSON.parse(execFileSync(program, [file, ...options], { encoding: 'utf8' })) as NativeRun;
}

/** The F line of every flush. */
export function printNativeFlushes(program: string, file: string): string {
  return execFileSync(program, [file, '--flushes'], { encoding: 'utf8', maxBuffer: 1 << 28 });
}
