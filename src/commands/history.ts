/** `vgic-replay history`: results kept over time, and where they changed. Never a gate: that is `check`. */
import { execFileSync } from 'node:child_process';
import Table from 'cli-table3';
import type { Command } from 'commander';
import { RegressionError, UsageError } from '../base/errors.js';
import { formatDecimal, formatInteger, plural } from '../base/number-format.js';
import { printable } from '../base/printable.js';
import { type MachineHere, machineOf } from '../history/from-result.js';
import { describeMachine, HISTORY_SCHEMA, type HistoryRun, shortCommit } from '../history/record.js';
import {
  type AllSeries,
  changesAfter,
  findChanges,
  type HistoryChanges,
  isWorse,
  type SeriesPoint,
  seriesOf,
} from '../history/series.js';
import { findDouble } from '../history/store-text.js';
import { describeChanges, sparkline, summarise } from '../history/words.js';
import { wrapText } from '../report/wrap-text.js';
import { CHANGE_POINT_PLAN } from '../stats/change-points.js';
import { appendHistory, readHistoryFile } from './history-file.js';
import { readResult } from './history-result.js';
import { machineFacts } from './machine-facts.js';
import { parseSeed } from './seed-option.js';
import { type Terminal, tool } from './terminal.js';

export const DEFAULT_HISTORY = '.vgic-history.jsonl';
const SERIES_SCHEMA = 'vgic-replay/history-series/1';
const CHANGES_SCHEMA = 'vgic-replay/history-changes/1';

interface FileOption {
  readonly file: string;
}
interface AddOptions extends FileOption {
  readonly commit?: string;
  readonly ref?: string;
  readonly when?: string;
  readonly machine?: string;
  readonly again?: boolean;
}
interface ViewOptions extends FileOption {
  readonly cell?: string;
  readonly ref?: string;
  readonly json?: boolean;
}
interface DetectOptions extends ViewOptions {
  readonly seed: number;
  readonly since?: string;
  readonly fail?: boolean;
}

export function registerHistory(program: Command, terminal: Terminal): void {
  const history = program
    .command('history')
    .description(
      'keep results over time in a file of JSON lines, show them, and say where they changed (never a gate)',
    );
  const withFile = (command: Command): Command =>
    command.option('--file <file>', 'the history, a line a run', DEFAULT_HISTORY);
  const withView = (command: Command): Command =>
    withFile(command)
      .option('--cell <text>', 'only cells with this in their name "trace/flavour/strategy"')
      .option('--ref <name>', 'only runs of this branch or tag')
      .option('--json', 'as JSON');

  withFile(history.command('add').description('append a run to the history'))
    .argument(
      '<result>',
      "report.json, 'replay --reporter json', a stored run, 'bench --json' or a comparison as JSON; - for standard input",
    )
    .option('--commit <hash>', 'commit measured (default: $GITHUB_SHA, $CI_COMMIT_SHA, or what git says)')
    .option('--ref <name>', 'branch or tag (default: $GITHUB_REF_NAME, $CI_COMMIT_REF_NAME, or what git says)')
    .option('--when <date>', 'time of the run, ISO 8601 (default: now)')
    .option(
      '--machine <name>',
      'a name for the machine instead of its fingerprint: for runners that you know to be alike',
    )
    .option('--again', 'add a cell that the history has already of this commit and machine')
    .action((result: string, options: AddOptions) => add(result, options, terminal));

  withView(history.command('show').description('one row a series: first, last, course'))
    .option('--all', 'also exact counters that never moved')
    .action((options: ViewOptions & { readonly all?: boolean }) => {
      const runs = readRuns(options, terminal);
      const series = chooseSeries(runs, options);
      terminal.out(options.json === true ? showJson(series) : showTable(runs, series, options.all === true));
    });

  withView(
    history
      .command('detect')
      .description('change points of times, steps of exact counters; exit 0 whatever is found, unless --fail'),
  )
    .option('--since <commit>', 'only changes that came after the last run of this commit')
    .option('--seed <n>', 'seed of the random orders of the test', parseSeed, CHANGE_POINT_PLAN.seed)
    .option('--fail', 'exit 3 if something became slower or counts more')
    .action((options: DetectOptions) => {
      const runs = readRuns(options, terminal);
      const plan = { ...CHANGE_POINT_PLAN, seed: options.seed };
      const all = findChanges(chooseSeries(runs, options), plan);
      const changes = options.since === undefined ? all : changesAfter(all, runOf(runs, options.since, options.file));
      if (options.json === true)
        terminal.out(JSON.stringify({ schema: CHANGES_SCHEMA, tool, plan, runs: runs.length, ...changes }, null, 2));
      else terminal.out(describe(runs, changes, terminal.width));
      const worse = [...changes.counters, ...changes.times].filter(isWorse).length;
      if (options.fail === true && worse > 0)
        throw new RegressionError(
          `${options.file}: ${worse} of the changes are for the worse; --since COMMIT leaves out what is known`,
        );
    });
}

function add(result: string, options: AddOptions, terminal: Terminal): void {
  if (options.machine?.trim() === '') throw new UsageError('--machine names none; leave it out, or give a name');
  const facts = readResult(result);
  if (facts.cells.length === 0)
    throw new UsageError(`${result}: has no cell with counters or times; nothing was added`);
  const store = readHistoryFile(options.file, terminal, true);
  const machine = machineOf(facts.machine, machineHere());
  const said = parseCommit(options.commit) ?? facts.commit ?? fromEnvironment('GITHUB_SHA', 'CI_COMMIT_SHA');
  const run: HistoryRun = {
    schema: HISTORY_SCHEMA,
    when: parseWhen(options.when),
    commit: said ?? commitHere(),
    ref: options.ref ?? refHere(),
    tool,
    machine: { ...machine, fingerprint: options.machine ?? machine.fingerprint },
    cells: facts.cells,
  };
  const double = findDouble(store, run);
  if (double !== null && options.again !== true)
    throw new UsageError(`${options.file}: ${double}; nothing was added (--again adds it)`);
  appendHistory(options.file, store, run);
  const { fingerprint } = run.machine;
  terminal.out(
    printable(
      `added: ${plural(run.cells.length, 'cell')} of ${shortCommit(run.commit)} on machine ${fingerprint} (${describeMachine(machine)}); ${options.file} has ${plural(store.runs.length + 1, 'run')}`,
    ),
  );
  if (said === null && run.commit !== null && hasChangesHere())
    terminal.err(
      `the checkout has changes that are in no commit: the run stands as one of ${shortCommit(run.commit)} all the same`,
    );
  const hasTimes = run.cells.some(({ time }) => time !== null);
  const isNew = !store.runs.some((known) => known.machine.fingerprint === fingerprint);
  if (hasTimes && isNew && store.runs.length > 0)
    terminal.err('a machine that the history has not yet: its times begin a series of their own');
}

function parseWhen(text: string | undefined): string {
  const date = text === undefined ? new Date() : new Date(text);
  if (Number.isNaN(date.getTime()))
    throw new UsageError(`--when must be a date like 2026-11-26T12:00:00Z, not '${text}'`);
  return date.toISOString();
}

function parseCommit(text: string | undefined, flag = 'commit'): string | undefined {
  if (text !== undefined && !/^[0-9a-f]{7,64}$/.test(text))
    throw new UsageError(`--${flag} must be a hash of 7 to 64 hex digits, not '${text}'`);
  return text;
}

const fromEnvironment = (...names: readonly string[]): string | null =>
  names.map((name) => process.env[name]).find((value) => value !== undefined && value !== '') ?? null;

function git(...args: readonly string[]): string | null {
  try {
    return execFileSync('git', args, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] }).trim() || null;
  } catch {
    return null;
  }
}

const commitHere = (): string | null => git('rev-parse', 'HEAD');
/** In files that git keeps: the history and results lie about in many a checkout. */
const hasChangesHere = (): boolean => git('status', '--porcelain', '--untracked-files=no') !== null;
const refHere = (): string | null =>
  fromEnvironment('GITHUB_REF_NAME', 'CI_COMMIT_REF_NAME') ?? git('symbolic-ref', '--short', '-q', 'HEAD');

/** Hosted runners of GitHub say the version of their image in ImageOS and ImageVersion. */
function machineHere(): MachineHere {
  const { fingerprint, cpu, cores, os, node } = machineFacts();
  const image = [process.env.ImageOS, process.env.ImageVersion].filter((part) => part !== undefined && part !== '');
  return { fingerprint, cpu, cores, os, node, image: image.length === 0 ? null : image.join(' ') };
}

function readRuns({ file, ref }: ViewOptions, terminal: Terminal): readonly HistoryRun[] {
  const { runs } = readHistoryFile(file, terminal, false);
  return ref === undefined ? runs : runs.filter((run) => run.ref === ref);
}

function chooseSeries(runs: readonly HistoryRun[], { cell }: ViewOptions): AllSeries {
  const { times, counters } = seriesOf(runs);
  const isAsked = (series: { readonly cell: string }): boolean => cell === undefined || series.cell.includes(cell);
  return { times: times.filter(isAsked), counters: counters.filter(isAsked) };
}

/** Index of the last run of a commit, which may be cut short. */
function runOf(runs: readonly HistoryRun[], commit: string, file: string): number {
  parseCommit(commit, 'since');
  const at = runs.findLastIndex((run) => run.commit?.startsWith(commit) === true);
  if (at < 0) throw new UsageError(`${file}: has no run of commit ${commit} (--since)`);
  return at;
}

function describe(runs: readonly HistoryRun[], changes: HistoryChanges, width: number): string {
  const { leastSize, alpha, leastSide, leastAfter } = CHANGE_POINT_PLAN;
  return [
    summarise(runs.length, changes),
    ...describeChanges(changes).flatMap((line) =>
      wrapText(line, width - 4).map((part, at) => `${at === 0 ? '  ' : '    '}${part}`),
    ),
    '',
    ...wrapText(
      `Times: levels that differ by ${100 * leastSize} % or more, p <= ${alpha}, from ${leastSide} runs on a machine before and ${leastAfter} after a change; another machine or runner image begins anew. Exact counters: any step.`,
      width,
    ),
  ].join('\n');
}

const lastOf = (points: readonly SeriesPoint[]): SeriesPoint => points[points.length - 1];

function showTable(runs: readonly HistoryRun[], { times, counters }: AllSeries, showsAll: boolean): string {
  if (runs.length === 0) return 'no runs yet';
  const table = new Table({
    head: ['cell', 'what', 'runs', 'first', 'last', 'course'],
    style: { head: [], border: [] },
    colAligns: ['left', 'left', 'right', 'right', 'right', 'left'],
    chars: { mid: '', 'mid-mid': '', 'left-mid': '', 'right-mid': '' },
  });
  const isSteady = (points: readonly SeriesPoint[]): boolean => points.every(({ value }) => value === points[0].value);
  const moving = showsAll || runs.length < 2 ? counters : counters.filter(({ points }) => !isSteady(points));
  const steady = counters.length - moving.length;
  const row = (cell: string, what: string, points: readonly SeriesPoint[], format: (value: number) => string): void => {
    const values = points.map(({ value }) => value);
    table.push([
      printable(cell),
      printable(what),
      points.length,
      format(values[0]),
      format(lastOf(points).value),
      sparkline(values),
    ]);
  };
  for (const { cell, counter, points } of moving) row(cell, counter, points, formatInteger);
  for (const { cell, machine, points } of times)
    row(cell, `ns per event on ${machine.fingerprint}`, points, formatDecimal);
  const last = runs[runs.length - 1];
  const machines = [...new Map(runs.map(({ machine }) => [machine.fingerprint, machine])).values()];
  return [
    `${plural(runs.length, 'run')}, the last of ${shortCommit(last.commit)} on ${last.when.slice(0, 10)}`,
    ...(moving.length + times.length === 0 ? [] : [table.toString()]),
    ...(steady === 0 ? [] : [`${plural(steady, 'exact counter')} never moved; --all shows them`]),
    ...machines.map((machine) => printable(`machine ${machine.fingerprint}: ${describeMachine(machine)}`)),
  ].join('\n');
}

const showJson = ({ times, counters }: AllSeries): string =>
  JSON.stringify({ schema: SERIES_SCHEMA, tool, counters, times }, null, 2);
