/** Instructions as time on the machine of a calibration file. */
import { formatDecimal } from '../base/number-format.js';
import type { Calibration } from '../cost/calibration.js';

const NS_PER_US = 1000;

/** "3.4 µs (2.9 to 4.1)"; null where the machine has no figure for real locks. */
export function microseconds(instructions: number, { nsPerInstruction: { lock } }: Calibration): string | null {
  if (lock === null) return null;
  const [estimate, low, high] = [lock.estimate, lock.low, lock.high].map((ns) =>
    formatDecimal((instructions * ns) / NS_PER_US),
  );
  return `${estimate} µs (${low} to ${high})`;
}
