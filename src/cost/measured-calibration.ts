/** The calibration of the machine on which native-reference 3.1 measured times. */
import { CALIBRATION_SCHEMA, type Calibration, spreadOfTimes, UNKNOWN_TIMES } from './calibration.js';
import type { NativeRow } from './native.js';

/** `rows`: native-costs.tsv; `times`: native-times.tsv, nanoseconds per event of the same streams. */
export const measuredCalibration = (rows: readonly NativeRow[], times: readonly NativeRow[]): Calibration => ({
  schema: CALIBRATION_SCHEMA,
  machine: 'x86-64, AMD EPYC, 2 shared vCPUs of a virtual machine, gcc 12.2 -O2, warm caches, one thread',
  source:
    'native-reference 3.1: least ns per event of the streams of traces/native-costs over the instructions of the profiling build; the span is that of the six workloads',
  nsPerInstruction: { noop: spreadOfTimes(rows, times, 'noop'), lock: spreadOfTimes(rows, times, 'lock') },
  ...UNKNOWN_TIMES,
});
