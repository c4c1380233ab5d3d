/** What a strategy says of itself, and how one is made. */
import type { Flavour } from '../gic/flavour/flavour.js';
import type { GicModel } from '../gic/intid.js';
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

/** What the bound of a call depends on. What is left out is as bad as the flavour allows. */
export interface WorstSize {
  /** Interrupts queued in the whole VM. */
  readonly n: number;
  /** List registers of a vCPU. */
  readonly k: number;
  /** How many of the n are LPIs. Left out: all, where the flavour has LPIs. */
  readonly lpis?: number;
  /** vCPUs: one alone has nobody to migrate to. Left out: two, which are as bad as more. */
  readonly vcpus?: number;
  /** The guest's interrupt controller. Left out: the worst of those that the flavour has. */
  readonly model?: GicModel;
  /** Does the host map interrupts of the guest to its own? No guest can. Left out: as bad as the flavour allows. */
  readonly mapped?: boolean;
}

/** The longest call of a path that a guest and its devices can cause; what only user space can write is left out. */
export interface WorstCase {
  /** In n. */
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
  /** `unlimited`: the machine has as many list registers as the model holds, whatever its own number is. */
  readonly lrs?: 'unlimited';
  /** Left out of replays that name no strategies; `--strategy all` takes every one. */
  readonly isOnRequest?: true;
  /**
   * Most entries that one exit takes off a list: the others that must leave wait for the next ones, which take off as many
   * each (deviating). Left out: an exit takes off all. The invariants and the contract hold a replay to it.
   */
  readonly prunesAtMost?: (params: Readonly<Record<string, number>>) => number;
  /** Complexity in the list length n, with k list registers. */
  readonly cost: {
    readonly insert: string;
    readonly flush: string;
    readonly pending: string;
    readonly prune: string;
    readonly memory: string;
  };
  readonly params: Readonly<Record<string, ParamSpec>>;
  /** The longest call of each path on a machine of the flavour; parameters that are left out are their fallbacks. */
  worst(flavour: Flavour, params?: Readonly<Record<string, number>>): WorstCases;
  create(params: Readonly<Record<string, number>>): CreateApList;
}
