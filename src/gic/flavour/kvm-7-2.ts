import type { Flavour } from './flavour.js';
import { kvm61 } from './kvm-6-1.js';

export const kvm72: Flavour = {
  ...kvm61,
  id: 'kvm-7.2',
  summary: 'LR overflow rework: pending first, EOIcount and trapped DIR for active interrupts outside the LRs',
  models: 'Linux 7.2 (checked against 7.2.13), arch/arm64/kvm/vgic',
  its: {
    lpiIndex: 'xarray',
    cache: 'map',
    unmapChecksTarget: false,
    baserWriteFrees: 'changed',
    unreachableAtSave: 'skip',
  },
  emptyListShortcut: false,
  depth: 'ours',
  order: 'pending-first',
  multiSgiFloor: false,
  hcr: 'full',
  senderlessSgi: 'empty-lr',
  dropsLpiActive: true,
  ackNotification: 'deactivated',
  activeOutsideLrs: 'after-last-lr',
  firstSpiBroadcast: true,
  haltScope: 'others',
  sgiRouting: 'lookup',
  toldWord: 'flipped',
  refusesVgicDuringVcpuCreation: true,
};
