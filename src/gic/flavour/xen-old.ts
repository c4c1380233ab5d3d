import type { Flavour } from './flavour.js';
import { xenNew } from './xen-new.js';

/** A machine of its own (vgic-spec 1.22): only the switches that name registers and kicks are read. */
export const xenOld: Flavour = {
  ...xenNew,
  id: 'xen-old',
  summary: "Xen's default vGIC: inflight and lr_pending, both sorted at insertion",
  models: 'Xen xen/arch/arm/vgic.c and gic-vgic.c',
  guestModels: ['gicv2', 'gicv3'],
  hasLpis: true,
  its: undefined,
  structure: 'two-lists',
  spiTargetAtReset: 'vcpu0',
  timerLevelsAtEntry: false,
};
