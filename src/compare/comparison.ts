/**
 * What comes of comparing two results, builds, strategies or traces: plain data, the same for `compare` and `check`, for
 * every format that renders it and for the history. Exact counters and times stand apart, as in a result (replay/result.ts).
 * Method: DECISIONS.md, "How two builds are compared"; source: anchors 3.1 to 3.5.
 */

import type { CallPlace } from '../replay/result.js';
import type { MachineFacts } from '../stats/fitness.js';

export type { CallPlace };

export const COMPARISON_SCHEMA = 'vgic-replay/comparison/1';

/** Exactly one a cell. */
export const VERDICTS = [
  /** Slower than the limit, proven on fresh blocks; or an exact counter that changed without being accepted. */
  'regressed',
  'improved',
  /** An equivalence claim: the whole interval lies within the limit. */
  'unchanged',
  /** None of the others; says how many blocks would decide. */
  'inconclusive',
  /** The control arm or the machine says that nothing can be said here. */
  'unfit',
  /** Other CPU model, Node, flags, trace, nr_lr or set of strategies. */
  'incomparable',
  /** A wrong digest, a crash or a time-out. */
  'error',
] as const;
export type Verdict = (typeof VERDICTS)[number];

/** One exact counter that is not the same on both sides. Null: that side has no such counter. */
export interface CounterChange {
  /** "flush/steps/max", as the baseline names it: path, metric, statistic; or "lrDigest", "harm/lost", … */
  readonly counter: string;
  readonly before: number | string | null;
  readonly after: number | string | null;
  /** Of a maximum: the call that has it; null where it is not known. */
  readonly beforeAt: CallPlace | null;
  readonly afterAt: CallPlace | null;
}

/** Times of one cell on both sides, from one interleaved run. Unit: ns per event. */
export interface TimeComparison {
  readonly verdict: Verdict;
  /** One sentence: why this verdict. */
  readonly reason: string;
  /** q25 of per-process minima of B over that of A: above 1, B is slower; and its 90 % bootstrap interval over blocks. */
  readonly ratio: number;
  readonly low: number;
  readonly high: number;
  /** The same of the minimum of everything, for comparison. */
  readonly minRatio: number;
  /** q25 of the control arm over that of A: 1 on a machine without noise. */
  readonly control: number;
  /** One-sided, of "B is slower"; after Holm over the cells that were confirmed. */
  readonly p: number;
  readonly holmP: number;
  /** The limit as a share, 0.02: what is less is not called a difference; and what of it the noise floor asks for. */
  readonly delta: number;
  readonly floor: number;
  /** Smallest slowdown, as a share, that this run would have found in 80 % of cases. */
  readonly smallestDetectable: number;
  /** Blocks of the screen and of the confirmation; the verdict is that of the last stage alone. */
  readonly screenBlocks: number;
  readonly confirmBlocks: number;
  /** Per-process minima of the stage that decided, block by block. */
  readonly samples: {
    readonly a: readonly number[];
    readonly b: readonly number[];
    readonly control: readonly number[];
  };
}

export interface CellComparison {
  /** "trace/flavour/strategy", with the parameters of a strategy where it has some. */
  readonly cell: string;
  readonly verdict: Verdict;
  /** One sentence in words, before any number. */
  readonly reason: string;
  /** In the order of the counters; empty: all equal. */
  readonly changes: readonly CounterChange[];
  /** How many exact counters were compared. */
  readonly counters: number;
  /** Null: no time was measured. */
  readonly time: TimeComparison | null;
  /** The command that repeats this cell. */
  readonly command: string;
}

/** One of the two things that are compared. */
export interface Side {
  /** As the user named it. */
  readonly name: string;
  readonly kind: 'result' | 'build' | 'strategy' | 'trace' | 'baseline';
  /** Of a build: its commit, and whether files differ from it; null where it is not known. */
  readonly commit: string | null;
  readonly isDirty: boolean | null;
}

export interface Comparison {
  readonly schema: typeof COMPARISON_SCHEMA;
  readonly tool: { readonly name: string; readonly version: string };
  readonly command: string;
  readonly seed: number;
  /** Left out where nothing was timed: exact counters are the same on every machine. */
  readonly machine?: MachineFacts;
  readonly a: Side;
  readonly b: Side;
  readonly cells: readonly CellComparison[];
}
