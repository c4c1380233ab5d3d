/**
 * The events of a trace. One event is one packed word (kind, vCPU, INTID), one 32-bit value and the time since the
 * previous event. The numbers are the file format: they never change, new ones are appended (proto/README.md).
 *
 * An event is one atomic step: it completes before the next begins (native-reference section 6). Importers of
 * recordings with several CPUs find the order in which the kernel's steps took effect (recordings/IMPORT).
 */

export const KIND_BITS = 7;
export const VCPU_BITS = 8;
export const INTID_BITS = 17;
export const VCPU_SHIFT = KIND_BITS;
export const INTID_SHIFT = KIND_BITS + VCPU_BITS;
export const KIND_MASK = (1 << KIND_BITS) - 1;
export const VCPU_MASK = (1 << VCPU_BITS) - 1;
export const INTID_MASK = (1 << INTID_BITS) - 1;

export const packWord = (kind: number, vcpu: number, intid: number): number =>
  kind | (vcpu << VCPU_SHIFT) | (intid << INTID_SHIFT);
export const wordKind = (word: number): number => word & KIND_MASK;
export const wordVcpu = (word: number): number => (word >>> VCPU_SHIFT) & VCPU_MASK;
export const wordIntid = (word: number): number => word >>> INTID_SHIFT;

// --- Inputs of the model (1..63). "user" = access by user space: vgic-spec 2.6.
/** A source event that is known to have no effect (unknown INTID); keeps event indexes. value = source's own opcode. */
export const NOP = 1;
/** Device, timer or MSI raises or lowers `intid`. value bit 0 = level. Edge interrupts and LPIs react to 1 only. */
export const INJECT = 2;
/** Guest entry of `vcpu`: list registers are filled. */
export const FLUSH = 3;
/** Guest exit of `vcpu`: list registers are folded, the ap_list is pruned. */
export const SYNC = 4;
/**
 * IAR read. value bit 0: refuse unless more urgent than every active LR. value bit 1: `intid` is what the guest really
 * got and the model must acknowledge exactly that (recordings); otherwise the best pending LR is acknowledged and
 * `intid` (1023 none, 0 unknown) is an assertion. intid 1023 with bit 1: a spurious read. value bit 2: by the rules of the
 * CPU interface (vgic-spec 1.16): group enables, PMR and running priority decide, and the running priority is pushed.
 */
export const ACK = 5;
/**
 * EOIR write with EOImode 0: clear the active bit of the first LR with `intid`; HW: deactivate the physical one. Found in
 * no LR: EOIcount + 1 (not for LPIs). value bit 0: by the rules of the CPU interface (1.16): priority drop, EOImode and,
 * for an SGI of a GICv2 guest, the sender in bits 10:8.
 */
export const EOI = 6;
/** EOIR write with EOImode 1: priority drop only, LR unchanged. */
export const PRIORITY_DROP = 7;
/**
 * DIR write: clear the active bit, as EOI, without EOIcount. value bit 0: by the rules of the CPU interface: ignored with
 * EOImode 0, trapped if HCR.TDIR is set (the vCPU is synced first); sender of an SGI in bits 10:8.
 */
export const DEACTIVATE = 8;
/** ISENABLER (value bit 0 = 1) or ICENABLER (0). value bit 1 = user. */
export const ENABLE = 9;
/** IPRIORITYR; value = byte. */
export const PRIORITY = 10;
/** ISPENDR (1) or ICPENDR (0). value bit 1 = user. */
export const PENDING = 11;
/**
 * ISACTIVER (1) or ICACTIVER (0) written by `vcpu`. value bit 1 = user. The exits that such an access forces (vgic-spec 2.3)
 * are events of their own; a raw access (MMIO_DIST, MMIO_REDIST) forces them itself.
 */
export const ACTIVE = 12;
/** ICFGR: value 0 edge, 1 level. SPIs only. */
export const CONFIG = 13;
/** IROUTER / ITARGETSR: value = vCPU index; beyond the machine: GICv3 no target, GICv2 vCPU 0. */
export const TARGET = 14;
/**
 * SGI sent by `vcpu`. intid bits 3:0 = SGI, bit 4 = all but the sender, bits 12:5 = first vCPU of the list (a multiple
 * of 16), bit 13 = sent through ICC_SGI0R, which reaches group 0 only; value = list of target vCPUs, bit n = first + n.
 */
export const SGI = 15;
/** MAPTI. `vcpu` = target; value bits 15:8 priority (& 0xfc), bit 16 enabled. An LPI that exists only gains a reference. */
export const LPI_MAP = 16;
/** DISCARD: drops the map reference. */
export const LPI_UNMAP = 17;
/** INV: value = priority & 0xfc | enable bit 0; queues if pending. */
export const LPI_CONFIG = 18;
/** MOVI / MOVALL of one LPI to `vcpu`; does not move a queued entry. */
export const LPI_MOVE = 19;
/** CLEAR: latch := 0 without locks. */
export const LPI_CLEAR = 20;
/** Pending table read: latch := value bit 0, then queue. */
export const LPI_PENDING = 21;
/** GICR_CTLR.EnableLPIs 1 → 0 on `vcpu`: every LPI leaves its ap_list. */
export const LPI_FLUSH = 22;
/** IGROUPR of the whole word that holds `intid`: its group := value bit 0, then all 32 are queued in ascending order. */
export const GROUP = 23;
/** IGROUPR seen per interrupt: group := value bit 0 of `intid` alone, then queued unless value bit 1 (user). */
export const GROUP_ONE = 24;
/** GICD_CTLR: value bit 0 = group enable that matters to the guest model. */
export const DIST_ENABLE = 25;
/**
 * Tie `intid` (of `vcpu` if private) to host interrupt `value` bits 15:0. Bit 16: SW_RESAMPLE, for hosts whose list
 * registers cannot deactivate it (vgic-spec 3.3); flavours without it map as ever.
 */
export const HW_MAP = 26;
export const HW_MAP_SW_RESAMPLE = 1 << 16;
/** Host interrupt of an HW_MAP event, whatever it is worth. */
export const hostIrqOfMap = (value: number): number => (value & ~HW_MAP_SW_RESAMPLE) >>> 0;
export const HW_UNMAP = 27;
/** Line of host interrupt `intid` := value bit 0. Host PPIs (< 32) are banked by `vcpu`. Read by resampling. */
export const PHYS_LINE = 28;
/** Raw 32-bit write to the distributor at byte offset `intid`; IROUTER: the low word. */
export const MMIO_DIST = 29;
/** Raw 32-bit write to the redistributor of `vcpu`; the SGI frame begins at 0x10000. */
export const MMIO_REDIST = 30;
/** GICv2 SPENDSGIR (value bit 31 = 1) or CPENDSGIR (0) of SGI `intid` of `vcpu`; value bits 7:0 = sources. */
export const SGI_PEND = 31;
/** Question, not a change: would `vcpu` be runnable (kvm_vgic_vcpu_pending_irq)? */
export const PENDING_QUERY = 32;
/** PMR of `vcpu` := value. Only the pending test reads it. */
export const PMR = 33;
/** User-space LEVEL_INFO: line := value bit 0; 1 also queues. */
export const LINE_LEVEL = 34;
/**
 * What the guest did to LR `intid` of `vcpu`, where its accesses themselves were not recorded (GICv2, stock
 * tracepoints): value = new state, bit 0 pending, bit 1 active.
 */
export const GUEST_LR_STATE = 35;
/**
 * A guest that takes what it is presented: it acknowledges and EOIs, most urgent first, everything in its list registers
 * (value 0: the neutral policy of L1 traces), or at most `value` interrupts. Virtual LPIs (GICv4) are in no list register and
 * have no order here: only value 0 takes them.
 */
export const GUEST_DRAIN = 36;
/**
 * One part of a SYNC that other CPUs' steps interrupted (SYNC = FOLD, PRUNE). FOLD: list registers → tables.
 */
export const FOLD = 37;
/** The prune walk of a SYNC whose FOLD came as an event of its own. */
export const PRUNE = 38;
/**
 * The guest's CPU interface of `vcpu` := value: bits 7:0 PMR, 8 group 0 enable, 9 group 1 enable, 10 EOImode, 11 CBPR,
 * 14:12 BPR0, 17:15 BPR1.
 */
export const CPUIF = 39;
/** Pending state of host interrupt `intid` := value bit 0: what a device asserts and ICPENDR of a mapped interrupt clears. */
export const PHYS_PENDING = 40;
/** Active state of host interrupt `intid` := value bit 0. */
export const PHYS_ACTIVE = 41;
/** Xen: is_running of `vcpu` := value bit 0; until the first one for a vCPU, FLUSH and SYNC say it. */
export const RUNNING = 42;
/** Xen: `vcpu` is the current one of the CPU that acts. FLUSH, SYNC and register accesses say it too. */
export const CURRENT = 43;
/** As MMIO_DIST and MMIO_REDIST, 8 bits wide. */
export const MMIO_DIST_BYTE = 44;
export const MMIO_REDIST_BYTE = 45;
/** Raw read of `value` bytes; changes nothing but that active-state accesses halt the guest (vgic-spec 2.3). */
export const MMIO_DIST_READ = 46;
export const MMIO_REDIST_READ = 47;

// --- Systems beside the GIC core (vgic-spec sections 3 to 6).
/** Address of the next MEM_WRITE: value = bits 31:0, intid = bits 48:32. */
export const MEM_AT = 48;
/** The guest writes its memory: the `intid` (1, 2 or 4) low bytes of `value`, little endian, at the address, which moves on. */
export const MEM_WRITE = 49;
/** Raw 32-bit write by `vcpu` to the ITS at byte offset `intid`. GITS_TRANSLATER (0x10040) is for devices: see MSI. */
export const ITS_MMIO = 50;
/** Word `intid` (0 to 7, little endian) of the next ITS_COMMAND; words not given are 0. */
export const ITS_WORD = 51;
/** Executes the command given by the ITS_WORDs before it, without a queue. */
export const ITS_COMMAND = 52;
/** An MSI by way of the translation cache (KVM_SIGNAL_MSI, irqfd): value = device << 16 | event. */
export const MSI = 53;
/** User space: intid 0 saves the ITS tables, 1 restores them, 2 drops devices and collections, 3 saves the pending tables. */
export const ITS_CONTROL = 54;
/**
 * Hardware state of timer `intid` of `vcpu` (0 virtual, 1 physical, 2 EL2 virtual, 3 EL2 physical): value bit 0 ENABLE, 1
 * IMASK, 2 ISTATUS (the counter has reached the deadline), 3: the guest's access trapped (emulated timer).
 */
export const TIMER = 55;
/** The thread of `vcpu` is scheduled in: timers loaded, vPE resident (KVM: vcpu_load). */
export const VCPU_LOAD = 56;
/** The thread of `vcpu` is scheduled out; value bit 0: inside WFI (background timer, doorbell wanted). */
export const VCPU_PUT = 57;
/** GICv4: the hardware delivers virtual LPI `intid` to the vPE of `vcpu`. */
export const VLPI = 58;
/** Switch `intid` of the machine := value: 0 irqchip (0 user space, 1 vgic), 1 host GIC with active states (0, 1), 2 GICv4 (0, 40, 41). */
export const SYSTEM = 59;
/** Life of the VM: intid 0 creates `vcpu`, 1 the vgic, 2 initialises it, 3 `vcpu` runs for the first time. */
export const VM_STEP = 60;
/** Checks before `vcpu` enters the guest of a VM without a vgic, and the work after its exit (vgic-spec 5.3). */
export const RUN_ENTRY = 61;
export const RUN_EXIT = 62;

// --- Facts of the recording that change no state of the model (64..79).
/** The guest waits: KVM asks the pending test whether `vcpu` is runnable (vgic-spec 1.10, 1.21). A generated guest waits too. */
export const WFI = 64;
export const WAKEUP = 65;
export const LOAD = 66;
/** value = VMCR low word. */
export const PUT = 67;
/** Guest wrote ICC_BPR1 / ICC_CTLR / ICC_IGRPEN1; value = value written. */
export const GUEST_BPR = 68;
export const GUEST_CTLR = 69;
export const GUEST_IGRPEN = 70;
/** `value` events were lost here by the recorder. */
export const LOST = 71;
/** A flush that was followed by a sync without guest run (request pending). Stands before the SYNC. */
export const ABORTED_ENTRY = 72;
/**
 * An MSI asked the translation cache: value = device << 16 | event; intid = the LPI that a hit made pending, 0: a miss.
 * A miss is followed by ITS_TRIGGER, or, in a context that must not sleep, by another MSI_CACHED first.
 */
export const MSI_CACHED = 73;
/** The ITS translated an event by its tables, for an MSI or INT: value and intid as in MSI_CACHED, intid 0: no LPI came of it. */
export const ITS_TRIGGER = 74;
/** A timer of `vcpu` gave its PPI `intid` the level in value bit 0. */
export const TIMER_LEVEL = 75;
/** The background timer of `vcpu` expired. */
export const TIMER_EXPIRED = 76;
/** Host interrupt `intid` was taken on behalf of `vcpu`'s timer. */
export const HOST_TIMER_IRQ = 77;
/** Word `intid` (0 to 7) of the ITS command that the guest issues next, as its own copy says. */
export const GUEST_ITS_WORD = 78;
/** One step of an interleaving: thread `vcpu` takes step `intid`; value = what it read or wrote (explore). */
export const SCHEDULE_STEP = 79;

// --- Ground truth (96..111): what the real machine held. Compared by `verify`, skipped by a timed replay.
/** After the FLUSH of `vcpu`: intid = used_lrs, value = HCR. The LR words follow. */
export const EXPECT_LRS = 96;
/** intid = LR index; value = low word (GICv2: the word), written before EXPECT_LR_HI. */
export const EXPECT_LR_LO = 97;
export const EXPECT_LR_HI = 98;
/** Before the SYNC of `vcpu`: intid = used_lrs read back; the LR words follow as EXPECT_LR_LO / EXPECT_LR_HI. */
export const EXPECT_FOLD = 99;
/** Before the FLUSH: the flush sorted; value = compute_ap_list_depth. */
export const EXPECT_SORT = 100;
/**
 * After the FLUSH: two INTIDs of the ap_list, intid bits 15:0 = position of the first, bit 16 = the list ends here;
 * value = INTID | next INTID << 16 (0xffff: none).
 */
export const EXPECT_LIST = 101;

export const FIRST_FACT = 64;
export const FIRST_EXPECT = 96;

export interface KindInfo {
  readonly kind: number;
  readonly name: string;
  /** What the intid field holds, so that `validate` can check its range. */
  readonly intid:
    | 'none'
    | 'irq'
    | 'private'
    | 'sgi'
    | 'sgi-spec'
    | 'lpi'
    | 'lpi-or-none'
    | 'hostirq'
    | 'dist-offset'
    | 'redist-offset'
    | 'dist-byte'
    | 'redist-byte'
    | 'lr'
    | 'ack'
    | 'count'
    | 'list-position'
    | 'address'
    | 'mem-bytes'
    | 'its-offset'
    | 'its-word'
    | 'its-control'
    | 'timer'
    | 'system-switch'
    | 'vm-step'
    | 'step';
  /** The lowest fidelity level at which the kind may occur. */
  readonly fidelity: 0 | 1 | 2 | 3;
}

const row = (kind: number, name: string, intid: KindInfo['intid'], fidelity: KindInfo['fidelity']): KindInfo => ({
  kind,
  name,
  intid,
  fidelity,
});

/** One row a kind: the names of JSON lines, `info` and error messages. */
export const KINDS: readonly KindInfo[] = [
  row(NOP, 'nop', 'none', 0),
  row(INJECT, 'inject', 'irq', 0),
  row(FLUSH, 'flush', 'none', 0),
  row(SYNC, 'sync', 'none', 0),
  row(ACK, 'ack', 'ack', 0),
  row(EOI, 'eoi', 'irq', 0),
  row(PRIORITY_DROP, 'priority-drop', 'irq', 0),
  row(DEACTIVATE, 'deactivate', 'irq', 0),
  row(ENABLE, 'enable', 'irq', 0),
  row(PRIORITY, 'priority', 'irq', 0),
  row(PENDING, 'pending', 'irq', 0),
  row(ACTIVE, 'active', 'irq', 0),
  row(CONFIG, 'config', 'irq', 0),
  row(TARGET, 'target', 'irq', 0),
  row(SGI, 'sgi', 'sgi-spec', 0),
  row(LPI_MAP, 'lpi-map', 'lpi', 0),
  row(LPI_UNMAP, 'lpi-unmap', 'lpi', 0),
  row(LPI_CONFIG, 'lpi-config', 'lpi', 0),
  row(LPI_MOVE, 'lpi-move', 'lpi', 0),
  row(LPI_CLEAR, 'lpi-clear', 'lpi', 0),
  row(LPI_PENDING, 'lpi-pending', 'lpi', 0),
  row(LPI_FLUSH, 'lpi-flush', 'none', 0),
  row(GROUP, 'group', 'irq', 0),
  row(GROUP_ONE, 'group-one', 'irq', 0),
  row(DIST_ENABLE, 'dist-enable', 'none', 0),
  row(HW_MAP, 'hw-map', 'irq', 0),
  row(HW_UNMAP, 'hw-unmap', 'irq', 0),
  row(PHYS_LINE, 'phys-line', 'hostirq', 0),
  row(MMIO_DIST, 'mmio-dist', 'dist-offset', 0),
  row(MMIO_REDIST, 'mmio-redist', 'redist-offset', 0),
  row(SGI_PEND, 'sgi-pend', 'sgi', 0),
  row(PENDING_QUERY, 'pending-query', 'none', 0),
  row(PMR, 'pmr', 'none', 0),
  row(LINE_LEVEL, 'line-level', 'irq', 0),
  row(GUEST_LR_STATE, 'guest-lr-state', 'lr', 0),
  row(GUEST_DRAIN, 'guest-drain', 'none', 0),
  row(FOLD, 'fold', 'none', 0),
  row(PRUNE, 'prune', 'none', 0),
  row(CPUIF, 'cpuif', 'none', 0),
  row(PHYS_PENDING, 'phys-pending', 'hostirq', 0),
  row(PHYS_ACTIVE, 'phys-active', 'hostirq', 0),
  row(RUNNING, 'running', 'none', 0),
  row(CURRENT, 'current', 'none', 0),
  row(MMIO_DIST_BYTE, 'mmio-dist-byte', 'dist-byte', 0),
  row(MMIO_REDIST_BYTE, 'mmio-redist-byte', 'redist-byte', 0),
  row(MMIO_DIST_READ, 'mmio-dist-read', 'dist-byte', 0),
  row(MMIO_REDIST_READ, 'mmio-redist-read', 'redist-byte', 0),
  row(MEM_AT, 'mem-at', 'address', 0),
  row(MEM_WRITE, 'mem-write', 'mem-bytes', 0),
  row(ITS_MMIO, 'its-mmio', 'its-offset', 0),
  row(ITS_WORD, 'its-word', 'its-word', 0),
  row(ITS_COMMAND, 'its-command', 'none', 0),
  row(MSI, 'msi', 'none', 0),
  row(ITS_CONTROL, 'its-control', 'its-control', 0),
  row(TIMER, 'timer', 'timer', 0),
  row(VCPU_LOAD, 'vcpu-load', 'none', 0),
  row(VCPU_PUT, 'vcpu-put', 'none', 0),
  row(VLPI, 'vlpi', 'lpi', 0),
  row(SYSTEM, 'system', 'system-switch', 0),
  row(VM_STEP, 'vm-step', 'vm-step', 0),
  row(RUN_ENTRY, 'run-entry', 'none', 0),
  row(RUN_EXIT, 'run-exit', 'none', 0),
  row(WFI, 'wfi', 'none', 0),
  row(WAKEUP, 'wakeup', 'none', 1),
  row(LOAD, 'load', 'none', 1),
  row(PUT, 'put', 'none', 1),
  row(GUEST_BPR, 'guest-bpr', 'none', 3),
  row(GUEST_CTLR, 'guest-ctlr', 'none', 3),
  row(GUEST_IGRPEN, 'guest-igrpen', 'none', 3),
  row(LOST, 'lost', 'none', 1),
  row(ABORTED_ENTRY, 'aborted-entry', 'none', 1),
  row(MSI_CACHED, 'msi-cached', 'lpi-or-none', 1),
  row(ITS_TRIGGER, 'its-trigger', 'lpi-or-none', 1),
  row(TIMER_LEVEL, 'timer-level', 'private', 1),
  row(TIMER_EXPIRED, 'timer-expired', 'none', 1),
  row(HOST_TIMER_IRQ, 'host-timer-irq', 'hostirq', 1),
  row(GUEST_ITS_WORD, 'guest-its-word', 'its-word', 1),
  row(SCHEDULE_STEP, 'schedule-step', 'step', 0),
  row(EXPECT_LRS, 'expect-lrs', 'count', 3),
  row(EXPECT_LR_LO, 'expect-lr-lo', 'lr', 3),
  row(EXPECT_LR_HI, 'expect-lr-hi', 'lr', 3),
  row(EXPECT_FOLD, 'expect-fold', 'count', 3),
  row(EXPECT_SORT, 'expect-sort', 'none', 3),
  row(EXPECT_LIST, 'expect-list', 'list-position', 3),
];

const byKind: readonly (KindInfo | undefined)[] = KINDS.reduce<(KindInfo | undefined)[]>((table, info) => {
  table[info.kind] = info;
  return table;
}, []);

/** The row of a kind, or undefined for a number no format version has used. */
export const findKind = (kind: number): KindInfo | undefined => byKind[kind];
/** The row of a name, or undefined. */
export const findKindNamed = (name: string): KindInfo | undefined => KINDS.find((info) => info.name === name);

/** The columns of one block; valid until the next block is read. */
export interface EventBlock {
  /** Number of events; the arrays may be longer. */
  count: number;
  /** Time of the first event in ticks since the start of the trace (an exact integer below 2^53). */
  firstTick: number;
  /** Index of the first event in the trace. */
  firstEvent: number;
  word: Int32Array;
  value: Int32Array;
  /** Ticks since the previous event (unsigned; 0 for the first of a block). Read it with `>>> 0`. */
  dt: Int32Array;
  /** Every (word, value) pair of the block, if the reader knows them: what holds for these holds for all events. */
  dictionary?: { readonly count: number; readonly word: Int32Array; readonly value: Int32Array } | undefined;
}

/** A block with room for `capacity` events of its own; 0 for one that a reader fills with views. */
export function createEventBlock(capacity = 0): EventBlock {
  return {
    count: 0,
    firstTick: 0,
    firstEvent: 0,
    word: new Int32Array(capacity),
    value: new Int32Array(capacity),
    dt: new Int32Array(capacity),
  };
}

/** Where importers and generators write. Events arrive in order; `dt` counts ticks since the previous event. */
export interface EventSink {
  event(kind: number, vcpu: number, intid: number, value: number, dt: number): void;
}
