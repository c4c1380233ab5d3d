/**
 * Whole runs of the gate's time layer, the real command in a process of its own, on builds of which it is known what differs:
 *   npm run gate-trials -- --out trials.jsonl [--rounds 20] [--plan 0,0,0,0,0,0.05,0.1] [--seed 1]
 *   npm run gate-trials -- --summarise trials.jsonl
 * A round runs the trials of the plan in turn: 0 is the same build twice, 0.05 a build that is 5 % slower in its guest entry.
 * One line a trial is appended, so a later call adds to what an earlier one found.
 */
import { execFile } from 'node:child_process';
import { appendFileSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { loadavg, tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import type { CheckRecord } from '../src/commands/check.js';
import { copyBuild, injectSpin, ownBuild } from '../src/commands/injected-build.js';
import { KEY_TRACES } from '../src/commands/key-cells.js';
import { quantile } from '../src/stats/quantile.js';
import { calibrateTurns, measureCell } from './slower-builds.js';

interface Trial {
  /** Share by which the checked build is slower; 0: the same build. */
  readonly slower: number;
  readonly seed: number;
  readonly seconds: number;
  /** One-minute load average, its own process included, when it began and when it ended. */
  readonly load: readonly [before: number, after: number];
  /** Exit code of the gate. */
  readonly exitCode: number;
  readonly cells: readonly { readonly cell: string; readonly verdict: string; readonly ratio: number | null }[];
}

/** One cell is slowed and judged; without a change, as many cells as the gate of this project has. */
const SLOWED = KEY_TRACES.slice(0, 1);
const SAME = KEY_TRACES.slice(0, 2);
const STRATEGY = 'sort-on-flush';

function runGate(build: string, base: string, traces: readonly string[], seed: number): Promise<CheckRecord> {
  const args = ['check', '--layers', '3', '--base', base, '--seed', `${seed}`, '-r', 'json', ...traces];
  return new Promise((resolve, reject) => {
    const cli = join(build, 'dist/src/cli.js');
    execFile(process.execPath, [cli, ...args], { maxBuffer: 1e8 }, (_error, stdout, stderr) => {
      // A red gate exits with its code; a gate that broke prints no record.
      try {
        resolve(JSON.parse(stdout) as CheckRecord);
      } catch {
        reject(new Error(`the gate printed no record: ${stderr}`));
      }
    });
  });
}

async function runTrials(out: string, rounds: number, plan: readonly number[], firstSeed: number): Promise<void> {
  const dir = mkdtempSync(join(tmpdir(), 'vgic-trials-'));
  try {
    const base = join(dir, 'base');
    copyBuild(ownBuild, base);
    const shares = [...new Set(plan)].filter((share) => share > 0);
    const measure = await measureCell(`${SLOWED[0]}/${STRATEGY}`, dir);
    const turns = await calibrateTurns(shares, dir, measure);
    const builds = new Map([[0, ownBuild]]);
    for (const [at, share] of shares.entries()) {
      const build = join(dir, `slower-${at}`);
      injectSpin(ownBuild, build, turns[at]);
      builds.set(share, build);
    }
    let seed = firstSeed;
    for (let round = 0; round < rounds; round++)
      for (const slower of plan) {
        const [before] = loadavg();
        const start = performance.now();
        const record = await runGate(builds.get(slower)!, base, slower === 0 ? SAME : SLOWED, seed);
        const trial: Trial = {
          slower,
          seed: seed++,
          seconds: Math.round((performance.now() - start) / 1000),
          load: [before, loadavg()[0]],
          exitCode: record.exitCode,
          cells: record.cells.map(({ cell, verdict, time }) => ({ cell, verdict, ratio: time?.ratio ?? null })),
        };
        appendFileSync(out, `${JSON.stringify(trial)}\n`);
      }
  } finally {
    rmSync(dir, { recursive: true, force: true });
  }
}

/** Largest share that leaves `reds` or fewer of `trials` a chance of 5 %: upper end of the exact 95 % interval, one-sided. */
function upperLimit(reds: number, trials: number): number {
  let [low, high] = [reds / trials, 1];
  while (high - low > 1e-6) {
    const share = (low + high) / 2;
    let [term, sum] = [(1 - share) ** trials, 0];
    for (let count = 0; count <= reds; count++) {
      sum += term;
      term *= ((trials - count) / (count + 1)) * (share / (1 - share));
    }
    if (sum > 0.05) low = share;
    else high = share;
  }
  return high;
}

const percent = (share: number): string => `${(100 * share).toFixed(1)} %`;

function summarise(files: readonly string[]): void {
  const all = files
    .flatMap((file) => readFileSync(file, 'utf8').trimEnd().split('\n'))
    .map((line) => JSON.parse(line) as Trial);
  for (const slower of [...new Set(all.map((trial) => trial.slower))].sort((a, b) => a - b)) {
    const trials = all.filter((trial) => trial.slower === slower);
    const reds = trials.filter(({ exitCode }) => exitCode !== 0).length;
    const verdicts = new Map<string, number>();
    for (const { verdict } of trials.flatMap(({ cells }) => cells))
      verdicts.set(verdict, (verdicts.get(verdict) ?? 0) + 1);
    const seconds = trials.map((trial) => trial.seconds);
    const loads = trials.flatMap(({ load }) => load);
    const name = slower === 0 ? 'same build' : `+${percent(slower)}`;
    const limit = slower === 0 ? ` (at most ${percent(upperLimit(reds, trials.length))}, with 95 % confidence)` : '';
    console.log(
      [
        `${name}: red ${reds} of ${trials.length} gates${limit}`,
        `cells: ${[...verdicts].map(([verdict, count]) => `${verdict} ${count}`).join(', ')}`,
        `${quantile(seconds, 0.5)} s a gate, at most ${Math.max(...seconds)}`,
        `load ${Math.min(...loads).toFixed(1)} to ${Math.max(...loads).toFixed(1)}, median ${quantile(loads, 0.5).toFixed(1)}`,
      ].join('; '),
    );
  }
}

const { values } = parseArgs({
  options: {
    out: { type: 'string' },
    rounds: { type: 'string', default: '1' },
    plan: { type: 'string', default: '0,0,0,0,0,0.05,0.1' },
    seed: { type: 'string', default: '1' },
    summarise: { type: 'string', multiple: true },
  },
});
if (values.out !== undefined)
  await runTrials(values.out, Number(values.rounds), values.plan.split(',').map(Number), Number(values.seed));
if (values.summarise !== undefined) summarise(values.summarise);
