/**
 * Long random comparisons: `npm run fuzz -- --minutes N [--flavour id,...] [--seed S] [--events N] [--strategies]
 * [--strategy id,...] [--record]`. The typed-array core against the plain reference model of every flavour; with
 * --strategies every ap_list strategy by what it promises, with --strategy the classes of those that it names, side by side. A failure is printed with the seed and path that repeat it, and kept, shrunk, as
 * traces/fuzz/<flavour>-<hash>.jsonl, which is a test from then on; the run ends in exit 3.
 */
import { type ChildProcess, fork } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import Table from 'cli-table3';
import { loadChosen, parseStrategies } from '../src/commands/strategy-files.js';
import { createTerminal } from '../src/commands/terminal.js';
import { flavourNamed, flavours } from '../src/gic/flavour/index.js';
import { scenarioToJson } from '../src/replay/test-fuzz-case.js';
import { specOf } from '../src/strategy/index.js';
import type { Slice, SliceResult } from './fuzz-worker.js';

const EXIT_DIFFERENCE = 3;
const WORKER = fileURLToPath(new URL('./fuzz-worker.js', import.meta.url));
const casesFolder = fileURLToPath(new URL('../../traces/fuzz/', import.meta.url));
const recordFile = fileURLToPath(new URL('../../reports/baseline/fuzz.json', import.meta.url));
const { version } = JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8')) as {
  version: string;
};

/** Steps of the longest scenario: generation costs less an event when there are many in one machine. */
const MAX_STEPS = 4000;
const SLICE_MS = 10_000;

const { values: options } = parseArgs({
  options: {
    minutes: { type: 'string', default: '5' },
    flavour: { type: 'string', default: flavours.map(({ id }) => id).join(',') },
    seed: { type: 'string', default: '1' },
    events: { type: 'string' },
    strategies: { type: 'boolean', default: false },
    strategy: { type: 'string', default: '' },
    record: { type: 'boolean', default: false },
  },
});

interface Tally {
  readonly flavour: string;
  machines: number;
  events: number;
  differences: number;
  /** Processor time of its slices in seconds: slices run side by side. */
  seconds: number;
  slices: number;
  running: number;
}

const choices = options.strategy === '' ? [] : parseStrategies(options.strategy);
const chosen = (await loadChosen(choices, createTerminal())).map(specOf);
const withStrategies = options.strategies || chosen.length > 0;

const isWanted = (flavour: string): boolean => !withStrategies || flavourNamed(flavour).structure === 'ap-list';
const tallies: Tally[] = options.flavour
  .split(',')
  .map((id) => flavourNamed(id).id)
  .filter(isWanted)
  .map((flavour) => ({ flavour, machines: 0, events: 0, differences: 0, seconds: 0, slices: 0, running: 0 }));
const seed = Number(options.seed);
const wantedEvents = options.events === undefined ? Number.POSITIVE_INFINITY : Number(options.events);
const end = Date.now() + Number(options.minutes) * 60_000;

const shown = new Intl.NumberFormat('en');
function showProgress(): void {
  if (!process.stderr.isTTY) return;
  const parts = tallies.map(({ flavour, events }) => `${flavour} ${shown.format(events)}`);
  process.stderr.write(`\r${parts.join('  ')}\x1b[K`);
}

function keepCase(slice: Slice, failure: NonNullable<SliceResult['failure']>): void {
  const hash = createHash('sha256').update(JSON.stringify(failure.scenario)).digest('hex').slice(0, 8);
  const name = `${slice.flavour}-${hash}`;
  mkdirSync(casesFolder, { recursive: true });
  writeFileSync(`${casesFolder}${name}.jsonl`, scenarioToJson(failure.scenario, name, failure.message));
  console.error(
    `\n${failure.message}\n  seed ${slice.seed}, path ${failure.path}; ${failure.scenario.events.length} events in traces/fuzz/${name}.jsonl`,
  );
}

/** The flavour that is furthest behind, unless time or events are up. */
function nextTally(): Tally | undefined {
  if (Date.now() >= end) return undefined;
  const open = tallies.filter(({ events, differences }) => events < wantedEvents && differences === 0);
  return open.sort((a, b) => a.events - b.events || a.running - b.running)[0];
}

/** Slices one after another, until there are no more. */
function drive(child: ChildProcess): Promise<void> {
  return new Promise((done, failed) => {
    let slice: Slice | undefined;
    let tally: Tally | undefined;
    let begun = 0;
    const next = (): void => {
      tally = nextTally();
      if (tally === undefined) {
        slice = undefined;
        child.disconnect();
        done();
        return;
      }
      slice = {
        flavour: tally.flavour,
        seed: seed + tally.slices,
        milliseconds: Math.max(1, Math.min(SLICE_MS, end - Date.now())),
        maxSteps: MAX_STEPS,
        strategies: withStrategies,
        chosen,
      };
      tally.slices += 1;
      tally.running += 1;
      begun = Date.now();
      child.send(slice);
    };
    child.on('message', (result: SliceResult) => {
      if (tally === undefined || slice === undefined) return;
      tally.running -= 1;
      tally.machines += result.machines;
      tally.events += result.events;
      tally.seconds += (Date.now() - begun) / 1000;
      if (result.failure !== undefined) {
        tally.differences += 1;
        keepCase(slice, result.failure);
      }
      showProgress();
      next();
    });
    child.on('error', failed);
    child.on('exit', (code, signal) => {
      if (slice === undefined || tally === undefined) return;
      // Killed from outside: its slice is lost, the others go on. A crash of its own is not passed over.
      if (signal === null) failed(new Error(`a worker ended with exit code ${code}`));
      tally.running -= 1;
      console.error(
        `\na worker was ended by ${signal}; its slice (${slice.flavour}, seed ${slice.seed}) is not counted`,
      );
      drive(fork(WORKER)).then(done, failed);
    });
    next();
  });
}

function record(): void {
  const figures = Object.fromEntries(
    tallies.map(({ flavour, machines, events, differences }) => [
      flavour,
      { machines, events, differences, seed, version, date: new Date().toISOString().slice(0, 10) },
    ]),
  );
  // Flavours that were not run keep their figures.
  const kept = existsSync(recordFile) ? (JSON.parse(readFileSync(recordFile, 'utf8')) as object) : {};
  writeFileSync(recordFile, `${JSON.stringify({ ...kept, ...figures }, null, 2)}\n`);
}

await Promise.all(Array.from({ length: availableParallelism() }, () => drive(fork(WORKER))));
if (process.stderr.isTTY) process.stderr.write('\n');
const table = new Table({
  head: ['flavour', 'machines', 'events', 'differences', 'seed', 'seconds', 'events/s'],
  colAligns: ['left', 'right', 'right', 'right', 'right', 'right', 'right'],
  style: { head: [], border: [] },
});
for (const { flavour, machines, events, differences, seconds } of tallies) {
  const rate = seconds === 0 ? 0 : Math.round(events / seconds);
  const counts = [machines, events, differences].map((count) => shown.format(count));
  table.push([flavour, ...counts, seed, seconds.toFixed(0), shown.format(rate)]);
}
console.log(table.toString());
if (options.record && !withStrategies) record();
process.exitCode = tallies.some(({ differences }) => differences > 0) ? EXIT_DIFFERENCE : 0;
