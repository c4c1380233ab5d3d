/** The columns of a row that stands for a host interrupt. vgic-spec 3. */
import { physRowOf, type VgicState } from './state.js';
import { HW } from './word.js';

export interface HostMapping {
  map(slot: number, vcpu: number, hostIrq: number): void;
  unmap(slot: number): void;
}

export function createHostMapping({ word, hwintid, physRow, nrVcpus }: VgicState): HostMapping {
  return {
    map(slot, vcpu, hostIrq) {
      word[slot] |= HW;
      hwintid[slot] = hostIrq;
      physRow[slot] = physRowOf(nrVcpus, vcpu, hostIrq);
    },
    unmap(slot) {
      word[slot] &= ~HW;
      hwintid[slot] = 0;
    },
  };
}
