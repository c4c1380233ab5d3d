/**
 * What the kernel did, as intervals and exact moments. Lines are named by their number in the text: it orders them
 * even where the printed times are equal.
 */
import type { IrqFields, Step } from './step.js';

/** vgic_queue: irq_lock was held at `line`, the change is done; the append to the ap_list follows until `appendLine`. */
export interface QueueOperation {
  readonly type: 'queue';
  readonly line: number;
  readonly tick: number;
  /** Phys lines first, then the one event that the model runs. Empty: the cause of this line is not known. */
  steps: Step[];
  readonly key: number;
  readonly fields: IrqFields;
  /** Line and tick of the ap_add, or of the line that proves there was none. */
  closeLine: number;
  closeTick: number;
  /** vCPU on whose ap_list ap_add found it, -1 if there was no ap_add. */
  appendedTo: number;
  /** Same number: targets of one SGI. */
  readonly group: number;
}

/** Changes without a moment of their own: done in order, after `line` and before `closeLine`. */
export interface SilentOperation {
  readonly type: 'silent';
  readonly line: number;
  readonly tick: number;
  readonly steps: readonly Step[];
  closeLine: number;
  closeTick: number;
  /** See DecodedWrite.halts. */
  readonly halts: boolean;
  /** An injection that KVM found redundant: it must take effect where it changes nothing. */
  readonly redundant: boolean;
}

/** A moment of the recording: number of the line, and its time. */
export interface Moment {
  readonly line: number;
  readonly tick: number;
}

export interface Populate extends Moment {
  readonly key: number;
  readonly fields: IrqFields;
}

export interface FlushResult {
  readonly used: number;
  readonly hcr: number;
  readonly lo: readonly number[];
  readonly hi: readonly number[];
  /** a0..a9 as printed. */
  readonly list: readonly number[];
}

export interface FlushOperation {
  readonly type: 'flush';
  readonly vcpu: number;
  readonly startLine: number;
  /** The moment of decision: first ap_sort or lr_populate; vgic_flush itself if there is neither. */
  line: number;
  tick: number;
  closeLine: number;
  closeTick: number;
  sortCount: number;
  /** a0..a9 before the sort. */
  sortList: readonly number[];
  populates: Populate[];
  /** Null: nothing was printed, because the list was empty, or the line is missing (`isCut`). */
  result: FlushResult | null;
  /** Lines of this run were lost or are broken: what it gave the hardware is not known. */
  isCut: boolean;
}

export interface Removal {
  readonly line: number;
  readonly key: number;
  readonly intid: number;
  /** vCPU it moved to, -1: removed. */
  readonly to: number;
}

export interface PhysSample {
  readonly intid: number;
  readonly level: number;
}

export interface SyncOperation {
  readonly type: 'sync';
  readonly vcpu: number;
  readonly startLine: number;
  line: number;
  tick: number;
  closeLine: number;
  closeTick: number;
  readonly aborted: boolean;
  /** Line of the kvm_entry of this run, 0 if the entry was aborted. */
  readonly entryLine: number;
  fold: { readonly used: number; readonly lo: readonly number[]; readonly hi: readonly number[] } | null;
  physical: PhysSample[];
  /** kvm_ack_irq: KVM tells of the end of this SPI before it takes the interrupt's lock to fold its LR. */
  acks: { readonly intid: number; readonly line: number }[];
  removals: Removal[];
}

/** kvm_entry, wfi, wakeup, load, put: nothing to order but the line itself. */
export interface FactOperation {
  readonly type: 'fact';
  readonly kind: number;
  readonly vcpu: number;
  readonly value: number;
  readonly line: number;
  readonly tick: number;
}

export interface EntryOperation {
  readonly type: 'entry';
  readonly vcpu: number;
  readonly line: number;
  readonly tick: number;
}

export type Operation =
  | QueueOperation
  | SilentOperation
  | FlushOperation
  | SyncOperation
  | FactOperation
  | EntryOperation;

/** First line of an operation: nothing of it happened earlier. */
export const startLineOf = (op: Operation): number =>
  op.type === 'flush' || op.type === 'sync' ? op.startLine : op.line;
