/** `vgic-replay report`: replay recordings under every strategy, verify them, write the report. The main job. */
import { mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Command } from 'commander';
import { InputError, UsageError } from '../base/errors.js';
import { quoted } from '../replay/replay.js';
import type { CellResult } from '../replay/result.js';
import { renderCsv, renderHarmCsv, renderMeasuredCsv, renderSectionsCsv } from '../report/csv.js';
import { renderJson } from '../report/json.js';
import type { ReportModel, TraceKind } from '../report/model.js';
import { renderTerminal } from '../report/terminal.js';
import { CELL_VERBS, WHOLE } from '../run/plan.js';
import { modelOf } from '../run/report-model.js';
import { cellsOf, type Run } from '../run/run-file.js';
import { type ChosenStrategy, strategiesText } from '../strategy/index.js';
import { BENCH_SCHEMA, type BenchRecord } from './bench-record.js';
import { FLAVOUR_HELP, parseFlavour } from './flavour-option.js';
import { addHistory } from './history-file.js';
import { findFlavourLack, openInput } from './inputs.js';
import { describeShard } from './merge.js';
import { cannotWrite } from './outputs.js';
import { requireClasses } from './replay-checks.js';
import {
  CELLS,
  chooseReporters,
  collectReporter,
  REPORTER_FLAGS,
  reporterHelp,
  wantsData,
  writeReporters,
} from './reporter-options.js';
import { addRunOptions, type RunOptions, refuseRunOptions, runFileIn } from './run-options.js';
import { planRun } from './run-plan.js';
import { readRuns, refuseMixture } from './run-store.js';
import { runUnits } from './run-units.js';
import { parseSeed } from './seed-option.js';
import { readManifest, shippedPath } from './shipped.js';
import { parseStrategies, STRATEGY_HELP } from './strategy-files.js';
import type { Terminal } from './terminal.js';

interface Options extends RunOptions {
  readonly out: string;
  readonly strategy?: ChosenStrategy[];
  readonly seed: number;
  readonly kind: TraceKind;
  readonly measured?: string;
  readonly flavour?: string;
  readonly studies?: boolean;
  readonly history?: string;
  readonly reporter?: string[];
}

export function registerReport(program: Command, terminal: Terminal): void {
  addRunOptions(
    program
      .command('report')
      .description(
        'replay recordings under every strategy, verify them against their list registers, answer the questions of the threads; write HTML, Markdown, CSV and JSON',
      )
      .argument(
        '[traces...]',
        'traces (default: the recordings shipped with the package), or stored results of a run (run.jsonl, or all its shards)',
      )
      .option('-o, --out <dir>', 'folder of the report', 'vgic-report')
      .option('-s, --strategy <ids>', STRATEGY_HELP, parseStrategies)
      .option('--flavour <id>', FLAVOUR_HELP, parseFlavour)
      .option('--seed <n>', 'seed of generated events', parseSeed, 1)
      .option('--measured <file>', "times to show beside the counts: what 'bench --json' printed")
      .option(REPORTER_FLAGS, `${reporterHelp(CELLS)}; beside the files of the folder`, collectReporter)
      .option('--history <file>', "earlier runs, as 'history add' keeps them: how times and counters went")
      .option(
        '--studies',
        'also with traces named: answer the questions of the threads, as the report of the shipped ones does',
      )
      .option('--kind <kind>', 'what traces that are not shipped are taken for: linux-guest, attack or other', 'other'),
  ).action(async (paths: string[], options: Options, command: Command) => {
    const reporters = chooseReporters(options.reporter, CELLS);
    const isStored = refuseMixture(paths);
    if (isStored) refuseRunOptions(command);
    const run = isStored ? readRuns(paths, CELL_VERBS, terminal.err) : await runReport(paths, options, terminal);
    if (run.header.shard.count > 1) {
      terminal.out(describeShard(run, runFileIn(options.out, options.shard)));
      requireClasses(cellsOf(run));
      return;
    }
    const counted = modelOf(run);
    const measured = options.measured === undefined ? counted : addMeasured(counted, options.measured);
    const model = options.history === undefined ? measured : addHistory(measured, options.history, terminal);
    await writeReport(model, options.out, isStored ? paths.join(' ') : runFileIn(options.out, undefined));
    const where = `Report: ${join(options.out, 'report.html')} (open it in a browser), and report.md, report.json and CSV files beside it`;
    const table = (): string => `${renderTerminal(model, terminal)}\n\n${where}`;
    await writeReporters(reporters, { table }, wantsData(reporters) ? { model } : {}, terminal);
    if (!reporters.some(({ id }) => id === 'table')) terminal.err(where);
    requireClasses(model.cells);
  });
}

async function runReport(paths: readonly string[], options: Options, terminal: Terminal): Promise<Run> {
  const { out, shard, jobs, resume, measured, strategy, flavour, seed, kind } = options;
  if (shard !== undefined && measured !== undefined)
    throw new UsageError('--measured belongs to the report of the merged run; leave it out here');
  const planned = await planRun({
    verb: 'report',
    paths: paths.length > 0 ? paths : await shippedFor(flavour, terminal),
    command: commandOf(paths, options),
    seed,
    strategy,
    flavour,
    kind,
    isStored: true,
    studies: paths.length === 0 || options.studies === true ? (await import('../study/index.js')).studies : [],
  });
  try {
    const { plan, files, kept } = planned;
    const store = runFileIn(out, shard);
    return await runUnits({ plan, files, kept, shard: shard ?? WHOLE, jobs, store, resume: resume === true }, terminal);
  } finally {
    planned.close();
  }
}

/** The command line that makes the exact part again. */
function commandOf(paths: readonly string[], { strategy, flavour, seed, studies: withStudies, kind }: Options): string {
  return [
    'vgic-replay report',
    ...paths.map(quoted),
    ...(strategy === undefined ? [] : ['--strategy', quoted(strategiesText(strategy))]),
    ...(flavour === undefined ? [] : ['--flavour', flavour]),
    ...(withStudies === true ? ['--studies'] : []),
    ...(kind === 'other' ? [] : ['--kind', kind]),
    '--seed',
    `${seed}`,
  ].join(' ');
}

/** The shipped recordings that the flavour has a machine for; says how many it has none for. */
async function shippedFor(flavour: string | undefined, terminal: Terminal): Promise<string[]> {
  const all = readManifest().map(shippedPath);
  if (flavour === undefined) return all;
  const fitting: string[] = [];
  for (const path of all) {
    const input = await openInput(path);
    if (findFlavourLack(input.open().header.machine, flavour) === undefined) fitting.push(path);
    input.close();
  }
  if (fitting.length < all.length)
    terminal.err(
      `${all.length - fitting.length} of ${all.length} shipped recordings left out: ${flavour} has no such machine`,
    );
  return fitting;
}

/** Puts the times of a `bench --json` file into the cells of the same trace, flavour and strategy. */
function addMeasured(model: ReportModel, file: string): ReportModel {
  const bench = readBench(file);
  const cells = model.cells.map((cell): CellResult => {
    const { sha256, machine } = cell.exact.trace;
    const result = bench.results.find(({ id, flavour }) => id === sha256 && flavour === machine.flavour);
    const arm = result?.arms.find(({ name }) => name === cell.exact.strategy.id);
    if (result === undefined || arm === undefined) return cell;
    const { minima, estimate, low, high, ratio } = arm;
    const isReference = arm === result.arms[0];
    const { seed, blocks } = result;
    const { node, cpu } = result.machine ?? bench.machine;
    return {
      ...cell,
      measured: { nsPerEvent: minima, estimate, low, high, ratio: isReference ? null : ratio, seed, blocks, node, cpu },
    };
  });
  const { cpu, node, os, load, fingerprint } = bench.machine;
  const machines = bench.results.flatMap(({ machine }) => machine ?? []);
  const others = [
    ...new Set(
      machines
        .filter((machine) => machine.fingerprint !== fingerprint)
        .map((machine) => `${machine.cpu}, ${machine.os}, Node ${machine.node}`),
    ),
  ];
  return {
    ...model,
    cells,
    measuredOn: {
      cpu,
      node,
      os,
      ...(fingerprint === undefined ? {} : { fingerprint }),
      notes: [
        `Load average ${load.toFixed(1)} when the measurement ended.`,
        ...(others.length === 0 ? [] : [`Some times are of other machines: ${others.join('; ')}.`]),
      ],
    },
  };
}

function readBench(file: string): BenchRecord {
  let record: BenchRecord;
  try {
    record = JSON.parse(readFileSync(file, 'utf8')) as BenchRecord;
  } catch (error) {
    throw new InputError(
      file,
      'byte 0',
      `cannot be read as JSON (${(error as Error).message})`,
      "give what 'vgic-replay bench --json' printed",
    );
  }
  if (record.schema !== BENCH_SCHEMA)
    throw new InputError(
      file,
      'schema',
      `is ${JSON.stringify(record.schema)}`,
      `give what 'vgic-replay bench --json' printed (${BENCH_SCHEMA})`,
    );
  return record;
}

/** Each file appears under its name only when it is whole. `stored`: the files that the report can be made of again. */
async function writeReport(model: ReportModel, folder: string, stored: string): Promise<void> {
  // The chart library is large, and so is what composes a report: loaded where it is needed, not at the start of every verb.
  const { renderHtml } = await import('../report/html.js');
  const { renderMarkdown } = await import('../report/markdown.js');
  const files: [string, string][] = [
    ['report.html', renderHtml(model)],
    ['report.md', renderMarkdown(model)],
    ['report.json', renderJson(model)],
    ['cells.csv', renderCsv(model)],
    ['sections.csv', renderSectionsCsv(model)],
    ['harm.csv', renderHarmCsv(model)],
  ];
  const measured = renderMeasuredCsv(model);
  if (measured !== null) files.push(['measured.csv', measured]);
  for (const [name, text] of files) {
    const path = join(folder, name);
    try {
      mkdirSync(folder, { recursive: true });
      writeFileSync(`${path}.partial`, text);
      renameSync(`${path}.partial`, path);
    } catch (error) {
      dropFile(`${path}.partial`);
      const { code } = error as NodeJS.ErrnoException;
      throw cannotWrite(
        path,
        `cannot be written (${code})`,
        `the results are kept: 'vgic-replay report ${stored} --out DIR' writes the report elsewhere`,
      );
    }
  }
}

function dropFile(path: string): void {
  try {
    rmSync(path, { force: true });
  } catch {
    // A folder that takes nothing gives nothing back.
  }
}
