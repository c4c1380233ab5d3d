import type { Flavour } from './flavour.js';
import { kvm72 } from './kvm-7-2.js';

/** The rework as first released: the walk that EOIcount starts begins at the list head (vgic-spec 8.3, fixes without identifier). */
export const kvm619: Flavour = {
  ...kvm72,
  id: 'kvm-6.19',
  summary: 'kvm-7.2 before the fix of March 2026: EOIcount deactivates from the list head',
  models: 'the LR overflow rework before the EOIcount fix of March 2026; every other switch as checked for 7.2.13',
  activeOutsideLrs: 'from-list-head',
};
