/** Layer 0: every exact figure of every cell against the baseline. Integer equality; better is a difference as well. */
import { type Baseline, type CellFigures, traceOf } from './baseline.js';
import { describeCounter } from './change-words.js';
import type { CallPlace, CellComparison, CounterChange, Verdict } from './comparison.js';
import { type Figure, type Figures, withoutZeros } from './exact-figures.js';

/** How a cell stands to the baseline. */
export type Standing =
  | 'as before'
  | 'changed'
  /** Not in the baseline. */
  | 'new'
  /** In the baseline, and not run although it should have been. */
  | 'missing'
  /** Its trace is not the one of the baseline. */
  | 'other trace';

export interface ComparedCell extends CellComparison {
  readonly standing: Standing;
  /** In words: what is wrong, whatever the baseline says, or worse than there and never to be accepted. Empty: nothing. */
  readonly faults: readonly string[];
}

/** What was run, and where the maxima are. */
export interface RunCell extends CellFigures {
  readonly sha256: string;
  /** Counter of a maximum → its call, where it is known. */
  readonly places: Readonly<Record<string, CallPlace>>;
  /** In words: wrong whatever a baseline says. A declared order that does not hold, a strategy that threw. */
  readonly faults: readonly string[];
}

const VERDICT_OF: Readonly<Record<Standing, Verdict>> = {
  'as before': 'unchanged',
  changed: 'regressed',
  new: 'regressed',
  missing: 'incomparable',
  'other trace': 'incomparable',
};

/** `isExpected`: should a cell of the baseline have been run? */
export function compareWithBaseline(
  baseline: Baseline,
  run: readonly RunCell[],
  isExpected: (cell: string) => boolean,
): ComparedCell[] {
  const known = new Set(run.map(({ cell }) => cell));
  const missing = Object.keys(baseline.cells).filter((cell) => !known.has(cell) && isExpected(cell));
  return [
    ...run.map((cell) => compareCell(baseline, cell)),
    ...missing.map(
      (cell): ComparedCell => ({
        ...cellOf(cell, 'missing', [], 0, ''),
        reason: 'in the baseline, and no longer run',
        faults: [],
      }),
    ),
  ];
}

function cellOf(
  cell: string,
  standing: Standing,
  changes: readonly CounterChange[],
  counters: number,
  command: string,
): Omit<ComparedCell, 'reason' | 'faults'> {
  return { cell, standing, verdict: VERDICT_OF[standing], changes, counters, time: null, command };
}

function compareCell({ cells, traces }: Baseline, runCell: RunCell): ComparedCell {
  const { cell, sha256, command, places } = runCell;
  const figures = withoutZeros(runCell.figures);
  const before = Object.hasOwn(cells, cell) ? cells[cell] : undefined;
  const names = Object.keys(figures);
  if (before === undefined)
    return {
      ...cellOf(cell, 'new', [], names.length, command),
      reason: 'not in the baseline',
      faults: runCell.faults,
    };
  const trace = traceOf(cell);
  const changes = changesOf(before, figures, places);
  const counters = new Set([...Object.keys(before), ...names]).size;
  if (traces[trace] !== sha256)
    return {
      ...cellOf(cell, 'other trace', changes, counters, command),
      reason: `${trace} is not the trace of the baseline: other content`,
      faults: runCell.faults,
    };
  const standing = changes.length === 0 ? 'as before' : 'changed';
  return {
    ...cellOf(cell, standing, changes, counters, command),
    reason: changes.length === 0 ? 'every counter is as in the baseline' : summarise(changes),
    faults: [...runCell.faults, ...worseThan(before, figures)],
  };
}

function changesOf(before: Figures, after: Figures, places: RunCell['places']): CounterChange[] {
  const valueIn = (figures: Figures, counter: string): Figure | null =>
    Object.hasOwn(figures, counter) ? figures[counter] : null;
  /** Counts of 0 are left out, so one that is not there beside a number is 0. */
  const pairOf = (counter: string): [Figure | null, Figure | null] => {
    const pair = [valueIn(before, counter), valueIn(after, counter)] as const;
    const isCount = pair.some((value) => typeof value === 'number');
    const [first, second] = pair.map((value) => (value === null && isCount ? 0 : value));
    return [first, second];
  };
  return [...new Set([...Object.keys(after), ...Object.keys(before)])]
    .map((counter) => {
      const [first, second] = pairOf(counter);
      return { counter, before: first, after: second, beforeAt: null, afterAt: places[counter] ?? null };
    })
    .filter((change) => change.before !== change.after);
}

/** The most telling first: a longest call, then what all calls took, then the rest. */
const rank = ({ counter }: CounterChange): number => {
  const isLongest = /^[a-z]+\/steps\/max$/.test(counter);
  if (isLongest) return 0;
  if (/\/max$/.test(counter)) return 1;
  if (/\/sum$/.test(counter)) return 2;
  return /\/(calls|hist)$|^(operations|guest)\//.test(counter) ? 4 : 3;
};

export const byWeight = (changes: readonly CounterChange[]): CounterChange[] =>
  [...changes].sort((a, b) => rank(a) - rank(b));

function summarise(changes: readonly CounterChange[]): string {
  const [first] = byWeight(changes);
  const others = changes.length - 1;
  const more = others === 0 ? '' : `; ${others} other ${others === 1 ? 'counter' : 'counters'} changed`;
  return `${describeCounter(first)}${more}`;
}

/**
 * Correctness against the baseline: an interrupt lost that was not lost there, a host that stops and did not, a recording
 * that agrees less. What a baseline already holds of these is known: some vGICs do lose interrupts (vgic-spec 1.24).
 */
function worseThan(before: Figures, after: Figures): string[] {
  const faults: string[] = [];
  const count = (figures: Figures, name: string): number => Number(figures[name] ?? 0);
  const grew = (name: string): number => count(after, name) - count(before, name);
  if (grew('harm/lost') > 0) faults.push(`${grew('harm/lost')} more interrupts are lost`);
  // What is 0 is left out: a host that stops at event 0 has no figure here.
  if (before.stopped === 'no' && after.stopped !== 'no')
    faults.push(`the host stops for good at event ${after.stopped ?? 0}`);
  if (grew('unexplained') > 0)
    faults.push(`${grew('unexplained')} more entries differ from the recording without a cause`);
  if (grew('identical') < 0 && grew('entries') === 0)
    faults.push(`${-grew('identical')} fewer entries are like the recording`);
  return faults;
}

/** The baseline with what was run in it; `drop`: cells that are no longer run. */
export function acceptRun(
  baseline: Baseline,
  run: readonly RunCell[],
  tool: string,
  drop: readonly string[],
): Baseline {
  const cells: Record<string, Figures> = { ...baseline.cells };
  for (const cell of drop) delete cells[cell];
  for (const { cell, figures } of run) cells[cell] = withoutZeros(figures);
  const names = Object.keys(cells);
  const hashes: Record<string, string> = { ...baseline.traces };
  for (const { cell, sha256 } of run) hashes[traceOf(cell)] = sha256;
  const used = new Set(names.map(traceOf));
  return {
    tool,
    traces: Object.fromEntries(Object.entries(hashes).filter(([trace]) => used.has(trace))),
    cells,
  };
}
