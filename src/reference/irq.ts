/** One interrupt and what can be said of it alone. Fields: vgic-spec 1.2; predicates: 1.4. */
import type { Flavour } from '../gic/flavour/index.js';
import { isPpi, isSgi, isSpi, LPI_BASE, type Machine, NO_VCPU } from '../gic/intid.js';

export interface Irq {
  readonly intid: number;
  /** The vCPU a private interrupt belongs to; NO_VCPU for SPIs and LPIs. */
  readonly owner: number;
  enabled: boolean;
  /** pending_latch. */
  latch: boolean;
  /** line_level. */
  line: boolean;
  /** Software copy; stale while the interrupt sits in a list register. */
  active: boolean;
  /** Level-triggered; otherwise edge. */
  level: boolean;
  priority: number;
  group: 0 | 1;
  /** Where a new pending state should go; NO_VCPU = nowhere. */
  target: number;
  /** What ITARGETSR (GICv2) and the low word of IROUTER (GICv3) read as. */
  targets: number;
  affinity: number;
  /** The vCPU whose ap_list holds it; NO_VCPU = none. */
  queued: number;
  /** GICv2 SGI: bit n = vCPU n has sent it and it is still pending. */
  source: number;
  /** GICv2 SGI: sender of the active instance. */
  activeSource: number;
  /** Tied to a host interrupt. */
  hw: boolean;
  hostIrq: number;
  /** The host interrupt is deactivated by the exit, not by the list register (VGIC_IRQ_SW_RESAMPLE). */
  swResample: boolean;
  /** In a list register, from populate to fold; flavours that deactivate outside the list registers only. */
  onLr: boolean;
  /** LPIs: how often it is mapped (vgic-spec 1.6); being queued counts through `queued`. */
  mapReferences: number;
}

/** The reset state of vgic-spec 1.2 (LPIs: 6.4; `mapLpi` sets the rest). */
export function createIrq(machine: Machine, flavour: Flavour, intid: number, owner: number): Irq {
  const isOwned = owner !== NO_VCPU;
  return {
    intid,
    owner,
    enabled: isSgi(intid),
    latch: false,
    line: false,
    active: false,
    level: isPpi(intid),
    priority: 0,
    group: machine.model === 'gicv3' ? 1 : 0,
    target: isOwned ? owner : flavour.spiTargetAtReset === 'none' ? NO_VCPU : 0,
    targets: isOwned ? (1 << owner) & 0xff : 0,
    affinity: 0,
    queued: NO_VCPU,
    source: 0,
    activeSource: 0,
    hw: false,
    hostIrq: 0,
    swResample: false,
    onLr: false,
    mapReferences: 0,
  };
}

export const isPending = (irq: Irq): boolean => irq.latch || (irq.level && irq.line);

/** Does its list register carry the HW bit? */
export const isHwInLr = (irq: Irq): boolean => irq.hw && !irq.swResample;

export const isMappedLevel = (irq: Irq): boolean => irq.hw && irq.level;

export const isV2Sgi = (machine: Machine, irq: Irq): boolean => machine.model !== 'gicv3' && isSgi(irq.intid);

export const isIrqSgi = (irq: Irq): boolean => isSgi(irq.intid);
export const isIrqSpi = (irq: Irq): boolean => isSpi(irq.intid);
/** No upper end: tables that are restored may name LPIs beyond the advertised ID space (vgic-spec 6.10). */
export const isLpiNumber = (intid: number): boolean => intid >= LPI_BASE;
export const isIrqLpi = (irq: Irq): boolean => isLpiNumber(irq.intid);

function countBits(word: number): number {
  let nrBits = 0;
  for (let bit = 0; bit < 32; bit++) if ((word >>> bit) & 1) nrBits++;
  return nrBits;
}

/** lr_weight: how many list registers the interrupt could use. */
export function computeWeight(irq: Irq): number {
  if (isSgi(irq.intid) && irq.source !== 0) return countBits(irq.source) + (irq.active ? 1 : 0);
  return isPending(irq) || irq.active ? 1 : 0;
}
