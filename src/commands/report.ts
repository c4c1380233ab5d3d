/** `vgic-replay report`: replay recordings under every strategy, verify them, write the report. The main job. */
import { mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Command } from 'commander';
import { InputError, UsageError } from '../base/errors.js';
import { referenceFor, strategiesFor } from '../replay/create-model.js';
import { quoted, replayTrace } from '../replay/replay.js';
import { CELL_SCHEMA, type CellResult } from '../replay/result.js';
import { createTimeline, type Timeline } from '../replay/timeline.js';
import { verifyTrace } from '../replay/verify.js';
import { renderCsv, renderHarmCsv, renderMeasuredCsv, renderSectionsCsv } from '../report/csv.js';
import { renderJson } from '../report/json.js';
import { renderMarkdown } from '../report/markdown.js';
import {
  createModel,
  type DepthTimeline,
  type ReportModel,
  type TraceKind,
  type VerifyResult,
} from '../report/model.js';
import { renderTerminal } from '../report/terminal.js';
import { type ChosenStrategy, strategiesText } from '../strategy/index.js';
import { studies } from '../study/index.js';
import type { StudyKind } from '../study/study.js';
import type { TraceHeader } from '../trace/header.js';
import { BENCH_SCHEMA, type BenchRecord } from './bench.js';
import { gatherEvidence } from './evidence.js';
import { addHistory } from './history-file.js';
import { findFlavourLack, openInput } from './inputs.js';
import { FLAVOUR_HELP, parseFlavour, requireClasses, requireSoundTrace } from './replay.js';
import { kindOf, readManifest, shippedPath } from './shipped.js';
import { parseStrategies, STRATEGY_HELP } from './strategy-files.js';
import { parseSeed } from './study.js';
import { runSweep, SWEEP_NR_LRS } from './sweep.js';
import { type Terminal, tool } from './terminal.js';

interface Options {
  readonly out: string;
  readonly strategy?: ChosenStrategy[];
  readonly seed: number;
  readonly kind: TraceKind;
  readonly measured?: string;
  readonly flavour?: string;
  readonly studies?: boolean;
  readonly history?: string;
}

const NR_BINS = 240;

export function registerReport(program: Command, terminal: Terminal): void {
  program
    .command('report')
    .description(
      'replay recordings under every strategy, verify them against their list registers, answer the questions of the threads; write HTML, Markdown, CSV and JSON',
    )
    .argument('[traces...]', 'traces (default: the recordings shipped with the package)')
    .option('-o, --out <dir>', 'folder of the report', 'vgic-report')
    .option('-s, --strategy <ids>', STRATEGY_HELP, parseStrategies)
    .option('--flavour <id>', FLAVOUR_HELP, parseFlavour)
    .option('--seed <n>', 'seed of generated events', parseSeed, 1)
    .option('--measured <file>', "times to show beside the counts: what 'bench --json' printed")
    .option('--history <file>', "earlier runs, as 'history add' keeps them: how times and counters went")
    .option(
      '--studies',
      'also with traces named: answer the questions of the threads, as the report of the shipped ones does',
    )
    .option('--kind <kind>', 'what traces that are not shipped are taken for: linux-guest, attack or other', 'other')
    .action(async (paths: string[], options: Options) => {
      const traces = paths.length > 0 ? paths : await shippedFor(options.flavour, terminal);
      const asked = paths.length === 0 || options.studies === true ? studies : [];
      const gathered = await gatherModel(traces, options, asked, terminal);
      const counted = { ...gathered, command: commandOf(paths, options) };
      const measured = options.measured === undefined ? counted : addMeasured(counted, options.measured);
      const model = options.history === undefined ? measured : addHistory(measured, options.history, terminal);
      await writeReport(model, options.out);
      terminal.out(renderTerminal(model, terminal));
      terminal.out(
        `\nReport: ${join(options.out, 'report.html')} (open it in a browser), and report.md, report.json and CSV files beside it`,
      );
      requireClasses(model.cells);
    });
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

async function gatherModel(
  paths: readonly string[],
  options: Options,
  asked: readonly StudyKind[],
  terminal: Terminal,
): Promise<ReportModel> {
  const { flavour, seed } = options;
  const cells: CellResult[] = [];
  const listed = new Map<string, ChosenStrategy>();
  const own = new Set<string>();
  const verify: VerifyResult[] = [];
  const kinds: Record<string, TraceKind> = {};
  let timeline: DepthTimeline | undefined;
  for (const path of paths) {
    if (terminal.isErrTty) terminal.err(`replaying ${path}`);
    const input = await openInput(path, { flavour });
    try {
      const { identity } = input;
      const source = input.open();
      const { header } = source;
      const chosen = strategiesFor(header.machine, options.strategy);
      for (const each of chosen) listed.set(each.label, each);
      own.add(referenceFor(header.machine).label);
      const depth = createTimeline(NR_BINS);
      const known = kindOf(identity.sha256);
      kinds[header.name] = known === 'other' ? options.kind : known;
      const exact = replayTrace(source, chosen, identity, {
        onFlush: (vgic, vcpu, _event, tick, strategyIndex) => {
          if (strategyIndex === 0) depth.add(tick, vgic.list.length(vcpu));
        },
      });
      if (exact.some(({ equivalence }) => !equivalence.holds)) requireSoundTrace(path, input);
      for (const part of exact) cells.push({ schema: CELL_SCHEMA, tool, exact: part, measured: null });
      // Another hypervisor's list registers are no truth for this one.
      if (header.fidelity >= 3 && header.machine.flavour === identity.madeFor)
        verify.push({
          ...verifyTrace(input.open()),
          flavour: identity.madeFor,
          command: `vgic-replay verify ${identity.path}`,
        });
      const deepest = Math.max(...depth.bins().map(({ max }) => max));
      if (timeline === undefined || deepest > Math.max(...timeline.bins.map(({ max }) => max)))
        timeline = timelineOf(header, chosen[0].label, depth);
    } finally {
      input.close();
    }
  }
  // Where every machine has the same algorithm of its own and it was run, that is what others are compared with.
  const reference = own.size === 1 ? [...own].find((label) => listed.has(label)) : undefined;
  return {
    ...createModel(tool, cells),
    seed,
    ...(reference === undefined ? {} : { reference }),
    kinds,
    strategyNotes: [...listed.values()].map(({ label, strategy: { summary, models } }) => ({
      id: label,
      summary,
      models,
    })),
    sweeps: SWEEP_NR_LRS.map((nrLr) => runSweep(nrLr, options.strategy, seed, flavour)),
    timelines: timeline === undefined ? [] : [timeline],
    verify,
    evidence: gatherEvidence(),
    studies: asked.map((study) => {
      if (terminal.isErrTty) terminal.err(`study ${study.id}`);
      return study.run({ seed });
    }),
  };
}

const NS_PER_MS = 1e6;

function timelineOf({ name, machine, tickNs }: TraceHeader, strategy: string, timeline: Timeline): DepthTimeline {
  return {
    trace: name,
    flavour: machine.flavour,
    strategy,
    nrLr: machine.nrLr,
    unit: 'ms',
    start: 0,
    binWidth: (timeline.binTicks * tickNs) / NS_PER_MS,
    bins: timeline.bins(),
  };
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
    const { node, cpu } = bench.machine;
    return {
      ...cell,
      measured: { nsPerEvent: minima, estimate, low, high, ratio: isReference ? null : ratio, seed, blocks, node, cpu },
    };
  });
  const { cpu, node, os, load } = bench.machine;
  return {
    ...model,
    cells,
    measuredOn: { cpu, node, os, notes: [`Load average ${load.toFixed(1)} when the measurement ended.`] },
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

/** Each file appears under its name only when it is whole. */
async function writeReport(model: ReportModel, folder: string): Promise<void> {
  // The chart library is large: loaded where it is needed, not at the start of every verb.
  const { renderHtml } = await import('../report/html.js');
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
  try {
    mkdirSync(folder, { recursive: true });
    for (const [name, text] of files) {
      writeFileSync(join(folder, `${name}.partial`), text);
      renameSync(join(folder, `${name}.partial`), join(folder, name));
    }
  } catch (error) {
    throw new UsageError(
      `${folder}: cannot be written (${(error as NodeJS.ErrnoException).code}); name a writable folder with --out`,
    );
  }
}
