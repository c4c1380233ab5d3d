/** The studies, in the order of the threads. */
import { UsageError } from '../base/errors.js';
import { doorbellStudy } from './doorbell.js';
import { injectionStudy } from './injection.js';
import { itsStudy } from './its.js';
import { mappedStudy } from './mapped.js';
import type { StudyKind } from './study.js';
import { timerStudy } from './timer.js';

export const studies: readonly StudyKind[] = [injectionStudy, doorbellStudy, mappedStudy, timerStudy, itsStudy];

/** The study of that id. Throws UsageError and names the others. */
export function studyNamed(id: string): StudyKind {
  const found = studies.find((study) => study.id === id);
  if (found) return found;
  throw new UsageError(`unknown study '${id}'; one of: ${studies.map((study) => study.id).join(', ')}`);
}
