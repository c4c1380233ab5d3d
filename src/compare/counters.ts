/**
 * The exact part of a cell as named counters: one line a figure, the names those of reports/baseline. Two cells are the
 * same where all of these are. What is no count stays out: names, paths and commands, and what of the trace the
 * comparison requires to be the same.
 */
import { type CallPlace, type ExactPart, METRIC_NAMES, type Metric, PATH_NAMES } from '../replay/result.js';

export type Counters = Readonly<Record<string, number | string>>;

/** 32-bit FNV-1a over the decimal text of the numbers, 8 hex digits: a long list as one value. */
export function digestNumbers(values: Iterable<number>): string {
  let digest = 0x811c9dc5;
  for (const value of values)
    for (const char of `${value},`) digest = Math.imul(digest ^ char.charCodeAt(0), 0x01000193);
  return (digest >>> 0).toString(16).padStart(8, '0');
}

export function flattenExact(exact: ExactPart): Counters {
  const counters: Record<string, number | string> = {};
  const add = (name: string, { sum, max, hist }: Metric): void => {
    counters[`${name}/sum`] = sum;
    counters[`${name}/max`] = max;
    counters[`${name}/hist`] = digestNumbers(hist);
  };
  const { paths, sections, amplification, harm, guest, equivalence, stopped } = exact;
  counters.lrDigest = exact.lrDigest;
  counters.stopped = stopped?.event ?? 'no';
  for (const path of PATH_NAMES) {
    counters[`${path}/calls`] = paths[path].calls;
    for (const metric of METRIC_NAMES) add(`${path}/${metric}`, paths[path][metric]);
  }
  for (const { id, payer, calls, steps, locks } of sections) {
    // Paths of their own, above.
    if (id === 'flush' || id === 'fold' || id === 'prune') continue;
    counters[`section ${id}/${payer}/calls`] = calls;
    add(`section ${id}/${payer}/steps`, steps);
    add(`section ${id}/${payer}/locks`, locks);
  }
  counters['host steps'] = amplification.steps;
  counters['guest instructions'] = amplification.guestInstructions;
  counters['steps of one instruction/max'] = amplification.worstWindow?.steps ?? 0;
  counters['harm/inversions'] = harm.inversions.interrupts;
  counters['harm/inversions/entries'] = harm.inversions.entries;
  counters['harm/delay/calls'] = harm.delay.calls;
  add('harm/delay', harm.delay);
  counters['harm/wait/max'] = harm.waiting.longest;
  counters['harm/wait passed/max'] = harm.waiting.longestPassed;
  counters['harm/waiting at end'] = harm.waiting.atEnd;
  counters['harm/lost'] = harm.lost;
  const { divergences, ...guestCounts } = guest;
  counters.divergences = divergences;
  for (const [name, count] of Object.entries(guestCounts)) counters[`guest/${name}`] = count;
  for (const [name, count] of Object.entries(exact.kicks)) counters[`kicks/${name}`] = count;
  for (const [name, count] of Object.entries(exact.operations)) counters[`operations/${name}`] = count ?? 0;
  for (const [system, counts] of Object.entries(exact.systems))
    for (const [name, count] of Object.entries(counts)) counters[`${system}/${name}`] = count;
  counters['list at flush/hist'] = digestNumbers(exact.depthAtFlush.flat());
  counters['list at flush/max'] = exact.depthAtFlush.at(-1)?.[0] ?? 0;
  counters['used LRs/hist'] = digestNumbers(exact.usedLrs);
  counters['equivalence/declared'] = equivalence.declared;
  counters['equivalence/identical'] = equivalence.identical;
  counters['equivalence/tie-equivalent'] = equivalence.tieEquivalent;
  counters['equivalence/deviating'] = equivalence.deviating;
  return counters;
}

/** Which counters a change for the worse is of, if it grew; the others are neither better nor worse by themselves. */
const COSTS = /\/(sum|max)$|^host steps$|^harm\/(inversions|lost)$|^divergences$|^kicks\//;
export const isCost = (counter: string): boolean => COSTS.test(counter);

/** The call that has a maximum, of those that results record. */
export function placeOf(exact: ExactPart, counter: string): CallPlace | null {
  const path = PATH_NAMES.find((name) => counter === `${name}/steps/max`);
  if (path !== undefined) return exact.worstCalls?.[path] ?? null;
  const { worstWindow } = exact.amplification;
  if (counter === 'steps of one instruction/max' && worstWindow !== null)
    return { event: worstWindow.event, vcpu: worstWindow.vcpu };
  return null;
}
