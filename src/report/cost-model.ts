/**
 * What the counted operations would take as instructions of the compiled C code, and how far that can be trusted. Predicted:
 * never summed or compared with exact counts.
 */
import { formatInteger, joinWords } from '../base/number-format.js';
import { countsOfCell } from '../cost/counts.js';
import { FIGURES } from '../cost/fit.js';
import { FITTED } from '../cost/fitted.js';
import { specOf, WEIGHT_IDS } from '../cost/groups.js';
import { LOCK_MODES, type LockMode } from '../cost/native.js';
import { hasCountedOperations, predict } from '../cost/predict.js';
import type { Block, Section, Table, TableCell } from './document.js';
import { groupColumns, numberColumn, textColumn } from './document.js';
import type { Facts, StrategyOnTrace, TraceFacts } from './facts.js';

/** The predictions that the report shows: the locks of a real host. */
const SHOWN_LOCKS: LockMode = 'lock';
const LOCK_WORDS: Readonly<Record<LockMode, string>> = { noop: 'no-op locks', lock: 'real locks' };
const BASIS_WORDS = {
  fitted: 'fitted',
  variants: 'fitted to the measured variants (native-reference 3.5)',
  analogy: 'by analogy',
} as const;

export function costModelSection(facts: Facts): Section | null {
  const traces = facts.traces.filter(({ runs }) => runs.length > 0);
  if (traces.length === 0) return null;
  return {
    id: 'predicted',
    title: 'Predicted instructions',
    short: 'Predicted',
    blocks: [
      {
        kind: 'text',
        text:
          'Everything in this section is predicted, not counted: instructions that the vGIC code of Linux 6.1, compiled for x86-64, would take for the operations ' +
          'that the replay counts exactly. Entry, exit, injection and queueing; neither the guest nor its register accesses, and no time: caches, system registers and the way into the guest are in no instruction count.',
      },
      { kind: 'table', table: predictedTable(traces, facts) },
      ...extrapolations(traces),
      { kind: 'text', text: describeFit() },
      {
        kind: 'details',
        summary: 'The fit: residuals of every workload and function group, fitted and left out',
        blocks: LOCK_MODES.map((locks): Block => ({ kind: 'table', table: residualTable(locks) })),
      },
      { kind: 'details', summary: 'The weights', blocks: [{ kind: 'table', table: weightTable() }] },
    ],
  };
}

/** Instructions of the vGIC a guest entry; null without entries, and for a vGIC whose operations are not counted. */
function perEntry({ exact }: StrategyOnTrace): number | null {
  const counts = countsOfCell(exact);
  const entries = counts.paths.flush.calls;
  if (entries === 0 || !hasCountedOperations(counts)) return null;
  const { groups } = predict(counts, SHOWN_LOCKS);
  const own = groups.filter(({ group }) => group !== 'guest').reduce((sum, { instructions }) => sum + instructions, 0);
  return Math.round(own / entries);
}

function predictedTable(traces: readonly TraceFacts[], facts: Facts): Table {
  return {
    caption: `Predicted instructions of the vGIC a guest entry, ${LOCK_WORDS[SHOWN_LOCKS]}`,
    columns: [textColumn('trace'), ...groupColumns('predicted', facts.strategies.map(numberColumn))],
    rows: traces.map(({ label, runs }): TableCell[] => [
      label,
      ...facts.strategies.map((strategy) => {
        const run = runs.find((candidate) => candidate.label === strategy);
        return run === undefined ? null : perEntry(run);
      }),
    ]),
    rowHeads: 1,
  };
}

/** Which traces lie outside of what was fitted, and in what. */
function extrapolations(traces: readonly TraceFacts[]): Block[] {
  const byReason = new Map<string, string[]>();
  for (const { label, depthSource } of traces) {
    for (const found of predict(countsOfCell(depthSource.exact), SHOWN_LOCKS).extrapolated) {
      // One reason for all means, whatever their figures.
      const reason = found.replace(/ of [\d.]+ \(/, ' outside the range (');
      byReason.set(reason, [...(byReason.get(reason) ?? []), label]);
    }
  }
  if (byReason.size === 0) return [];
  const words = [...byReason].map(([reason, labels]) => `${reason}: ${joinWords(labels)}`);
  return [{ kind: 'text', text: `Extrapolated, so less sure: ${words.join('; ')}.` }];
}

const percent = (share: number): string => `${(100 * share).toFixed(1)}\u00a0%`;
const worst = (pick: (residual: (typeof FITTED.residuals)[number]) => number, isTotal: boolean): number =>
  Math.max(
    ...FITTED.residuals.filter(({ figure }) => (figure === 'total') === isTotal).map((row) => Math.abs(pick(row))),
  );

function describeFit(): string {
  const { range, variantError } = FITTED;
  const workloads = new Set(FITTED.residuals.map(({ workload }) => workload)).size;
  return (
    `Weights were fitted to exact instruction counts of ${workloads} workloads (traces/native-costs), without and with real locks; they meet the totals within ${percent(worst(({ fitted }) => fitted, true))} and every function group within ${percent(worst(({ fitted }) => fitted, false))}. ` +
    `A workload that is left out of the fit is predicted within ${percent(worst(({ leftOut }) => leftOut, true))} in total and ${percent(worst(({ leftOut }) => leftOut, false))} in a group. ` +
    `What other strategies do beside sort-on-flush is fitted to measured variants (within ${percent(variantError)}), or by analogy (taken as up to half off). ` +
    `Valid for ${joinWords(range.flavours)}, ${joinWords(range.models)}, ${joinWords(range.nrLr.map(String))} list registers, lists of up to ${formatInteger(range.maxDepth)} entries; beyond that it extrapolates.`
  );
}

function residualTable(locks: LockMode): Table {
  const rows = FITTED.residuals.filter((residual) => residual.locks === locks);
  const workloads = [...new Set(rows.map(({ workload }) => workload))];
  return {
    caption: `Predicted over measured instructions, ${LOCK_WORDS[locks]}: error with the workload fitted, and left out of the fit`,
    columns: [
      textColumn('figure'),
      ...workloads.flatMap((workload) => groupColumns(workload, [numberColumn('fitted'), numberColumn('left out')])),
    ],
    rows: FIGURES.map((figure): TableCell[] => [
      figure,
      ...workloads.flatMap((workload) => {
        const row = rows.find((residual) => residual.workload === workload && residual.figure === figure);
        return row === undefined ? [null, null] : [percent(row.fitted), percent(row.leftOut)];
      }),
    ]),
    rowHeads: 1,
  };
}

function weightTable(): Table {
  return {
    caption: 'Instructions of one operation',
    columns: [textColumn('operation'), numberColumn('no-op locks'), numberColumn('real locks'), textColumn('basis')],
    rows: WEIGHT_IDS.map((id): TableCell[] => {
      const { basis, why } = specOf(id);
      return [
        id,
        FITTED.weights.noop[id].toFixed(1),
        FITTED.weights.lock[id].toFixed(1),
        why === undefined ? BASIS_WORDS[basis] : `${BASIS_WORDS[basis]}; ${why}`,
      ];
    }),
    rowHeads: 1,
  };
}
