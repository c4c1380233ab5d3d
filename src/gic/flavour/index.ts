/** The list of flavours: command line, trace headers, reports and tests iterate it. To add one: src/strategy/README.md. */
import { UsageError } from '../../base/errors.js';
import { defectiveFlavours } from './defective.js';
import type { Flavour } from './flavour.js';
import { kvm61 } from './kvm-6-1.js';
import { kvm619 } from './kvm-6-19.js';
import { kvm72 } from './kvm-7-2.js';
import { xenNew } from './xen-new.js';
import { xenOld } from './xen-old.js';

export { defectiveFlavours } from './defective.js';
export type { Flavour } from './flavour.js';

export const flavours: readonly Flavour[] = [kvm61, kvm72, kvm619, xenNew, xenOld];

/** The flavour of that id, a defective one too; throws UsageError with the choices. */
export function flavourNamed(id: string): Flavour {
  const flavour = [...flavours, ...defectiveFlavours].find((candidate) => candidate.id === id);
  if (flavour === undefined)
    throw new UsageError(`unknown flavour '${id}'; one of: ${flavours.map((candidate) => candidate.id).join(', ')}`);
  return flavour;
}
