/** The report as a terminal shows it: the verdict, one table of traces, one of strategies. */
import Table from 'cli-table3';
import { formatChange, formatDecimal, formatInteger, formatShare, plural } from '../base/number-format.js';
import { printable } from '../base/printable.js';
import type { Study, StudyTable } from '../study/study.js';
import type { Facts } from './facts.js';
import { gatherFacts, isAsked } from './facts.js';
import type { ReportModel } from './model.js';
import { TRACE_KINDS } from './model.js';
import { KIND_WORDS } from './tables.js';
import { chartTable, isNumberColumn } from './threads.js';
import { summariseVerdict, writeVerdicts } from './verdict.js';
import { describeRun } from './verdict-flavour.js';
import type { Verdict } from './verdict-trust.js';
import { judgeWorth } from './worth.js';
import { wrapText } from './wrap-text.js';

export interface TerminalOptions {
  readonly colour: boolean;
  /** Columns of the terminal; no line is longer, down to 40. */
  readonly width: number;
}

const MIN_WIDTH = 40;
const BOLD = '\u001b[1m';
const YELLOW = '\u001b[33m';
const RED = '\u001b[31m';
const MARKS: Readonly<Record<Verdict['tone'], { readonly mark: string; readonly code: string }>> = {
  plain: { mark: '  ', code: BOLD },
  warn: { mark: '! ', code: BOLD + YELLOW },
  fail: { mark: '!! ', code: BOLD + RED },
};
const RESET = '\u001b[0m';

/** Ends in a line feed. Meaning never hangs on colour alone. */
export function renderTerminal(model: ReportModel, options: TerminalOptions): string {
  const facts = gatherFacts(model);
  const width = Math.max(MIN_WIDTH, options.width);
  const paint = (code: string, text: string): string => (options.colour ? `${code}${text}${RESET}` : text);
  const lines: string[] = [];
  for (const line of wrapText(model.title, width)) lines.push(paint(BOLD, line));
  lines.push(...wrapText(describeRun(facts), width), '');
  const summary = summariseVerdict(facts);
  if (summary !== '') lines.push(...wrapText(summary, width), '');
  for (const { topic, text, tone } of writeVerdicts(model, facts)) {
    const { mark, code } = MARKS[tone];
    for (const line of wrapText(`${mark}${topic}`, width)) lines.push(paint(code, line));
    for (const line of wrapText(text, width - 4)) lines.push(`    ${line}`);
  }
  if (facts.traces.length > 0) {
    lines.push('', ...renderColumns(traceColumns(facts), width, paint));
    lines.push('', ...renderColumns(strategyColumns(facts), width, paint));
  }
  return `${lines.join('\n')}\n`;
}

/** A study as text: question, answer, every table. Lines of text keep to `width`, tables do not. */
export function renderStudy(study: Study, { colour, width }: TerminalOptions): string {
  const paint = (code: string, text: string): string => (colour ? `${code}${text}${RESET}` : text);
  const lines = [
    paint(BOLD, study.title),
    ...wrapText(`Asked in “${study.thread}”: ${study.question}`, width),
    '',
    ...wrapText(study.answer.join(' '), width).map((line) => paint(BOLD, line)),
  ];
  const charts = study.chart === null ? [] : [study.chart];
  for (const { title, finding } of charts) lines.push('', ...wrapText(`${title}. ${finding}`, width));
  for (const table of [...charts.map(chartTable), ...study.tables]) {
    lines.push('', ...wrapText(table.caption, width));
    lines.push(...renderColumns(studyColumns(table), Number.POSITIVE_INFINITY, paint));
  }
  for (const limit of study.limits) lines.push('', ...wrapText(limit, width));
  return `${lines.join('\n')}\n`;
}

const studyColumns = (table: StudyTable): Column[] =>
  table.columns.map((head, column) => ({
    head,
    isNumber: isNumberColumn(table, column),
    rank: 0,
    cells: table.rows.map((row) => {
      const cell = row[column];
      return typeof cell === 'number' ? formatDecimal(cell) : cellText(cell);
    }),
  }));

/** A column of a table. Columns with a higher `rank` are left out first when the terminal is narrow. */
interface Column {
  readonly head: string;
  readonly isNumber: boolean;
  readonly rank: number;
  readonly cells: readonly string[];
}

function traceColumns(facts: Facts): Column[] {
  const { traces, referenceLabel: a, challengerLabel: b } = facts;
  const column = (
    head: string,
    rank: number,
    cell: (trace: Facts['traces'][number]) => string | number | null,
    isNumber = true,
  ): Column => ({ head, isNumber, rank, cells: traces.map((trace) => cellText(cell(trace))) });
  return [
    column('trace', 0, ({ label }) => label, false),
    column('kind', 4, ({ kind }) => KIND_WORDS[kind], false),
    column('LRs', 6, ({ trace }) => trace.machine.nrLr),
    column('deepest', 3, ({ deepest }) => deepest),
    column('overflow', 5, ({ overflows, flushes }) => formatShare(overflows, flushes)),
    column(`longest call\n${a}`, 1, ({ reference }) => reference?.longest.steps ?? null),
    ...(isAsked(facts)
      ? [
          column(`longest call\n${b}`, 1, ({ challenger }) => challenger?.longest.steps ?? null),
          column('all steps', 2, ({ reference, challenger }) =>
            reference && challenger ? formatChange(reference.steps, challenger.steps) : null,
          ),
          column('worth it?', 0, (trace) => judgeWorth(trace, facts).answer, false),
        ]
      : []),
  ];
}

/** Sums over the traces a strategy ran on would differ in what they sum; the longest call does not have that fault. */
function strategyColumns(facts: Facts): Column[] {
  const runsOf = facts.strategies.map((label) =>
    facts.traces.flatMap((trace) =>
      trace.runs.filter((run) => run.label === label).map((run) => ({ kind: trace.kind, run })),
    ),
  );
  const longestColumns = TRACE_KINDS.filter((kind) => facts.traces.some((trace) => trace.kind === kind)).map(
    (kind, index): Column => ({
      head: `longest call\n${KIND_WORDS[kind]}`,
      isNumber: true,
      rank: 2 + index,
      cells: runsOf.map((runs) => {
        const steps = runs.filter((entry) => entry.kind === kind).map(({ run }) => run.longest.steps);
        return cellText(steps.length === 0 ? null : Math.max(...steps));
      }),
    }),
  );
  return [
    { head: 'strategy', isNumber: false, rank: 0, cells: facts.strategies },
    ...longestColumns,
    {
      head: 'class',
      isNumber: false,
      rank: 1,
      cells: runsOf.map((runs) => {
        const declared = [...new Set(runs.map(({ run }) => run.exact.equivalence.declared))].sort().join(', ');
        const broken = runs.filter(({ run }) => !run.exact.equivalence.holds).length;
        return broken === 0 ? declared : `${declared}, broken on ${plural(broken, 'trace')}`;
      }),
    },
  ];
}

const cellText = (value: string | number | null): string =>
  value === null ? '–' : typeof value === 'number' ? formatInteger(value) : printable(value);

function renderColumns(
  columns: readonly Column[],
  width: number,
  paint: (code: string, text: string) => string,
): string[] {
  let shown = [...columns];
  const widthOf = ({ head, cells }: Column): number =>
    2 + Math.max(...[...head.split('\n'), ...cells].map((text) => [...text].length));
  const total = (): number => shown.reduce((sum, column) => sum + widthOf(column), 0);
  while (total() > width && shown.some(({ rank }) => rank > 0)) {
    const last = Math.max(...shown.map(({ rank }) => rank));
    shown = shown.filter(({ rank }) => rank < last);
  }
  const widths = shown.map(widthOf);
  // What is left even so is cut in the first column: it holds the only text of any length.
  const excess = total() - width;
  if (excess > 0) widths[0] = Math.max(6, widths[0] - excess);
  const table = new Table({
    head: shown.map(({ head }) =>
      head
        .split('\n')
        .map((line) => paint(BOLD, line))
        .join('\n'),
    ),
    colWidths: widths,
    colAligns: shown.map(({ isNumber }) => (isNumber ? 'right' : 'left')),
    style: { head: [], border: [], 'padding-left': 0, 'padding-right': 2 },
    chars: {
      top: '',
      'top-mid': '',
      'top-left': '',
      'top-right': '',
      bottom: '',
      'bottom-mid': '',
      'bottom-left': '',
      'bottom-right': '',
      left: '',
      'left-mid': '',
      mid: '',
      'mid-mid': '',
      right: '',
      'right-mid': '',
      middle: '',
    },
  });
  const rows = shown[0].cells.length;
  for (let row = 0; row < rows; row++) table.push(shown.map(({ cells }) => cells[row]));
  return table
    .toString()
    .split('\n')
    .map((line) => line.trimEnd());
}
