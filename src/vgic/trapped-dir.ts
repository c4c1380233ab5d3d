/** DIR writes that trap: interrupts that are active in no LR of the writer. kvm-7.2, vgic-spec 1.19. */
import { COUNTED } from '#counting';
import { NR_PRIVATE_IRQS, NR_SGIS, SPI_BASE } from '../gic/intid.js';
import type { VgicState } from './state.js';
import { queuedOn } from './word.js';

/** What the trap needs of the rest of the model. */
export interface TrapServices {
  sync(vcpu: number): void;
  foldOutside(slot: number): void;
  /** A guest write to ICACTIVER of one interrupt: halts the guest where the flavour says so. */
  clearActive(vcpu: number, intid: number): void;
  rekeyIrq(slot: number): void;
}

/** The exit and the deactivation behind a DIR write of `vcpu` that trapped. */
export function createTrappedDir(
  s: VgicState,
  { sync, foldOutside, clearActive, rekeyIrq }: TrapServices,
): (vcpu: number, intid: number, sender: number) => void {
  const { word, onLr, activeSource, processUpdate, inGuest, isV2Guest } = s;
  return (vcpu, intid, sender) => {
    if (inGuest[vcpu] !== 0) sync(vcpu);
    // LPIs have no state to deactivate, and there is nothing beyond the SPIs.
    if (intid >= SPI_BASE + s.machine.nrSpis) return;
    const slot = intid < NR_PRIVATE_IRQS ? vcpu * NR_PRIVATE_IRQS + intid : s.spiSlotBase + intid - SPI_BASE;
    const holder = queuedOn(word[slot]);
    if (holder < 0) return;
    if (onLr[slot] !== 0) clearActive(vcpu, intid);
    else {
      if (isV2Guest && intid < NR_SGIS && activeSource[slot] !== sender) return;
      // Built under the irq_lock, folded under it again.
      if (COUNTED) s.cost.locks += 1;
      foldOutside(slot);
      rekeyIrq(slot);
    }
    processUpdate[holder] = 1;
  };
}
