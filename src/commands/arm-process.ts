/** Starts the processes of a comparison of times: one fresh process a call (timed-arm.ts). */
import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import type { PieceEffort } from '../stats/sample.js';
import type { ArmSample } from './timed-arm.js';

const ARM = fileURLToPath(new URL('timed-arm.js', import.meta.url));
const execute = promisify(execFile);

/**
 * On one thread, and from one seed: when a function is compiled then depends on what ran and not on when another thread was
 * given its turn. Both arms run so.
 */
export const ARM_FLAGS: readonly string[] = [
  '--conditions=plain',
  '--single-threaded',
  '--predictable-gc-schedule',
  '--hash-seed=1',
  '--random-seed=1',
];

/** What a process spends on measuring once the core is warm (warm-up.ts); more processes beat longer ones. */
export const ARM_EFFORT: PieceEffort = { cpuMs: 150, leastPasses: 3 };
/** A process that takes so long hangs. */
const TIMEOUT_MS = 120_000;

export interface ArmRun {
  /** The folder above dist/. */
  readonly build: string;
  /** arm-columns.ts. */
  readonly columns: string;
  readonly strategy: string;
}

export interface ArmOptions {
  readonly effort?: PieceEffort;
  /** Ends the process. */
  readonly signal?: AbortSignal;
}

export async function measureArm({ build, columns, strategy }: ArmRun, options: ArmOptions = {}): Promise<ArmSample> {
  const { effort = ARM_EFFORT, signal } = options;
  const args = [...ARM_FLAGS, ARM, build, columns, strategy, JSON.stringify(effort)];
  try {
    const { stdout } = await execute(process.execPath, args, { encoding: 'utf8', timeout: TIMEOUT_MS, signal });
    return JSON.parse(stdout) as ArmSample;
  } catch (error) {
    const { killed, stderr, signal: by } = error as { killed?: boolean; stderr?: string; signal?: string | null };
    if (killed === true) throw new Error(`a process took more than ${TIMEOUT_MS / 1000} s`);
    if (typeof by === 'string') throw new Error(`a process was ended from outside (${by})`);
    throw new Error(`a process ended with an error: ${firstReason(stderr ?? String(error))}`);
  }
}

/** The line of a stack trace that says what was wrong. */
export const firstReason = (stderr: string): string =>
  stderr
    .split('\n')
    .find((line) => /^\w*Error\b/.test(line))
    ?.trim() ?? stderr.trim().slice(0, 200);
