/** The part of the verdict that says as which hypervisor the traces were replayed, and whether it survived them. */

import { compareText, formatInteger, joinWords, plural } from '../base/number-format.js';
import type { Facts, StoppedCell } from './facts.js';
import type { DepthSweep, ReportModel } from './model.js';
import type { Verdict } from './verdict-trust.js';

const STOP_WORDS: Readonly<Record<StoppedCell['stopped']['kind'], string>> = {
  'host-assertion': 'an assertion of the hypervisor fails',
  'host-deadlock': 'a CPU waits for ever for a lock that it holds',
  'strategy-fault': 'the strategy, which is from outside, threw an exception',
  'memory-error': 'the hypervisor uses memory behind an array or a pointer to nothing',
};
/** Places named in the sentence; the table of cells has all. */
const MAX_PLACES = 3;

const originWords = (traces: readonly { readonly origin: string }[]): string =>
  traces.every(({ origin }) => origin === 'recorded') ? 'recorded on' : 'made for';

/** "Replayed as kvm-7.2, recorded on kvm-6.1: 18 traces, 6 strategies, 108 cells". */
export function describeRun({ traces, strategies, flavourWords }: Facts): string {
  const foreign = traces.filter(({ isForeign }) => isForeign);
  const sources = [...new Set(foreign.map(({ trace }) => trace.madeFor))];
  const madeFor =
    sources.length === 0
      ? ''
      : `, ${originWords(foreign.map(({ trace }) => trace))} ${joinWords(sources.sort(compareText))}`;
  const cells = traces.reduce((sum, { all }) => sum + all.length, 0);
  return (
    `${traces.length === 0 ? '' : `Replayed as ${flavourWords}${madeFor}: `}${plural(traces.length, 'trace')}, ` +
    `${plural(strategies.length, 'strategy', 'strategies')}, ${plural(cells, 'cell')}`
  );
}

/** "stops for good at event 12 of 40 under a and b: why". */
export function describeStop(trace: StoppedCell['trace'], cells: readonly StoppedCell[]): string {
  const [{ stopped }] = cells;
  return (
    `${trace.flavour} stops for good on ${trace.label} at event ${formatInteger(stopped.event)} of ` +
    `${formatInteger(trace.trace.events)} under ${joinWords(cells.map(({ run }) => run.label))}: ` +
    `${STOP_WORDS[stopped.kind]} (${stopped.reason})`
  );
}

/** "xen-new stops for good with 769 entries under sort-on-flush: why". */
export const describeSweepStop = ({ flavour, stop }: DepthSweep): string =>
  stop === null
    ? ''
    : `${flavour} stops for good with ${plural(stop.depth, 'entry', 'entries')} under ${stop.strategy}: ${stop.reason}`;

/** For whoever runs other guests on the machine there is nothing worse, whatever the steps say. */
export function judgeStops({ sweeps }: ReportModel, facts: Facts): Verdict[] {
  const ended = sweeps.filter(({ stop }) => stop !== null);
  if (facts.stopped.length === 0 && ended.length === 0) return [];
  const places = new Map<string, StoppedCell[]>();
  for (const cell of facts.stopped) {
    const key = `${cell.trace.label} ${cell.stopped.event} ${cell.stopped.kind} ${cell.stopped.reason}`;
    const known = places.get(key);
    if (known) known.push(cell);
    else places.set(key, [cell]);
  }
  const all = [...places.values()];
  const named = all.slice(0, MAX_PLACES).map((cells) => `${describeStop(cells[0].trace, cells)}.`);
  const more = all.length > MAX_PLACES ? ` And at ${plural(all.length - MAX_PLACES, 'other place')}.` : '';
  const swept = [...new Set(ended.map(describeSweepStop))].map((words) => `In the made-up depth sweep ${words}.`);
  const cells =
    facts.stopped.length === 0
      ? ''
      : ` The figures of ${facts.stopped.length === 1 ? 'this cell end' : `these ${formatInteger(facts.stopped.length)} cells end`} there and are compared with nothing.`;
  const text = [...named, ...swept].join(' ');
  return [
    {
      topic: 'A guest stops the host',
      text: `${text}${more} Every guest of that machine ends with it: no cost in steps is worse.${cells}`,
      tone: 'fail',
    },
  ];
}

export function judgeForeign(facts: Facts): Verdict[] {
  const foreign = facts.traces.filter(({ isForeign }) => isForeign);
  if (foreign.length === 0) return [];
  const pairs = new Map<string, number>();
  let acks = 0;
  let divergences = 0;
  for (const { trace, flavour, depthSource } of foreign) {
    const words = `${originWords([trace])} ${trace.madeFor} and replayed as ${flavour}`;
    pairs.set(words, (pairs.get(words) ?? 0) + 1);
    acks += depthSource.exact.guest.acks;
    divergences += depthSource.exact.guest.divergences;
  }
  const sources = [...pairs].sort(([a], [b]) => compareText(a, b));
  const which = sources.map(([words, count]) => `${plural(count, 'trace')} ${count === 1 ? 'was' : 'were'} ${words}`);
  const labels = [...new Set(foreign.map(({ depthSource }) => depthSource.label))];
  const apart =
    acks + divergences === 0
      ? 'it acknowledges nothing'
      : divergences === 0
        ? `${joinWords(labels)} presented each interrupt that the guest acknowledged (${plural(acks, 'acknowledge')})`
        : `${formatInteger(divergences)} of its acknowledges and ends were of an interrupt that ${joinWords(labels, 'or')} had not ` +
          `presented (${plural(acks, 'acknowledge')} went through)`;
  return [
    {
      topic: 'Replayed as another hypervisor',
      text:
        `${joinWords(which)}. What the guest does is as recorded, not a reaction to this hypervisor: ${apart}. ` +
        'List registers are not compared: those of another hypervisor prove nothing.',
      tone: 'warn',
    },
  ];
}
