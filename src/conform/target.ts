/**
 * What a model must answer to be put to a scenario: the typed-array core and the plain reference model both do. Inputs are
 * events of trace/events.ts and raw register accesses; everything else is a question that changes nothing.
 */
import type { Machine } from '../gic/intid.js';

export type Frame = 'dist' | 'redist';

/** One list register in use; words as lr.ts prints them (GICv2 host: `hi` is 0). */
export interface LrWord {
  readonly slot: number;
  readonly lo: number;
  readonly hi: number;
}

/** Software state of one interrupt (vgic-spec 1.2). vCPUs: -1 = none. */
export interface IrqView {
  readonly enabled: boolean;
  readonly latch: boolean;
  readonly line: boolean;
  readonly active: boolean;
  /** is_pending: the latch, or the line of a level interrupt. */
  readonly pending: boolean;
  readonly level: boolean;
  readonly priority: number;
  readonly group: 0 | 1;
  readonly queuedOn: number;
  readonly target: number;
  readonly hw: boolean;
  /** GICv2 SGIs: set of senders still pending, and sender of the active instance. */
  readonly sources: number;
  readonly activeSource: number;
  /** kvm-7.2: in a list register of a vCPU that is in the guest. */
  readonly onLr: boolean;
  /** LPIs: mappings, plus one while queued. */
  readonly references: number;
}

/** Status of one interrupt of xen-old (vgic-spec 1.22). */
export interface XenOldView {
  readonly queued: boolean;
  readonly active: boolean;
  readonly visible: boolean;
  readonly enabled: boolean;
  readonly migrating: boolean;
  readonly prioritySnapshot: number;
  readonly inInflight: boolean;
  readonly inLrPending: boolean;
}

/** Kick counters since the start, one entry a vCPU; `requestSet` and `processUpdate` are states (vgic-spec 1.9, E.6). */
export interface KickView {
  readonly kicks: readonly number[];
  readonly requestSet: readonly boolean[];
  readonly halts: number;
  readonly processUpdate: readonly boolean[];
  readonly broadcasts: number;
  readonly activeSpis: number;
  /** Xen: vcpu_unblock calls and event-check IPIs. */
  readonly unblocks: readonly number[];
  readonly ipis: readonly number[];
}

/** One entry of an ITS list; null: it has no collection. */
export interface ItsEntryView {
  readonly event: number;
  readonly lpi: number;
  readonly collection: number | null;
}

/** The live lists in their order (vgic-spec 6.1). ITT addresses are below 2^52; target null: unmapped. */
export interface ItsTablesView {
  readonly devices: readonly {
    readonly id: number;
    readonly bits: number;
    readonly itt: number;
    readonly entries: readonly ItsEntryView[];
  }[];
  readonly collections: readonly { readonly id: number; readonly target: number | null }[];
}

/** The ITS of a machine and the guest memory it works on. Results: 0, a positive ITS error code, or a negative errno. */
export interface ItsTarget {
  /** One command: eight 32-bit words, little endian. */
  command(words: readonly number[]): number;
  /** KVM_SIGNAL_MSI: 1 delivered, 0 blocked by a mapping error, or a negative errno. */
  msi(device: number, event: number): number;
  save(): number;
  restore(): number;
  savePending(): number;
  /** Drops all devices, then all collections. */
  reset(): void;
  /** Guest memory, 8 bytes little endian at `address`. */
  writeMemory(address: number, value: bigint): void;
  readMemory(address: number): bigint;
  tables(): ItsTablesView;
}

export interface ConformTarget {
  readonly machine: Machine;
  /** Executes one event. After a fatal step nothing has an effect any more. */
  apply(kind: number, vcpu: number, intid: number, value: number): void;
  /** Line event; returns 0 or a negative errno (unknown INTID: -22). */
  inject(vcpu: number, intid: number, level: number): number;
  /**
   * Raw write of `length` (1, 2, 4, 8) bytes at byte `offset` of the distributor, or of the redistributor of `vcpu` (its
   * SGI frame begins at 0x10000); `hi` holds bits 63:32. Halts the guest where 2.3 says so. False: unhandled, a data
   * abort in a Xen guest.
   */
  write(vcpu: number, frame: Frame, offset: number, length: number, lo: number, hi: number): boolean;
  /** Raw read; an unsigned number (IROUTER: below 2^53). -1: unhandled. */
  read(vcpu: number, frame: Frame, offset: number, length: number): number;
  /** IAR read by the rules of 1.16; INTID 1023 = nothing. `source` is 0 but for GICv2 SGIs. */
  acknowledge(vcpu: number): { readonly intid: number; readonly source: number };
  /** DIR write by the rules of 1.16; true: it trapped, the vCPU was synced and is out of the guest. */
  deactivate(vcpu: number, intid: number, source: number): boolean;

  /** List registers in use, in slot order. */
  lrs(vcpu: number): LrWord[];
  hcr(vcpu: number): number;
  eoiCount(vcpu: number): number;
  /** Undefined: the machine has no such interrupt, or the LPI is not mapped. */
  irq(vcpu: number, intid: number): IrqView | undefined;
  xenOldIrq(vcpu: number, intid: number): XenOldView | undefined;
  /** INTIDs of the ap_list, head first; xen-old: of inflight. */
  list(vcpu: number): number[];
  /** INTIDs of xen-old's lr_pending; empty for other flavours. */
  lrPending(vcpu: number): number[];
  /** Asks the wake-up test of 1.21; books its locks. */
  pendingTest(vcpu: number): boolean;
  kicks(): KickView;
  /** Ack notifications of one SPI since the start. */
  ackNotified(intid: number): number;
  /** irq_lock and ap_list_lock acquisitions since the last call (vgic-spec A, E.3). */
  takeLocks(): number;
  phys(vcpu: number, hostIrq: number): { readonly pending: boolean; readonly active: boolean };
  /** Undefined: the machine has no ITS. */
  its(): ItsTarget | undefined;
  /** How the last step stopped the host, or undefined: a HostStopKind. */
  fatal(): string | undefined;
}
