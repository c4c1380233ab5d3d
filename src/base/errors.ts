/**
 * Failures the user can act on. Anything else that is thrown is a bug of ours and keeps its stack.
 * Exit codes are those of README.md ("Exit codes").
 */

export const EXIT_OK = 0;
export const EXIT_INTERNAL = 1;
export const EXIT_USAGE = 2;
export const EXIT_REGRESSION = 3;
export const EXIT_INPUT = 4;
export const EXIT_FIDELITY = 5;
export const EXIT_BOUND = 6;
/** Nothing could be decided, and the user said that this is not enough (--strict). */
export const EXIT_UNDECIDED = 7;
export const EXIT_INTERRUPTED = 130;

/** A failure with a one-line message (what, where, remedy) and the exit code it ends in. */
export class UserError extends Error {
  readonly exitCode: number;
  constructor(message: string, exitCode: number) {
    super(message);
    this.exitCode = exitCode;
  }
}

/** Wrong flag, unknown strategy, impossible combination: exit 2. */
export class UsageError extends UserError {
  constructor(message: string) {
    super(message, EXIT_USAGE);
  }
}

/**
 * The input is broken: exit 4. `place` is a byte offset ("byte 8120"), a line ("line 31") or an event ("event 17").
 * Message form: `FILE: PLACE: WHAT; REMEDY`.
 */
export class InputError extends UserError {
  readonly place: string;
  readonly what: string;
  constructor(file: string, place: string, what: string, remedy: string) {
    super(`${file}: ${place}: ${what}; ${remedy}`, EXIT_INPUT);
    this.place = place;
    this.what = what;
  }
}

/** The replay differs from what was recorded or declared: exit 5. */
export class FidelityError extends UserError {
  constructor(message: string) {
    super(message, EXIT_FIDELITY);
  }
}

/** A declared worst case was exceeded: exit 6. */
export class BoundError extends UserError {
  constructor(message: string) {
    super(message, EXIT_BOUND);
  }
}

/** A cost that grew, or grows faster than declared: exit 3. */
export class RegressionError extends UserError {
  constructor(message: string) {
    super(message, EXIT_REGRESSION);
  }
}

/** A contract between our own parts; a failure is a bug and is never caught. */
export function assert(condition: boolean, message: string): asserts condition {
  if (!condition) throw new Error(`assertion failed: ${message}`);
}
