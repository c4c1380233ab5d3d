/** What a clock might have said, for the tests of the report. */
import type { MeasuredPart } from '../replay/result.js';

export const makeMeasured = (estimate: number, ratio: number | null): MeasuredPart => ({
  nsPerEvent: [estimate, estimate * 1.02, estimate * 1.05],
  estimate,
  low: estimate * 0.98,
  high: estimate * 1.03,
  ratio,
  seed: 7,
  blocks: 20,
  node: 'v20.20.2',
  cpu: 'AMD EPYC',
});
