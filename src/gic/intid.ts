/**
 * Interrupt numbers and the rows ("slots") that stand for them.
 * Ranges: vgic-spec 1.1 (GIC architecture IHI 0069).
 */

export const NR_SGIS = 16;
export const NR_PRIVATE_IRQS = 32;
export const SPI_BASE = 32;
export const SPI_END = 1020;
export const SPURIOUS_INTID = 1023;
export const LPI_BASE = 8192;
export const LPI_END = 65536;
export const NR_LPIS = LPI_END - LPI_BASE;
/** 64 vCPUs are promised; 126 is what the packed state word holds. */
export const MAX_VCPUS = 126;
export const MAX_SPIS = SPI_END - SPI_BASE;
export const MAX_NR_LR = 64;
export const NO_VCPU = -1;
export const NO_SLOT = -1;

export const isSgi = (intid: number): boolean => intid < NR_SGIS;
export const isPpi = (intid: number): boolean => intid >= NR_SGIS && intid < NR_PRIVATE_IRQS;
export const isPrivate = (intid: number): boolean => intid < NR_PRIVATE_IRQS;
export const isSpi = (intid: number): boolean => intid >= SPI_BASE && intid < SPI_END;
export const isLpi = (intid: number): boolean => intid >= LPI_BASE && intid < LPI_END;

export type GicModel = 'gicv3' | 'gicv2' | 'gicv2-on-gicv3';
export const GIC_MODELS: readonly GicModel[] = ['gicv3', 'gicv2', 'gicv2-on-gicv3'];

const MAX_GICV2_VCPUS = 8;

export const maxVcpusOf = (model: GicModel): number => (model === 'gicv3' ? MAX_VCPUS : MAX_GICV2_VCPUS);

/** The machine a trace was recorded on, or made for. */
export interface Machine {
  /** Id of a record of gic/flavour. */
  readonly flavour: string;
  /** Guest model and host hardware: LRs are 64 bit unless `gicv2`. */
  readonly model: GicModel;
  readonly nrVcpus: number;
  /** SPIs only, without the 32 private interrupts. */
  readonly nrSpis: number;
  /** 0, or NR_LPIS when the machine has an ITS. */
  readonly nrLpis: number;
  readonly nrLr: number;
  /** Is the distributor enabled before the first event? VGR1 files: yes. Recordings: no. */
  readonly distEnabledAtStart: boolean;
  /** PMR of every vCPU before the first event (VGR1: 0xf8). Only the pending test reads it. */
  readonly pmrAtStart: number;
}
