/** The generated parts of reports/fidelity.md: the tables of a report's exact part, and the list of known defects. */
import { textColumn } from './document.js';
import { describeSources, evidenceTable, verifyTable } from './fidelity.js';
import { escapeMarkdown, renderTable } from './markdown-document.js';
import type { ReportModel } from './model.js';

/** One scenario of a known defect. */
export interface DefectNote {
  readonly id: string;
  readonly title: string;
  /** Flavours that the scenario is put to: those with the defect, and those without. */
  readonly flavours: readonly string[];
}

export interface PageFigures {
  readonly verify: ReportModel['verify'];
  readonly evidence: NonNullable<ReportModel['evidence']>;
  readonly defects: readonly DefectNote[];
}

/** Name of each generated part, and its lines. */
export function writeParts({ verify, evidence, defects }: PageFigures): Readonly<Record<string, readonly string[]>> {
  const recordings = verifyTable({ verify });
  return {
    evidence: [
      ...renderTable(evidenceTable({ verify }, evidence)),
      ...describeSources({ verify }, evidence).map(([term, text]) => `* **${term}**: ${escapeMarkdown(text)}`),
    ],
    recordings: renderTable({
      ...recordings,
      // The command of every row is the same but for the name.
      columns: recordings.columns.slice(0, -1),
      rows: recordings.rows.map((row) => row.slice(0, -1)),
    }),
    defects: renderTable({
      caption: `${defects.length} scenarios of known defects`,
      columns: [textColumn('what happens'), textColumn('scenario'), textColumn('put to')],
      rowHeads: 1,
      rows: defects.map(({ id, title, flavours }) => [title, { mono: id }, flavours.join(', ')]),
    }),
  };
}

const begin = (name: string): string => `<!-- begin ${name}: written by npm run fidelity -->`;
const end = (name: string): string => `<!-- end ${name} -->`;

/** Puts each part between its markers. Throws RangeError if the page lacks a marker. */
export function fillPage(page: string, parts: ReturnType<typeof writeParts>): string {
  return Object.entries(parts).reduce((text, [name, lines]) => {
    const from = text.indexOf(begin(name));
    const to = text.indexOf(end(name));
    if (from < 0 || to < from) throw new RangeError(`the page has no part "${name}" between its markers`);
    return `${text.slice(0, from + begin(name).length)}\n\n${lines.join('\n').trim()}\n\n${text.slice(to)}`;
  }, page);
}
