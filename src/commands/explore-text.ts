/** What `explore` prints: a table of variants, and counterexamples with a column for each thread. */
import type { Exploration, ScheduledStep } from '../explore/index.js';
import { models } from '../explore/index.js';
import { wrapText } from '../report/wrap-text.js';

export interface Timed {
  readonly exploration: Exploration;
  readonly milliseconds: number;
}

interface Column {
  readonly head: string;
  /** Columns with a higher rank are left out first when the terminal is narrow. */
  readonly rank: number;
  readonly isNumber: boolean;
  readonly cell: (timed: Timed) => string;
}

const grouped = (value: number | null): string => (value === null ? '-' : value.toLocaleString('en'));

const COLUMNS: readonly Column[] = [
  { head: 'variant', rank: 0, isNumber: false, cell: ({ exploration }) => exploration.variant },
  {
    head: 'declared',
    rank: 0,
    isNumber: false,
    cell: ({ exploration }) => (exploration.isBroken ? 'broken' : 'correct'),
  },
  { head: 'verdict', rank: 0, isNumber: false, cell: ({ exploration }) => exploration.verdict },
  { head: 'problem', rank: 3, isNumber: false, cell: ({ exploration }) => exploration.problem?.kind ?? '-' },
  { head: 'states', rank: 0, isNumber: true, cell: ({ exploration }) => grouped(exploration.states) },
  { head: 'transitions', rank: 4, isNumber: true, cell: ({ exploration }) => grouped(exploration.transitions) },
  { head: 'executions', rank: 1, isNumber: true, cell: ({ exploration }) => grouped(exploration.executions) },
  { head: 'failing', rank: 2, isNumber: true, cell: ({ exploration }) => grouped(exploration.failing) },
  { head: 'steps', rank: 0, isNumber: true, cell: ({ exploration }) => grouped(exploration.length || null) },
  { head: 'ms', rank: 5, isNumber: true, cell: ({ milliseconds }) => String(Math.round(milliseconds)) },
];

const GUTTER = '  ';
const MIN_TEXT = 20;

/** One block a model: its question, then a row a variant. */
export function describeVerdicts(results: readonly Timed[], width: number): string {
  const cells = COLUMNS.map(({ head, cell }) => [head, ...results.map(cell)]);
  const widths = cells.map((texts) => Math.max(...texts.map(({ length }) => length)));
  const shown = chooseColumns(widths, width);
  const line = (row: number): string =>
    (
      GUTTER +
      shown
        .map((at) => (COLUMNS[at].isNumber ? cells[at][row].padStart(widths[at]) : cells[at][row].padEnd(widths[at])))
        .join(GUTTER)
    ).trimEnd();
  const lines = models.flatMap(({ id, summary }) => {
    const rows = results.flatMap(({ exploration }, at) => (exploration.model === id ? [line(at + 1)] : []));
    return rows.length === 0 ? [] : [...wrapText(`${id}: ${summary}`, width), line(0), ...rows, ''];
  });
  return lines.slice(0, -1).join('\n');
}

/** Indices of the columns that fit. */
function chooseColumns(widths: readonly number[], width: number): number[] {
  let shown = COLUMNS.map((_, at) => at);
  const total = (): number => shown.reduce((sum, at) => sum + GUTTER.length + widths[at], 0);
  for (let rank = Math.max(...COLUMNS.map((column) => column.rank)); rank > 0 && total() > width; rank--)
    shown = shown.filter((at) => COLUMNS[at].rank !== rank);
  return shown;
}

type Scheduled = Pick<Exploration, 'model' | 'variant' | 'summary' | 'threads' | 'schedule' | 'problem'>;

/** A row a step, the text in the column of its thread; the last line says what is wrong. */
export function describeSchedule(scheduled: Scheduled, width: number): string {
  const { model, variant, summary, threads, schedule, problem } = scheduled;
  const title = wrapText(`${model}:${variant}: ${summary}`, width);
  const number = String(schedule.length).length;
  const room = Math.floor((width - number) / threads.length) - GUTTER.length;
  const columns = threads.map((name, thread) => {
    const texts = schedule.filter((step) => step.thread === thread).map(({ text }) => text.length);
    return Math.min(Math.max(name.length, ...texts), Math.max(MIN_TEXT, room));
  });
  const row = (first: string, texts: readonly string[]): string =>
    [first.padStart(number), ...texts.map((text, at) => text.padEnd(columns[at]))].join(GUTTER).trimEnd();
  const rows = schedule.flatMap((step: ScheduledStep, at) =>
    wrapText(step.text, columns[step.thread]).map((text, part) =>
      row(
        part === 0 ? String(at + 1) : '',
        threads.map((_, thread) => (thread === step.thread ? text : '')),
      ),
    ),
  );
  const end = problem === null ? 'nothing is wrong yet' : `${problem.kind}: ${problem.text}`;
  return [...title, row('', threads), ...rows, ...wrapText(end, width)].join('\n');
}
