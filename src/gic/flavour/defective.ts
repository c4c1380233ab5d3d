/**
 * Flavours with one published defect that the shipped ones do not have (vgic-spec 8.3), for the traces that show it. They are
 * found by name (--flavour) and are in no list; no trace names them, as the format has no number for them. What a version had beside its defect is not said by the
 * source and is taken from the flavour that is checked.
 */
import type { Defect, Flavour } from './flavour.js';
import { kvm61 } from './kvm-6-1.js';
import { xenNew } from './xen-new.js';
import { xenOld } from './xen-old.js';

const withDefect = (base: Flavour, id: string, defect: Defect, summary: string): Flavour => ({
  ...base,
  id,
  summary,
  models: `${base.models}, before the fix of ${defect}; every other switch as in ${base.id}`,
  defect,
});

export const defectiveFlavours: readonly Flavour[] = [
  withDefect(xenOld, 'xen-old-xsa-94', 'XSA-94', 'ICFGR of interrupts that the guest does not have is looked up'),
  withDefect(xenOld, 'xen-old-xsa-117', 'XSA-117', 'GICD_SGIR with an invalid mode hits a BUG'),
  withDefect(xenOld, 'xen-old-xsa-223', 'XSA-223', 'raising a disabled inflight interrupt uses an invalid LR number'),
  withDefect(xenOld, 'xen-old-xsa-225', 'XSA-225', 'the vCPU index of an SGI target is not checked'),
  withDefect(xenNew, 'xen-new-sgir-3', 'SGIR mode 3', 'GICD_SGIR mode 3 is used out of range'),
  withDefect(kvm61, 'kvm-cve-2026-64106', 'CVE-2026-64106', 'a restored device entry may have excessive event-id bits'),
  withDefect(kvm61, 'kvm-cve-2026-89912', 'CVE-2026-89912', 'saves an ITE without collection by way of a NULL pointer'),
];
