/** "Is the challenger worth it?", answered for one trace by a stated rule. */

import { describeChange, formatInteger, joinWords } from '../base/number-format.js';
import type { Facts, TraceFacts } from './facts.js';

/** Smaller differences than this share are called no difference: the model counts steps, not nanoseconds. */
export const RELEVANT_SHARE = 0.05;

export const WORTH_RULE =
  'Rule: “yes” when the challenger needs over 5 % fewer steps in all or its longest call is over 5 % shorter, and neither ' +
  'figure is over 5 % worse; “no” the other way round; “trade” when one improves and the other worsens; else “no difference”.';

export type WorthAnswer = 'yes' | 'no' | 'trade' | 'no difference' | 'not run' | 'host stopped';

export interface Worth {
  readonly answer: WorthAnswer;
  /** The answer in one sentence, without a full stop. */
  readonly reason: string;
}

export const STEP_WORDS = { more: 'more steps', fewer: 'fewer steps', many: 'many steps' };
export const LENGTH_WORDS = { more: 'longer', fewer: 'shorter', many: 'long' };

export function judgeWorth({ label, reference, challenger }: TraceFacts, facts: Facts): Worth {
  const asked = [facts.referenceLabel, facts.challengerLabel];
  const stopped = facts.stopped.filter(({ trace, run }) => trace.label === label && asked.includes(run.label));
  if (stopped.length > 0) {
    const names = joinWords(stopped.map(({ run }) => run.label));
    return { answer: 'host stopped', reason: `the hypervisor stopped for good under ${names}` };
  }
  if (!reference || !challenger) return { answer: 'not run', reason: 'one of the two strategies was not run' };
  const total = compare(reference.steps, challenger.steps);
  const longest = compare(reference.longest.steps, challenger.longest.steps);
  const totalWords = describeChange(reference.steps, challenger.steps, STEP_WORDS);
  const longestWords = describeChange(reference.longest.steps, challenger.longest.steps, LENGTH_WORDS);
  const reason = `${totalWords === 'the same' ? 'the same number of steps' : totalWords} in all; longest call ${
    longestWords === 'the same' ? 'the same' : longestWords
  } (${formatInteger(reference.longest.steps)} → ${formatInteger(challenger.longest.steps)})${describeDeviation(challenger.exact.equivalence)}`;
  return { answer: combine(total, longest), reason };
}

type Direction = 'lower' | 'same' | 'higher';

function compare(from: number, to: number): Direction {
  if (Math.abs(to - from) <= RELEVANT_SHARE * from) return 'same';
  return to < from ? 'lower' : 'higher';
}

function combine(total: Direction, longest: Direction): WorthAnswer {
  const both = [total, longest];
  if (both.includes('lower')) return both.includes('higher') ? 'trade' : 'yes';
  return both.includes('higher') ? 'no' : 'no difference';
}

/** A cheaper strategy that presents other interrupts is not a bargain: say so beside every answer. */
function describeDeviation({ deviating, flushes }: { deviating: number; flushes: number }): string {
  if (deviating === 0) return '';
  return `; presents other interrupts than the reference at ${formatInteger(deviating)} of ${formatInteger(flushes)} flushes`;
}
