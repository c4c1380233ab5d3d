/** `vgic-replay import`: a recording or event file → a .vgt trace. */
import type { SingleBar } from 'cli-progress';
import type { Command } from 'commander';
import { InputError, UsageError } from '../base/errors.js';
import type { TraceHeader } from '../trace/header.js';
import { IMPORT_FORMATS, type ImportFormat } from './formats.js';
import { createWarnings, type Warnings } from './import-warnings.js';
import { abortOnSignal, isSameFile, openOutput } from './outputs.js';
import { openRecording, type Recording } from './recording.js';
import type { Terminal } from './terminal.js';
import type { FileTarget } from './trace-files.js';
import { describeWritten } from './written-line.js';

interface Options {
  readonly output: string;
  readonly format: string;
  readonly name?: string;
  readonly licence?: string;
  readonly acks?: string;
  readonly meta?: string;
  readonly progress: boolean;
}

export function registerImport(program: Command, terminal: Terminal): void {
  program
    .command('import')
    .description(
      'make a trace of a recording: ftrace text (or its folder, with LR ground truth) as tracefs, trace-cmd or perf print it, Perfetto, VGR1, JSON lines; gzip is unpacked',
    )
    .argument('<source>', 'file, recording folder, or - for standard input')
    .requiredOption('-o, --output <file>', 'trace to write (.vgt), or - for standard output')
    .option('-f, --format <name>', `auto, ${IMPORT_FORMATS.join(', ')}`, 'auto')
    .option('--name <name>', 'name of the trace (default: from the source)')
    .option('--licence <text>', 'licence of the recording, kept in the header')
    .option('--acks <file>', "guest-acks.tsv: the guest's own accesses (default: beside trace.txt)")
    .option('--meta <file>', 'meta.json of the recording (default: beside trace.txt)')
    .option('--no-progress', 'no progress bar')
    .action((path: string, options: Options) => runImport(path, options, terminal));
}

async function runImport(path: string, options: Options, terminal: Terminal): Promise<void> {
  const wanted = parseFormat(options.format);
  if (isSameFile(path, options.output))
    throw new UsageError(`${options.output}: is the source itself; name another file with --output`);
  const recording = await openRecording(path, wanted);
  try {
    if (recording.format === 'vgt') throw notImportable(path);
    const bar = terminal.isErrTty && options.progress ? await startBar(recording) : undefined;
    let target: FileTarget | undefined;
    // Armed before the file is there, so that no signal leaves it behind.
    const disarm = abortOnSignal(terminal, () => {
      bar?.stop();
      target?.abort();
    });
    const warnings = createWarnings();
    try {
      const { importRecording } = await import('./import-any.js');
      target = openOutput(options.output);
      const { header, events } = await importRecording(recording, target, {
        ...options,
        onProgress: (bytes, written) => bar?.update(bytes, { events: written }),
        onWarning: warnings.add,
      });
      target.commit();
      bar?.stop();
      // Standard output may be the trace itself.
      (options.output === '-' ? terminal.err : terminal.out)(describeWritten(options.output, header, events));
      const remarks = describeRemarks(header, warnings);
      if (remarks.length > 0) terminal.err(remarks.join('\n'));
    } finally {
      bar?.stop();
      target?.abort();
      disarm();
    }
  } finally {
    await recording.close();
  }
}

function parseFormat(wanted: string): ImportFormat | undefined {
  if (wanted === 'auto') return undefined;
  const format = IMPORT_FORMATS.find((candidate) => candidate === wanted);
  if (format === undefined)
    throw new UsageError(`unknown format '${wanted}'; one of: auto, ${IMPORT_FORMATS.join(', ')}`);
  return format;
}

const notImportable = (path: string): InputError =>
  new InputError(
    path === '-' ? 'standard input' : path,
    'byte 0',
    'neither ftrace text, a Perfetto trace, VGR1 nor JSON lines',
    'a .vgt trace needs no import; anything else: see "vgic-replay import --help"',
  );

/** What did not become an event, how often and where. */
function describeRemarks({ counts, gaps }: TraceHeader, warnings: Warnings): string[] {
  const remarks = (
    [
      [counts.unknownLines, 'unknown line', ''],
      [counts.lostEvents, 'lost event', ''],
      [counts.decisionsFromRecording, 'decision', ' taken from the recording'],
      [counts.reordered, 'step', ' re-ordered against the time stamps'],
      [counts.noEffect, 'record', ' without effect'],
    ] as const
  )
    .filter(([number]) => number > 0)
    .map(([number, what, how]) => `  ${number} ${what}${number === 1 ? '' : 's'}${how}`);
  if (counts.cutOff === 1) remarks.push('  the source was cut off');
  const lost = gaps.map(
    (gap) => `  gap at ${gap.place}: ${gap.lost === 0 ? 'unknown number of' : gap.lost} events lost`,
  );
  return [...remarks, ...lost, ...warnings.lines()];
}

const BYTES_PER_MB = 1e6;

async function startBar({ size, passes }: Recording): Promise<SingleBar> {
  const started = Date.now();
  const megabytes = (bytes: number): string => (bytes / BYTES_PER_MB).toFixed(1);
  const perSecond = (bytes: number): string => megabytes((bytes * 1000) / Math.max(1, Date.now() - started));
  const { SingleBar } = await import('cli-progress');
  const bar = new SingleBar({
    format: (options, { progress, value, total, eta }, { events }: { events: number }) => {
      const done = `${events} events | ${perSecond(value)} MB/s`;
      if (size < 0) return `${megabytes(value)} MB | ${done}`;
      const filled = Math.round(progress * BAR_WIDTH);
      const full = options.barCompleteString?.slice(0, filled) ?? '';
      const rest = options.barIncompleteString?.slice(0, BAR_WIDTH - filled) ?? '';
      return `${full}${rest} ${Math.floor(100 * progress)} % | ${megabytes(value / passes)} of ${megabytes(total / passes)} MB | ${done} | ETA ${eta} s`;
    },
    barsize: BAR_WIDTH,
    clearOnComplete: true,
    etaBuffer: 50,
  });
  bar.start(Math.max(1, size) * passes, 0, { events: 0 });
  return bar;
}

const BAR_WIDTH = 30;
