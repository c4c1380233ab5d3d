/** A model: one question of the mailing-list threads, in variants that are right and variants that are known to be broken. */
import type { ProblemKind, System } from './system.js';

export interface Variant {
  /** Kebab-case. */
  readonly id: string;
  /** In what it differs, in a few words. */
  readonly summary: string;
  /** What the search has to find; null: the variant is right, and its states are exhausted without a problem. */
  readonly expected: ProblemKind | null;
  create(): System;
}

export interface Model {
  /** Kebab-case. */
  readonly id: string;
  readonly summary: string;
  readonly variants: readonly Variant[];
}
