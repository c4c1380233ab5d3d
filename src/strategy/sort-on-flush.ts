import * as Counting from '#counting';
import type { ApList, ApListOps } from '../vgic/ap-list.js';
import type { VgicState } from '../vgic/state.js';
import { createAppendedList } from './appended-list.js';
import type { ApListStrategy } from './strategy.js';
import { sortOnFlushWorst } from './worst-list.js';

// V8 folds a module's own constants, not imported ones: 1.2-2x in hot loops (bench/README.md).
const { COUNTED } = Counting;

/** Upstream: append at the tail; at guest entry count, and sort the whole list if it outgrew the LRs. vgic-spec 7.2. */
export const sortOnFlush: ApListStrategy = {
  id: 'sort-on-flush',
  summary: 'append; sort the whole list at guest entry when it outgrew the LRs',
  models: 'Linux 6.1 arch/arm64/kvm/vgic/vgic.c (upstream); Xen xen/arch/arm/vgic (new vGIC) sorts the same way',
  structure: 'ap-list',
  equivalence: 'identical',
  cost: {
    insert: 'O(1)',
    flush: 'O(n) + O(n log n) on overflow',
    pending: 'O(1)..O(n)',
    prune: 'O(n)',
    memory: '2 links per interrupt',
  },
  params: {},
  worst: sortOnFlushWorst,
  create: (): ((s: VgicState, ops: ApListOps) => ApList) => (s, ops) => {
    const { list, sortIfOverflowing } = createAppendedList(s, ops);
    const { len, append, walk } = list;
    return {
      length: (vcpu) => len[vcpu],
      insert: append,
      touch: () => {},
      touchAll: () => {},
      select(vcpu) {
        if (COUNTED) s.cost.locks += 1;
        return walk(vcpu, sortIfOverflowing(vcpu));
      },
      prune: list.prune,
      hasPending: list.hasPending,
      dropLpis: list.dropLpis,
      after: list.after,
      order: list.order,
    };
  },
};
