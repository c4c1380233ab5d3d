/** Every column of the model. Created once, never grown: no event allocates. */
import { assert } from '../base/errors.js';
import { type Flavour, flavourNamed } from '../gic/flavour/index.js';
import type { Machine } from '../gic/intid.js';
import * as Intid from '../gic/intid.js';
import { HCR_EN } from '../gic/lr.js';
import { int16Column, int32Column, uint8Column } from './columns.js';
import { CostCounters } from './counters.js';
import { CONTROL_GROUP0, CONTROL_GROUP1 } from './cpuif.js';
import { ENABLED, EXISTS, GROUP, LEVEL, TARGET_SHIFT } from './word.js';

// V8 folds a module's own constants, not imported ones: 1.2-2x in hot loops (bench/README.md).
const { LPI_BASE, LPI_END, MAX_NR_LR, MAX_SPIS, MAX_VCPUS, NO_SLOT, NR_PRIVATE_IRQS, NR_SGIS, SPI_BASE } = Intid;

/** Places in VgicState.summary. */
export const SUMMARY_ACTIVE = 0;
export const SUMMARY_PENDING = 1;
export const SUMMARY_SGIS = 2;
const NR_SUMMARY = 3;

/**
 * Rows for LPIs above LPI_END, which only the restore of ITS tables can make (vgic-spec 6.10): whichever numbers they have,
 * no more of them are held at a time.
 */
export const NR_WIDE_LPIS = 1024;

/** Host interrupt numbers that fit an LR (10 bits). */
export const NR_HOST_IRQS = 1024;

export interface VgicState {
  readonly machine: Machine;
  /** Read when the model is put together, never inside a loop. */
  readonly flavour: Flavour;
  readonly nrVcpus: number;
  readonly nrLr: number;
  readonly isV2Guest: boolean;
  readonly isV2Host: boolean;
  /** Rows: 32 private per vCPU, then SPIs, then LPIs by number, then NR_WIDE_LPIS for those above. */
  readonly nrSlots: number;
  readonly spiSlotBase: number;
  readonly lpiSlotBase: number;

  /** Packed state word per row (word.ts). */
  readonly word: Int32Array;
  /** INTID per row. */
  readonly intidOfSlot: Int32Array;
  /** GICv2 SGIs: set of senders still pending, and sender of the active instance. Private rows only. */
  readonly source: Uint8Array;
  readonly activeSource: Uint8Array;
  /** Mapped interrupts: physical INTID for the LR or BY_SOFTWARE (host-mapping.ts), and row in the phys columns. */
  readonly hwintid: Int16Array;
  readonly physRow: Int32Array;
  /** LPIs: references held by mappings and by the translation cache. */
  readonly lpiRefs: Int32Array;
  /** SPIs, from row spiSlotBase on: ITARGETSR byte of a GICv2 guest, affinity of IROUTER of a GICv3 guest. */
  readonly route: Int32Array;
  /** Flavours that deactivate outside the LRs: in an LR of a vCPU that is in the guest. */
  readonly onLr: Uint8Array;

  /** Host interrupts: 32 banked per vCPU, then global. */
  readonly physLine: Uint8Array;
  readonly physPending: Uint8Array;
  readonly physActive: Uint8Array;

  /** LR i of vCPU v is entry v * nrLr + i; always in the GICv3 layout (gic/lr.ts). */
  readonly lrLo: Int32Array;
  readonly lrHi: Int32Array;
  readonly lrSlot: Int32Array;
  readonly usedLrs: Int32Array;
  /** LRs at and above this index count as empty, whatever the planes still hold. */
  readonly lrDirty: Int32Array;
  readonly hcr: Int32Array;
  /** Between flush and fold. */
  readonly inGuest: Uint8Array;
  /** The guest's CPU interface (vgic-spec 1.16): PMR; CONTROL_ bits of cpuif.ts; active group priorities, one bit each. */
  readonly pmr: Int32Array;
  readonly control: Int32Array;
  readonly apr: Int32Array;
  /** EOIs of interrupts in no LR since the last flush, 5 bits. */
  readonly eoiCount: Int32Array;
  /** Row that filled the last LR at the last flush, or NO_SLOT (last_lr_irq of kvm-7.2). */
  readonly lastLr: Int32Array;
  /** Active, pending and SGI entries that the last summary of a list counted (flavours with depth 'ours'). */
  readonly summary: Int32Array;
  /** [0] = SPIs queued and not yet seen to be deactivated (active_spis of kvm-7.2). */
  readonly activeSpis: Int32Array;
  /** GICR_CTLR.EnableLPIs as raw writes left it. */
  readonly lpisEnabled: Uint8Array;
  /** GICR_PROPBASER, one for the VM, and GICR_PENDBASER of each vCPU: low word, high word. */
  readonly propbaser: Int32Array;
  readonly pendbaser: Int32Array;
  /** PROCESS_UPDATE is requested: prune before the next flush. */
  readonly processUpdate: Uint8Array;
  /** GICv4: its_vpe.pending_last, the hint that a virtual LPI may be pending (vgic/doorbell). All zero without GICv4. */
  readonly pendingLast: Uint8Array;
  /** Rows whose queued field names the vCPU: what its list's length must be. Kept by the counted build only. */
  readonly queuedRows: Int32Array;

  /** [0] = distributor enabled. */
  readonly dist: Uint8Array;
  /** Rows chosen by the last select, in LR order. */
  readonly picks: Int32Array;
  /** Filled when the counted build runs; all zero in the plain build. */
  readonly cost: CostCounters;
}

/** Row of an INTID as seen by `vcpu`, or NO_SLOT if the machine has no such interrupt. */
export function slotOf(s: VgicState, vcpu: number, intid: number): number {
  if (intid < NR_PRIVATE_IRQS) return vcpu * NR_PRIVATE_IRQS + intid;
  const spi = intid - SPI_BASE;
  if (spi < s.machine.nrSpis) return s.spiSlotBase + spi;
  if (s.machine.nrLpis > 0 && intid >= LPI_BASE && intid < LPI_END) return s.lpiSlotBase + intid - LPI_BASE;
  return NO_SLOT;
}

/** Does a vCPU hold the reference of what filled its last LR (last_lr_irq) to this row? */
export function isPinned({ lastLr }: VgicState, slot: number): boolean {
  for (let vcpu = 0; vcpu < lastLr.length; vcpu++) if (lastLr[vcpu] === slot) return true;
  return false;
}

/** Row of a host interrupt in the phys columns: host PPIs are banked per vCPU. */
export const physRowOf = (nrVcpus: number, vcpu: number, hostIrq: number): number =>
  hostIrq < NR_PRIVATE_IRQS ? vcpu * NR_PRIVATE_IRQS + hostIrq : nrVcpus * NR_PRIVATE_IRQS + hostIrq;

export function createState(machine: Machine): VgicState {
  const { nrVcpus, nrSpis, nrLpis, nrLr } = machine;
  assert(nrVcpus >= 1 && nrVcpus <= MAX_VCPUS, `nrVcpus ${nrVcpus} is in 1..${MAX_VCPUS}`);
  assert(nrSpis >= 0 && nrSpis <= MAX_SPIS, `nrSpis ${nrSpis} is in 0..${MAX_SPIS}`);
  assert(nrLr >= 1 && nrLr <= MAX_NR_LR, `nrLr ${nrLr} is in 1..${MAX_NR_LR}`);
  const spiSlotBase = nrVcpus * NR_PRIVATE_IRQS;
  const lpiSlotBase = spiSlotBase + nrSpis;
  const nrLpiRows = nrLpis > 0 ? nrLpis + NR_WIDE_LPIS : 0;
  const nrSlots = lpiSlotBase + nrLpiRows;
  const nrPhys = spiSlotBase + NR_HOST_IRQS;
  const flavour = flavourNamed(machine.flavour);
  // One more than there are: where an LR value is computed that no LR takes (sync.ts).
  const nrLrs = nrVcpus * nrLr + 1;
  const s: VgicState = {
    machine,
    flavour,
    nrVcpus,
    nrLr,
    isV2Guest: machine.model !== 'gicv3',
    isV2Host: machine.model === 'gicv2',
    nrSlots,
    spiSlotBase,
    lpiSlotBase,
    word: int32Column(nrSlots),
    intidOfSlot: int32Column(nrSlots),
    source: uint8Column(spiSlotBase),
    activeSource: uint8Column(spiSlotBase),
    hwintid: int16Column(nrSlots),
    physRow: int32Column(nrSlots),
    lpiRefs: int32Column(nrLpiRows),
    route: int32Column(nrSpis),
    onLr: uint8Column(flavour.activeOutsideLrs === 'none' ? 0 : nrSlots),
    physLine: uint8Column(nrPhys),
    physPending: uint8Column(nrPhys),
    physActive: uint8Column(nrPhys),
    lrLo: int32Column(nrLrs),
    lrHi: int32Column(nrLrs),
    lrSlot: int32Column(nrLrs),
    usedLrs: int32Column(nrVcpus),
    lrDirty: int32Column(nrVcpus),
    hcr: int32Column(nrVcpus),
    inGuest: uint8Column(nrVcpus),
    pmr: int32Column(nrVcpus),
    control: int32Column(nrVcpus),
    apr: int32Column(nrVcpus),
    eoiCount: int32Column(nrVcpus),
    lastLr: int32Column(nrVcpus),
    summary: int32Column(NR_SUMMARY),
    activeSpis: int32Column(1),
    lpisEnabled: uint8Column(nrVcpus),
    propbaser: int32Column(2),
    pendbaser: int32Column(2 * nrVcpus),
    processUpdate: uint8Column(nrVcpus),
    pendingLast: uint8Column(nrVcpus),
    queuedRows: new Int32Array(nrVcpus),
    dist: uint8Column(1),
    picks: int32Column(MAX_NR_LR),
    cost: new CostCounters(nrSlots),
  };
  resetState(s);
  return s;
}

/** Reset values: vgic-spec 1.2. */
export function resetState(s: VgicState): void {
  const group = s.isV2Guest ? 0 : GROUP;
  const spiTarget = s.flavour.spiTargetAtReset === 'none' ? 0 : 1 << TARGET_SHIFT;
  for (let slot = 0; slot < s.nrSlots; slot++) {
    if (slot < s.spiSlotBase) {
      const intid = slot % NR_PRIVATE_IRQS;
      const vcpu = (slot - intid) / NR_PRIVATE_IRQS;
      s.intidOfSlot[slot] = intid;
      s.word[slot] = EXISTS | group | (intid < NR_SGIS ? ENABLED : LEVEL) | ((vcpu + 1) << TARGET_SHIFT);
    } else if (slot < s.lpiSlotBase) {
      s.intidOfSlot[slot] = SPI_BASE + slot - s.spiSlotBase;
      s.word[slot] = EXISTS | group | spiTarget;
    } else {
      s.intidOfSlot[slot] = LPI_BASE + slot - s.lpiSlotBase;
      s.word[slot] = 0;
    }
  }
  for (const column of [
    s.source,
    s.activeSource,
    s.hwintid,
    s.physRow,
    s.lpiRefs,
    s.physLine,
    s.physPending,
    s.physActive,
    s.route,
    s.onLr,
    s.inGuest,
    s.apr,
    s.eoiCount,
    s.summary,
    s.activeSpis,
    s.lpisEnabled,
    s.propbaser,
    s.pendbaser,
    s.processUpdate,
    s.pendingLast,
  ])
    column.fill(0);
  for (const column of [s.lrLo, s.lrHi, s.usedLrs, s.lrDirty]) column.fill(0);
  // An empty LR word names INTID 0.
  for (let lr = 0; lr < s.lrSlot.length; lr++) s.lrSlot[lr] = Math.floor(lr / s.nrLr) * NR_PRIVATE_IRQS;
  s.lrSlot[s.nrVcpus * s.nrLr] = 0;
  s.hcr.fill(s.flavour.isXen ? 0 : HCR_EN);
  s.lastLr.fill(NO_SLOT);
  s.control.fill(s.isV2Guest ? CONTROL_GROUP0 | CONTROL_GROUP1 : CONTROL_GROUP1);
  s.queuedRows.fill(0);
  s.pmr.fill(s.machine.pmrAtStart);
  s.dist[0] = s.machine.distEnabledAtStart ? 1 : 0;
  s.cost.reset();
}
