/** What `cost` prints of each trace and strategy: groups, total with bounds, the longest calls, time, and what was not fitted. */
import { formatDecimal, formatInteger } from '../base/number-format.js';
import type { Calibration, PredictedTime } from '../cost/calibration.js';
import type { LongestCalls } from '../cost/longest-call.js';
import type { Prediction } from '../cost/predict.js';
import type { HostStopped } from '../replay/result.js';
import { wrapText } from '../report/wrap-text.js';

export interface CostCell {
  readonly trace: string;
  readonly sha256: string;
  readonly flavour: string;
  readonly strategy: string;
  readonly events: number;
  readonly entries: number;
  /** The host stopped for good there; what is predicted ends there too. */
  readonly stopped: HostStopped | null;
  readonly prediction: Prediction;
  readonly longest: LongestCalls;
  readonly time: PredictedTime | null;
}

const LEGEND =
  'Predicted, not counted: instructions of the vGIC code of Linux 6.1 compiled for x86-64 (profiling build), from the operations ' +
  'that the replay counts. Bounds: the error on workloads that were left out of the fit; a weight by analogy may be half off. ' +
  'Caches, system registers and guest entry are in no instruction count.';

/** No line is longer than `width`. */
export function describePredictions(
  cells: readonly CostCell[],
  calibration: Calibration | null,
  width: number,
): string {
  const lines = cells.flatMap((cell) => [...describeCell(cell, width), '']);
  const source = calibration === null ? [] : wrapText(`Time: ${calibration.machine}. ${calibration.source}.`, width);
  return [...lines, ...source, ...wrapText(LEGEND, width)].join('\n');
}

function describeCell(
  { trace, flavour, strategy, events, stopped, prediction, longest, time }: CostCell,
  width: number,
): string[] {
  const { locks, instructions, low, high, perEvent, groups, extrapolated } = prediction;
  const head = `${trace} as ${flavour}, ${strategy}, ${locks === 'lock' ? 'real locks' : 'no-op locks'}: ${formatDecimal(perEvent)} instructions an event over ${formatInteger(events)} events`;
  return [
    ...wrapText(head, width),
    ...groups.filter((group) => group.instructions > 0).map((group) => row(group.group, group, events)),
    row(
      'total',
      { instructions, low, high, byAnalogy: groups.reduce((sum, { byAnalogy }) => sum + byAnalogy, 0) },
      events,
    ),
    ...wrapText(`longest calls, at most: ${describeLongest(longest)} instructions`, width),
    ...(time === null ? [] : wrapText(describeTime(time), width)),
    ...(stopped === null
      ? []
      : wrapText(`!! the host stops for good at event ${formatInteger(stopped.event)}; so does the prediction`, width)),
    ...(extrapolated.length === 0 ? [] : wrapText(`! extrapolated: ${extrapolated.join('; ')}`, width)),
  ];
}

interface Row {
  readonly instructions: number;
  readonly low: number;
  readonly high: number;
  readonly byAnalogy: number;
}

function row(name: string, { instructions, low, high, byAnalogy }: Row, events: number): string {
  const each = events === 0 ? '-' : formatDecimal(instructions / events);
  const error = instructions === 0 ? 0 : (100 * (high - low)) / 2 / instructions;
  const analogy = byAnalogy === 0 ? '' : `, ${formatDecimal((100 * byAnalogy) / instructions)} % by analogy`;
  return `  ${name.padEnd(10)} ${formatInteger(Math.round(instructions)).padStart(13)} ${each.padStart(8)} an event  ±${error.toFixed(1)} %${analogy}`;
}

const describeLongest = (longest: LongestCalls): string =>
  Object.entries(longest)
    .filter(([, instructions]) => instructions > 0)
    .map(([path, instructions]) => `${path} ${formatInteger(Math.ceil(instructions))}`)
    .join(', ') || 'none';

const microseconds = (ns: number): string => formatDecimal(ns / 1000);

function describeTime({ work, entryExit }: PredictedTime): string {
  const worked =
    work === null
      ? 'the calibration has no price of an instruction'
      : `${microseconds(work.estimate)} µs of list work (${microseconds(work.low)} to ${microseconds(work.high)})`;
  const entered =
    entryExit === null ? 'entry and exit not calibrated' : `${microseconds(entryExit)} µs of entries and exits`;
  return `time: ${worked}; ${entered}`;
}
