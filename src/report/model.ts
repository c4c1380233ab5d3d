/**
 * What a report is made of. Plain data: the commands gather it, the formats of this folder only render it.
 * Everything but `measuredOn` and the measured parts of the cells is exact, so its rendering is the same on every
 * machine. JSON schema of the rendered form: reports/report.schema.json.
 */

import { EXIT_INPUT, UserError } from '../base/errors.js';
import type { CellResult, PathName } from '../replay/result.js';

export const REPORT_SCHEMA = 'vgic-replay/report/1';

/**
 * What a trace is taken for. 'linux-guest': an ordinary guest at work. 'attack': a guest that tries to make the
 * hypervisor's work grow. 'other': functional tests and everything undeclared; never the ground of a verdict about
 * ordinary guests or attacks.
 */
export type TraceKind = 'linux-guest' | 'attack' | 'other';
export const TRACE_KINDS: readonly TraceKind[] = ['linux-guest', 'attack', 'other'];

/** Modelled steps over the calls of one path, one array element per depth of the sweep. */
export interface SweepPath {
  readonly calls: readonly number[];
  /** Steps summed over the calls. */
  readonly steps: readonly number[];
  /** Steps of the longest call. */
  readonly maxSteps: readonly number[];
}

export interface SweepStrategy {
  /** As a cell prints it: id and parameters ("sort-above (limit 8)"); see `strategyLabel`. */
  readonly strategy: string;
  readonly paths: Readonly<Record<PathName, SweepPath>>;
}

/** Modelled cost against list depth: the same made workload at growing depths. */
export interface DepthSweep {
  /** One sentence: what is repeated at every depth. */
  readonly workload: string;
  readonly nrLr: number;
  /** Entries that stay on the ap_list, ascending. */
  readonly depths: readonly number[];
  /** Guest entries at each depth: the divisor of "steps per guest entry". Same length as `depths`. */
  readonly entries: readonly number[];
  readonly strategies: readonly SweepStrategy[];
  /** The command that repeats the sweep. */
  readonly command: string;
}

/** One stretch of trace time. `samples` = flushes in it; with 0 samples the other three mean nothing. */
export interface TimelineBin {
  readonly samples: number;
  readonly min: number;
  readonly max: number;
  readonly mean: number;
}

/** ap_list depth at flush over the time of one trace. Bins are adjacent and equally wide. */
export interface DepthTimeline {
  readonly trace: string;
  readonly strategy: string;
  readonly nrLr: number;
  /** 'ms' of trace time, or 'events' for a trace without a clock. */
  readonly unit: 'ms' | 'events';
  /** Start of the first bin and width of each, in `unit`. */
  readonly start: number;
  readonly binWidth: number;
  readonly bins: readonly TimelineBin[];
}

/** One recording replayed and compared with the list registers it recorded. */
export interface VerifyResult {
  readonly trace: string;
  readonly sha256: string;
  /** Guest entries whose list registers were recorded and compared; identical + the three mismatches. */
  readonly compared: number;
  /** Every bit of every LR, in the same order. */
  readonly identical: number;
  readonly mismatches: {
    /** Two CPUs worked at the same time and the recording does not say who came first. */
    readonly crossCpuWindow: number;
    /** Something happened that the recording does not contain. */
    readonly unrecordedInput: number;
    /** Neither: the model is wrong. */
    readonly modelFault: number;
  };
  /** Decisions about order that were taken from the recorded outcome, so are not predictions. */
  readonly decisionsFromRecording: number;
  readonly command: string;
}

/** Where the measured parts were taken. Printed in the measured section only. */
export interface MeasuredOn {
  readonly cpu: string;
  readonly node: string;
  readonly os: string;
  /** Anything that limits what the times are worth, one sentence each. */
  readonly notes: readonly string[];
}

export interface ReportModel {
  readonly title: string;
  readonly tool: { readonly name: string; readonly version: string };
  /** The command that repeats the whole report. */
  readonly command: string;
  /** Seed of generated workloads; null if none was generated. */
  readonly seed: number | null;
  /** Strategy ids of the question asked: "is `challenger` worth it against `reference`?". */
  readonly reference: string;
  readonly challenger: string;
  /** One per trace × strategy, any order. */
  readonly cells: readonly CellResult[];
  /** By trace name; a trace without an entry is 'other'. */
  readonly kinds: Readonly<Record<string, TraceKind>>;
  readonly sweeps: readonly DepthSweep[];
  readonly timelines: readonly DepthTimeline[];
  readonly verify: readonly VerifyResult[];
  readonly measuredOn: MeasuredOn | null;
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
    kinds: {},
    sweeps: [],
    timelines: [],
    verify: [],
    measuredOn: null,
  };
}

/** "sort-above" or "sort-above (limit 8, low 4)": parameters in the order of their names. */
export function strategyLabel(strategy: {
  readonly id: string;
  readonly params: Readonly<Record<string, number>>;
}): string {
  const names = Object.keys(strategy.params).sort();
  if (names.length === 0) return strategy.id;
  return `${strategy.id} (${names.map((name) => `${name} ${strategy.params[name]}`).join(', ')})`;
}

/** Throws UserError (exit 4) if one cell is given twice or a sweep's columns differ in length. */
export function checkModel(model: ReportModel): void {
  const seen = new Set<string>();
  for (const { exact } of model.cells) {
    const label = `trace ${exact.trace.name} (nr_lr ${exact.trace.machine.nrLr}), strategy ${strategyLabel(exact.strategy)}`;
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
