/** Tables of the exact results. Each takes the facts and gives rows; the forms (HTML, Markdown) are elsewhere. */
import type { ExactPart, MetricName, PathName } from '../replay/result.js';
import { METRIC_NAMES, PATH_NAMES } from '../replay/result.js';
import type { Table, TableCell } from './document.js';
import { numberColumn, textColumn } from './document.js';
import type { Facts, StrategyOnTrace, TraceFacts } from './facts.js';
import type { ReportModel, TraceKind } from './model.js';
import { formatChange, formatDecimal, formatInteger, formatShare } from './number-format.js';
import { judgeWorth } from './worth.js';

export const KIND_WORDS: Readonly<Record<TraceKind, string>> = {
  'linux-guest': 'Linux guest',
  attack: 'attack',
  other: 'other',
};

const METRIC_HEADS: Readonly<Record<MetricName, string>> = {
  visits: 'visits',
  comparisons: 'comparisons',
  locks: 'locks',
  lrWrites: 'LR writes',
  steps: 'steps',
};

/** Mean of a count over calls, as text; null for no calls. */
const perCall = (sum: number, calls: number): string | null => (calls === 0 ? null : formatDecimal(sum / calls));

/** One row a trace: is the challenger worth it there? */
export function worthTable(facts: Facts): Table {
  const { referenceLabel: a, challengerLabel: b } = facts;
  return {
    caption: `${b} against ${a}, trace by trace`,
    columns: [
      textColumn('trace'),
      textColumn('kind'),
      numberColumn('deepest list'),
      numberColumn('LRs'),
      textColumn('flushes that did not fit'),
      numberColumn(`comparisons, ${a}`),
      numberColumn(`comparisons, ${b}`),
      numberColumn(`steps, ${a}`),
      numberColumn(`steps, ${b}`),
      textColumn('steps, change'),
      numberColumn(`longest call, ${a}`),
      numberColumn(`longest call, ${b}`),
      textColumn('longest, change'),
      textColumn('worth it?'),
    ],
    rowHeads: 1,
    rows: facts.traces.map((trace) => {
      const { reference, challenger } = trace;
      const change = (pick: (run: StrategyOnTrace) => number): string | null =>
        reference && challenger ? formatChange(pick(reference), pick(challenger)) : null;
      return [
        trace.label,
        KIND_WORDS[trace.kind],
        trace.deepest,
        trace.trace.machine.nrLr,
        formatShare(trace.overflows, trace.flushes),
        reference?.comparisons ?? null,
        challenger?.comparisons ?? null,
        reference?.steps ?? null,
        challenger?.steps ?? null,
        change(({ steps }) => steps),
        reference?.longest.steps ?? null,
        challenger?.longest.steps ?? null,
        change(({ longest }) => longest.steps),
        judgeWorth(trace).answer,
      ];
    }),
  };
}

/** One row a strategy, one column a path, for one trace: the longest single call. */
export function longestTable(trace: TraceFacts): Table {
  return {
    caption: `Longest single call on ${trace.label}, in steps`,
    columns: [textColumn('strategy'), ...PATH_NAMES.map((path) => numberColumn(path)), numberColumn('longest')],
    rowHeads: 1,
    rows: trace.runs.map(({ label, exact, longest }) => [
      label,
      ...PATH_NAMES.map((path) => exact.paths[path].steps.max),
      longest.steps,
    ]),
  };
}

/** Columns shared by the cost tables: every metric as sum and largest call, steps per call too. */
const costColumns = [
  numberColumn('calls'),
  ...METRIC_NAMES.flatMap((metric) => [
    numberColumn(`${METRIC_HEADS[metric]}, sum`),
    ...(metric === 'steps' ? [numberColumn('steps, per call')] : []),
    numberColumn(`${METRIC_HEADS[metric]}, max per call`),
  ]),
];

interface CostSum {
  calls: number;
  readonly metrics: Record<MetricName, { sum: number; max: number }>;
}

function costCells({ calls, metrics }: CostSum): TableCell[] {
  return [
    calls,
    ...METRIC_NAMES.flatMap((metric): TableCell[] => {
      const { sum, max } = metrics[metric];
      return metric === 'steps' ? [sum, perCall(sum, calls), max] : [sum, max];
    }),
  ];
}

const zeroCost = (): CostSum => ({
  calls: 0,
  metrics: {
    visits: { sum: 0, max: 0 },
    comparisons: { sum: 0, max: 0 },
    locks: { sum: 0, max: 0 },
    lrWrites: { sum: 0, max: 0 },
    steps: { sum: 0, max: 0 },
  },
});

function addCost(total: CostSum, exact: ExactPart, path: PathName): void {
  const cost = exact.paths[path];
  total.calls += cost.calls;
  for (const metric of METRIC_NAMES) {
    total.metrics[metric].sum += cost[metric].sum;
    total.metrics[metric].max = Math.max(total.metrics[metric].max, cost[metric].max);
  }
}

/** All calls of one trace, or of several together: path by path, strategy by strategy. */
export function costTable(caption: string, traces: readonly TraceFacts[], strategies: readonly string[]): Table {
  const rows: TableCell[][] = [];
  for (const path of PATH_NAMES) {
    for (const strategy of strategies) {
      const total = zeroCost();
      let runs = 0;
      for (const trace of traces) {
        const run = trace.runs.find(({ label }) => label === strategy);
        if (!run) continue;
        runs++;
        addCost(total, run.exact, path);
      }
      // A sum over fewer traces than its neighbours would look like a saving.
      const isComparable = runs === traces.length;
      if (total.calls > 0 && isComparable) rows.push([path, strategy, ...costCells(total)]);
    }
  }
  return { caption, columns: [textColumn('path'), textColumn('strategy'), ...costColumns], rowHeads: 2, rows };
}

/** Strategies left out of a group's cost table because they did not run on all of its traces. */
export const partialStrategies = (traces: readonly TraceFacts[], strategies: readonly string[]): string[] =>
  strategies.filter((strategy) => {
    const runs = traces.filter((trace) => trace.runs.some(({ label }) => label === strategy)).length;
    return runs > 0 && runs < traces.length;
  });

export function usedLrsTable(groups: readonly { name: string; counts: readonly number[] }[]): Table {
  const length = Math.max(0, ...groups.map(({ counts }) => counts.length));
  const totals = groups.map(({ counts }) => counts.reduce((sum, count) => sum + count, 0));
  return {
    caption: 'Guest entries by list registers in use',
    columns: [
      textColumn('LRs in use'),
      ...groups.flatMap(({ name }) => [numberColumn(`${name}, entries`), textColumn(`${name}, share`)]),
    ],
    rowHeads: 1,
    rows: Array.from({ length }, (_, used) => [
      String(used),
      ...groups.flatMap(({ counts }, group) => [counts[used] ?? 0, formatShare(counts[used] ?? 0, totals[group])]),
    ]),
  };
}

/** One row a strategy: classes declared and what the comparison of flushes gave over all traces. */
export function equivalenceTable(facts: Facts): Table {
  return {
    caption: `Flushes compared with ${facts.referenceLabel}, over all traces`,
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
        trace.runs.filter((run) => run.label === label).map((run) => ({ trace, run })),
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
      numberColumn('injections'),
      numberColumn('of these redundant'),
      numberColumn('kicks'),
      numberColumn('acknowledges'),
      numberColumn('spurious'),
      numberColumn('divergences'),
      numberColumn('flushes with all LRs in use'),
      numberColumn('sorts'),
      textColumn('LR digest'),
    ],
    rowHeads: 2,
    rows: facts.traces.flatMap((trace) =>
      trace.runs.map(({ label, exact: { guest, lrDigest } }) => [
        trace.label,
        label,
        guest.injections,
        guest.redundantInjections,
        guest.kicks,
        guest.acks,
        guest.spurious,
        guest.divergences,
        guest.fullFlushes,
        guest.sorts,
        lrDigest,
      ]),
    ),
  };
}

/** Compared things beside the LRs: "identical of compared", null where nothing of the kind was recorded. */
const ofCompared = (identical: number, compared: number): string | null =>
  compared === 0 ? null : `${formatInteger(identical)} of ${formatInteger(compared)}`;

export function verifyTable(model: ReportModel): Table {
  return {
    caption: 'Recordings replayed and compared with what the recorded kernel did',
    columns: [
      textColumn('recording'),
      numberColumn('flushes compared'),
      numberColumn('LRs identical'),
      textColumn('share'),
      numberColumn('missed: cross-CPU window'),
      numberColumn('missed: unrecorded input'),
      numberColumn('missed: model fault'),
      numberColumn('decisions taken from the recording'),
      textColumn('LRs at exit identical'),
      textColumn('list depth at sorts identical'),
      textColumn('list order identical'),
      numberColumn('divergences'),
      numberColumn('lost events'),
      textColumn('command'),
    ],
    rowHeads: 1,
    rows: model.verify.map((result) => [
      result.trace,
      result.entries,
      result.identical,
      formatShare(result.identical, result.entries),
      result.causes['cross-cpu-window'],
      result.causes['unrecorded-input'],
      result.causes['model-fault'],
      result.decisionsFromRecording,
      ofCompared(result.foldsIdentical, result.folds),
      ofCompared(result.sortsIdentical, result.sorts),
      ofCompared(result.listsIdentical, result.lists),
      result.divergences,
      result.lostEvents,
      { code: result.command },
    ]),
  };
}

/** One row a mismatch, as many as the comparison kept. */
export function mismatchTable(model: ReportModel): Table {
  return {
    caption: 'Flushes at which the replay and the recording differ',
    columns: [
      textColumn('recording'),
      numberColumn('event'),
      numberColumn('vCPU'),
      textColumn('recorded LRs'),
      textColumn('replayed LRs'),
      textColumn('cause'),
      textColumn('why'),
    ],
    rowHeads: 1,
    rows: model.verify.flatMap(({ trace, mismatches }) =>
      mismatches.map(({ event, vcpu, recorded, model: replayed, cause, reason }) => [
        trace,
        event,
        vcpu,
        recorded.join(' '),
        replayed.join(' '),
        cause,
        reason,
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
      numberColumn('lost events'),
      numberColumn('gaps'),
      numberColumn('unknown lines'),
      numberColumn('decisions taken from the recording'),
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
      trace.counts.lostEvents,
      trace.gaps,
      trace.counts.unknownLines,
      trace.counts.decisionsFromRecording,
      trace.sha256,
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
      trace.runs.map(({ label, exact }) => [trace.label, label, { code: exact.command }]),
    ),
  };
}
