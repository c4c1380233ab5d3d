/** The findings as a document: chapters of sentences, tables and figures, each of which says what it was counted from. */
import { formatChange } from '../base/number-format.js';
import type { Table } from '../report/document.js';

/** What a table or figure was counted from, so that anyone can count it again. */
export interface Source {
  /** The command line that makes the figures, or the like of them. */
  readonly command: string;
  /** The traces and their sha256, or the guest, its size and flavour. */
  readonly of: string;
}

export type Block =
  /** Markdown. */
  | { readonly kind: 'text'; readonly text: string }
  | { readonly kind: 'list'; readonly items: readonly string[] }
  | { readonly kind: 'table'; readonly table: Table; readonly source: Source; readonly isFolded?: boolean }
  | {
      readonly kind: 'figure';
      /** File name without the ending. */
      readonly id: string;
      readonly title: string;
      /** What it shows, in words. */
      readonly alt: string;
      readonly svg: string;
      readonly source: Source;
    };

export interface Chapter {
  /** Kebab-case; its place in links. */
  readonly id: string;
  readonly title: string;
  /** The answer, in one or two sentences. */
  readonly verdict: string;
  readonly blocks: readonly Block[];
}

/** The command that makes the whole page again. */
export const FINDINGS_COMMAND = 'vgic-replay findings --out reports';

export const text = (words: string): Block => ({ kind: 'text', text: words });
export const list = (items: readonly string[]): Block => ({ kind: 'list', items });

/** A change of a mean; what is below a thousandth is no change to a reader. */
export const changeText = (from: number, to: number): string =>
  Math.abs(to / from - 1) < 0.0005 ? 'as upstream' : formatChange(from, to);

/** A hash as a reader compares it. */
export const shortHash = (sha256: string): string => sha256.slice(0, 12);
