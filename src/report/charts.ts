/** The charts of the exact part: spec, finding in words, and the table of every value drawn. */

import { formatDecimal, formatInteger, formatShare, joinWords, plural } from '../base/number-format.js';
import { PATH_NAMES } from '../replay/result.js';
import type { TimelineBinCounts } from '../replay/timeline.js';
import { addHistograms, bucketLabel } from '../stats/log2-histogram.js';
import type { SeriesStyle } from './chart-spec.js';
import { seriesStyle } from './chart-spec.js';
import type { ChartBlock } from './document.js';
import { numberColumn, textColumn } from './document.js';
import type { Facts, TraceFacts } from './facts.js';
import { depthHistogram, isRecordedInFull, sumUsedLrs } from './facts.js';
import type { DepthSweep, DepthTimeline, TraceKind } from './model.js';
import { TRACE_KINDS } from './model.js';
import type { SweepMeasure } from './sweep.js';
import { findSweepCrossovers, sweepCurve, sweepGrowth } from './sweep.js';
import { KIND_WORDS, longestTable, usedLrsTable } from './tables.js';
import { judgeWorth } from './worth.js';

/** More rows than this make a chart nobody can read; the table has them all. */
const MAX_CHART_ROWS = 40;
/** More bins than this are merged: the page is binned, not sampled. */
export const MAX_TIMELINE_BINS = 160;

/** Longest single call of every strategy on one trace. */
export function longestChart(trace: TraceFacts, facts: Facts): ChartBlock {
  const sorted = [...trace.runs].sort((a, b) => b.longest.steps - a.longest.steps);
  const worst = sorted[0];
  const best = sorted[sorted.length - 1];
  const paths = PATH_NAMES.filter((path) => trace.runs.some(({ exact }) => exact.paths[path].steps.max > 0));
  return {
    kind: 'chart',
    id: 'longest-call',
    title: `Longest single call with interrupts off, on ${trace.label}, ${trace.flavour}`,
    finding:
      worst.longest.steps === best.longest.steps
        ? `Under every strategy the longest call takes ${formatInteger(worst.longest.steps)} steps.`
        : `The longest call ranges from ${formatInteger(best.longest.steps)} steps (${best.label}, ${best.longest.path}) to ` +
          `${formatInteger(worst.longest.steps)} steps (${worst.label}, ${worst.longest.path}); ${facts.referenceLabel} is the reference.`,
    spec: {
      form: 'dots',
      categories: trace.runs.slice(0, MAX_CHART_ROWS).map(({ label }) => label),
      scale: 'log10',
      axis: 'steps in one call (logarithmic)',
      series: paths.map((path) => ({
        name: path,
        style: seriesStyle(PATH_NAMES.indexOf(path)),
        values: trace.runs.slice(0, MAX_CHART_ROWS).map(({ exact }) => exact.paths[path].steps.max),
      })),
      hasRowMaximum: true,
    },
    table: longestTable(trace),
  };
}

/** Challenger over reference, one row a trace; null if no trace has both. */
export function worthChart(facts: Facts): ChartBlock | null {
  const rows = facts.traces.filter(({ reference, challenger }) => reference && challenger);
  if (rows.length === 0) return null;
  const ratio = (from: number, to: number): number | null => (from > 0 && to > 0 ? to / from : null);
  const total = rows.map(({ reference, challenger }) => ratio(reference!.steps, challenger!.steps));
  const longest = rows.map(({ reference, challenger }) => ratio(reference!.longest.steps, challenger!.longest.steps));
  const counts = new Map<string, number>();
  for (const row of rows) {
    const { answer } = judgeWorth(row, facts);
    counts.set(answer, (counts.get(answer) ?? 0) + 1);
  }
  const answers = [...counts.entries()].sort().map(([answer, count]) => `“${answer}” on ${formatInteger(count)}`);
  return {
    kind: 'chart',
    id: 'worth',
    title: `${facts.challengerLabel} against ${facts.referenceLabel} on ${facts.flavourWords}: left of the line is cheaper`,
    finding: `By the rule above, the answer to “worth it?” is ${joinWords(answers)} of ${plural(rows.length, 'trace')}.`,
    spec: {
      form: 'dots',
      categories: rows.slice(0, MAX_CHART_ROWS).map(({ label }) => label),
      scale: 'ratio',
      axis: `${facts.challengerLabel} ÷ ${facts.referenceLabel}`,
      series: [
        { name: 'steps in all', style: seriesStyle(0), values: total.slice(0, MAX_CHART_ROWS) },
        { name: 'longest single call', style: seriesStyle(1), values: longest.slice(0, MAX_CHART_ROWS) },
      ],
      hasRowMaximum: false,
    },
    table: {
      caption: `${facts.challengerLabel} divided by ${facts.referenceLabel}`,
      columns: [
        textColumn('trace'),
        numberColumn('steps in all'),
        numberColumn('longest single call'),
        textColumn('in words'),
      ],
      rowHeads: 1,
      rows: rows.map((row, index) => [
        row.label,
        total[index] === null ? null : formatDecimal(total[index]),
        longest[index] === null ? null : formatDecimal(longest[index]),
        judgeWorth(row, facts).reason,
      ]),
    },
  };
}

const MEASURE_TITLES: Readonly<Record<SweepMeasure, string>> = {
  perEntry: 'All work of one guest entry, against list depth',
  longest: 'Longest single call, against list depth',
};

export function sweepChart(sweep: DepthSweep, measure: SweepMeasure, facts: Facts, index: number): ChartBlock {
  const strategies = sweep.strategies.map((entry) => {
    const rank = facts.strategies.indexOf(entry.strategy);
    return { entry, values: sweepCurve(sweep, entry, measure), growth: sweepGrowth(sweep, entry, measure), rank };
  });
  // Strategies the cells do not know come last, in the order given.
  strategies.sort(
    (a, b) => (a.rank < 0 ? facts.strategies.length : a.rank) - (b.rank < 0 ? facts.strategies.length : b.rank),
  );
  const comparison = findSweepCrossovers(sweep, facts.referenceLabel, facts.challengerLabel, measure);
  const crossovers = comparison?.crossovers ?? [];
  const last = sweep.depths.length - 1;
  const atEnd = [...strategies].sort((a, b) => a.values[last] - b.values[last]);
  const crossWords =
    comparison === null
      ? ''
      : crossovers.length === 0
        ? ` ${facts.referenceLabel} and ${facts.challengerLabel} do not change places.`
        : ` ${facts.referenceLabel} and ${facts.challengerLabel} change places at about ${joinWords(crossovers.map(({ x }) => formatInteger(Math.ceil(x))))} entries.`;
  const endWords =
    atEnd.length === 0
      ? ''
      : `At depth ${formatInteger(sweep.depths[last])} the cost runs from ${formatDecimal(atEnd[0].values[last])} steps (${atEnd[0].entry.strategy}) ` +
        `to ${formatDecimal(atEnd[atEnd.length - 1].values[last])} (${atEnd[atEnd.length - 1].entry.strategy}).`;
  return {
    kind: 'chart',
    id: `sweep-${index}-${measure === 'perEntry' ? 'entry' : 'longest'}`,
    title: `${MEASURE_TITLES[measure]}, nr_lr ${sweep.nrLr}`,
    finding: `${endWords}${crossWords}`,
    spec: {
      form: 'curves',
      xAxis: 'entries on the ap_list (logarithmic)',
      xScale: 'log10',
      yAxis: measure === 'perEntry' ? 'steps per guest entry (logarithmic)' : 'steps in the longest call (logarithmic)',
      xs: sweep.depths,
      series: strategies.map(({ entry, values, rank }, place) => ({
        name: entry.strategy,
        style: seriesStyle(rank < 0 ? place : rank),
        values,
      })),
      marks: crossovers.map(({ x }) => ({ x, label: `crossover: ${formatInteger(Math.ceil(x))}` })),
    },
    table: {
      caption: `${MEASURE_TITLES[measure]}, in steps, nr_lr ${sweep.nrLr}; last column: exponent of growth beyond ${sweep.nrLr} entries`,
      columns: [
        textColumn('strategy'),
        ...sweep.depths.map((depth) => numberColumn(`depth ${formatInteger(depth)}`)),
        numberColumn('growth'),
      ],
      rowHeads: 1,
      rows: strategies.map(({ entry, values, growth }) => [
        entry.strategy,
        ...values.map((value) => formatDecimal(value)),
        growth === null ? null : growth.toFixed(2),
      ]),
    },
  };
}

/** Solid for ordinary guests, outlined for attacks, so that black and white is enough. */
const KIND_STYLES: Readonly<Record<TraceKind, SeriesStyle>> = {
  'linux-guest': { colour: 'var(--s0)', shape: 'rect', dash: 'solid' },
  attack: { colour: 'var(--s1)', shape: 'emptyRect', dash: 'solid' },
  other: { colour: 'var(--s7)', shape: 'rect', dash: 'solid' },
};

interface Group {
  readonly name: string;
  readonly kind: TraceKind;
  readonly traces: readonly TraceFacts[];
}

/** Recordings with LR contents, by kind; kinds without any are left out. */
function recordedGroups(facts: Facts): Group[] {
  return TRACE_KINDS.map((kind) => ({
    kind,
    name: KIND_WORDS[kind],
    traces: facts.traces.filter((trace) => trace.kind === kind && isRecordedInFull(trace)),
  })).filter(({ traces }) => traces.length > 0);
}

const percents = (counts: readonly number[]): number[] => {
  const total = counts.reduce((sum, count) => sum + count, 0);
  return counts.map((count) => (total === 0 ? 0 : (100 * count) / total));
};

/** LRs in use at guest entry over all recordings; null without recordings. */
export function usedLrsChart(facts: Facts): ChartBlock | null {
  const groups = recordedGroups(facts).map((group) => ({ ...group, counts: sumUsedLrs(group.traces) }));
  if (groups.length === 0) return null;
  const length = Math.max(...groups.map(({ counts }) => counts.length));
  const padded = groups.map(({ counts }) => Array.from({ length }, (_, used) => counts[used] ?? 0));
  const findings = groups.map(({ name, counts, traces }) => {
    const entries = counts.reduce((sum, count) => sum + count, 0);
    const commonest = counts.indexOf(Math.max(...counts));
    return `${name} (${plural(traces.length, 'recording')}): most often ${plural(commonest, 'LR')} in use, at ${formatShare(counts[commonest], entries)} of ${formatInteger(entries)} entries`;
  });
  return {
    kind: 'chart',
    id: 'used-lrs',
    title: 'List registers in use at guest entry, over all recordings',
    finding: `${findings.join('; ')}.`,
    spec: {
      form: 'bars',
      xAxis: 'list registers in use',
      yAxis: 'share of guest entries',
      categories: Array.from({ length }, (_, used) => String(used)),
      series: groups.map(({ name, kind }, group) => ({
        name,
        style: KIND_STYLES[kind],
        percents: percents(padded[group]),
      })),
    },
    table: usedLrsTable(groups),
  };
}

/** ap_list depth at flush over all recordings, in power-of-two buckets; null without recordings. */
export function depthChart(facts: Facts): ChartBlock | null {
  const groups = recordedGroups(facts).map((group) => ({ ...group, hist: depthHistogram(group.traces) }));
  if (groups.length === 0) return null;
  const length = addHistograms(groups.map(({ hist }) => hist)).length;
  const padded = groups.map(({ hist }) => Array.from({ length }, (_, bucket) => hist[bucket] ?? 0));
  const findings = groups.map(
    ({ name, traces }) =>
      `${name}: at most ${formatInteger(Math.max(...traces.map(({ deepest }) => deepest)))} entries, more than the LRs hold at ` +
      `${formatShare(
        traces.reduce((sum, { overflows }) => sum + overflows, 0),
        traces.reduce((sum, { flushes }) => sum + flushes, 0),
      )} of flushes`,
  );
  return {
    kind: 'chart',
    id: 'depth',
    title: 'Entries on the ap_list at flush, over all recordings',
    finding: `${findings.join('; ')}.`,
    spec: {
      form: 'bars',
      xAxis: 'entries on the ap_list',
      yAxis: 'share of flushes',
      categories: Array.from({ length }, (_, bucket) => bucketLabel(bucket)),
      series: groups.map(({ name, kind }, group) => ({
        name,
        style: KIND_STYLES[kind],
        percents: percents(padded[group]),
      })),
    },
    table: {
      caption: 'Flushes by entries on the ap_list',
      columns: [textColumn('entries on the list'), ...groups.map(({ name }) => numberColumn(`${name}, flushes`))],
      rowHeads: 1,
      rows: Array.from({ length }, (_, bucket) => [bucketLabel(bucket), ...padded.map((hist) => hist[bucket])]),
    },
  };
}

/** Merges neighbours until at most `limit` bins are left. Empty ones come out as zeros. */
export function mergeBins(
  bins: readonly Readonly<TimelineBinCounts>[],
  limit: number,
): { bins: TimelineBinCounts[]; factor: number } {
  const factor = bins.length <= limit ? 1 : Math.ceil(bins.length / limit);
  const merged: TimelineBinCounts[] = [];
  for (let start = 0; start < bins.length; start += factor) {
    const part = bins.slice(start, start + factor).filter(({ samples }) => samples > 0);
    merged.push({
      samples: part.reduce((sum, bin) => sum + bin.samples, 0),
      min: part.length === 0 ? 0 : Math.min(...part.map(({ min }) => min)),
      max: Math.max(0, ...part.map(({ max }) => max)),
      sum: part.reduce((sum, bin) => sum + bin.sum, 0),
    });
  }
  return { bins: merged, factor };
}

export function timelineChart(timeline: DepthTimeline, index: number): ChartBlock {
  const { bins, factor } = mergeBins(timeline.bins, MAX_TIMELINE_BINS);
  const width = timeline.binWidth * factor;
  const unit = timeline.unit === 'ms' ? 'trace time in ms' : 'events';
  const filled = bins
    .map((bin, place) => ({ ...bin, mean: bin.sum / bin.samples, x: timeline.start + place * width }))
    .filter(({ samples }) => samples > 0);
  const peak = filled.reduce<(typeof filled)[number] | null>(
    (most, bin) => (most && most.max >= bin.max ? most : bin),
    null,
  );
  return {
    kind: 'chart',
    id: `timeline-${index}`,
    title: `ap_list depth over time: ${timeline.trace} under ${timeline.strategy}, ${timeline.flavour}`,
    finding: peak
      ? `The list is deepest, ${plural(peak.max, 'entry', 'entries')} against ${plural(timeline.nrLr, 'LR')}, around ${formatDecimal(peak.x)} ${timeline.unit}; ` +
        `it is above the LRs in ${formatInteger(filled.filter(({ max }) => max > timeline.nrLr).length)} of ${plural(filled.length, 'stretch', 'stretches')} of time.`
      : 'No flush falls into this stretch of time.',
    spec: {
      form: 'band',
      xAxis: unit,
      yAxis: 'entries on the ap_list (mean; band: least to most)',
      bins: filled,
      binWidth: width,
      limit: { y: timeline.nrLr, label: `nr_lr ${timeline.nrLr}` },
    },
    table: {
      caption: `ap_list depth at flush, per ${formatDecimal(width)} ${timeline.unit}`,
      columns: [
        numberColumn(`from (${timeline.unit})`),
        numberColumn('flushes'),
        numberColumn('least'),
        numberColumn('mean'),
        numberColumn('most'),
      ],
      rowHeads: 1,
      rows: filled.map(({ x, samples, min, mean, max }) => [formatDecimal(x), samples, min, formatDecimal(mean), max]),
    },
  };
}
