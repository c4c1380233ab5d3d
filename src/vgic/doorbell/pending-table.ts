/** Virtual pending tables: one bit a virtual LPI for each vPE, written by the hardware of the host. vgic-spec 4.1. */
import { LPI_BASE } from '../../gic/intid.js';
import { int32Column } from '../columns.js';

export interface PendingTables {
  /** Sets the bit; false if it was set: the two arrivals are one. */
  set(vcpu: number, lpi: number): boolean;
  /** Virtual LPIs pending for the vPE. */
  count(vcpu: number): number;
  /** Is one of them such that `wanted`? */
  some(vcpu: number, wanted: (lpi: number) => boolean): boolean;
  /** Clears those that `wanted` names; returns their number. */
  clear(vcpu: number, wanted: (lpi: number) => boolean): number;
}

export function createPendingTables(nrVcpus: number, nrLpis: number): PendingTables {
  const nrWords = (nrLpis + 31) >>> 5;
  const bits = int32Column(nrVcpus * nrWords);
  const counts = int32Column(nrVcpus);

  return {
    set(vcpu, lpi) {
      const at = vcpu * nrWords + ((lpi - LPI_BASE) >>> 5);
      const bit = 1 << (lpi & 31);
      if ((bits[at] & bit) !== 0) return false;
      bits[at] |= bit;
      counts[vcpu] += 1;
      return true;
    },
    count: (vcpu) => counts[vcpu],
    some(vcpu, wanted) {
      const base = vcpu * nrWords;
      let left = counts[vcpu];
      for (let word = 0; left > 0; word++) {
        for (let rest = bits[base + word]; rest !== 0; rest &= rest - 1, left--) {
          if (wanted(lpiAt(word, rest))) return true;
        }
      }
      return false;
    },
    clear(vcpu, wanted) {
      const base = vcpu * nrWords;
      const before = counts[vcpu];
      let left = before;
      for (let word = 0; left > 0; word++) {
        for (let rest = bits[base + word]; rest !== 0; rest &= rest - 1, left--) {
          if (!wanted(lpiAt(word, rest))) continue;
          bits[base + word] &= ~(rest & -rest);
          counts[vcpu] -= 1;
        }
      }
      return before - counts[vcpu];
    },
  };
}

/** The virtual LPI of the lowest bit of `rest`, which is what is left of table word `word`. */
const lpiAt = (word: number, rest: number): number => LPI_BASE + 32 * word + 31 - Math.clz32(rest & -rest);
