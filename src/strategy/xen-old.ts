import type { ApListStrategy } from './strategy.js';

/**
 * Not a way to keep an ap_list but a vGIC of its own (vgic/xen-old), so that its two lists can be compared with the others
 * on the same events. vgic-spec 1.22 and 7.7.
 */
export const xenOld: ApListStrategy = {
  id: 'xen-old',
  summary:
    'two lists sorted at insertion with a snapshot of the priority; interrupts stay in their LRs between entries',
  models: 'Xen xen/arch/arm/vgic.c and gic-vgic.c (the default vGIC), as a machine of its own',
  structure: 'two-lists',
  equivalence: 'deviating',
  cost: {
    insert: 'O(n), in two lists',
    flush: 'O(k) moves, each with a victim scan O(n) when the LRs are full',
    pending: 'O(1)..O(n)',
    prune: 'none: entries leave at the fold of their LR',
    memory: '4 links, a snapshot and an LR number per interrupt',
  },
  params: {},
  create: () => () => {
    throw new Error('xen-old has no ap_list');
  },
};
