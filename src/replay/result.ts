/**
 * The record of one cell (one trace × one strategy). The exact part is the same bytes on every machine; what a clock
 * said stands apart in `measured`. Formats only render it. JSON schema: reports/cell.schema.json.
 */
import type { Machine } from '../gic/intid.js';
import type { EquivalenceClass } from '../strategy/strategy.js';
import type { Fidelity, ImportCounts } from '../trace/header.js';
import type { HostStopKind } from '../vgic/host-stop.js';
import type { OperationCounts } from './operation-counts.js';
import type { PayerId, SectionId } from './sections.js';

export type { EquivalenceClass };

export const CELL_SCHEMA = 'vgic-replay/cell/1';

/** One counted quantity over the calls of one path. */
export interface Metric {
  readonly sum: number;
  /** Largest value in one call: with interrupts off or under the ap_list lock this is the security figure. */
  readonly max: number;
  /** hist[0] = calls with 0, hist[b] = calls with value in [2^(b-1), 2^b). Trailing zeros cut. */
  readonly hist: readonly number[];
}

/**
 * inject: every call that may queue (injection, SGI, register write); rekey: register writes that change the key of a
 * queued interrupt without queueing (priority, disable, clear-pending, retarget); flush: guest entry; fold and prune:
 * guest exit; pending: the runnable test of a blocked vCPU.
 */
export const PATH_NAMES = ['inject', 'rekey', 'flush', 'fold', 'prune', 'pending'] as const;
export type PathName = (typeof PATH_NAMES)[number];
export const METRIC_NAMES = ['visits', 'comparisons', 'locks', 'lrWrites', 'steps'] as const;
export type MetricName = (typeof METRIC_NAMES)[number];

/**
 * Modelled cost: what the hypervisor would do, not what our structure executes. visits = list nodes looked at;
 * comparisons = comparator calls; locks = irq_lock and ap_list_lock acquisitions; lrWrites = LRs populated;
 * steps = visits + comparisons + locks + lrWrites of the same call.
 */
export interface PathCost extends Readonly<Record<MetricName, Metric>> {
  readonly calls: number;
}

/** One call of a path: the event that made it, and the vCPU that the event names. */
export interface CallPlace {
  readonly event: number;
  readonly vcpu: number;
}

export interface Equivalence {
  readonly declared: EquivalenceClass;
  /** Flushes compared with what sort-on-flush does from the same state. */
  readonly flushes: number;
  /** Same LR words in the same slots. */
  readonly identical: number;
  /** Same set up to the choice among equal keys. */
  readonly tieEquivalent: number;
  /** Anything else. */
  readonly deviating: number;
  /** Does the declared class hold on this trace? */
  readonly holds: boolean;
  /** First event index at which the declared class was broken, or null. */
  readonly firstViolation: number | null;
}

/**
 * Who was asked to look at its list again, and what it took (vgic-spec 1.9). In KVM a request sets a bit and wakes the vCPU
 * if it is blocked, or sends an IPI if it is in the guest; in Xen it unblocks it, and sends an IPI if it runs elsewhere.
 */
export interface KickCounts {
  readonly requests: number;
  /** Requests to all vCPUs at once (kvm-7.2: the first SPI queued). */
  readonly broadcasts: number;
  readonly wakeups: number;
  readonly ipis: number;
  /** Requests for an interrupt that was queued already, and the IPIs among them: what unblocking alone would miss. */
  readonly whileQueued: number;
  readonly ipisWhileQueued: number;
  /** Entries after a request that put nothing pending into a list register. */
  readonly spurious: number;
  /** Raw accesses to active states, each of which forces every vCPU out of the guest. */
  readonly halts: number;
}

/** One stretch of work, by who pays for it (sections.ts has titles and meanings). Only those that ran. */
export interface SectionFigures {
  readonly id: SectionId;
  readonly payer: PayerId;
  readonly calls: number;
  readonly steps: Metric;
  /** irq_lock, list lock, lpi_list_lock. */
  readonly locks: Metric;
}

/** amplification.ts. */
export interface Amplification {
  /** Of the host: all paths, LPI lookups, work of the ITS. */
  readonly steps: number;
  readonly guestInstructions: number;
  /** Exit, access and entry of one guest instruction with the most steps, and the event at which it had them; null: there is none. */
  readonly worstWindow: { readonly steps: number; readonly vcpu: number; readonly event: number } | null;
}

/** harm.ts. Entries are those of the interrupt's own vCPU. */
export interface Harm {
  /** Entries at which an interrupt waited while a less urgent one had a list register, and how many times one did. */
  readonly inversions: { readonly entries: number; readonly interrupts: number };
  /** Each time that an interrupt came into a list register: entries it had been left out of since it was first seen. */
  readonly delay: Metric & { readonly calls: number };
  readonly waiting: {
    /** Deliverable interrupts that the last entry of their vCPU left out. */
    readonly atEnd: number;
    /** Most entries on end that one was left out of, and most of these at which a less urgent one was not. */
    readonly longest: number;
    readonly longestPassed: number;
  };
  /** Deliverable at the end and on no list: nothing will deliver them (vgic-spec 1.24). */
  readonly lost: number;
}

/** The event at which the hypervisor stopped for good, and how. */
export interface HostStopped {
  readonly event: number;
  readonly kind: HostStopKind;
  readonly reason: string;
}

export interface ExactPart {
  readonly trace: {
    readonly name: string;
    readonly title: string;
    readonly sha256: string;
    readonly events: number;
    readonly fidelity: Fidelity;
    /** The machine replayed: its flavour is the one asked for. */
    readonly machine: Machine;
    /** Flavour that the trace was recorded on or made for. */
    readonly madeFor: string;
    readonly counts: ImportCounts;
    readonly gaps: number;
    /** 'recorded' (L3 capture of a real vGIC), 'synthetic' or 'golden'. */
    readonly origin: string;
  };
  readonly strategy: {
    readonly id: string;
    readonly params: Readonly<Record<string, number>>;
    /** Of a strategy from outside: its file as the user named it, and what was in it. */
    readonly outside?: { readonly file: string; readonly sha256: string };
  };
  readonly paths: Readonly<Record<PathName, PathCost>>;
  /** The first call of each path that took its most steps; null: none took any. */
  readonly worstCalls: Readonly<Record<PathName, CallPlace | null>>;
  /** Entries of the ap_list at each flush: [depth, number of flushes], ascending, only depths that occur. */
  readonly depthAtFlush: readonly (readonly [number, number])[];
  /** index = LRs in use at guest entry, value = number of entries. */
  readonly usedLrs: readonly number[];
  readonly guest: {
    readonly acks: number;
    readonly spurious: number;
    /** Acknowledges in the trace of an interrupt that this strategy had pending in no LR, or of another one. */
    readonly divergences: number;
    readonly injections: number;
    readonly redundantInjections: number;
    /** All flushes, and those of them after which the guest did not run (recordings only). */
    readonly flushes: number;
    readonly abortedEntries: number;
    /** Flushes whose LRs were all in use. */
    readonly fullFlushes: number;
    /** Flushes that sorted (or would have). */
    readonly sorts: number;
  };
  readonly kicks: KickCounts;
  /** Operations of the modelled code and events of each kind that were replayed, by name; what is 0 is left out. */
  readonly operations: OperationCounts;
  readonly sections: readonly SectionFigures[];
  readonly amplification: Amplification;
  readonly harm: Harm;
  /** What the systems beside the core counted, by system; empty for traces without their events. */
  readonly systems: Readonly<Record<string, Readonly<Record<string, number>>>>;
  /** Null: the replay went through. After a stop nothing is counted. */
  readonly stopped: HostStopped | null;
  readonly equivalence: Equivalence;
  /** FNV-1a style digest over every LR word written at every flush, 8 hex digits. */
  readonly lrDigest: string;
  /** The command that repeats this cell. */
  readonly command: string;
}

/** What a clock said. Never mixed with the exact part, never asserted in tests. */
export interface MeasuredPart {
  /** One value a fresh process: the minimum over its passes, ns per event. */
  readonly nsPerEvent: readonly number[];
  /** 25th percentile of the per-process minima, and a 90 % bootstrap interval. */
  readonly estimate: number;
  readonly low: number;
  readonly high: number;
  /** estimate / estimate of sort-on-flush in the same interleaved run; null for sort-on-flush itself. */
  readonly ratio: number | null;
  readonly seed: number;
  readonly blocks: number;
  readonly node: string;
  readonly cpu: string;
}

export interface CellResult {
  readonly schema: typeof CELL_SCHEMA;
  readonly tool: { readonly name: string; readonly version: string };
  readonly exact: ExactPart;
  readonly measured: MeasuredPart | null;
}
