/** `vgic-replay doctor`: the machine as times see it, and how small a slowdown can be found on it. */
import { join } from 'node:path';
import { type Command, InvalidArgumentError } from 'commander';
import { EXIT_UNDECIDED, UserError } from '../base/errors.js';
import { plural } from '../base/number-format.js';
import { referenceFor } from '../replay/create-model.js';
import { wrapHanging, wrapText } from '../report/wrap-text.js';
import {
  type Disturbance,
  describeResolution,
  type Fitness,
  foreseeResolution,
  judgeFitness,
  type MachineFacts,
  type Resolution,
  type TimerFacts,
} from '../stats/fitness.js';
import { STAGES } from '../stats/two-stage.js';
import { specOf } from '../strategy/index.js';
import { gatherColumns, writeColumns } from './arm-columns.js';
import { measureArm } from './arm-process.js';
import { ownBuild } from './injected-build.js';
import { openInput } from './inputs.js';
import { KEY_TRACES } from './key-cells.js';
import { machineFacts, measureTimer, watchDisturbance } from './machine-facts.js';
import { withScratch } from './scratch.js';
import { type Terminal, tool } from './terminal.js';

export const DOCTOR_SCHEMA = 'vgic-replay/doctor/1';

/** Fewer say nothing of how processes differ. */
const LEAST_PROCESSES = 10;
/** A waiting user's patience; ten processes take a dozen seconds where nothing runs beside. */
const LIMIT_SECONDS = 20;
const ARMS = 3;

interface Options {
  readonly seconds: number;
  readonly limit: number;
  readonly json?: boolean;
  readonly strict?: boolean;
}

export interface Diagnosis {
  readonly schema: typeof DOCTOR_SCHEMA;
  readonly tool: { readonly name: string; readonly version: string };
  readonly machine: MachineFacts;
  readonly timer: TimerFacts;
  readonly disturbance: Disturbance;
  /** Fresh processes of one program, ns per event; and the seconds that one took. */
  readonly times: readonly number[];
  /** As many are timed at least, unless the limit ends it first. */
  readonly leastProcesses: number;
  /** No process begins after so long. */
  readonly limitSeconds: number;
  readonly processSeconds: number;
  readonly resolution: Resolution;
  readonly fitness: Fitness;
}

export function registerDoctor(program: Command, terminal: Terminal): void {
  program
    .command('doctor')
    .description('say what this machine is, how steady times are on it, and how small a slowdown can be found')
    .option(
      '--seconds <n>',
      `how long identical processes are timed, ${LEAST_PROCESSES} of them at least`,
      parseSeconds,
      3,
    )
    .option('--limit <seconds>', 'begin none after so long, however few there are', parseLimit, LIMIT_SECONDS)
    .option('--strict', 'exit 7 if the machine is unfit')
    .option('--json', 'print JSON instead of text (reports/doctor.schema.json)')
    .action(async ({ seconds, limit, json, strict }: Options) => {
      const diagnosis = await diagnose(seconds, limit, terminal);
      terminal.out(json === true ? JSON.stringify(diagnosis, null, 2) : describeDiagnosis(diagnosis, terminal.width));
      const { verdict, reasons } = diagnosis.fitness;
      if (strict === true && verdict === 'unfit')
        throw new UserError(`this machine is unfit for times: ${reasons.join('; ')}`, EXIT_UNDECIDED);
    });
}

function parseSeconds(text: string): number {
  const seconds = Number(text);
  if (text.trim() === '' || !(seconds >= 0 && seconds <= 3600))
    throw new InvalidArgumentError('It must be a number from 0 to 3600.');
  return seconds;
}

function parseLimit(text: string): number {
  const limit = parseSeconds(text);
  if (limit === 0) throw new InvalidArgumentError('It must be more than 0.');
  return limit;
}

async function diagnose(seconds: number, limit: number, terminal: Terminal): Promise<Diagnosis> {
  const facts = machineFacts();
  const timer = measureTimer();
  const disturbanceSince = watchDisturbance();
  const { times, spent } = await withScratch('vgic-doctor', terminal, (folder, signal) =>
    timeTwins(join(folder, 'columns'), seconds, limit, signal),
  );
  const disturbance = disturbanceSince();
  const resolution = foreseeResolution(times, STAGES.confirmBlocks, 1);
  const tooFew =
    times.length < LEAST_PROCESSES
      ? `only ${plural(times.length, 'process', 'processes')} of ${LEAST_PROCESSES} ended within ${limit} s (--limit): others keep this machine busy, or it is slow`
      : null;
  return {
    schema: DOCTOR_SCHEMA,
    tool,
    machine: facts,
    timer,
    disturbance,
    times,
    leastProcesses: LEAST_PROCESSES,
    limitSeconds: limit,
    processSeconds: spent / times.length,
    resolution,
    fitness: withReason(judgeFitness(facts, disturbance, timer, resolution), tooFew),
  };
}

const withReason = (fitness: Fitness, reason: string | null): Fitness =>
  reason === null ? fitness : { ...fitness, verdict: 'unfit', reasons: [reason, ...fitness.reasons] };

/** Fresh processes of one program, for so many seconds: ns per event. `columns`: a new file. */
async function timeTwins(
  columns: string,
  seconds: number,
  limit: number,
  signal: AbortSignal,
): Promise<{ times: readonly number[]; spent: number }> {
  const times: number[] = [];
  const start = performance.now();
  let spent = 0;
  const input = await openInput(KEY_TRACES[0]);
  const source = input.open();
  writeColumns(gatherColumns(source), columns);
  input.close();
  const strategy = specOf(referenceFor(source.header.machine));
  while (times.length === 0 || (spent < limit && (times.length < LEAST_PROCESSES || spent < seconds))) {
    times.push((await measureArm({ build: ownBuild, columns, strategy }, { signal })).undisturbed);
    spent = (performance.now() - start) / 1000;
  }
  return { times, spent };
}

const percent = (share: number): string => `${(100 * share).toFixed(1)}\u00a0%`;

export function describeDiagnosis(diagnosis: Diagnosis, width: number): string {
  const { machine, timer, disturbance, times, processSeconds, resolution, fitness } = diagnosis;
  const resolves = describeResolution(resolution, processSeconds * ARMS * resolution.blocks);
  const { verdict, reasons, advice } = fitness;
  const words = verdict === 'fit' ? `Fit for times: ${resolves}.` : `UNFIT for times: ${reasons.join('; ')}.`;
  const rows: readonly (readonly [string, string])[] = [
    ['processor', `${machine.cpu}, ${machine.cores} cores, ${machine.arch}`],
    ['system', `${machine.os}; container: ${machine.container}; virtual machine: ${machine.virtualMachine}`],
    ['speed', `governor ${machine.governor}; turbo ${machine.turbo}; SMT ${machine.smt}`],
    ['limits', `CPU quota: ${machine.quotaCpus ?? 'none'}; swapped out: ${nameAmount(machine.swapUsedMb, ' MB')}`],
    [
      'load',
      `${machine.load.toFixed(1)}; steal ${disturbance.steal === 'unknown' ? 'unknown' : percent(disturbance.steal)}; throttled: ${disturbance.throttled}`,
    ],
    ['runtime', `Node ${machine.node}, V8 ${machine.v8}; flags: ${machine.flags.join(' ') || 'none'}`],
    ['clock', `steps of ${Math.round(timer.granularityNs)} ns, ${Math.round(timer.overheadNs)} ns a call`],
    [
      'same twice',
      `${times.length} fresh processes of one program: ${Math.min(...times).toFixed(2)} to ${Math.max(...times).toFixed(2)} ns an event${times.length < diagnosis.leastProcesses ? '' : `; identical builds differ by up to ${percent(resolution.floor)} with ${resolution.blocks} blocks`}`,
    ],
    ['fingerprint', machine.fingerprint],
  ];
  const lead = Math.max(...rows.map(([name]) => name.length)) + 2;
  return [
    ...wrapText(words, width),
    ...(verdict === 'unfit' && times.length >= diagnosis.leastProcesses
      ? wrapText(`Otherwise ${resolves}.`, width)
      : []),
    '',
    ...rows.flatMap(([name, text]) => wrapHanging(name.padEnd(lead), text, width)),
    ...(advice.length === 0 ? [] : ['', ...advice.flatMap((text) => wrapHanging('- ', text, width))]),
  ].join('\n');
}

const nameAmount = (amount: number | 'unknown', unit: string): string =>
  amount === 'unknown' ? 'unknown' : `${Math.round(amount)}${unit}`;
