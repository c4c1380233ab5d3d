/**
 * One list a vCPU, kept in order at insertion: smaller numbers first, first come first among equals (vgic-spec 1.22). A
 * row that is on no list is linked to itself, so it is taken out without asking whose list holds it, as the original does.
 */
import * as Counting from '#counting';
import * as Columns from '../columns.js';
import type { VgicState } from '../state.js';

// V8 folds a module's own constants, not imported ones: 1.2-2x in hot loops (bench/README.md).
const { COUNTED } = Counting;
const { int32Column } = Columns;

export interface PriorityList {
  /** Links; entry `anchors + vcpu` is the head of that vCPU's list. */
  readonly next: Int32Array;
  readonly prev: Int32Array;
  readonly anchors: number;
  has(slot: number): boolean;
  isEmpty(vcpu: number): boolean;
  /** Puts a row that is on no list before the first entry with a larger key. Books the walk. */
  insert(vcpu: number, slot: number): void;
  remove(slot: number): void;
  clear(): void;
  /** Rows in list order (allocates). */
  order(vcpu: number): number[];
}

export function createPriorityList({ nrSlots, nrVcpus, cost }: VgicState, keyOf: Uint8Array): PriorityList {
  const anchors = nrSlots;
  const next = int32Column(nrSlots + nrVcpus);
  const prev = int32Column(nrSlots + nrVcpus);

  return {
    next,
    prev,
    anchors,
    has: (slot) => next[slot] !== slot,
    isEmpty: (vcpu) => next[anchors + vcpu] === anchors + vcpu,
    insert(vcpu, slot) {
      const anchor = anchors + vcpu;
      const key = keyOf[slot];
      const nextOf = next;
      const keys = keyOf;
      let at = nextOf[anchor];
      let walked = 0;
      while (at !== anchor) {
        walked++;
        if (keys[at] > key) break;
        at = nextOf[at];
      }
      // As in the other machines: a node that is compared is not a visit as well.
      if (COUNTED) cost.comparisons += walked;
      const before = prev[at];
      prev[slot] = before;
      next[slot] = at;
      next[before] = slot;
      prev[at] = slot;
    },
    remove(slot) {
      const before = prev[slot];
      const after = next[slot];
      next[before] = after;
      prev[after] = before;
      next[slot] = slot;
      prev[slot] = slot;
    },
    clear() {
      for (let slot = 0; slot < next.length; slot++) {
        next[slot] = slot;
        prev[slot] = slot;
      }
    },
    order(vcpu) {
      const slots: number[] = [];
      for (let slot = next[anchors + vcpu]; slot !== anchors + vcpu; slot = next[slot]) slots.push(slot);
      return slots;
    },
  };
}
