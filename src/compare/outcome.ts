/** How a gate ended. Several things may be wrong at once; the exit code is that of the gravest, the record has them all. */
import {
  EXIT_BOUND,
  EXIT_FIDELITY,
  EXIT_INPUT,
  EXIT_INTERNAL,
  EXIT_OK,
  EXIT_REGRESSION,
  EXIT_UNDECIDED,
} from '../base/errors.js';

export interface Outcome {
  readonly code: number;
  readonly kind: OutcomeKind;
  /** "exact", "growth", … */
  readonly layer: string;
  /** In words. */
  readonly reason: string;
}

export type OutcomeKind = 'fault' | 'crash' | 'input' | 'regression' | 'budget' | 'undecided';

const CODES: Readonly<Record<OutcomeKind, number>> = {
  fault: EXIT_FIDELITY,
  crash: EXIT_INTERNAL,
  input: EXIT_INPUT,
  regression: EXIT_REGRESSION,
  budget: EXIT_BOUND,
  undecided: EXIT_UNDECIDED,
};

/** Gravest first (anchors 4.2: 5 > 4 > 3 > 6 > 7); a crash of ours stands with what makes a result worthless. */
const PRECEDENCE: readonly number[] = [
  EXIT_FIDELITY,
  EXIT_INTERNAL,
  EXIT_INPUT,
  EXIT_REGRESSION,
  EXIT_BOUND,
  EXIT_UNDECIDED,
];

export const outcomeOf = (kind: OutcomeKind, layer: string, reason: string): Outcome => ({
  code: CODES[kind],
  kind,
  layer,
  reason,
});

/** 0 if there is nothing to report. */
export const exitCodeOf = (outcomes: readonly Outcome[]): number =>
  PRECEDENCE.find((code) => outcomes.some((outcome) => outcome.code === code)) ?? EXIT_OK;
