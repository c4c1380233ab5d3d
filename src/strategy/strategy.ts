/** What a strategy says of itself, and how one is made. */
import type { CreateApList } from '../vgic/ap-list.js';

/** Against the flavour's own algorithm, for the same state: vgic-spec 7.1. */
export type EquivalenceClass =
  /** The same LR words in the same slots after every flush. */
  | 'identical'
  /** The same set, up to the choice among entries whose keys are equal. */
  | 'tie-equivalent'
  /** Anything else; what differs is stated. */
  | 'deviating'
  /** Not a candidate: shows how far the others are from free. */
  | 'bound';

export interface ParamSpec {
  readonly name: string;
  readonly fallback: number;
  readonly min: number;
  readonly max: number;
  readonly meaning: string;
}

/** How the longest call of a path grows with the interrupts in use. Exponents that the growth gate allows: attack/growth.ts. */
export type Growth = 'constant' | 'linear' | 'n log n' | 'quadratic';

/** What the bound of a call depends on. */
export interface WorstSize {
  /** Interrupts queued in the whole VM. */
  readonly n: number;
  /** List registers of a vCPU. */
  readonly k: number;
}

/** The longest call of a path that any guest can cause. */
export interface WorstCase {
  readonly growth: Growth;
  /** Most modelled steps (visits + comparisons + locks + LR writes) of one call: an upper bound, and as near as a guest can come. */
  steps(size: WorstSize): number;
  /** Where the bound comes from, in words: `n visits and locks, n log2 n comparisons of three steps`. */
  readonly why: string;
}

/** Paths of vgic/counters.ts by name (replay/result.ts). */
export type WorstCases = Readonly<Record<'inject' | 'rekey' | 'flush' | 'fold' | 'prune' | 'pending', WorstCase>>;

export interface ApListStrategy {
  /** File name, command-line value, report column. */
  readonly id: string;
  readonly summary: string;
  /** The code or proposal it stands for: file and version, or thread. */
  readonly models: string;
  /** `ap-list`: a strategy of the ap_list; `two-lists`: a vGIC of its own that is compared as one (xen-old.ts). */
  readonly structure: 'ap-list' | 'two-lists';
  readonly equivalence: EquivalenceClass;
  /** Complexity in the list length n, with k list registers. */
  readonly cost: {
    readonly insert: string;
    readonly flush: string;
    readonly pending: string;
    readonly prune: string;
    readonly memory: string;
  };
  readonly params: Readonly<Record<string, ParamSpec>>;
  /** What no call of a path ever exceeds; undefined: not declared. */
  readonly worst?: WorstCases;
  create(params: Readonly<Record<string, number>>): CreateApList;
}
