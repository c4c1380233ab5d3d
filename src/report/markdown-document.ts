/** A document as Markdown for a pull request or an issue: the same sections, charts as their finding and table. */
import { formatInteger } from '../base/number-format.js';
import { drawBars } from './bars.js';
import type { Block, ReportDocument, Section, Table, TableCell } from './document.js';
import { TAGS } from './verdict-trust.js';

export function renderDocument({ title, subtitle, sections }: ReportDocument): string {
  const lines = [`# ${escapeMarkdown(title)}`, '', escapeMarkdown(subtitle), ''];
  for (const section of sections) lines.push(...renderSection(section));
  return `${lines.join('\n').trimEnd()}\n`;
}

/** Text that Markdown would read as markup, a link, a mention or a table edge is escaped; line ends become blanks. */
export function escapeMarkdown(text: string): string {
  return text
    .replace(/\s+/g, ' ')
    .replace(/[\p{Cc}\p{Bidi_Control}]/gu, '\ufffd')
    .replace(/&/g, '&amp;')
    .replace(/</g, '&lt;')
    .replace(/>/g, '&gt;')
    .replace(/@/g, '&#64;')
    .replace(/[\\`*_{}[\]()#|~]/g, (sign) => `\\${sign}`)
    .replace(/:\/\//g, ':&#47;&#47;');
}

const renderSection = ({ title, blocks }: Section): string[] => [
  `## ${escapeMarkdown(title)}`,
  '',
  ...blocks.flatMap(renderBlock),
];

function renderBlock(block: Block): string[] {
  switch (block.kind) {
    case 'text':
      return [escapeMarkdown(block.text), ''];
    case 'lead':
      return [`**${escapeMarkdown(block.text)}**`, ''];
    case 'verdicts':
      return block.verdicts.flatMap(({ topic, text, tone }) => [
        `- **${TAGS[tone] === '' ? '' : `${TAGS[tone]}. `}${escapeMarkdown(topic)}** ${escapeMarkdown(text)}`,
        '',
      ]);
    case 'table':
      return renderTable(block.table);
    case 'details':
      return renderFolded(block.summary, block.blocks.flatMap(renderBlock));
    case 'terms':
      return [...block.terms.map(([term, meaning]) => `- **${escapeMarkdown(term)}**: ${escapeMarkdown(meaning)}`), ''];
    case 'chart':
      return [
        `### ${escapeMarkdown(block.title)}`,
        '',
        escapeMarkdown(block.finding),
        '',
        ...renderFolded('Table', renderTable(block.table)),
      ];
  }
}

// GitHub needs blank lines around Markdown inside HTML elements.
const renderFolded = (summary: string, lines: readonly string[]): string[] => [
  `<details><summary>${escapeMarkdown(summary)}</summary>`,
  '',
  ...lines,
  '</details>',
  '',
];

const renderRow = (cells: readonly string[]): string => `| ${cells.join(' | ')} |`;

export function renderTable({ caption, columns, rows }: Table): string[] {
  return [
    `**${escapeMarkdown(caption)}**`,
    '',
    renderRow(columns.map(({ head, group }) => escapeMarkdown(group === undefined ? head : `${group}: ${head}`))),
    renderRow(columns.map(({ isNumber }) => (isNumber ? '--:' : '---'))),
    ...rows.map((row) => renderRow(row.map(renderCell))),
    '',
  ];
}

function renderCell(cell: TableCell): string {
  if (cell === null) return '–';
  if (typeof cell === 'number') return formatInteger(cell);
  if (typeof cell === 'string') return escapeMarkdown(cell);
  if ('mono' in cell) return renderCode(cell.mono);
  if ('bars' in cell) return renderCode(drawBars(cell.bars));
  if ('alarm' in cell) return `**${escapeMarkdown(cell.alarm)}**`;
  return cell.code === '' ? '–' : renderCode(cell.code);
}

/** Code span: fenced by more backticks than it holds; a table splits at | even inside. */
function renderCode(code: string): string {
  const flat = code.replace(/\s+/g, ' ').replaceAll('|', '\\|');
  const longest = Math.max(0, ...(flat.match(/`+/g) ?? []).map((run) => run.length));
  const fence = '`'.repeat(longest + 1);
  return longest === 0 ? `${fence}${flat}${fence}` : `${fence} ${flat} ${fence}`;
}
