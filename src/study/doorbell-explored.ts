/** What the enumeration of interleavings (explore) says about the doorbell, as a table of the study. */
import type { StudyTable } from './study.js';

/** The fields that the table reads of an enumeration of one variant of one model. */
export interface ExploredVariant {
  readonly model: string;
  readonly variant: string;
  readonly summary: string;
  readonly verdict: string;
  readonly problem: { readonly kind: string } | null;
  readonly states: number;
  readonly executions: number | null;
  readonly failing: number | null;
  /** Steps of the shortest counterexample, 0 without one. */
  readonly length: number;
}

/** Undefined if no model of the doorbell is among them. */
export function exploredTable(records: readonly ExploredVariant[]): StudyTable | undefined {
  const rows = records
    .filter(({ model }) => model.startsWith('doorbell'))
    .map(({ model, variant, summary, problem, states, executions, failing, length }) => [
      model,
      variant,
      summary,
      problem?.kind ?? 'none',
      states,
      executions,
      failing,
      length === 0 ? null : length,
    ]);
  if (rows.length === 0) return undefined;
  return {
    caption: 'Every order of the steps of vCPU and handler, memory operations that overtake each other included',
    columns: [
      'model',
      'variant',
      'what it is',
      'problem',
      'states',
      'executions',
      'failing',
      'shortest failure, steps',
    ],
    rowHeads: 2,
    rows,
  };
}
