/** Tables of the exact results. Each takes the facts and gives rows; the forms (HTML, Markdown) are elsewhere. */

import { formatChange, formatInteger, formatShare } from '../base/number-format.js';
import type { ExactPart } from '../replay/result.js';
import { PATH_NAMES } from '../replay/result.js';
import type { Table } from './document.js';
import { groupColumns, numberColumn, textColumn } from './document.js';
import type { Facts, StrategyOnTrace, TraceFacts } from './facts.js';
import type { ReportModel, TraceKind } from './model.js';
import { judgeWorth } from './worth.js';

export const KIND_WORDS: Readonly<Record<TraceKind, string>> = {
  'linux-guest': 'Linux guest',
  attack: 'attack',
  other: 'other',
};

/** One row a trace: is the challenger worth it there? */
export function worthTable(facts: Facts): Table {
  const { referenceLabel: a, challengerLabel: b } = facts;
  return {
    caption: `${b} against ${a}, trace by trace`,
    columns: [
      textColumn('trace'),
      textColumn('worth it?'),
      textColumn('kind'),
      textColumn('flavour'),
      ...groupColumns('ap_list', [numberColumn('deepest'), numberColumn('LRs'), textColumn('flushes that overflow')]),
      ...groupColumns('steps in all', [numberColumn(a), numberColumn(b), textColumn('change')]),
      ...groupColumns('longest call, steps', [numberColumn(a), numberColumn(b), textColumn('change')]),
      ...groupColumns('comparisons', [numberColumn(a), numberColumn(b)]),
    ],
    rowHeads: 1,
    rows: facts.traces.map((trace) => {
      const { reference, challenger } = trace;
      const change = (pick: (run: StrategyOnTrace) => number): string | null =>
        reference && challenger ? formatChange(pick(reference), pick(challenger)) : null;
      return [
        trace.label,
        judgeWorth(trace, facts).answer,
        KIND_WORDS[trace.kind],
        trace.flavour,
        trace.deepest,
        trace.trace.machine.nrLr,
        formatShare(trace.overflows, trace.flushes),
        reference?.steps ?? null,
        challenger?.steps ?? null,
        change(({ steps }) => steps),
        reference?.longest.steps ?? null,
        challenger?.longest.steps ?? null,
        change(({ longest }) => longest.steps),
        reference?.comparisons ?? null,
        challenger?.comparisons ?? null,
      ];
    }),
  };
}

/** One row a strategy, one column a path, for one trace: the longest single call. */
export function longestTable(trace: TraceFacts): Table {
  return {
    caption: `Longest single call on ${trace.label}, ${trace.flavour}, in steps`,
    columns: [textColumn('strategy'), ...PATH_NAMES.map((path) => numberColumn(path)), numberColumn('longest')],
    rowHeads: 1,
    rows: trace.runs.map(({ label, exact, longest }) => [
      label,
      ...PATH_NAMES.map((path) => exact.paths[path].steps.max),
      longest.steps,
    ]),
  };
}

export function usedLrsTable(groups: readonly { name: string; counts: readonly number[] }[]): Table {
  const length = Math.max(0, ...groups.map(({ counts }) => counts.length));
  const totals = groups.map(({ counts }) => counts.reduce((sum, count) => sum + count, 0));
  return {
    caption: 'Guest entries by list registers in use',
    columns: [
      textColumn('LRs in use'),
      ...groups.flatMap(({ name }) => groupColumns(name, [numberColumn('entries'), textColumn('share')])),
    ],
    rowHeads: 1,
    rows: Array.from({ length }, (_, used) => [
      String(used),
      ...groups.flatMap(({ counts }, group) => [counts[used] ?? 0, formatShare(counts[used] ?? 0, totals[group])]),
    ]),
  };
}

/** What each strategy is; null if the model has no notes. */
export function strategyTable(model: ReportModel, facts: Facts): Table | null {
  if (model.strategyNotes.length === 0) return null;
  return {
    caption: 'Strategies',
    columns: [textColumn('strategy'), textColumn('what it does'), textColumn('stands for')],
    rowHeads: 1,
    rows: facts.strategies.map((label) => {
      const note = model.strategyNotes.find(({ id }) => id === label);
      return [label, note?.summary ?? null, note?.models ?? null];
    }),
  };
}

/** One row a strategy: classes declared and what the comparison of flushes gave over all traces. */
export function equivalenceTable(facts: Facts): Table {
  return {
    caption: `Flushes compared with ${facts.referenceLabel}, over all traces (${facts.flavourWords})`,
    columns: [
      textColumn('strategy'),
      textColumn('class declared'),
      textColumn('holds'),
      numberColumn('flushes'),
      numberColumn('identical'),
      numberColumn('tie-equivalent'),
      numberColumn('deviating'),
      textColumn('first violation'),
      numberColumn('divergences'),
    ],
    rowHeads: 1,
    rows: facts.strategies.map((label) => {
      const runs = facts.traces.flatMap((trace) =>
        trace.all.filter((run) => run.label === label).map((run) => ({ trace, run })),
      );
      const add = (pick: (exact: ExactPart) => number): number =>
        runs.reduce((sum, { run }) => sum + pick(run.exact), 0);
      const broken = runs.filter(({ run }) => !run.exact.equivalence.holds);
      const first = broken[0];
      const event = first?.run.exact.equivalence.firstViolation;
      return [
        label,
        [...new Set(runs.map(({ run }) => run.exact.equivalence.declared))].sort().join(', '),
        broken.length === 0 ? 'yes' : `no, on ${broken.length} of ${runs.length} traces`,
        add(({ equivalence }) => equivalence.flushes),
        add(({ equivalence }) => equivalence.identical),
        add(({ equivalence }) => equivalence.tieEquivalent),
        add(({ equivalence }) => equivalence.deviating),
        first ? `${first.trace.label}${event == null ? '' : `, event ${event}`}` : null,
        add(({ guest }) => guest.divergences),
      ];
    }),
  };
}

/** What the guest saw and did, cell by cell. */
export function guestTable(facts: Facts): Table {
  return {
    caption: 'Guest-visible events and list behaviour, cell by cell',
    columns: [
      textColumn('trace'),
      textColumn('strategy'),
      textColumn('flavour'),
      numberColumn('injections'),
      numberColumn('of these redundant'),
      numberColumn('acknowledges'),
      numberColumn('spurious'),
      numberColumn('divergences'),
      numberColumn('flushes with all LRs in use'),
      numberColumn('sorts'),
      textColumn('LR digest'),
      textColumn('host stopped at event'),
    ],
    rowHeads: 2,
    rows: facts.traces.flatMap((trace) =>
      trace.all.map(({ label, exact: { guest, lrDigest, stopped } }) => [
        trace.label,
        label,
        trace.flavour,
        guest.injections,
        guest.redundantInjections,
        guest.acks,
        guest.spurious,
        guest.divergences,
        guest.fullFlushes,
        guest.sorts,
        { mono: lrDigest },
        stopped === null ? null : { alarm: formatInteger(stopped.event) },
      ]),
    ),
  };
}

/** One row a trace: what it is, what its source lost, and its hash. */
export function traceTable(facts: Facts): Table {
  return {
    caption: 'Traces',
    columns: [
      textColumn('trace'),
      textColumn('shows'),
      textColumn('kind'),
      textColumn('origin'),
      textColumn('fidelity'),
      numberColumn('events'),
      numberColumn('guest entries'),
      numberColumn('vCPUs'),
      numberColumn('LRs'),
      textColumn('GIC'),
      textColumn('made for'),
      textColumn('replayed as'),
      numberColumn('lost events'),
      numberColumn('gaps'),
      numberColumn('unknown lines'),
      numberColumn('decisions from the recording'),
      textColumn('sha256'),
    ],
    rowHeads: 1,
    rows: facts.traces.map(({ label, kind, trace, entries }) => [
      label,
      trace.counts.cutOff > 0 ? `${trace.title} (source cut off)` : trace.title,
      KIND_WORDS[kind],
      trace.origin,
      `L${trace.fidelity}`,
      trace.events,
      entries,
      trace.machine.nrVcpus,
      trace.machine.nrLr,
      trace.machine.model,
      trace.madeFor,
      trace.machine.flavour,
      trace.counts.lostEvents,
      trace.gaps,
      trace.counts.unknownLines,
      trace.counts.decisionsFromRecording,
      { mono: trace.sha256 },
    ]),
  };
}

/** One row a cell: the command that repeats it. */
export function commandTable(facts: Facts): Table {
  return {
    caption: 'The command that repeats each cell',
    columns: [textColumn('trace'), textColumn('strategy'), textColumn('command')],
    rowHeads: 2,
    rows: facts.traces.flatMap((trace) =>
      trace.all.map(({ label, exact }) => [trace.label, label, { code: exact.command }]),
    ),
  };
}
