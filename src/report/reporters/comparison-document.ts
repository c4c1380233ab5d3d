/** A comparison as a document: what it comes to in words, then every cell, then every change and every time. */
import { formatDecimal, plural } from '../../base/number-format.js';
import type { CellComparison, Comparison, Side } from '../../compare/comparison.js';
import { type Block, numberColumn, type ReportDocument, type Section, textColumn } from '../document.js';
import { renderDocument } from '../markdown-document.js';
import { describePlace, describeValue } from './describe-changes.js';
import { WORST_FIRST, worstFirst } from './worst-first.js';

/** What sides and verdicts there are, as one sentence. */
function lead({ a, b, cells }: Comparison): string {
  const counts = WORST_FIRST.flatMap((verdict) => {
    const count = cells.filter((cell) => cell.verdict === verdict).length;
    return count === 0 ? [] : [`${count} ${verdict}`];
  });
  return `${a.name} against ${b.name}: ${plural(cells.length, 'cell')}${counts.length === 0 ? '' : `, ${counts.join(', ')}`}.`;
}

const sideRow = (role: string, { name, kind, commit, isDirty }: Side): string[] => [
  role,
  name,
  kind,
  commit === null ? '' : `${commit}${isDirty === true ? ', with changes' : ''}`,
];

function changeTable(cells: readonly CellComparison[]): Block[] {
  const rows = cells.flatMap(({ cell, changes }) =>
    changes.map(({ counter, before, after, beforeAt, afterAt }) => [
      cell,
      counter,
      describeValue(before),
      describeValue(after),
      describePlace(beforeAt),
      describePlace(afterAt),
    ]),
  );
  if (rows.length === 0) return [{ kind: 'text', text: 'No exact counter changed.' }];
  const columns = [
    textColumn('cell'),
    textColumn('counter'),
    numberColumn('before'),
    numberColumn('after'),
    textColumn('largest before at'),
    textColumn('largest after at'),
  ];
  return [{ kind: 'table', table: { caption: 'Exact counters that changed', columns, rowHeads: 2, rows } }];
}

function timeSections(cells: readonly CellComparison[]): Section[] {
  const rows = cells.flatMap(({ cell, time }) =>
    time === null
      ? []
      : [
          [
            cell,
            time.verdict,
            formatDecimal(time.ratio),
            `${formatDecimal(time.low)} to ${formatDecimal(time.high)}`,
            formatDecimal(time.control),
            formatDecimal(time.holmP),
            `${formatDecimal(100 * time.smallestDetectable)}\u00a0%`,
            `${time.screenBlocks} + ${time.confirmBlocks}`,
          ],
        ],
  );
  if (rows.length === 0) return [];
  const columns = [
    textColumn('cell'),
    textColumn('verdict'),
    ...['ratio', '90\u00a0% interval', 'control', 'p', 'detectable', 'blocks'].map(numberColumn),
  ];
  const text =
    'Ratio of times per event, second side over first: above 1, the second is slower. Control: a second run of the first side. ' +
    'Detectable: the smallest slowdown that this run would have found in 80\u00a0% of cases.';
  return [
    {
      id: 'times',
      title: 'Times',
      blocks: [
        { kind: 'text', text },
        { kind: 'table', table: { caption: 'Time per event', columns, rowHeads: 1, rows } },
      ],
    },
  ];
}

export function composeComparison(comparison: Comparison): ReportDocument {
  const cells = worstFirst(comparison.cells);
  const sides = [sideRow('first', comparison.a), sideRow('second', comparison.b)];
  const cellRows = cells.map(({ cell, verdict, reason, changes, counters }) => [
    cell,
    verdict,
    reason,
    changes.length,
    counters,
  ]);
  return {
    title: `${comparison.a.name} against ${comparison.b.name}`,
    subtitle: `${comparison.tool.name} ${comparison.tool.version}, seed ${comparison.seed}`,
    sections: [
      {
        id: 'verdict',
        title: 'Verdict',
        blocks: [
          { kind: 'lead', text: lead(comparison) },
          {
            kind: 'table',
            table: {
              caption: 'Verdict of each cell',
              columns: [
                ...['cell', 'verdict', 'why'].map(textColumn),
                numberColumn('changed counters'),
                numberColumn('of'),
              ],
              rowHeads: 1,
              rows: cellRows,
            },
          },
        ],
      },
      { id: 'counters', title: 'Exact counters', blocks: changeTable(cells) },
      ...timeSections(cells),
      {
        id: 'repeat',
        title: 'Repeat it',
        blocks: [
          {
            kind: 'table',
            table: {
              caption: 'What was compared',
              columns: ['side', 'name', 'kind', 'commit'].map(textColumn),
              rowHeads: 1,
              rows: sides,
            },
          },
          {
            kind: 'table',
            table: {
              caption: 'Commands',
              columns: ['what', 'command'].map(textColumn),
              rowHeads: 1,
              rows: [
                ['everything', { code: comparison.command }],
                ...cells.map(({ cell, command }) => [cell, { code: command }]),
              ],
            },
          },
        ],
      },
    ],
  };
}

export const markdownOfComparison = (comparison: Comparison): string => renderDocument(composeComparison(comparison));
