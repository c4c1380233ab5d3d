/**
 * One section a mailing-list thread: its question, the answer in two sentences, the figures, the command. What shows the
 * answer stays open, the chart or else the first table; other long tables are folded.
 */

import { formatDecimal, formatInteger, plural } from '../base/number-format.js';
import type { Study, StudyCell, StudyChart, StudyTable } from '../study/study.js';
import { seriesStyle } from './chart-spec.js';
import type { Block, ChartBlock, Section, Table } from './document.js';
import { numberColumn, textColumn } from './document.js';
import type { Verdict } from './verdict-trust.js';

/** Rows from which a table hides what stands below it. */
const LONG_TABLE = 15;

const studyCommand = ({ id }: Study, seed: number | null): string =>
  `vgic-replay study ${id}${seed === null ? '' : ` --seed ${seed}`}`;

const threadId = ({ id }: Study): string => `thread-${id}`;

/** What each thread came to in a sentence, and where the rest stands. */
export const judgeThreads = (studies: readonly Study[]): Verdict[] =>
  studies.map((study) => ({ topic: study.topic, text: study.answer[0], tone: 'plain', section: threadId(study) }));

export function threadSections(studies: readonly Study[], seed: number | null): Section[] {
  return studies.map((study) => ({
    id: threadId(study),
    title: study.title,
    blocks: [
      { kind: 'text', text: `Asked in “${study.thread}”: ${study.question}` },
      { kind: 'lead', text: study.answer.join(' ') },
      ...(study.chart === null ? [] : [chartBlock(study.chart)]),
      ...study.tables.map((table, index) => tableBlock(table, study.chart === null && index === 0)),
      ...study.limits.map((limit): Block => ({ kind: 'text', text: limit })),
      {
        kind: 'table',
        table: {
          caption: 'Repeat it',
          columns: [textColumn('what'), textColumn('command')],
          rowHeads: 1,
          rows: [['all figures of this section', { code: studyCommand(study, seed) }]],
        },
      },
    ],
  }));
}

function tableBlock(table: StudyTable, isOpen: boolean): Block {
  const block: Block = { kind: 'table', table: studyTable(table) };
  if (isOpen || table.rows.length < LONG_TABLE) return block;
  return { kind: 'details', summary: `${table.caption}: ${plural(table.rows.length, 'row')}`, blocks: [block] };
}

/** A column whose cells are all numbers or absent, and one of them a number, is one of numbers. */
export const isNumberColumn = ({ rows }: StudyTable, column: number): boolean =>
  rows.every((row) => row[column] === null || typeof row[column] === 'number') &&
  rows.some((row) => row[column] !== null);

function studyTable(table: StudyTable): Table {
  const { caption, columns, rowHeads, rows } = table;
  return {
    caption,
    columns: columns.map((head, column) =>
      column >= rowHeads && isNumberColumn(table, column) ? numberColumn(head) : textColumn(head),
    ),
    rowHeads,
    rows: rows.map((row) => row.map(studyCell)),
  };
}

/** Whole numbers are grouped where they are shown; others get three significant digits here. */
const studyCell = (cell: StudyCell): StudyCell =>
  typeof cell === 'number' && !Number.isInteger(cell) ? formatDecimal(cell) : cell;

function chartBlock({ id, title, finding, xAxis, yAxis, xs, series }: StudyChart): ChartBlock {
  // A logarithmic axis marks whole decades: within one it would have nothing to say.
  const scale = Math.max(...xs) < 10 * Math.min(...xs) ? 'linear' : 'log10';
  return {
    kind: 'chart',
    id,
    title,
    finding,
    spec: {
      form: 'curves',
      xAxis: scale === 'linear' ? xAxis : `${xAxis} (logarithmic)`,
      xScale: scale,
      yAxis: `${yAxis} (logarithmic)`,
      xs,
      series: series.map(({ name, values }, index) => ({ name, values, style: seriesStyle(index) })),
      marks: [],
    },
    table: studyTable(chartTable({ title, xs, series })),
  };
}

/** Every value of a chart, one row a curve. */
export const chartTable = ({ title, xs, series }: Pick<StudyChart, 'title' | 'xs' | 'series'>): StudyTable => ({
  caption: `${title}: every value`,
  columns: ['', ...xs.map(formatInteger)],
  rowHeads: 1,
  rows: series.map(({ name, values }) => [name, ...values]),
});
