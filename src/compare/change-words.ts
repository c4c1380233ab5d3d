/** A changed counter in words, before any number. */
import type { CounterChange } from './comparison.js';

/** What a unit of the counted quantities is called, one and several of it. */
const UNITS: Readonly<Record<string, readonly [one: string, several: string]>> = {
  steps: ['step', 'steps'],
  visits: ['node visit', 'node visits'],
  comparisons: ['comparison', 'comparisons'],
  locks: ['lock', 'locks'],
  lrWrites: ['list register written', 'list registers written'],
  delay: ['entry of delay', 'entries of delay'],
};

/** Counters that are no path's, in words. */
const NAMED: Readonly<Record<string, string>> = {
  'harm/lost': 'interrupts lost at the end',
  'harm/inversions': 'interrupts passed by a less urgent one',
  'harm/inversions/entries': 'entries with a priority inversion',
  'harm/wait/max': 'entries that one interrupt was left out of',
  divergences: 'acknowledges of what no list register had',
  'host steps': 'steps of the host',
  'steps of one instruction/max': 'steps of the dearest guest instruction',
  'list at flush/max': 'entries in the longest list at a guest entry',
  identical: 'entries like the recording',
};

const TEXTS: Readonly<Record<string, string>> = {
  lrDigest: 'other list registers are filled',
  stopped: 'the host stops otherwise',
  'list at flush/hist': 'list lengths at guest entry are distributed otherwise',
  'used LRs/hist': 'list registers in use are distributed otherwise',
  'equivalence/declared': 'the strategy declares another order',
};

const unitOf = (metric: string, count: number): string => {
  const unit = UNITS[metric];
  return unit === undefined ? metric : unit[count === 1 ? 0 : 1];
};

/** "3 more steps in the worst call of flush (96 → 99, event 8812 of vCPU 2)". */
export function describeCounter(change: CounterChange): string {
  const { counter, before, after } = change;
  const values = `(${before ?? 'none'} → ${after ?? 'none'}${describePlace(change)})`;
  const parts = counter.split('/');
  const statistic = parts.at(-1) ?? counter;
  const metric = parts.at(-2) ?? '';
  const subject = parts.slice(0, -2).join('/');
  if (before === null) return `${counter} is new ${values}`;
  if (after === null) return `${counter} is gone ${values}`;
  if (typeof before !== 'number' || typeof after !== 'number') {
    const what =
      TEXTS[counter] ?? (statistic === 'hist' ? `${metric} a call of ${subject} are distributed otherwise` : counter);
    return `${what} ${values}`;
  }
  const count = Math.abs(after - before);
  const more = after > before ? 'more' : 'fewer';
  const named = NAMED[counter];
  if (named !== undefined) return `${count} ${more} ${named} ${values}`;
  if (statistic === 'calls')
    return `${count} ${more} ${count === 1 ? 'call' : 'calls'} of ${parts.slice(0, -1).join('/')} ${values}`;
  if (metric in UNITS && statistic === 'max')
    return `${count} ${more} ${unitOf(metric, count)} in the worst call of ${subject || metric} ${values}`;
  if (metric in UNITS && statistic === 'sum')
    return `${count} ${more} ${unitOf(metric, count)} in all calls of ${subject || metric} ${values}`;
  return `${counter}: ${count} ${more} ${values}`;
}

function describePlace({ afterAt }: CounterChange): string {
  return afterAt === null ? '' : `, event ${afterAt.event} of vCPU ${afterAt.vcpu}`;
}
