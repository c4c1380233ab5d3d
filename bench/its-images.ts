/**
 * ITS tables in bulk: `npm run its-images -- [--configurations N] [--mutants N] [--seed S] [--record]`. Random configurations
 * of both flavours are saved and restored, and must be what they were; mutated images are restored, and must do what the
 * text of vgic-spec 6.10 says, in the number of steps that it says, with nothing left behind. N counts each flavour. All cores work. A failure
 * is printed with the seed that repeats it; the run then ends in exit 3. `--record` writes reports/baseline/its-images.json.
 */
import { type ChildProcess, fork } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import Table from 'cli-table3';
import { flavours } from '../src/gic/flavour/index.js';
import { MUTATIONS } from '../src/study/its-images.js';
import type { ImageSlice, ImageSliceResult } from './its-images-worker.js';

const EXIT_DIFFERENCE = 3;
const SLICE_CONFIGURATIONS = 100;
/** Flavours with rules of their own: kvm-6.19 has those of kvm-7.2. */
const FLAVOURS = flavours
  .filter(({ its }, at) => its !== undefined && flavours.findIndex((other) => other.its === its) === at)
  .map(({ id }) => id);
const WORKER = fileURLToPath(new URL('./its-images-worker.js', import.meta.url));
const recordFile = fileURLToPath(new URL('../../reports/baseline/its-images.json', import.meta.url));
const { version } = JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8')) as {
  version: string;
};

const { values: options } = parseArgs({
  options: {
    configurations: { type: 'string', default: '1000' },
    mutants: { type: 'string', default: '20000' },
    seed: { type: 'string', default: '1' },
    record: { type: 'boolean', default: false },
  },
});
const configurations = Number(options.configurations);
const mutantsEach = Math.ceil(Number(options.mutants) / configurations);
const seed = Number(options.seed);

interface Tally {
  readonly flavour: string;
  configurations: number;
  mutants: number;
  mostSlots: number;
  /** Processor time of its slices in seconds: slices run side by side. */
  seconds: number;
  readonly outcomes: Map<string, Map<string, number>>;
  readonly failures: string[];
}

const tallies = FLAVOURS.map(
  (flavour): Tally => ({
    flavour,
    configurations: 0,
    mutants: 0,
    mostSlots: 0,
    seconds: 0,
    outcomes: new Map(),
    failures: [],
  }),
);

/** Slices of every flavour in turn; the same for the same options, whoever works on them. */
const slices: ImageSlice[] = [];
for (let first = 0; first < configurations; first += SLICE_CONFIGURATIONS) {
  for (const flavour of FLAVOURS) {
    const count = Math.min(SLICE_CONFIGURATIONS, configurations - first);
    // The same configurations and mutants for every flavour.
    slices.push({ flavour, seed: seed + first / SLICE_CONFIGURATIONS, configurations: count, mutantsEach });
  }
}

function book(tally: Tally, result: ImageSliceResult): void {
  tally.configurations += result.configurations;
  tally.mutants += result.mutants;
  tally.mostSlots = Math.max(tally.mostSlots, result.mostSlots);
  for (const [mutation, results] of Object.entries(result.outcomes)) {
    const counts = tally.outcomes.get(mutation) ?? new Map<string, number>();
    tally.outcomes.set(mutation, counts);
    for (const [name, times] of Object.entries(results)) counts.set(name, (counts.get(name) ?? 0) + times);
  }
  if (result.failure !== undefined) tally.failures.push(result.failure);
}

function drive(child: ChildProcess): Promise<void> {
  return new Promise((done, failed) => {
    let slice: ImageSlice | undefined;
    let begun = 0;
    const next = (): void => {
      slice = slices.shift();
      if (slice === undefined) {
        child.disconnect();
        done();
        return;
      }
      begun = Date.now();
      child.send(slice);
    };
    child.on('message', (result: ImageSliceResult) => {
      const tally = tallies.find(({ flavour }) => flavour === slice?.flavour)!;
      tally.seconds += (Date.now() - begun) / 1000;
      book(tally, result);
      next();
    });
    child.on('error', failed);
    child.on('exit', (code, signal) => {
      if (slice !== undefined) failed(new Error(`a worker ended (${signal ?? code})`));
    });
    next();
  });
}

await Promise.all(Array.from({ length: availableParallelism() }, () => drive(fork(WORKER))));

const shown = new Intl.NumberFormat('en');
const RESULTS = ['OK', '-EINVAL', '-EEXIST', '-EFAULT', '-ENOMEM'];
for (const { flavour, configurations: restored, mutants, mostSlots, seconds, outcomes, failures } of tallies) {
  const table = new Table({
    head: [flavour, ...RESULTS],
    colAligns: ['left', ...RESULTS.map(() => 'right' as const)],
    style: { head: [], border: [] },
  });
  for (const mutation of MUTATIONS) {
    const counts = outcomes.get(mutation);
    table.push([mutation, ...RESULTS.map((name) => shown.format(counts?.get(name) ?? 0))]);
  }
  console.log(table.toString());
  const rate = seconds === 0 ? 0 : Math.round(mutants / seconds);
  const done = `${shown.format(restored)} configurations restored, ${shown.format(mutants)} mutants as the text says`;
  console.log(
    `${flavour}: ${done}, at most ${shown.format(mostSlots)} slots a restore, ${shown.format(rate)} mutants/s a process`,
  );
  for (const failure of failures) console.error(failure);
}

const isRight = tallies.every(({ failures }) => failures.length === 0);
if (options.record && isRight) {
  const date = new Date().toISOString().slice(0, 10);
  const figures = Object.fromEntries(
    tallies.map(({ flavour, configurations: restored, mutants, mostSlots, outcomes }) => [
      flavour,
      {
        configurations: restored,
        mutants,
        mostSlots,
        outcomes: Object.fromEntries(
          MUTATIONS.map((mutation) => [mutation, Object.fromEntries([...(outcomes.get(mutation) ?? [])].sort())]),
        ),
        seed,
        version,
        date,
      },
    ]),
  );
  writeFileSync(recordFile, `${JSON.stringify(figures, null, 2)}\n`);
}
process.exitCode = isRight ? 0 : EXIT_DIFFERENCE;
