/** What the enumeration of interleavings (explore) says about some of its models, as a table of a study. */
import { type Exploration, exploreVariant } from '../explore/index.js';
import type { Model } from '../explore/model.js';
import type { StudyTable } from './study.js';

export const explore = (models: readonly Model[]): Exploration[] =>
  models.flatMap((model) => model.variants.map((variant) => exploreVariant(model, variant)));

/** One row a variant. Counts of 2^53 and more are absent. */
export function exploredTable(caption: string, explored: readonly Exploration[]): StudyTable {
  return {
    caption,
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
    rows: explored.map(({ model, variant, summary, problem, states, executions, failing, length }) => [
      model,
      variant,
      summary,
      problem?.kind ?? 'none',
      states,
      executions,
      failing,
      length === 0 ? null : length,
    ]),
  };
}
