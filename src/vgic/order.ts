/** The flavour's comparator as a sort key: comparing keys is its comparison, equal keys keep their list order. vgic-spec 1.13. */
import { CONTROL_GROUP0, CONTROL_GROUP1 } from './cpuif.js';
import type { VgicState } from './state.js';
import * as Word from './word.js';

// V8 folds a module's own constants, not imported ones: 1.2-2x in hot loops (bench/README.md).
const { ACTIVE, ENABLED, GROUP, HW, NR_KEYS, PENDING, PRIORITY_SHIFT, sortKey, staysHere, targetField } = Word;

export interface Order {
  /** Keys are 0..nrKeys - 1. */
  readonly nrKeys: number;
  /** Do keys depend on the distributor's or a CPU interface's group enables, which change for a whole list at once? */
  readonly dependsOnEnables: boolean;
  /** Key of a row with this word on the list of `vcpu`. */
  keyOf(word: number, vcpu: number): number;
}

/** 7.2: not ours, group disabled, not pending: one bit each; 6 bits of priority; not mapped. */
const NR_PENDING_FIRST_KEYS = 1 << 10;

export function createOrder(s: VgicState): Order {
  if (s.flavour.order === 'active-first') return { nrKeys: NR_KEYS, dependsOnEnables: false, keyOf: sortKey };
  const { dist, control } = s;
  return {
    nrKeys: NR_PENDING_FIRST_KEYS,
    dependsOnEnables: true,
    keyOf(word, vcpu) {
      const ours = staysHere(word, targetField(vcpu), dist[0]);
      const enables = control[vcpu] & ((word & GROUP) !== 0 ? CONTROL_GROUP1 : CONTROL_GROUP0);
      const deliverable = (word & ENABLED) !== 0 && (word & PENDING) !== 0 && (word & ACTIVE) === 0;
      return (
        ((ours ^ 1) << 9) |
        (enables === 0 ? 1 << 8 : 0) |
        (deliverable ? 0 : 1 << 7) |
        (((word >>> (PRIORITY_SHIFT + 2)) & 0x3f) << 1) |
        ((word & HW) !== 0 ? 0 : 1)
      );
    },
  };
}
