/** What a trace says about itself. The protobuf form is proto/vgic/trace/v1/trace.proto. */
import type { Machine } from '../gic/intid.js';

/**
 * L0 synthetic; L1 pending/line changes plus entry/exit (stock tracepoints); L2 adds priority, enable, target and
 * configuration; L3 adds acknowledge/EOI and the LR contents at entry and exit.
 */
export type Fidelity = 0 | 1 | 2 | 3;

/** A place where the source lost or cut events. */
export interface Gap {
  /** Index of the trace event after which the gap lies. */
  readonly afterEvent: number;
  /** Number of lost events; 0 = unknown. */
  readonly lost: number;
  /** Place in the source, e.g. "line 31". */
  readonly place: string;
}

/** What the importer met. All counts are of source lines, records or events as named. */
export interface ImportCounts {
  readonly sourceLines: number;
  readonly unknownLines: number;
  readonly lostEvents: number;
  /** Decisions about order or effect that were taken from the recorded outcome, not from recorded inputs. */
  readonly decisionsFromRecording: number;
  /** Source records that have no effect and became NOP. */
  readonly noEffect: number;
  /** 1 if the source ended in the middle of a record or run. */
  readonly cutOff: number;
  /**
   * Places where the order of steps is not that of their time stamps, because what was recorded under the locks (sorts,
   * populated LRs, appends, removals, interrupt fields) shows another. 0 in traces made before it was counted.
   */
  readonly reordered: number;
}

/** Of a source in which every line is an event, or that has no lines. */
export const noImportCounts = (sourceLines = 0): ImportCounts => ({
  sourceLines,
  unknownLines: 0,
  lostEvents: 0,
  decisionsFromRecording: 0,
  noEffect: 0,
  cutOff: 0,
  reordered: 0,
});

export interface TraceHeader {
  readonly machine: Machine;
  readonly fidelity: Fidelity;
  /** Short kebab-case name, e.g. "ipi-4". */
  readonly name: string;
  /** One sentence: what the trace shows. */
  readonly title: string;
  /** Nanoseconds a tick; 1000 for ftrace text. */
  readonly tickNs: number;
  /** Name of the source's clock ("global", "none"). */
  readonly clock: string;
  readonly provenance: {
    /** Tool that recorded, e.g. "ftrace". */
    readonly tool: string;
    readonly kernel: string;
    /** When it was recorded, as the source says; empty if it does not. */
    readonly when: string;
    /** How: command line, machine. */
    readonly how: string;
    readonly licence: string;
    /** sha256 of the source file(s), hex; empty if unknown. */
    readonly sourceSha256: string;
  };
  readonly importer: { readonly name: string; readonly version: string };
  /** How guest acknowledges were obtained: 'recorded', 'lr-state' (from the LRs read back), 'drain' (synthesised), 'events'. */
  readonly guestAccesses: 'recorded' | 'lr-state' | 'drain' | 'events';
  readonly counts: ImportCounts;
  readonly gaps: readonly Gap[];
}
