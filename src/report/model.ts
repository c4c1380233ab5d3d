/**
 * What a report is made of. Plain data: the commands gather it, the formats of this folder only render it.
 * Everything but `measuredOn` and the measured parts of the cells is exact, so its rendering is the same on every
 * machine. JSON schema of the rendered form: reports/report.schema.json.
 */

import { EXIT_INPUT, UserError } from '../base/errors.js';
import type { HistoryView } from '../history/series.js';
import type { CellResult } from '../replay/result.js';
import type { SweepColumns } from '../replay/sweep.js';
import type { TimelineBinCounts } from '../replay/timeline.js';
import type { VerifyRecord } from '../replay/verify.js';
import type { Study } from '../study/study.js';
import type { Evidence } from './evidence.js';

export const REPORT_SCHEMA = 'vgic-replay/report/1';

/**
 * What a trace is taken for. 'linux-guest': an ordinary guest at work. 'attack': a guest that tries to make the
 * hypervisor's work grow. 'other': functional tests and everything undeclared; never the ground of a verdict about
 * ordinary guests or attacks.
 */
export type TraceKind = 'linux-guest' | 'attack' | 'other';
export const TRACE_KINDS: readonly TraceKind[] = ['linux-guest', 'attack', 'other'];

/** Modelled cost against list depth: the same made workload at growing depths. Columns as `sweepDepths` gives them. */
export interface DepthSweep {
  /** One sentence: what is repeated at every depth. */
  readonly workload: string;
  readonly flavour: string;
  readonly nrLr: number;
  /** Entries that stay on the ap_list, ascending. */
  readonly depths: readonly number[];
  /** Guest entries at each depth: the divisor of "steps per guest entry". */
  readonly entries: readonly number[];
  /** One element a depth in every column. */
  readonly strategies: readonly SweepColumns[];
  /** Depth at which the hypervisor stopped for good; `depths` ends before it, for all strategies alike. */
  readonly stop: { readonly depth: number; readonly strategy: string; readonly reason: string } | null;
  /** The command that repeats the sweep. */
  readonly command: string;
}

/** ap_list depth at flush over the time of one trace. Bins are adjacent and equally wide. */
export interface DepthTimeline {
  readonly trace: string;
  readonly flavour: string;
  readonly strategy: string;
  readonly nrLr: number;
  /** 'ms' of trace time, or 'events' for a trace without a clock. */
  readonly unit: 'ms' | 'events';
  /** Start of the first bin and width of each, in `unit`. */
  readonly start: number;
  readonly binWidth: number;
  /** As `createTimeline` gives them. In a bin without samples the other figures mean nothing. */
  readonly bins: readonly Readonly<TimelineBinCounts>[];
}

/** One recording replayed and compared with the list registers it recorded. */
export interface VerifyResult extends VerifyRecord {
  /** Hypervisor recorded and replayed. */
  readonly flavour: string;
  /** The command that repeats the comparison. */
  readonly command: string;
}

/** Where the measured parts were taken. Printed in the measured section only. */
export interface MeasuredOn {
  readonly cpu: string;
  readonly node: string;
  readonly os: string;
  /** Of the machine (stats/fitness.ts); older records lack it. */
  readonly fingerprint?: string;
  /** Anything that limits what the times are worth, one sentence each. */
  readonly notes: readonly string[];
}

/** What a strategy is, for readers who meet its name for the first time. */
export interface StrategyNote {
  /** `strategy.id` of the cells. */
  readonly id: string;
  /** One line. */
  readonly summary: string;
  /** The code or proposal it stands for. */
  readonly models: string;
}

export interface ReportModel {
  readonly title: string;
  readonly tool: { readonly name: string; readonly version: string };
  /** The command that repeats the whole report. */
  readonly command: string;
  /** Seed of generated workloads; null if none was generated. */
  readonly seed: number | null;
  /** Strategies (`strategy.id` of the cells) of the question asked: "is `challenger` worth it against `reference`?". */
  readonly reference: string;
  readonly challenger: string;
  /** One per trace × strategy, any order. */
  readonly cells: readonly CellResult[];
  /** Any order; strategies without a note are listed by name only. */
  readonly strategyNotes: readonly StrategyNote[];
  /** By trace name; a trace without an entry is 'other'. */
  readonly kinds: Readonly<Record<string, TraceKind>>;
  readonly sweeps: readonly DepthSweep[];
  readonly timelines: readonly DepthTimeline[];
  readonly verify: readonly VerifyResult[];
  /** Null where nothing but the traces was looked at. */
  readonly evidence: Evidence | null;
  /** The questions of the mailing-list threads, in their order. */
  readonly studies: readonly Study[];
  readonly measuredOn: MeasuredOn | null;
  /** Earlier runs; not part of the exact part. */
  readonly history: HistoryView | null;
}

/** A model with the usual question and nothing but cells; spread over it what there is. */
export function createModel(tool: ReportModel['tool'], cells: readonly CellResult[]): ReportModel {
  return {
    title: 'ap_list strategies of the virtual GIC',
    tool,
    command: '',
    seed: null,
    reference: 'sort-on-flush',
    challenger: 'sort-on-insert',
    cells,
    strategyNotes: [],
    kinds: {},
    sweeps: [],
    timelines: [],
    verify: [],
    evidence: null,
    studies: [],
    measuredOn: null,
    history: null,
  };
}

/** Throws UserError (exit 4) if one cell is given twice or a sweep's columns differ in length. */
export function checkModel(model: ReportModel): void {
  const seen = new Set<string>();
  for (const { exact } of model.cells) {
    const { nrLr, flavour } = exact.trace.machine;
    const label = `trace ${exact.trace.name} (${flavour}, nr_lr ${nrLr}), strategy ${exact.strategy.id}`;
    const key = `${exact.trace.sha256} ${label}`;
    if (seen.has(key)) throw new UserError(`two results for ${label}; give each cell once`, EXIT_INPUT);
    seen.add(key);
  }
  for (const sweep of model.sweeps) {
    const length = sweep.depths.length;
    const columns = sweep.strategies.flatMap(({ paths }) =>
      Object.values(paths).flatMap((path) => [path.calls, path.steps, path.maxSteps]),
    );
    if ([sweep.entries, ...columns].some((column) => column.length !== length)) {
      throw new UserError(`depth sweep at nr_lr ${sweep.nrLr}: its columns differ in length; run it again`, EXIT_INPUT);
    }
  }
}
