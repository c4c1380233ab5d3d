/**
 * Workflow commands that GitHub Actions turns into annotations, and Markdown for the summary of the job. Of each kind GitHub
 * shows ten a step: the worst come first, and the rest are said as one. Escapes are those of actions/toolkit: %, CR and LF in
 * messages, also ":" and "," in properties.
 */
import { plural } from '../../base/number-format.js';
import type { Comparison, Verdict } from '../../compare/comparison.js';
import type { CellResult } from '../../replay/result.js';
import { escapeMarkdown } from '../markdown-document.js';
import { nameCells, statusOf } from './cell-figures.js';
import { markdownOfComparison } from './comparison-document.js';
import { describeChanges } from './describe-changes.js';
import type { Reporter } from './reporter.js';
import { worstFirst } from './worst-first.js';

const LEVELS = ['error', 'warning', 'notice'] as const;
type Level = (typeof LEVELS)[number];

interface Annotation {
  readonly level: Level;
  readonly title: string;
  readonly message: string;
  /** A file of the repository; where none is named, the annotation stands on the run's page alone. */
  readonly file?: string;
}

/** Annotations of one level that GitHub shows a step. */
const SHOWN = 10;
/** Changes named in one annotation. */
const NAMED = 5;

const LEVEL_OF_VERDICT: Readonly<Record<Verdict, Level | null>> = {
  regressed: 'error',
  error: 'error',
  incomparable: 'error',
  unfit: 'warning',
  inconclusive: 'warning',
  improved: 'notice',
  unchanged: null,
};

const escapeMessage = (text: string): string =>
  text.replaceAll('%', '%25').replaceAll('\r', '%0D').replaceAll('\n', '%0A');
const escapeProperty = (text: string): string => escapeMessage(text).replaceAll(':', '%3A').replaceAll(',', '%2C');

function command({ level, title, message, file }: Annotation): string {
  const place = file === undefined ? '' : `file=${escapeProperty(file)},`;
  return `::${level} ${place}title=${escapeProperty(title)}::${escapeMessage(message)}\n`;
}

function render(annotations: readonly Annotation[]): string {
  return LEVELS.flatMap((level) => {
    const own = annotations.filter((annotation) => annotation.level === level);
    if (own.length <= SHOWN) return own.map(command);
    const left = own.slice(SHOWN - 1);
    const rest = { level, title: `${left.length} more`, message: left.map(({ title }) => title).join('\n') };
    return [...own.slice(0, SHOWN - 1), rest].map(command);
  }).join('');
}

function annotationsOf({ a, b, cells }: Comparison): Annotation[] {
  return worstFirst(cells).flatMap((cell): Annotation[] => {
    const level = LEVEL_OF_VERDICT[cell.verdict];
    if (level === null) return [];
    const changes = describeChanges(cell);
    const more = changes.length > NAMED ? [`and ${changes.length - NAMED} more`] : [];
    const message = [cell.reason, ...changes.slice(0, NAMED), ...more, `${a.name} against ${b.name}: ${cell.command}`];
    return [{ level, title: `${cell.verdict}: ${cell.cell}`, message: message.join('\n') }];
  });
}

function annotationOf(name: string, cell: CellResult): Annotation[] {
  const { status, reason } = statusOf(cell);
  if (status === 'ok') return [];
  const { command: repeat, strategy } = cell.exact;
  return [
    {
      level: status === 'stopped' ? 'notice' : 'error',
      title: `${status}: ${name}`,
      message: `${reason}\n${repeat}`,
      file: strategy.outside?.file,
    },
  ];
}

/** Small on purpose: the whole report of cells is a file of its own. */
function summaryOfCells(cells: readonly CellResult[]): string {
  const rows = [...nameCells(cells)].map(([cell, name]) => {
    const { paths, amplification } = cell.exact;
    const figures = [amplification.steps, paths.flush.steps.max, paths.prune.steps.max];
    return `| ${escapeMarkdown(name)} | ${statusOf(cell).status} | ${figures.join(' | ')} |`;
  });
  return [
    `### vgic-replay: ${plural(cells.length, 'cell')}`,
    '',
    '| cell | status | steps | longest flush | longest prune |',
    '| --- | --- | --: | --: | --: |',
    ...rows,
    '',
  ].join('\n');
}

export const github: Reporter = {
  id: 'github',
  summary: 'annotations and job summary of GitHub Actions',
  cells: ({ cells }) => render([...nameCells(cells)].flatMap(([cell, name]) => annotationOf(name, cell))),
  comparison: (comparison) => render(annotationsOf(comparison)),
  jobSummary: ({ comparison, model }) =>
    comparison !== undefined ? markdownOfComparison(comparison) : summaryOfCells(model?.cells ?? []),
};
