/**
 * The switches in which the virtual GICs differ: vgic-spec section 10, one field a row that the model needs. A flavour is
 * one record of them; the model reads it once, when it is put together, and never inside a loop.
 */
import type { GicModel } from '../intid.js';

/** In what the emulated ITSs differ: the ITS and LPI rows of vgic-spec section 10. */
export interface ItsRules {
  /** How an LPI is found by number: a walk of all LPIs in mapping order, or an index that visits them in ascending order. */
  readonly lpiIndex: 'list' | 'xarray';
  /** Least recently used of 16 entries a vCPU, found by a walk; or a map without a limit. */
  readonly cache: 'lru-list' | 'map';
  /** MAPC with V=0 checks its target all the same. */
  readonly unmapChecksTarget: boolean;
  /** A write to a table's BASER frees the devices or collections only if it makes it invalid, or whenever it changes it. */
  readonly baserWriteFrees: 'made-invalid' | 'changed';
  /** Save meets a device that its table does not reach any more. */
  readonly unreachableAtSave: 'error' | 'skip';
}

/** Published defects that a record of defective.ts has: vgic-spec 8.3. */
export type Defect = 'XSA-94' | 'XSA-117' | 'XSA-223' | 'XSA-225' | 'SGIR mode 3' | 'CVE-2026-64106' | 'CVE-2026-89912';

export interface Flavour {
  /** Command-line value, trace header, every result. */
  readonly id: string;
  readonly summary: string;
  /** The code it stands for: project, version, folder. */
  readonly models: string;
  readonly guestModels: readonly GicModel[];
  readonly hasLpis: boolean;
  /** Undefined: the flavour has no ITS, or none that is modelled. */
  readonly its: ItsRules | undefined;
  /** `ap-list`: one list a vCPU, interrupts appended; `two-lists`: inflight and lr_pending, sorted at insertion (1.22). */
  readonly structure: 'ap-list' | 'two-lists';

  // Entry.
  /** Flush and sync return at once when the list is empty, without a lock and without a look at the LRs. */
  readonly emptyListShortcut: boolean;
  /**
   * What decides whether to sort: `weights` of all entries (compute_ap_list_depth of 6.1, irq_lock each); `ours`: pending
   * and active entries whose oracle is this vCPU (7.2, irq_lock each); `count`: the entries (Xen, no irq_lock).
   */
  readonly depth: 'weights' | 'ours' | 'count';
  /** `active-first`: active, pending by priority, rest; `pending-first`: the six-part key of 7.2 (1.13). */
  readonly order: 'active-first' | 'pending-first';
  /**
   * The list sort: `halving`, the bottom-up merge of E.1; `carry`, the older one of Xen, whose last merge calls the
   * comparator with one element twice when 256 elements or more are left of one run.
   */
  readonly sort: 'halving' | 'carry';
  /** Does the comparator return before it locks when both arguments are one interrupt? Without it that call deadlocks. */
  readonly selfCompareGuard: boolean;
  /** A GICv2 SGI with several senders forces a sort and keeps less urgent entries out of the LRs (1.11). */
  readonly multiSgiFloor: boolean;
  /** HCR at entry: En and UIE, or the full set rebuilt at every entry (1.12). */
  readonly hcr: 'en-uie' | 'full';
  /** HCR En is off after the fold, and unused LRs are not rewritten at entry. */
  readonly disablesAfterFold: boolean;

  // Populate.
  /** EOI request for a multi-source SGI, its active sender in the LR, no P+A for level and mapped edge interrupts. */
  readonly populate: 'kvm' | 'xen';
  /** A pending GICv2 SGI without sender: the LR keeps its old word, becomes 0, or the host stops. */
  readonly senderlessSgi: 'stale-lr' | 'empty-lr' | 'host-assertion';

  // Exit.
  /** A level interrupt's latch ends when its LR comes back empty, or as soon as it is not pending. */
  readonly levelLatchEnds: 'empty' | 'not-pending';
  /** The active bit of an LPI's LR is dropped at fold on a GICv3 host. */
  readonly dropsLpiActive: boolean;
  /** kvm_ack_irq: `always` when an SPI's LR comes back empty with EOI; `deactivated`: on a GICv3 host only after an active one. */
  readonly ackNotification: 'always' | 'deactivated' | 'none';
  /** Can a mapping be one that the list register does not deactivate (SW_RESAMPLE, 3.3)? */
  readonly softwareResample: boolean;
  /** Resampling of a mapped level interrupt also after a deactivation with the line high (3.3). */
  readonly resamplesAfterDeactivation: boolean;
  /**
   * Deactivation of interrupts that are active but in no LR: `none` (6.1, Xen); by EOIcount and trapped DIR, the EOIcount
   * walk beginning behind the last LR's entry (7.2) or, before the fix of March 2026, at the list head.
   */
  readonly activeOutsideLrs: 'none' | 'after-last-lr' | 'from-list-head';

  // Kicks.
  /** `kvm`: request bit and kick; `xen`: unblock, and an IPI if the vCPU was running elsewhere. */
  readonly kick: 'kvm' | 'xen';
  /** The first SPI queued asks all vCPUs in (TDIR, 1.8). */
  readonly firstSpiBroadcast: boolean;
  /** Prune kicks the vCPU that an entry moved to. */
  readonly kicksAfterMigration: boolean;
  /** `deliverable`: distributor on, enabled, pending, not active, below PMR; `enabled-pending`: nothing but these two. */
  readonly pendingTest: 'deliverable' | 'enabled-pending';

  // Registers.
  /** Where an SPI goes before its target is written. */
  readonly spiTargetAtReset: 'vcpu0' | 'none';
  readonly isXen: boolean;
  /** Active-state accesses of a GICv3 guest halt the VM always, or only for another vCPU's or shared interrupts (2.3). */
  readonly haltScope: 'always' | 'others' | 'never';
  /** SGI1R: a walk over all vCPUs comparing affinities, or a lookup of each listed one (cost only). */
  readonly sgiRouting: 'scan' | 'lookup';

  // Timers (section 5).
  /** `mapped`: direct timers stand on mapped PPIs (KVM); `self-masking`: the host masks the timer and injects (Xen). */
  readonly timers: 'mapped' | 'self-masking';
  /** The levels of both timer PPIs are recomputed on every return to the guest (vtimer_update_irqs). */
  readonly timerLevelsAtEntry: boolean;
  /**
   * What tells user space of timer levels: a comparison before the entry and a rewrite at the return (6.1), or one step
   * that flips the differing bits (7.2). Xen has no userspace irqchip.
   */
  readonly toldWord: 'rewritten' | 'flipped' | 'none';
  /** A vgic is also refused while the creation of a vCPU is in flight (5.4). */
  readonly refusesVgicDuringVcpuCreation: boolean;

  /** Of the records in defective.ts: in what it is worse than the flavour it is made of. */
  readonly defect?: Defect;
}
