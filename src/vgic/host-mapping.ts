/** The columns of a row that stands for a host interrupt. vgic-spec 3. */
import { physRowOf, type VgicState } from './state.js';
import { HW } from './word.js';

/** In `hwintid`: the list register does not deactivate the host interrupt, so it does not name it (SW_RESAMPLE). */
export const BY_SOFTWARE = -1;

export interface HostMapping {
  /** `swResample` is heeded where the flavour has it. */
  map(slot: number, vcpu: number, hostIrq: number, swResample: boolean): void;
  unmap(slot: number): void;
}

export function createHostMapping({ word, hwintid, physRow, nrVcpus, flavour }: VgicState): HostMapping {
  const { softwareResample } = flavour;
  return {
    map(slot, vcpu, hostIrq, swResample) {
      word[slot] |= HW;
      hwintid[slot] = swResample && softwareResample ? BY_SOFTWARE : hostIrq;
      physRow[slot] = physRowOf(nrVcpus, vcpu, hostIrq);
    },
    unmap(slot) {
      word[slot] &= ~HW;
      hwintid[slot] = 0;
    },
  };
}
