/** What each strategy does to the guest: who waits, behind whom, how long, and who is forgotten. */
import { quantileAtMost } from '../replay/sections.js';
import type { Block, Section, Table } from './document.js';
import { groupColumns, numberColumn, textColumn } from './document.js';
import type { Facts, TraceFacts } from './facts.js';
import { groupRuns, nameRuns } from './run-groups.js';

const RARE = 0.9999;

/** One row a trace and figures; strategies that agree share it. */
export const harmTable = (facts: Facts): Table => ({
  caption: 'Harm to the guest, in entries of the interrupt’s virtual CPU',
  columns: [
    textColumn('trace'),
    textColumn('strategy'),
    ...groupColumns('passed over for a less urgent one', [
      numberColumn('entries'),
      numberColumn('interrupts'),
      numberColumn('longest, entries'),
    ]),
    ...groupColumns('deliveries', [
      numberColumn('number'),
      numberColumn('latest, entries'),
      numberColumn('99.99 % at most'),
    ]),
    ...groupColumns('left out', [numberColumn('longest, entries'), numberColumn('still, at the end')]),
    numberColumn('lost'),
  ],
  rowHeads: 2,
  rows: facts.traces.flatMap((trace) =>
    groupRuns(trace.all, ({ exact }) => exact.harm).map(({ runs, figures }) => {
      const { inversions, delay, waiting, lost } = figures;
      return [
        trace.label,
        nameRuns(runs, trace.all),
        inversions.entries,
        inversions.interrupts,
        waiting.longestPassed,
        delay.calls,
        delay.max,
        quantileAtMost(delay, RARE),
        waiting.longest,
        waiting.atEnd,
        lost,
      ];
    }),
  ),
});

/** Losses that the flavour's own algorithm has too. */
function describeLost({ traces, referenceLabel }: Facts): string {
  const isOwn = ({ reference, all }: TraceFacts): boolean =>
    reference !== null &&
    reference.exact.harm.lost > 0 &&
    all.every(({ exact }) => exact.harm.lost === reference.exact.harm.lost);
  const losing = traces.filter(({ all }) => all.some(({ exact }) => exact.harm.lost > 0));
  if (losing.length === 0) return 'Lost is nothing on these traces.';
  if (losing.every(isOwn))
    return `What is lost here is the flavour’s doing: ${referenceLabel} and every other strategy lose the same.`;
  return `Where a strategy loses more than ${referenceLabel} the strategy is to blame; what both lose is the flavour’s doing.`;
}

/** Null: nothing was delivered. */
export function harmSection(facts: Facts): Section | null {
  if (facts.traces.every(({ all }) => all.every(({ exact }) => exact.harm.delay.calls === 0))) return null;
  const isOpenLoop = facts.traces.some(({ trace }) => trace.origin === 'recorded');
  const text = [
    'At each guest entry, once the list registers are filled: an interrupt that could be delivered and has none was left out; it was ' +
      'passed over if a less urgent one has one. A delivery that is late was left out of so many entries before. Lost is what could ' +
      'be delivered at the end and is on no list.',
    describeLost(facts),
    ...(isOpenLoop
      ? [
          'A recorded guest acknowledges what it got from the hypervisor that was recorded, whatever a strategy presents: under another ' +
            'one this is the harm that the strategy would do to that guest up to its first divergence, and an indication after it.',
        ]
      : []),
  ];
  const blocks: Block[] = [
    ...text.map((words): Block => ({ kind: 'text', text: words })),
    { kind: 'table', table: harmTable(facts) },
  ];
  return { id: 'harm', title: 'Harm to the guest', blocks };
}
