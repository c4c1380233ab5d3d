/**
 * Who is told that there is something to take, and at what price. The reviewer's point of the mailing-list thread: the
 * branch for an interrupt that is queued already must do more than unblock, because unblocking tells a running vCPU nothing.
 */

import { formatInteger, formatShare, joinWords, plural } from '../base/number-format.js';
import type { KickCounts } from '../replay/result.js';
import type { Block, Section, Table } from './document.js';
import { groupColumns, numberColumn, textColumn } from './document.js';
import type { Facts, StrategyOnTrace, TraceFacts } from './facts.js';
import type { TraceKind } from './model.js';
import { TRACE_KINDS } from './model.js';
import { groupRuns, nameRuns } from './run-groups.js';
import type { Verdict } from './verdict-trust.js';

const COLUMN_WORDS: readonly (readonly [term: string, meaning: string])[] = [
  [
    'requests',
    'Calls that ask one vCPU to look at its list again (KVM: request and kick; Xen: unblock, and an IPI if it runs elsewhere). One broadcast counts as one broadcast and as no request.',
  ],
  [
    'wake-ups',
    'The vCPU was blocked (WFI) and runs again. Requests that met it outside the guest, but awake, cost nothing more: it looks before it enters.',
  ],
  ['IPIs', 'The vCPU was running guest code, and an inter-processor interrupt forced it out.'],
  ['broadcasts', 'Requests to all vCPUs at once (kvm-7.2: the first SPI queued).'],
  ['halts', 'Accesses to active states, each of which stops every vCPU of the machine for a moment.'],
  ['spurious', 'Guest entries after a request at which no list register was pending: the vCPU was called for nothing.'],
  [
    'already queued',
    'Requests for an interrupt that was on a list at that moment, and the IPIs among them. For these IPIs the vCPU was running: unblocking alone would have told nobody, and the interrupt would have waited for the next exit.',
  ],
];

/** Declares to present the same interrupts as the reference, up to ties. */
const presentsSame = ({ exact: { equivalence } }: StrategyOnTrace): boolean =>
  equivalence.declared === 'identical' || equivalence.declared === 'tie-equivalent';

/** One row a trace: the reference, or what was run in its place. */
export const kickTable = (facts: Facts): Table => ({
  ...kickRows(facts, ({ depthSource }) => [depthSource]),
  caption: 'Who is asked to look at its list, and what it takes',
});

/** All strategies; those with equal counts on a trace in one row. */
export const fullKickTable = (facts: Facts): Table => ({
  ...kickRows(facts, ({ all }) => all),
  caption: 'The same under every strategy; those with equal counts in one row',
});

function kickRows(facts: Facts, pick: (trace: TraceFacts) => readonly StrategyOnTrace[]): Omit<Table, 'caption'> {
  return {
    columns: [
      textColumn('trace'),
      textColumn('strategy'),
      textColumn('flavour'),
      ...groupColumns('asked', [numberColumn('requests'), numberColumn('broadcasts')]),
      ...groupColumns('what it took', [numberColumn('wake-ups'), numberColumn('IPIs'), numberColumn('halts')]),
      numberColumn('spurious'),
      ...groupColumns('already queued', [numberColumn('requests'), numberColumn('IPIs'), textColumn('share of IPIs')]),
    ],
    rowHeads: 2,
    rows: facts.traces.flatMap((trace) =>
      groupRuns(pick(trace), ({ exact }) => exact.kicks).map(({ runs, figures: kicks }) => [
        trace.label,
        nameRuns(runs, pick(trace)),
        trace.flavour,
        kicks.requests,
        kicks.broadcasts,
        kicks.wakeups,
        kicks.ipis,
        kicks.halts,
        kicks.spurious,
        kicks.whileQueued,
        kicks.ipisWhileQueued,
        kicks.ipis === 0 ? null : formatShare(kicks.ipisWhileQueued, kicks.ipis),
      ]),
    ),
  };
}

type KickSum = Record<'traces' | keyof KickCounts, number>;

/** Over the traces of one kind, each under the strategy that also gives its depth: the reference where it ran. */
function sumKicks(facts: Facts, kind: TraceKind): KickSum {
  const sum: KickSum = {
    traces: 0,
    requests: 0,
    broadcasts: 0,
    wakeups: 0,
    ipis: 0,
    whileQueued: 0,
    ipisWhileQueued: 0,
    spurious: 0,
    halts: 0,
  };
  for (const { depthSource, kind: own } of facts.traces) {
    if (own !== kind) continue;
    const { kicks } = depthSource.exact;
    sum.traces++;
    for (const name of Object.keys(kicks) as (keyof KickCounts)[]) sum[name] += kicks[name];
  }
  return sum;
}

const GROUP_WORDS: Readonly<Record<TraceKind, string>> = {
  'linux-guest': 'ordinary-guest trace',
  attack: 'attack',
  other: 'other trace',
};

const describeShare = ({ ipis, ipisWhileQueued }: KickSum, noun: string): string =>
  `${formatInteger(ipisWhileQueued)} of ${formatInteger(ipis)}${noun} (${formatShare(ipisWhileQueued, ipis)})`;

/** One line: is it enough to unblock when the interrupt is queued already? Nothing where no trace asked anybody. */
export function judgeKicks(facts: Facts): Verdict[] {
  const topic = 'Injected again while queued: is unblocking the vCPU enough?';
  const all = TRACE_KINDS.map((kind) => ({ kind, sum: sumKicks(facts, kind) })).filter(({ sum }) => sum.traces > 0);
  // Functional tests speak where nothing else does.
  const declared = all.filter(({ kind, sum }) => kind !== 'other' && sum.ipis > 0);
  const sums = declared.length > 0 ? declared : all;
  const asked = sums.reduce((total, { sum }) => total + sum.requests + sum.broadcasts, 0);
  if (asked === 0) return [];
  const ipis = sums.reduce((total, { sum }) => total + sum.ipis, 0);
  if (ipis === 0) {
    return [
      {
        topic,
        text: 'Not shown by these traces: no request met a vCPU that was running, so that none needed an IPI.',
        tone: 'plain',
      },
    ];
  }
  const needy = sums.filter(({ sum }) => sum.ipisWhileQueued > 0);
  if (needy.length === 0) {
    return [
      {
        topic,
        text: `On these traces, yes: none of ${plural(ipis, 'IPI')} to running vCPUs was for an interrupt that was queued already.`,
        tone: 'plain',
      },
    ];
  }
  const where = needy.map(
    ({ kind, sum }, at) =>
      `${describeShare(sum, at === 0 ? ` ${sum.ipis === 1 ? 'IPI' : 'IPIs'} to running vCPUs` : '')} on ${plural(sum.traces, GROUP_WORDS[kind])}`,
  );
  return [
    {
      topic,
      text:
        `No: ${joinWords(where)} were for an interrupt that was queued already. Unblocking alone would have told nobody ` +
        'there, and the interrupt would have waited for the next exit.',
      tone: 'plain',
    },
  ];
}

/** What the other columns amount to, one sentence each; derived from the figures like the verdict. */
function describeKicks(facts: Facts): string {
  const sentences: string[] = [];
  const guests = sumKicks(facts, 'linux-guest');
  if (guests.traces > 0 && guests.requests > 0) {
    const idle = guests.requests - guests.wakeups - guests.ipis;
    sentences.push(
      `On ${plural(guests.traces, 'ordinary-guest trace')} ${formatShare(guests.wakeups, guests.requests)} of ` +
        `${plural(guests.requests, 'request')} woke a blocked vCPU and ${formatShare(guests.ipis, guests.requests)} took an IPI` +
        `${guests.broadcasts === 0 && idle > 0 ? '; the rest met a vCPU that looks at its list anyway before it enters the guest' : ''}.`,
    );
    sentences.push(
      guests.spurious === 0
        ? 'No vCPU was called for nothing.'
        : `${plural(guests.spurious, 'entry', 'entries')} after a request had nothing pending to present.`,
    );
  }
  const apart = facts.traces.filter(
    (trace) => groupRuns(trace.all.filter(presentsSame), ({ exact }) => exact.kicks).length > 1,
  );
  const severalRan = facts.traces.some(({ all }) => all.filter(presentsSame).length > 1);
  if (severalRan) {
    sentences.push(
      apart.length === 0
        ? 'Strategies that present the same interrupts agree in every count: how a list is kept does not change who is told.'
        : `Strategies that present the same interrupts agree in every count on ${formatInteger(facts.traces.length - apart.length)} of ` +
            `${plural(facts.traces.length, 'trace')}; on the others a choice among equal priorities made them part.`,
    );
  }
  return sentences.join(' ');
}

export function kickSection(facts: Facts): Section | null {
  if (facts.traces.length === 0) return null;
  const asked = facts.traces.some(({ all }) =>
    all.some(({ exact: { kicks } }) => kicks.requests + kicks.broadcasts + kicks.halts > 0),
  );
  const head = { id: 'kicks', title: 'Kicks: who is told, and what it takes', short: 'Kicks' };
  if (!asked) {
    return {
      ...head,
      blocks: [{ kind: 'text', text: 'On these traces no vCPU was asked to look at its list again.' }],
    };
  }
  const blocks: Block[] = [
    ...judgeKicks(facts).map(({ topic, text }): Block => ({ kind: 'text', text: `${topic} ${text}` })),
    { kind: 'text', text: describeKicks(facts) },
    { kind: 'table', table: kickTable(facts) },
    ...(facts.strategies.length < 2
      ? []
      : [
          {
            kind: 'details' as const,
            summary: 'Under every strategy',
            blocks: [{ kind: 'table' as const, table: fullKickTable(facts) }],
          },
        ]),
    { kind: 'details', summary: 'What the columns count', blocks: [{ kind: 'terms', terms: COLUMN_WORDS }] },
  ].filter((block) => block.kind !== 'text' || block.text !== '') as Block[];
  return { ...head, blocks };
}
