/** What `bench --json` prints, and other verbs read. */
import type { ExperimentResult } from '../stats/experiment.js';
import type { MachineFacts } from '../stats/fitness.js';

export const BENCH_SCHEMA = 'vgic-replay/bench/1';

/** What `--json` prints: one result a trace, its id the sha256 of the trace. */
export interface BenchResult extends ExperimentResult {
  /** Hypervisor replayed. */
  readonly flavour: string;
}

export interface BenchRecord {
  readonly schema: typeof BENCH_SCHEMA;
  readonly tool: { readonly name: string; readonly version: string };
  /** Records of older versions have no more than these. */
  readonly machine: Pick<MachineFacts, 'cpu' | 'cores' | 'load' | 'os' | 'node'> & Partial<MachineFacts>;
  readonly results: readonly BenchResult[];
}
