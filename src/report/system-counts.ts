/** What the systems beside the core (ITS, timers, doorbells) counted on a trace, for the terminal and for the cost section. */
import { joinWords } from '../base/number-format.js';
import type { Table, TableCell } from './document.js';
import { numberColumn, textColumn } from './document.js';
import type { TraceFacts } from './facts.js';

type Counts = Readonly<Record<string, number>>;

/** A strategy on one trace, as far as the systems go. */
export interface SystemRun {
  readonly label: string;
  readonly systems: Readonly<Record<string, Counts>>;
}

export interface SystemReading {
  readonly system: string;
  /** Of the first run that has the system; what is 0 is left out. */
  readonly counts: readonly (readonly [name: string, count: number])[];
  readonly label: string;
  /** The other runs by what they counted, where that is something else. */
  readonly others: readonly { readonly label: string; readonly counts: Counts }[];
}

/** One element a system that some run met. `runs`: all of one trace. */
export function readSystems(runs: readonly SystemRun[]): SystemReading[] {
  const names = [...new Set(runs.flatMap(({ systems }) => Object.keys(systems)))];
  return names.flatMap((system) => {
    const met = runs.find(({ systems }) => systems[system] !== undefined);
    if (met === undefined) return [];
    const counts = met.systems[system];
    return {
      system,
      label: met.label,
      counts: Object.entries(counts).filter(([, count]) => count !== 0),
      others: runs
        .map(({ label, systems }) => ({ label, counts: systems[system] ?? {} }))
        .filter((run) => differing(counts, run.counts).length > 0),
    };
  });
}

/** Names of the counts that are not the same; a count that is not there is 0. */
export const differing = (one: Counts, other: Counts): string[] =>
  [...new Set([...Object.keys(one), ...Object.keys(other)])].filter((name) => (one[name] ?? 0) !== (other[name] ?? 0));

/** "the same under every strategy", or which ones differ. */
export function describeOthers({ others, label }: SystemReading, nrRuns: number): string {
  if (nrRuns === 1) return `under ${label}`;
  if (others.length === 0) return 'the same under every strategy';
  return `under ${label}; others differ: ${joinWords(others.map((other) => other.label))}`;
}

const runsOf = ({ all }: TraceFacts): SystemRun[] => all.map(({ label, exact: { systems } }) => ({ label, systems }));

/** A row a count, and where it differs one more for each other value. Null: no trace has events of a system. */
export function systemTable(traces: readonly TraceFacts[]): Table | null {
  const rows = traces.flatMap((trace) => readSystems(runsOf(trace)).flatMap((reading) => rowsOf(trace, reading)));
  if (rows.length === 0) return null;
  return {
    caption: 'What the systems beside the core counted; a strategy has its own row where it counts something else',
    columns: [
      textColumn('trace'),
      textColumn('system'),
      textColumn('what'),
      textColumn('strategy'),
      numberColumn('count'),
    ],
    rowHeads: 3,
    rows,
  };
}

function rowsOf(trace: TraceFacts, { system, counts, others }: SystemReading): TableCell[][] {
  const first = Object.fromEntries(counts);
  const names = [...new Set([...Object.keys(first), ...others.flatMap((other) => differing(first, other.counts))])];
  return names.flatMap((name): TableCell[][] => {
    const apart = new Map<number, string[]>();
    for (const other of others) {
      const count = other.counts[name] ?? 0;
      if (count !== (first[name] ?? 0)) apart.set(count, [...(apart.get(count) ?? []), other.label]);
    }
    const labels = [...apart.values()].flat();
    const whose = labels.length === 0 ? 'all' : `all but ${joinWords(labels)}`;
    return [
      [trace.label, system, name, whose, first[name] ?? 0],
      ...[...apart].map(([count, whom]): TableCell[] => [trace.label, system, name, joinWords(whom), count]),
    ];
  });
}
