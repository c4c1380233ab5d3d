/** Results as Markdown, for the terminal and for README.md alike. */
import type { ExperimentResult } from './experiment.js';
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

const row = (...cells: readonly string[]): string => `| ${cells.join(' | ')} |`;
const megabytes = (bytes: number): string => `${(bytes / 1e6).toFixed(1)} MB`;

export function renderExperiment(result: ExperimentResult): string {
  const lines = [
    `**${result.id}**: ${result.title} (${result.blocks} blocks, seed ${result.seed})`,
    '',
    row('arm', 'ns/event', '90 %', 'M events/s', 'ratio', '90 %', 'target', ''),
    row('---', '--:', ':-:', '--:', '--:', ':-:', ':-:', '---'),
  ];
  for (const arm of result.arms) {
    lines.push(
      row(
        arm.name,
        formatNumber(arm.estimate),
        `${formatNumber(arm.low)} – ${formatNumber(arm.high)}`,
        formatNumber(1000 / arm.estimate),
        formatNumber(arm.ratio),
        `${formatNumber(arm.ratioLow)} – ${formatNumber(arm.ratioHigh)}`,
        arm.target,
        arm.met === null ? '' : arm.met ? 'met' : 'missed',
      ),
    );
  }
  return lines.join('\n');
}

export function renderSizes(sizes: BenchReport['sizes']): string {
  return [
    '**size**: bytes per event of a trace file (exact)',
    '',
    row('trace', 'events', 'plain blocks', 'smallest blocks', 'smallest + gzip -6'),
    row('---', '--:', '--:', '--:', '--:'),
    ...sizes.map(({ input, sizes: { events, plain, smallest, gzip } }) =>
      row(input, `${events}`, plain.toFixed(2), smallest.toFixed(2), gzip.toFixed(2)),
    ),
  ].join('\n');
}

export function renderMemory(memory: MemoryResult): string {
  return [
    `**memory**: ${memory.events} events streamed from a file of ${megabytes(memory.fileBytes)}`,
    '',
    row(
      'resident set (max)',
      'heap growth in the loop',
      'collections in the loop',
      'in the whole process',
      'ns/event (one run)',
    ),
    row('--:', '--:', '--:', '--:', '--:'),
    row(
      megabytes(memory.maxRss),
      `${memory.heapGrowth} B`,
      `${memory.collectionsInLoop}`,
      `${memory.collections}`,
      formatNumber(memory.nsPerEvent),
    ),
  ].join('\n');
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
