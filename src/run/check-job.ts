/** What the gate runs, in pieces that any process can run alone: a trace as one flavour, a workload, the growth of a flavour. */
import type { GrowthCurve } from '../attack/growth.js';
import type { RunCell } from '../compare/with-baseline.js';

export interface TraceJob {
  readonly kind: 'trace';
  /** As results name it. */
  readonly path: string;
  /** What its cells are named by. */
  readonly name: string;
  readonly flavour: string;
  /** As on a command line; null: the usual ones. Those that cannot run on the machine are left out. */
  readonly strategies: readonly string[] | null;
  /** Also the invariants after every event. */
  readonly invariants: boolean;
}

/** The agreement of an L3 recording with its list registers. */
export interface VerifyJob {
  readonly kind: 'verify';
  readonly path: string;
  readonly name: string;
}

export interface WorkloadJob {
  readonly kind: 'workload';
  /** As `gen` takes it: "net:events=5000,seed=1". */
  readonly spec: string;
  /** Null: the flavour's own. */
  readonly strategies: readonly string[] | null;
  /** Of the strategies, only the flavour's own. */
  readonly isOwnOnly: boolean;
}

export interface GrowthJob {
  readonly kind: 'growth';
  readonly flavour: string;
  /** Null: all. */
  readonly strategies: readonly string[] | null;
}

export type CheckJob = TraceJob | VerifyJob | WorkloadJob | GrowthJob;

export interface CheckAnswer {
  readonly cells: readonly RunCell[];
  readonly curves: readonly GrowthCurve[];
  /** Invariants that broke, in words, by cell. */
  readonly broken: readonly { readonly cell: string; readonly what: string }[];
  /** What ended the job, if something did. */
  readonly failure: { readonly message: string; readonly exitCode: number | null } | null;
}
