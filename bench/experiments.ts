/** The list of experiments. Each stands for one question; the targets are those of the design, not limits of a test. */
import { execFileSync } from 'node:child_process';
import { existsSync, readdirSync, statSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { NR_LPIS } from '../src/gic/intid.js';
import type { Arm, Experiment } from '../src/stats/experiment.js';
import { type Effort, FULL_EFFORT, QUICK_EFFORT, type Sample } from '../src/stats/sample.js';
import { strategies } from '../src/strategy/index.js';
import { timerVariants } from '../src/study/timer-cost.js';
import { encodeColumnsFile } from './columns-file.js';
import { loadInput } from './inputs.js';
import { type NativeBuild, runNative } from './native-build.js';
import { writeTraceFile } from './trace-file.js';

const CELL = fileURLToPath(new URL('./cell.js', import.meta.url));
const ITS_CELL = fileURLToPath(new URL('./its-cell.js', import.meta.url));
const TIMER_CELL = fileURLToPath(new URL('./timer-cell.js', import.meta.url));
const ROOT = fileURLToPath(new URL('../../', import.meta.url));
const TRACES = join(ROOT, 'traces');
/** A recording's replay should take longer than the noise of a timer; the longest few stand for the others. */
const LEAST_BYTES = 50_000;
const MOST_RECORDINGS = 4;

export interface Plan {
  readonly quick: boolean;
  /** Folder for files that the cells read; the caller removes it. */
  readonly dir: string;
  readonly native: NativeBuild;
}

/** A cell in a process of its own. */
function measureCell(plan: Plan, mode: string, input: string, strategy: string): Sample {
  const flags = ['--mode', mode, '--input', input, '--strategy', strategy, ...(plan.quick ? ['--quick'] : [])];
  const output = execFileSync(process.execPath, ['--conditions=plain', CELL, ...flags], { encoding: 'utf8' });
  return JSON.parse(output) as Sample;
}

function measureNative(program: string, file: string, effort: Effort): Sample {
  // One replay tells how many make a pass and how many passes fit, as timePasses does for the other arms.
  const probe = runNative(program, file, { passes: 3 });
  const ms = Math.min(...probe.ns) / 1e6;
  const replays = Math.max(1, Math.ceil(effort.passMs / ms));
  const passes = Math.max(effort.leastPasses, Math.min(effort.passes, Math.floor(effort.budgetMs / (ms * replays))));
  const run = runNative(program, file, { passes, replays, warmup: effort.warmupPasses });
  return { events: run.events, nsPerEvent: run.ns.map((ns) => ns / (replays * run.events)), digest: run.digest };
}

const cellArm = (plan: Plan, name: string, input: string, strategy: string, target?: Arm['target']): Arm => ({
  name,
  measure: () => measureCell(plan, 'core', input, strategy),
  target,
});

/** The typed-array core against the same algorithm in C, on the same events. */
function compareWithNative(plan: Plan, id: string, title: string, input: string, ratio: number): Experiment[] {
  const { native } = plan;
  if ('skipped' in native) return [];
  const file = join(plan.dir, `${id.replace('/', '-')}.columns`);
  const { machine, block } = loadInput(input);
  writeFileSync(file, encodeColumnsFile(machine, block));
  const effort = plan.quick ? QUICK_EFFORT : FULL_EFFORT;
  return [
    {
      id,
      title,
      sameDigest: true,
      arms: [
        { name: 'native C', measure: () => measureNative(native.program, file, effort) },
        cellArm(plan, 'typed-array core', input, 'sort-on-flush', { ratio, kind: 'at most' }),
      ],
    },
  ];
}

function compareStrategies(
  plan: Plan,
  id: string,
  title: string,
  input: string,
  targets: Record<string, Arm['target']>,
): Experiment {
  const arms = strategies.map(({ id: name }) => cellArm(plan, name, input, name, targets[name]));
  const base = arms.findIndex(({ name }) => name === 'sort-on-flush');
  return { id, title, sameDigest: false, arms: [arms[base], ...arms.filter((_, arm) => arm !== base)] };
}

/** What reading costs: the same events from memory and from a file. */
function compareReading(plan: Plan, id: string, input: string, form: 'plain' | 'smallest'): Experiment {
  const file = join(plan.dir, `${id.replace('/', '-')}.vgt`);
  writeTraceFile(file, loadInput(input), { form });
  return {
    id,
    title: `${input}: from memory, from a file (${form} blocks), and the reading alone`,
    sameDigest: false,
    arms: [
      cellArm(plan, 'replay from memory', input, 'sort-on-flush'),
      {
        name: 'file: decode and replay',
        measure: () => measureCell(plan, 'file', file, 'sort-on-flush'),
        target: { rate: 25, kind: 'rate' },
      },
      { name: 'file: decode, every word read', measure: () => measureCell(plan, 'decode', file, 'sort-on-flush') },
      {
        name: 'file: framing alone',
        measure: () => measureCell(plan, 'frame', file, 'sort-on-flush'),
        // Dictionary blocks are expanded in the same pass: that is no framing alone.
        ...(form === 'plain' ? { target: { rate: 1000, kind: 'rate' } as const } : {}),
      },
    ],
  };
}

/** Mapped LPIs of the ITS experiments; the last is every number that there is. */
const LPI_COUNTS = [16, 1024, NR_LPIS];

/** Time of one translation by mapped LPIs: what the model takes, whatever the hypervisor's lists would cost. */
function compareLpiCounts(plan: Plan, id: string, title: string, mode: 'msi' | 'int'): Experiment {
  const arm = (flavour: string, lpis: number): Arm => ({
    name: `${flavour}, ${lpis} LPIs`,
    measure() {
      const flags = ['--flavour', flavour, '--lpis', `${lpis}`, '--case', mode, ...(plan.quick ? ['--quick'] : [])];
      const output = execFileSync(process.execPath, ['--conditions=plain', ITS_CELL, ...flags], { encoding: 'utf8' });
      return JSON.parse(output) as Sample;
    },
  });
  const arms = ['kvm-7.2', 'kvm-6.1'].flatMap((flavour) => LPI_COUNTS.map((lpis) => arm(flavour, lpis)));
  return { id, title, sameDigest: false, arms };
}

/** One timer tick in each way to deliver it; no goal, the model's cost of the vgic-spec 5.5 variants side by side. */
function compareTimers(plan: Plan): Experiment {
  const measure = (id: string): Sample => {
    const flags = ['--conditions=plain', TIMER_CELL, '--variant', id, ...(plan.quick ? ['--quick'] : [])];
    return JSON.parse(execFileSync(process.execPath, flags, { encoding: 'utf8' })) as Sample;
  };
  return {
    id: 'timer/tick',
    title:
      'a timer tick, from expiry to the guest that has handled it, by the way it is delivered (an event is a tick)',
    sameDigest: false,
    arms: timerVariants.map(({ id, name }) => ({ name, measure: () => measure(id) })),
  };
}

interface Recording {
  readonly name: string;
  readonly path: string;
}

/** The longest trace files below traces/, largest first. */
function findRecordings(most: number): Recording[] {
  if (!existsSync(TRACES)) return [];
  return readdirSync(TRACES, { recursive: true, encoding: 'utf8' })
    .filter((file) => /\.vgt(\.gz)?$/.test(file))
    .map((file) => ({ path: join(TRACES, file), name: basename(file).replace(/\.vgt(\.gz)?$/, '') }))
    .map((recording) => ({ ...recording, bytes: statSync(recording.path).size }))
    .filter(({ bytes }) => bytes >= LEAST_BYTES)
    .sort((a, b) => b.bytes - a.bytes || (a.path < b.path ? -1 : 1))
    .slice(0, most);
}

/** An experiment is made only when its turn comes: some write files. */
export interface PlannedExperiment {
  readonly id: string;
  make(): Experiment[];
}

export function planExperiments(plan: Plan): PlannedExperiment[] {
  // Long enough that opening the file is no part of the figure.
  const events = 1_000_000;
  const typical = `typical:events=${events}`;
  const periodic = `periodic:events=${events}`;
  const deep = `deep:depth=988,events=${plan.quick ? 8000 : 40_000}`;
  const atMost = (ratio: number): Arm['target'] => ({ ratio, kind: 'at most' });
  const nativeCases: [id: string, input: string, ratio: number][] = [
    ['native/typical', typical, 1.35],
    ['native/periodic', periodic, 1.35],
    ['native/deep-988', deep, 1.35],
    ...findRecordings(plan.quick ? 1 : MOST_RECORDINGS).map(({ name, path }): [string, string, number] => [
      `native/${name}`,
      path,
      1.35,
    ]),
  ];
  return [
    ...nativeCases.map(([id, input, ratio]) => ({
      id,
      make: () => compareWithNative(plan, id, `${id.slice(7)}: typed-array core against native C`, input, ratio),
    })),
    {
      id: 'strategy/deep-988',
      make: () => [
        compareStrategies(plan, 'strategy/deep-988', 'strategies with 988 entries on the list', deep, {
          buckets: { ratio: 0.01, kind: 'speedup' },
        }),
      ],
    },
    {
      id: 'strategy/deep-4',
      make: () => [
        compareStrategies(
          plan,
          'strategy/deep-4',
          'strategies with 4 entries on the list',
          `deep:depth=4,events=${events}`,
          {
            buckets: atMost(1.3),
          },
        ),
      ],
    },
    {
      id: 'strategy/typical',
      make: () => [
        compareStrategies(plan, 'strategy/typical', 'strategies on `typical`, about 2 entries on the list', typical, {
          buckets: atMost(1.3),
        }),
      ],
    },
    { id: 'timer/tick', make: () => [compareTimers(plan)] },
    { id: 'file/typical', make: () => [compareReading(plan, 'file/typical', typical, 'smallest')] },
    { id: 'file/typical-plain', make: () => [compareReading(plan, 'file/typical-plain', typical, 'plain')] },
    { id: 'its/msi', make: () => [compareLpiCounts(plan, 'its/msi', 'an MSI by mapped LPIs', 'msi')] },
    { id: 'its/int', make: () => [compareLpiCounts(plan, 'its/int', 'an INT command by mapped LPIs', 'int')] },
    { id: 'file/periodic', make: () => [compareReading(plan, 'file/periodic', periodic, 'smallest')] },
  ];
}
