/**
 * Kills runs with SIGKILL, the runner or one of its workers, at random moments, and looks at what is left: every finished
 * unit must be readable, `--resume` must complete the run, and the result must be that of a run nobody disturbed.
 * Linux: workers are found in /proc.
 */
import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { createGenerator } from '../src/base/rng.js';
import { readRunFile, unfinished } from '../src/run/run-file.js';

const CLI = fileURLToPath(new URL('../src/cli.js', import.meta.url));

export interface KillOptions {
  readonly times: number;
  readonly seed: number;
  /** A verb and its arguments, without --output, --jobs and --shard. */
  readonly args: readonly string[];
  readonly jobs: number;
  /** 1: each run is whole. More: each kill hits one of so many shards, which are merged afterwards. */
  readonly shards: number;
}

export interface Kill {
  readonly victim: 'runner' | 'worker';
  /** Milliseconds after the start. */
  readonly after: number;
  /** Units that could be read after the kill, of those that the run was for; a cut-off line was left out. */
  readonly kept: number;
  readonly units: number;
  readonly isTorn: boolean;
  /** Exit code of the run, or the signal that ended it. */
  readonly end: string;
}

interface End {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly err: string;
}

function start(args: readonly string[]): { child: ChildProcess; end: Promise<End> } {
  const child = spawn(process.execPath, [CLI, ...args], { stdio: ['ignore', 'ignore', 'pipe'] });
  let err = '';
  child.stderr.on('data', (text) => {
    err += text;
  });
  // 'exit', not 'close': a worker may hold the pipe a little longer than its runner lives.
  const end = new Promise<End>((resolve) => {
    child.on('exit', (code, signal) => resolve({ code, signal, err }));
  });
  return { child, end };
}

async function complete(args: readonly string[]): Promise<void> {
  const { code, err } = await start(args).end;
  assert.equal(code, 0, `${args.join(' ')}: ${err}`);
}

/** Process ids of the children, while it lives. */
function childrenOf(pid: number): number[] {
  try {
    return readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').split(' ').filter(Boolean).map(Number);
  } catch {
    return [];
  }
}

const isAlive = (pid: number): boolean => existsSync(`/proc/${pid}`);

/** sha256 of the plan and all results, of which the machine is no part. */
function hashRun(file: string): string {
  const { header, units } = readRunFile(readFileSync(file, 'utf8'), file);
  const lines = units.map(({ unit, sha256 }) => `${unit} ${sha256}\n`);
  return createHash('sha256')
    .update(`${header.planSha256}\n${lines.join('')}`)
    .digest('hex');
}

/** How long a worker may outlive its runner: it ends the unit that it is at. */
const GRACE_MS = 20_000;

/** Throws AssertionError where a promise is not kept. Returns the hash of the undisturbed run and what each kill did. */
export async function killRuns(options: KillOptions, onKill: (kill: Kill) => void = () => {}): Promise<string> {
  const { times, seed, shards } = options;
  const folder = mkdtempSync(join(tmpdir(), 'vgic-kills-'));
  const random = createGenerator(seed);
  const at = (name: string): string => join(folder, name);
  const argsFor = (output: string, shard: number): string[] => [
    ...options.args,
    '--jobs',
    `${options.jobs}`,
    '--output',
    output,
    ...(shards === 1 ? [] : ['--shard', `${shard}/${shards}`]),
  ];
  const names = Array.from({ length: shards }, (_none, index) => at(`part-${index + 1}.jsonl`));
  const hashWhole = async (parts: readonly string[]): Promise<string> => {
    if (shards === 1) return hashRun(parts[0]);
    await complete(['merge', ...parts, '--output', at('merged.jsonl')]);
    return hashRun(at('merged.jsonl'));
  };
  try {
    const began = performance.now();
    for (const [index, name] of names.entries()) await complete(argsFor(name, index + 1));
    const duration = (performance.now() - began) / shards;
    const expected = await hashWhole(names);
    for (let time = 0; time < times; time++) {
      const shard = random.nextBelow(shards);
      const output = names[shard];
      rmSync(output);
      const after = (random.nextBelow(1000) / 1000) * duration;
      const kill = await killOnce(argsFor(output, shard + 1), output, after, random.nextBelow(3));
      if (!existsSync(output)) await complete([...argsFor(output, shard + 1), '--resume']);
      assert.equal(await hashWhole(names), expected, 'the exact result is that of the undisturbed run');
      onKill(kill);
    }
    return expected;
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** `choice`: 0 for the runner, else which of its workers; the runner if it has none at that moment. */
async function killOnce(args: readonly string[], output: string, after: number, choice: number): Promise<Kill> {
  const { child, end } = start(args);
  await sleep(after);
  const pid = child.pid!;
  const workers = childrenOf(pid);
  const isRunner = choice === 0 || workers.length === 0;
  const victim = isRunner ? pid : workers[(choice - 1) % workers.length];
  try {
    process.kill(victim, 'SIGKILL');
  } catch {
    // It was done before its moment came.
  }
  const { code, signal, err } = await end;
  if (!isRunner) assert.equal(code, 0, `a killed worker costs nothing but time: ${err}`);
  for (let waited = 0; workers.some(isAlive); waited += 20) {
    assert.ok(waited < GRACE_MS, 'a worker outlives its runner');
    await sleep(20);
  }
  return {
    victim: isRunner ? 'runner' : 'worker',
    after: Math.round(after),
    ...readKept(output),
    end: `${code ?? signal}`,
  };
}

/** What an ended run has left; throws if anything but the last line cannot be read. */
function readKept(output: string): Pick<Kill, 'kept' | 'units' | 'isTorn'> {
  const file = existsSync(output) ? output : `${output}.partial`;
  const text = existsSync(file) ? readFileSync(file, 'utf8') : '';
  if (!text.includes('\n')) return { kept: 0, units: 0, isTorn: text !== '' };
  const run = readRunFile(text, file);
  return { kept: run.units.length, units: run.units.length + unfinished(run).length, isTorn: run.torn !== null };
}
