/** Results as Markdown, for the terminal and for README.md alike. */
import type { ExperimentResult } from '../src/stats/experiment.js';
import type { MemoryResult } from './memory.js';
import type { TraceSizes } from './trace-file.js';

export interface BenchMachine {
  readonly cpu: string;
  readonly cores: number;
  readonly load: number;
  readonly os: string;
  readonly node: string;
  /** Compiler and flag of the yardstick, or why there is none. */
  readonly native: string;
}

export interface BenchReport {
  readonly schema: 'vgic-replay/bench/1';
  readonly date: string;
  readonly machine: BenchMachine;
  readonly effort: 'quick' | 'full';
  readonly seed: number;
  readonly experiments: readonly ExperimentResult[];
  readonly sizes: readonly { readonly input: string; readonly sizes: TraceSizes }[];
  readonly memory: MemoryResult | null;
}

/** Three significant digits, without exponent. */
export function formatNumber(value: number): string {
  if (value >= 100) return Math.round(value).toString();
  if (value >= 10) return value.toFixed(1);
  return value >= 0.1 ? value.toFixed(2) : value.toFixed(4);
}

interface Column {
  readonly title: string;
  readonly align: 'left' | 'right';
}

const left = (title: string): Column => ({ title, align: 'left' });
const right = (title: string): Column => ({ title, align: 'right' });

/** Padded, so that a table reads as well in a terminal as on a page. */
function renderTable(columns: readonly Column[], rows: readonly (readonly string[])[]): string {
  const widths = columns.map(({ title }, at) => Math.max(3, title.length, ...rows.map((row) => row[at].length)));
  const line = (cells: readonly string[]): string => `| ${cells.join(' | ')} |`;
  const pad = (text: string, at: number): string =>
    columns[at].align === 'left' ? text.padEnd(widths[at]) : text.padStart(widths[at]);
  return [
    line(columns.map(({ title }, at) => pad(title, at))),
    line(
      columns.map(({ align }, at) => (align === 'left' ? '-'.repeat(widths[at]) : `${'-'.repeat(widths[at] - 1)}:`)),
    ),
    ...rows.map((row) => line(row.map(pad))),
  ].join('\n');
}

const megabytes = (bytes: number): string => `${(bytes / 1e6).toFixed(1)} MB`;

const range = (low: number, high: number): string => `${formatNumber(low)} – ${formatNumber(high)}`;
const verdict = (met: boolean | null): string => (met === null ? '' : met ? 'met' : 'missed');

export function renderExperiment({ id, title, blocks, seed, arms }: ExperimentResult): string {
  const columns = [
    left('arm'),
    right('ns/event'),
    right('90 %'),
    right('M events/s'),
    right('ratio'),
    right('90 %'),
    left('target'),
    left('result'),
  ];
  const rows = arms.map((arm) => [
    arm.name,
    formatNumber(arm.estimate),
    range(arm.low, arm.high),
    formatNumber(1000 / arm.estimate),
    formatNumber(arm.ratio),
    range(arm.ratioLow, arm.ratioHigh),
    arm.target,
    verdict(arm.met),
  ]);
  return `**${id}**: ${title} (${blocks} blocks, seed ${seed})\n\n${renderTable(columns, rows)}`;
}

export function renderSizes(sizes: BenchReport['sizes']): string {
  const columns = [left('trace'), right('events'), right('plain'), right('smallest'), right('smallest + gzip -6')];
  const rows = sizes.map(({ input, sizes: { events, plain, smallest, gzip } }) => [
    input,
    `${events}`,
    plain.toFixed(2),
    smallest.toFixed(2),
    gzip.toFixed(2),
  ]);
  return `**size**: bytes per event of a trace file, by form of its blocks (exact)\n\n${renderTable(columns, rows)}`;
}

export function renderMemory(memory: MemoryResult): string {
  const columns = [left('memory of the process that streams them'), right('value')];
  const rows = [
    ['resident set after the last event', megabytes(memory.rss)],
    ['heap growth in the loop', `${memory.heapGrowth} B`],
    ['collections in the loop', `${memory.collectionsInLoop}`],
    ['collections in the whole process', `${memory.collections}`],
    ['ns/event (one run)', formatNumber(memory.nsPerEvent)],
  ];
  const title = `**memory**: ${memory.events} events from a file of ${megabytes(memory.fileBytes)}`;
  return `${title}\n\n${renderTable(columns, rows)}`;
}

export function renderMachine({ date, machine, effort, seed }: BenchReport): string {
  const { cpu, cores, os, node, native, load } = machine;
  return (
    `Measured ${date} on ${cpu}, ${cores} cores, ${os}, Node ${node}; yardstick: ${native}. ` +
    `Load average at the start ${load.toFixed(2)}; ${effort} effort, seed ${seed}.`
  );
}

export function renderReport(report: BenchReport): string {
  const parts = [renderMachine(report), ...report.experiments.map(renderExperiment)];
  if (report.sizes.length > 0) parts.push(renderSizes(report.sizes));
  if (report.memory !== null) parts.push(renderMemory(report.memory));
  return `${parts.join('\n\n')}\n`;
}
