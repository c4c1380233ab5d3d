/** What `bench --json` prints, and other verbs read. */
import type { BenchResult } from '../run/unit.js';
import type { MachineFacts } from '../stats/fitness.js';

export const BENCH_SCHEMA = 'vgic-replay/bench/1';

export interface BenchRecord {
  readonly schema: typeof BENCH_SCHEMA;
  readonly tool: { readonly name: string; readonly version: string };
  /** Records of older versions have no more than these. Where results have a machine of their own, that of the last. */
  readonly machine: Pick<MachineFacts, 'cpu' | 'cores' | 'load' | 'os' | 'node'> & Partial<MachineFacts>;
  /** `machine`: where not all were measured on the same. */
  readonly results: readonly (BenchResult & { readonly machine?: MachineFacts })[];
}
