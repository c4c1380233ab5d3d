/** `vgic-replay import`: a recording or event file → a .vgt trace. */
import { statSync } from 'node:fs';
import { SingleBar } from 'cli-progress';
import type { Command } from 'commander';
import { UsageError } from '../base/errors.js';
import { detectFormat, FORMATS, type Format, importInto, sourceFileOf } from './import-any.js';
import type { Terminal } from './terminal.js';
import { createFileTarget } from './trace-files.js';

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
      'import a recording: ftrace text (or its folder, with LR ground truth), VGR1, JSON lines; gzip is unpacked',
    )
    .argument('<source>', 'file, recording folder, or - for standard input (then with --format)')
    .requiredOption('-o, --output <file>', 'trace to write (.vgt)')
    .option('-f, --format <name>', `auto, ${FORMATS.filter((format) => format !== 'vgt').join(', ')}`, 'auto')
    .option('--name <name>', 'name of the trace (default: from the source)')
    .option('--licence <text>', 'licence of the recording, kept in the header')
    .option('--acks <file>', "guest-acks.tsv: the guest's own accesses (default: beside trace.txt)")
    .option('--meta <file>', 'meta.json of the recording (default: beside trace.txt)')
    .option('--no-progress', 'no progress bar')
    .action(async (path: string, options: Options) => {
      const format = await chooseFormat(path, options.format);
      const target = createFileTarget(options.output);
      const bar = terminal.isErrTty && options.progress ? startBar(path) : undefined;
      try {
        const { header, events } = await importInto(path, target, {
          ...options,
          format,
          onProgress: (bytes, written) => bar?.update(bytes, { events: written }),
        });
        target.commit();
        bar?.stop();
        const { counts } = header;
        terminal.out(
          `${options.output}: ${events} events, L${header.fidelity}, ${header.machine.nrVcpus} vCPUs, ${header.machine.model}`,
        );
        const remarks = [
          [counts.unknownLines, 'unknown lines'],
          [counts.lostEvents, 'lost events'],
          [counts.decisionsFromRecording, 'decisions taken from the recording'],
          [counts.noEffect, 'records without effect'],
          [counts.cutOff, 'source was cut off'],
        ] as const;
        for (const [number, what] of remarks) if (number > 0) terminal.err(`  ${number} ${what}`);
        for (const gap of header.gaps)
          terminal.err(`  gap at ${gap.place}: ${gap.lost === 0 ? 'unknown number of' : gap.lost} events lost`);
      } finally {
        bar?.stop();
        target.abort();
      }
    });
}

async function chooseFormat(path: string, wanted: string): Promise<Format> {
  if (wanted !== 'auto') {
    const format = FORMATS.find((candidate) => candidate === wanted);
    if (format === undefined || format === 'vgt')
      throw new UsageError(`unknown format '${wanted}'; one of: auto, ftrace, vgr1, jsonl`);
    return format;
  }
  if (path === '-') throw new UsageError('standard input has no name to go by; give --format ftrace, vgr1 or jsonl');
  const format = await detectFormat(path);
  if (format === 'vgt')
    throw new UsageError(`${path}: neither ftrace text, VGR1 nor JSON lines; if it is a .vgt trace it needs no import`);
  return format;
}

function startBar(path: string): SingleBar {
  const size = path === '-' ? 0 : statSync(sourceFileOf(path)).size;
  const bar = new SingleBar({
    format: '{bar} {percentage} % | {value} of {total} bytes | {events} events | ETA {eta_formatted}',
    clearOnComplete: true,
    etaBuffer: 50,
  });
  bar.start(size, 0, { events: 0 });
  return bar;
}
