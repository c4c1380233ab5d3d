/**
 * What a machine's time is worth: nanoseconds per instruction of list work, and of what no instruction count of the vGIC's code
 * contains (entry and exit, register traps). Schema of the file: calibration/README.md.
 */
import type { Counts } from './counts.js';
import type { LockMode, NativeRow } from './native.js';
import type { Prediction } from './predict.js';

export const CALIBRATION_SCHEMA = 'vgic-replay/calibration/1';

/** A figure and the span of what was measured. */
export interface Spread {
  readonly estimate: number;
  readonly low: number;
  readonly high: number;
}

/** Nanoseconds each; null: not known. */
export interface Calibration {
  readonly schema: typeof CALIBRATION_SCHEMA;
  readonly machine: string;
  readonly source: string;
  readonly nsPerInstruction: Readonly<Record<LockMode, Spread | null>>;
  /** Out of the guest and back, with nothing to do. */
  readonly nsPerEntryExit: number | null;
  /** A read of a distributor register, entry and exit included; and one that user space answers. */
  readonly nsPerAccess: number | null;
  readonly nsPerUserAccess: number | null;
  /** An EOIR write that does not leave the guest. */
  readonly nsPerEoi: number | null;
  /** From one vCPU's SGI to the other's handler and back; by the hypervisor, and by GICv4.1 hardware. */
  readonly nsPerIpi: number | null;
  readonly nsPerHardwareIpi: number | null;
  /** From an INT command to the handler. */
  readonly nsPerLpi: number | null;
}

export const UNKNOWN_TIMES = {
  nsPerEntryExit: null,
  nsPerAccess: null,
  nsPerUserAccess: null,
  nsPerEoi: null,
  nsPerIpi: null,
  nsPerHardwareIpi: null,
  nsPerLpi: null,
} as const satisfies Partial<Calibration>;
type TimeField = keyof typeof UNKNOWN_TIMES;

/** Throws an Error that names the field at fault. */
export function parseCalibration(text: string): Calibration {
  const value: unknown = JSON.parse(text);
  if (!isRecord(value)) throw new Error('not an object');
  if (value.schema !== CALIBRATION_SCHEMA) throw new Error(`schema is not '${CALIBRATION_SCHEMA}'`);
  const times = Object.fromEntries(Object.keys(UNKNOWN_TIMES).map((field) => [field, readTime(value[field], field)]));
  const perInstruction = value.nsPerInstruction;
  if (!isRecord(perInstruction)) throw new Error('nsPerInstruction is no object with noop and lock');
  return {
    schema: CALIBRATION_SCHEMA,
    machine: readText(value.machine, 'machine'),
    source: readText(value.source, 'source'),
    nsPerInstruction: {
      noop: readSpread(perInstruction.noop, 'nsPerInstruction.noop'),
      lock: readSpread(perInstruction.lock, 'nsPerInstruction.lock'),
    },
    ...(times as Record<TimeField, number | null>),
  };
}

const isRecord = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

function readText(value: unknown, field: string): string {
  if (typeof value !== 'string') throw new Error(`${field} is no text`);
  return value;
}

function readTime(value: unknown, field: string): number | null {
  if (value === undefined || value === null) return null;
  if (typeof value !== 'number' || !Number.isFinite(value) || value < 0)
    throw new Error(`${field} is no number of nanoseconds`);
  return value;
}

function readSpread(value: unknown, field: string): Spread | null {
  if (value === undefined || value === null) return null;
  if (!isRecord(value)) throw new Error(`${field} is no object with estimate, low and high`);
  const [estimate, low, high] = ['estimate', 'low', 'high'].map((name) => {
    const time = readTime(value[name], `${field}.${name}`);
    if (time === null) throw new Error(`${field}.${name} is missing`);
    return time;
  });
  if (low > estimate || estimate > high) throw new Error(`${field}: not low <= estimate <= high`);
  return { estimate, low, high };
}

/** The median and the span of measured ns per event over measured instructions per event, workload by workload. */
export function spreadOfTimes(rows: readonly NativeRow[], times: readonly NativeRow[], locks: LockMode): Spread {
  const ratios = rows
    .filter((row) => row.locks === locks)
    .map(({ workload, columns }) => {
      const time = times.find((row) => row.workload === workload && row.locks === locks);
      if (time === undefined) throw new Error(`no time of ${workload}`);
      return (time.columns.ns_event_nlr4 * EVENTS_OF_STREAM) / columns.ir_total;
    })
    .sort((a, b) => a - b);
  const middle = ratios.length / 2;
  return {
    estimate: round((ratios[Math.ceil(middle) - 1] + ratios[Math.floor(middle)]) / 2),
    low: round(ratios[0]),
    high: round(ratios[ratios.length - 1]),
  };
}

/** Of every stream of native-costs. */
const EVENTS_OF_STREAM = 20000;
const round = (ns: number): number => Math.round(ns * 1e4) / 1e4;

export interface PredictedTime {
  /** Nanoseconds of the instructions, with both errors: of the model and of the calibration. Null: not calibrated. */
  readonly work: Spread | null;
  /** Nanoseconds of entries and exits. */
  readonly entryExit: number | null;
}

export function timeOf(
  { locks, instructions, low, high }: Prediction,
  counts: Counts,
  { nsPerInstruction, nsPerEntryExit }: Calibration,
): PredictedTime {
  const ns = nsPerInstruction[locks];
  return {
    work: ns === null ? null : { estimate: instructions * ns.estimate, low: low * ns.low, high: high * ns.high },
    entryExit: nsPerEntryExit === null ? null : counts.paths.flush.calls * nsPerEntryExit,
  };
}
