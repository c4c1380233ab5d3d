/** What a plan names and a unit opens later, maybe on another machine. */
import { InputError } from '../base/errors.js';
import type { PlannedTrace } from '../run/plan.js';

/** As planned, and where it lies on this machine. */
export interface PlannedFile extends PlannedTrace {
  readonly file: string;
}

export const changedFile = (name: string): InputError =>
  new InputError(name, 'byte 0', 'is not what it was when the run began', 'run the command again');
