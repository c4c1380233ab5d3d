/** The report as a document without a form: sections of text, tables and charts. HTML and Markdown walk the same one. */
import type { ChartSpec } from './chart-spec.js';
import type { Verdict } from './verdict-trust.js';

/**
 * A string is text, a number is grouped and aligned right, null is an absent value, `code` is a command to copy, `mono`
 * a hash or register words, `alarm` a figure or word that must not be there, `bars` a log2 histogram.
 */
export type TableCell =
  | string
  | number
  | null
  | { readonly code: string }
  | { readonly mono: string }
  | { readonly alarm: string }
  | { readonly bars: readonly number[] };

export interface TableColumn {
  readonly head: string;
  readonly isNumber: boolean;
  /** Neighbours of the same group stand under one common head. */
  readonly group?: string;
}

export interface Table {
  readonly caption: string;
  readonly columns: readonly TableColumn[];
  readonly rows: readonly (readonly TableCell[])[];
  /** The first so many cells of a row name it (th scope=row). */
  readonly rowHeads: number;
}

export interface ChartBlock {
  readonly kind: 'chart';
  /** Unique in the document, kebab-case. */
  readonly id: string;
  readonly title: string;
  /** What the chart shows, in one or two sentences: its text alternative, computed from the same figures. */
  readonly finding: string;
  readonly spec: ChartSpec;
  /** Every value of the chart. */
  readonly table: Table;
}

export type Block =
  | { readonly kind: 'text'; readonly text: string }
  /** The whole report in one sentence. */
  | { readonly kind: 'lead'; readonly text: string }
  | { readonly kind: 'verdicts'; readonly verdicts: readonly Verdict[] }
  | { readonly kind: 'table'; readonly table: Table }
  /** Folded away until asked for. */
  | { readonly kind: 'details'; readonly summary: string; readonly blocks: readonly Block[] }
  | { readonly kind: 'terms'; readonly terms: readonly (readonly [term: string, meaning: string])[] }
  | ChartBlock;

export interface Section {
  readonly id: string;
  readonly title: string;
  /** Its name in the list of sections, where the title is long. */
  readonly short?: string;
  readonly blocks: readonly Block[];
}

export interface ReportDocument {
  readonly title: string;
  readonly subtitle: string;
  readonly sections: readonly Section[];
}

export const textColumn = (head: string): TableColumn => ({ head, isNumber: false });
export const numberColumn = (head: string): TableColumn => ({ head, isNumber: true });
/** Columns under one common head. */
export const groupColumns = (group: string, columns: readonly TableColumn[]): TableColumn[] =>
  columns.map((column) => ({ ...column, group }));
