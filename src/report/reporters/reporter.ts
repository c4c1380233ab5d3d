/** What a way out of results is: a name, and what it makes of each kind of data. Pure: the commands write files and pipes. */
import type { Comparison } from '../../compare/comparison.js';
import type { CallRecord } from '../../replay/call-record.js';
import type { ReportModel } from '../model.js';

/** Text ends in a line feed, or is empty. */
export type Output = string | Uint8Array;

export interface Reporter {
  readonly id: string;
  /** One line: who reads it. */
  readonly summary: string;
  /** Of cells, replayed or stored; a promise where a large library is loaded for it. */
  readonly cells?: (model: ReportModel) => Output | Promise<Output>;
  readonly comparison?: (comparison: Comparison) => Output | Promise<Output>;
  /** Of cells replayed with every call noted; taken before `cells` where there is such a record. */
  readonly calls?: (records: readonly CallRecord[]) => Output;
  /** Markdown for the summary of a CI job, beside the output proper. */
  readonly jobSummary?: (data: ReporterData) => string;
}

/** What there is to report; one of them, or cells with the calls of the same. */
export interface ReporterData {
  readonly model?: ReportModel;
  readonly comparison?: Comparison;
  readonly calls?: readonly CallRecord[];
}

export const INPUTS = ['cells', 'comparison', 'calls'] as const;
export type Input = (typeof INPUTS)[number];
