/** Exact counters of two cells side by side: which differ, where their maxima are, and what that comes to in one sentence. */
import { describeChange, formatInteger, joinWords, plural } from '../base/number-format.js';
import { type ExactPart, PATH_NAMES } from '../replay/result.js';
import type { CounterChange, Verdict } from './comparison.js';
import { type Counters, flattenExact, isCost, placeOf } from './counters.js';

export interface ExactComparison {
  readonly verdict: Verdict;
  readonly reason: string;
  readonly changes: readonly CounterChange[];
  readonly counters: number;
}

/** All counters of both; a counter that one side has not is 0 there where it is a number: nothing of it happened. */
export function compareExact(a: ExactPart, b: ExactPart): { changes: CounterChange[]; counters: number } {
  const before = flattenExact(a);
  const after = flattenExact(b);
  const names = [...new Set([...Object.keys(before), ...Object.keys(after)])];
  const changes = names
    .filter((name) => valueIn(before, name, after) !== valueIn(after, name, before))
    .map(
      (counter): CounterChange => ({
        counter,
        before: before[counter] ?? null,
        after: after[counter] ?? null,
        beforeAt: placeOf(a, counter),
        afterAt: placeOf(b, counter),
      }),
    );
  return { changes, counters: names.length };
}

const valueIn = (own: Counters, name: string, other: Counters): number | string | null =>
  own[name] ?? (typeof other[name] === 'number' ? 0 : null);

/** Why two cells are not about the same, or null. */
export function findIncomparable(a: ExactPart, b: ExactPart): string | null {
  const pairs: readonly [string, string | number, string | number][] = [
    ['trace', a.trace.sha256, b.trace.sha256],
    ['hypervisor', a.trace.machine.flavour, b.trace.machine.flavour],
    ['number of list registers', a.trace.machine.nrLr, b.trace.machine.nrLr],
    ['GIC', a.trace.machine.model, b.trace.machine.model],
    ['file of the strategy', a.strategy.outside?.sha256 ?? '', b.strategy.outside?.sha256 ?? ''],
  ];
  const other = pairs.find(([, left, right]) => left !== right);
  return other === undefined ? null : `another ${other[0]} (${shorten(other[1])} and ${shorten(other[2])})`;
}

const SHOWN_HASH = 12;
const shorten = (value: string | number): string =>
  typeof value === 'string' && /^[0-9a-f]{64}$/.test(value) ? value.slice(0, SHOWN_HASH) : `${value}`;

/** What makes the figures of a side worthless, whatever they are: in words, or null. */
function findFault(a: ExactPart, b: ExactPart): string | null {
  for (const [side, { stopped, equivalence }] of Object.entries({ A: a, B: b })) {
    if (stopped?.kind === 'strategy-fault')
      return `the strategy of ${side} fails at event ${stopped.event}: ${stopped.reason}`;
    if (!equivalence.holds)
      return `the strategy of ${side} declares '${equivalence.declared}' and is not at event ${equivalence.firstViolation}`;
  }
  return null;
}

/** After a stop nothing is counted: what stops early is cheap. In words, or null where both sides end alike. */
function findOtherStop(a: ExactPart, b: ExactPart): string | null {
  if (a.stopped?.event === b.stopped?.event) return null;
  const end = ({ stopped }: ExactPart): string =>
    stopped === null
      ? 'goes on to the end'
      : `stops for good at event ${formatInteger(stopped.event)} (${stopped.reason})`;
  return `B ${end(b)}, A ${end(a)}`;
}

/** Two results or builds that should be the same program: every change counts. */
export function judgeSame(a: ExactPart, b: ExactPart): ExactComparison {
  const strange = findIncomparable(a, b);
  if (strange !== null) return { verdict: 'incomparable', reason: strange, changes: [], counters: 0 };
  const { changes, counters } = compareExact(a, b);
  const fault = findFault(a, b);
  if (fault !== null) return { verdict: 'error', reason: fault, changes, counters };
  if (changes.length === 0)
    return { verdict: 'unchanged', reason: `all ${counters} exact counters are the same`, changes, counters };
  const costs = changes.filter(({ counter }) => isCost(counter));
  const grew = costs.filter(({ before, after }) => Number(after ?? 0) > Number(before ?? 0));
  const moved = `${plural(changes.length, 'exact counter')} of ${counters} moved`;
  const otherStop = findOtherStop(a, b);
  if (otherStop !== null) return { verdict: 'regressed', reason: `${otherStop}; ${moved}`, changes, counters };
  const digest = changes.find(({ counter }) => counter === 'lrDigest');
  if (digest !== undefined)
    return { verdict: 'regressed', reason: `other list registers at some entry; ${moved}`, changes, counters };
  if (grew.length > 0) return { verdict: 'regressed', reason: `${moved}, ${describeLargest(grew)}`, changes, counters };
  if (costs.length > 0)
    return { verdict: 'improved', reason: `${moved}, ${describeLargest(costs)}`, changes, counters };
  return { verdict: 'regressed', reason: `${moved}, none of them a cost`, changes, counters };
}

const WORDS = { more: 'more', fewer: 'fewer', many: 'many' };

/** The change that is largest in proportion, of steps where there are any. */
function describeLargest(changes: readonly CounterChange[]): string {
  const ofSteps = changes.filter(({ counter }) => /\/steps\/|^host steps$/.test(counter));
  const proportion = ({ before, after }: CounterChange): number =>
    Math.abs(Math.log((Number(after ?? 0) + 1) / (Number(before ?? 0) + 1)));
  const [largest] = (ofSteps.length > 0 ? ofSteps : [...changes]).sort((x, y) => proportion(y) - proportion(x));
  const { counter, before, after } = largest;
  return `${counter} ${formatInteger(Number(before ?? 0))} → ${formatInteger(Number(after ?? 0))} (${describeChange(Number(before ?? 0), Number(after ?? 0), WORDS)})`;
}

interface Headline {
  readonly steps: number;
  readonly longest: number;
  readonly path: string;
}

function headlineOf({ paths }: ExactPart): Headline {
  const longest = PATH_NAMES.reduce((most, path) => (paths[path].steps.max > paths[most].steps.max ? path : most));
  const steps = PATH_NAMES.reduce((sum, path) => sum + paths[path].steps.sum, 0);
  return { steps, longest: paths[longest].steps.max, path: longest };
}

/** Two strategies, or one on two traces: other counters are the point, so steps in all and the longest call decide. */
export function judgeOther(a: ExactPart, b: ExactPart): ExactComparison {
  const { changes, counters } = compareExact(a, b);
  const fault = findFault(a, b);
  if (fault !== null) return { verdict: 'error', reason: fault, changes, counters };
  if (changes.length === 0)
    return { verdict: 'unchanged', reason: `all ${counters} exact counters are the same`, changes, counters };
  const otherStop = findOtherStop(a, b);
  if (otherStop !== null && a.trace.sha256 === b.trace.sha256)
    return { verdict: b.stopped === null ? 'inconclusive' : 'regressed', reason: otherStop, changes, counters };
  const [left, right] = [headlineOf(a), headlineOf(b)];
  // Per event, as traces may differ in length.
  const [leftSteps, rightSteps] = [left.steps / Math.max(1, a.trace.events), right.steps / Math.max(1, b.trace.events)];
  const parts = [
    `${describeChange(leftSteps, rightSteps, WORDS)} steps an event`.replace('the same steps', 'as many steps'),
    `longest call ${formatInteger(left.longest)} (${left.path}) → ${formatInteger(right.longest)} (${right.path})`,
  ];
  if (b.harm.lost > a.harm.lost) parts.push(`${plural(b.harm.lost - a.harm.lost, 'more interrupt')} lost`);
  const signs = [Math.sign(rightSteps - leftSteps), Math.sign(right.longest - left.longest)];
  const isWorse = signs.some((sign) => sign > 0) || b.harm.lost > a.harm.lost;
  const isBetter = signs.some((sign) => sign < 0);
  const verdict: Verdict = isWorse ? (isBetter ? 'inconclusive' : 'regressed') : isBetter ? 'improved' : 'unchanged';
  return { verdict, reason: joinWords(parts), changes, counters };
}

/** The one that stands for both: the worst. */
const GRAVITY: readonly Verdict[] = [
  'error',
  'incomparable',
  'regressed',
  'unfit',
  'inconclusive',
  'improved',
  'unchanged',
];
export const graver = (a: Verdict, b: Verdict): Verdict => (GRAVITY.indexOf(a) <= GRAVITY.indexOf(b) ? a : b);
