import type { ApListStrategy, WorstCases } from './strategy.js';
import { canMigrate, worstCase } from './worst-list.js';

/** The others are compared in both lists; or in one, and a list register is written. */
const queuedSteps = (n: number): number => Math.max(2 * (n - 1), n);

/** A walk of a list is comparisons, the vgic.lock the only lock (vgic/xen-old). Whatever the flavour of the machine. */
const xenOldWorst: WorstCases = {
  inject: worstCase('linear', ({ n }) => 1 + queuedSteps(n), 'vgic.lock; n - 1 entries compared in each of two lists'),
  rekey: worstCase(
    'linear',
    (size) => {
      if (size.mapped !== false && canMigrate(size)) return 2 + queuedSteps(size.n);
      return size.lpis === 0 ? 1 : 1 + Math.max(size.n - 1, 1);
    },
    'a mapped interrupt that waits is retargeted: two locks, n - 1 entries compared in each of two lists',
  ),
  flush: worstCase(
    'linear',
    ({ n, k }) => {
      const victims = Math.min(k, n >> 1);
      return 1 + n + victims * (n - victims) + k;
    },
    'vgic.lock; n visits for k victims, each of which is compared with n - k that wait; k LR writes',
  ),
  fold: worstCase(
    'linear',
    ({ n, k }) => {
      const used = Math.min(n, k);
      return 1 + used + used * (n - used) + (used * (used - 1)) / 2;
    },
    'vgic.lock; k list registers, of which each is raised again and compared with all that wait',
  ),
  prune: worstCase('constant', () => 0, 'none: entries leave at the fold'),
  pending: worstCase('linear', ({ n }) => 1 + n, 'vgic.lock, n visits'),
};

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
  worst: () => xenOldWorst,
  create: () => () => {
    throw new Error('xen-old has no ap_list');
  },
};
