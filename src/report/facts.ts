/** Figures that several sections speak about, taken from the cells once. Nothing here is rounded or worded. */

import { compareText, joinWords } from '../base/number-format.js';
import type { CellResult, ExactPart, HostStopped, MetricName, PathName } from '../replay/result.js';
import { PATH_NAMES } from '../replay/result.js';
import { histogramOfCounts } from '../stats/log2-histogram.js';
import type { ReportModel, TraceKind } from './model.js';
import { checkModel, TRACE_KINDS } from './model.js';

/** The longest single call of a cell, over all paths: all run with interrupts off (vgic-spec 1.23). */
export interface LongestCall {
  readonly path: PathName;
  readonly steps: number;
}

export interface StrategyOnTrace {
  readonly label: string;
  readonly exact: ExactPart;
  /** Steps over all paths and calls. */
  readonly steps: number;
  readonly comparisons: number;
  readonly longest: LongestCall;
}

/** A cell whose hypervisor stopped for good: its figures end there, and no other cell is compared with it. */
export interface StoppedCell {
  readonly trace: TraceFacts;
  readonly run: StrategyOnTrace;
  readonly stopped: HostStopped;
}

export interface TraceFacts {
  /** Unique among the traces of the report: name, with flavour, nr_lr or hash added where names repeat. */
  readonly label: string;
  readonly kind: TraceKind;
  /** Hypervisor replayed. */
  readonly flavour: string;
  /** Replayed as another hypervisor than the one it was recorded on or made for. */
  readonly isForeign: boolean;
  readonly trace: ExactPart['trace'];
  /** Every cell, in the order of `Facts.strategies`. */
  readonly all: readonly StrategyOnTrace[];
  /** Those that went through: a cell whose host stopped is compared with nothing. `reference` and `challenger` are of these. */
  readonly runs: readonly StrategyOnTrace[];
  readonly reference: StrategyOnTrace | null;
  readonly challenger: StrategyOnTrace | null;
  /** Source of the figures below: the reference's run, else the first that went through, else the first. */
  readonly depthSource: StrategyOnTrace;
  readonly flushes: number;
  /** Flushes at which the ap_list held more entries than there are LRs. */
  readonly overflows: number;
  readonly deepest: number;
  /** Guest entries (sum of `usedLrs`). */
  readonly entries: number;
}

export interface Facts {
  /** Ordinary guests first, then attacks, then the rest; by name within. */
  readonly traces: readonly TraceFacts[];
  /** Labels: reference, challenger, then the others by name. */
  readonly strategies: readonly string[];
  readonly referenceLabel: string;
  readonly challengerLabel: string;
  /** Hypervisors replayed, as words: "kvm-6.1", "kvm-6.1 and xen-new"; empty without traces. */
  readonly flavourWords: string;
  readonly stopped: readonly StoppedCell[];
}

export const sumMetric = (exact: ExactPart, metric: MetricName): number =>
  PATH_NAMES.reduce((sum, path) => sum + exact.paths[path][metric].sum, 0);

/** First of the paths with the largest `steps.max`. */
export function findLongestCall(exact: ExactPart): LongestCall {
  let longest: LongestCall = { path: PATH_NAMES[0], steps: -1 };
  for (const path of PATH_NAMES) {
    const steps = exact.paths[path].steps.max;
    if (steps > longest.steps) longest = { path, steps };
  }
  return longest;
}

/** Throws UserError if the model contradicts itself (`checkModel`). */
export function gatherFacts(model: ReportModel): Facts {
  checkModel(model);
  const byTrace = new Map<string, CellResult[]>();
  for (const cell of model.cells) {
    const key = traceKey(cell.exact.trace);
    const group = byTrace.get(key);
    if (group) group.push(cell);
    else byTrace.set(key, [cell]);
  }
  const rank = (label: string): number => (label === model.reference ? 0 : label === model.challenger ? 1 : 2);
  const strategies = [...new Set(model.cells.map(({ exact }) => exact.strategy.id))].sort(
    (a, b) => rank(a) - rank(b) || compareText(a, b),
  );

  const labels = labelTraces([...byTrace.values()].map((cells) => cells[0].exact.trace));
  const traces = [...byTrace.entries()].map(([key, cells]): TraceFacts => {
    const all = cells
      .map(({ exact }): StrategyOnTrace => {
        const steps = sumMetric(exact, 'steps');
        const comparisons = sumMetric(exact, 'comparisons');
        return { label: exact.strategy.id, exact, steps, comparisons, longest: findLongestCall(exact) };
      })
      .sort((a, b) => strategies.indexOf(a.label) - strategies.indexOf(b.label));
    const runs = all.filter(({ exact }) => exact.stopped === null);
    const reference = runs.find((run) => run.label === model.reference) ?? null;
    const depthSource = reference ?? runs[0] ?? all[0];
    const { trace, depthAtFlush, usedLrs } = depthSource.exact;
    return {
      label: labels.get(key)!,
      kind: Object.hasOwn(model.kinds, trace.name) ? model.kinds[trace.name] : 'other',
      flavour: trace.machine.flavour,
      isForeign: trace.machine.flavour !== trace.madeFor,
      trace,
      all,
      runs,
      reference,
      challenger: runs.find((run) => run.label === model.challenger) ?? null,
      depthSource,
      flushes: depthAtFlush.reduce((sum, [, count]) => sum + count, 0),
      overflows: depthAtFlush.reduce((sum, [depth, count]) => sum + (depth > trace.machine.nrLr ? count : 0), 0),
      deepest: depthAtFlush.reduce((deepest, [depth]) => Math.max(deepest, depth), 0),
      entries: usedLrs.reduce((sum, count) => sum + count, 0),
    };
  });
  traces.sort((a, b) => TRACE_KINDS.indexOf(a.kind) - TRACE_KINDS.indexOf(b.kind) || compareText(a.label, b.label));
  const stopped = traces.flatMap((trace) =>
    trace.all.flatMap((run) => (run.exact.stopped === null ? [] : [{ trace, run, stopped: run.exact.stopped }])),
  );
  return {
    traces,
    strategies,
    referenceLabel: model.reference,
    challengerLabel: model.challenger,
    flavourWords: joinWords([...new Set(traces.map(({ flavour }) => flavour))].sort(compareText)),
    stopped,
  };
}

const traceKey = (trace: ExactPart['trace']): string =>
  `${trace.name} ${trace.sha256} ${trace.machine.nrLr} ${trace.machine.flavour}`;

/** The name alone where it is unique; with flavour, nr_lr, then the start of the hash, where it is not. */
function labelTraces(traces: readonly ExactPart['trace'][]): Map<string, string> {
  const forms: ((trace: ExactPart['trace']) => string)[] = [
    (trace) => trace.name,
    (trace) => `${trace.name} (${trace.machine.flavour})`,
    (trace) => `${trace.name} (nr_lr ${trace.machine.nrLr})`,
    (trace) => `${trace.name} (nr_lr ${trace.machine.nrLr}, ${trace.sha256.slice(0, 8)})`,
    traceKey,
  ];
  const labels = new Map<string, string>();
  for (const trace of traces) {
    const form = forms.find((make) => traces.filter((other) => make(other) === make(trace)).length === 1)!;
    labels.set(traceKey(trace), form(trace));
  }
  return labels;
}

/** Were both sides of the question run at all? A flavour without ap_list has one strategy. */
export const isAsked = ({ strategies, referenceLabel, challengerLabel }: Facts): boolean =>
  strategies.includes(referenceLabel) && strategies.includes(challengerLabel);

/** Traces recorded from a real vGIC with acknowledges and LR contents: only these carry claims about real depth. */
export const isRecordedInFull = ({ trace }: TraceFacts): boolean => trace.origin === 'recorded' && trace.fidelity === 3;

/** Guest entries by number of LRs in use, summed over traces. */
export function sumUsedLrs(traces: readonly TraceFacts[]): number[] {
  const total: number[] = [];
  for (const { depthSource } of traces) {
    depthSource.exact.usedLrs.forEach((count, used) => {
      while (total.length <= used) total.push(0);
      total[used] += count;
    });
  }
  return total;
}

/** Flushes by ap_list depth in power-of-two buckets, summed over traces. */
export const depthHistogram = (traces: readonly TraceFacts[]): number[] =>
  histogramOfCounts(traces.flatMap(({ depthSource }) => depthSource.exact.depthAtFlush));

/**
 * The trace on which the reference's single call is longest, among those declared attacks; null if none is declared
 * or the reference ran on none.
 */
export function findWorstAttack(facts: Facts): TraceFacts | null {
  let worst: TraceFacts | null = null;
  for (const candidate of facts.traces) {
    if (candidate.kind !== 'attack' || !candidate.reference) continue;
    if (!worst || candidate.reference.longest.steps > worst.reference!.longest.steps) worst = candidate;
  }
  return worst;
}
