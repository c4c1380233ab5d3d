/**
 * Bytes of ftrace text → events and a header, in one pass. The machine must be known before the first event, so the
 * beginning of the text (up to SURVEY_BYTES) is held back and surveyed; a survey of the whole text, made in a pass of
 * its own, is better and may be given instead.
 */
import type { EventSink } from '../../trace/events.js';
import type { TraceHeader } from '../../trace/header.js';
import { STOCK_ASSUMPTIONS } from '../stock/importer.js';
import { traceNameOf } from '../trace-name.js';
import { type ByteImporter, createSurveyedImporter, type Surveyor } from '../two-passes.js';
import { FtraceImporter, type FtraceSide, IMPORTER_NAME, IMPORTER_VERSION, machineOf } from './import-ftrace.js';
import { isDecoration, parseLine, parseLost } from './line.js';
import { findRemedy, type Printer, PrinterSurvey } from './printer.js';
import { completeSurvey, parseRecordingMeta, type RecordingMeta } from './recording-meta.js';
import { type FtraceSurvey, FtraceSurveyor } from './survey.js';

/** A line longer than this is no trace line: it is cut, so that a file without newlines cannot fill the memory. */
const MAX_LINE_BYTES = 1 << 16;

export interface FtraceOptions {
  /** Content of meta.json. */
  readonly meta?: string;
  /** Content of guest-acks.tsv, or its rows one by one. */
  readonly acks?: string | Iterable<string>;
  readonly survey?: FtraceSurvey;
  readonly onWarning?: FtraceSide['onWarning'];
}

/** Lines that tell what a text is. */
const HEAD_LINES = 200;

/** Without byte-order mark and carriage returns. */
const headLines = (head: Uint8Array): string[] => new TextDecoder().decode(head).split(/\r?\n/, HEAD_LINES);

/**
 * Does the beginning of a file look like ftrace text? True if it holds a trace line within its first lines, or one that
 * lacks something: the survey says what.
 */
export function isFtrace(head: Uint8Array): boolean {
  const lines = headLines(head);
  if (lines[0].startsWith('# tracer: ')) return true;
  let events = 0;
  for (const [i, line] of lines.entries()) {
    if (parseLine(line, i + 1) !== null || findRemedy(line) !== undefined) events++;
    else if (i < lines.length - 1 && !isDecoration(line) && parseLost(line) < 0) return false;
  }
  return events > 0;
}

/** Who printed the text that begins like this. */
export function findPrinter(head: Uint8Array): Printer['tool'] {
  const survey = new PrinterSurvey();
  for (const [i, line] of headLines(head).entries()) survey.line(line, parseLine(line, i + 1));
  return survey.finish().tool;
}

/** The first line that names an event of KVM, 1-based, in a text that is not printed as one of the printers does; or 0. */
export const findKvmLine = (head: Uint8Array): number =>
  headLines(head).findIndex((line) => /(^|[\s:])(kvm|vgic)_\w+:? /.test(line)) + 1;

/** Cuts bytes into lines. */
class LineSplitter {
  readonly #decoder = new TextDecoder('utf-8');
  readonly #visit: (line: string) => void;
  #rest = '';

  constructor(visit: (line: string) => void) {
    this.#visit = visit;
  }

  push(chunk: Uint8Array): void {
    this.#split(this.#decoder.decode(chunk, { stream: true }));
  }

  #split(text: string): void {
    let from = 0;
    for (let at = text.indexOf('\n'); at >= 0; at = text.indexOf('\n', from)) {
      const line = this.#rest + text.slice(from, at);
      this.#rest = '';
      this.#visit(line.endsWith('\r') ? line.slice(0, -1) : line);
      from = at + 1;
    }
    this.#rest += text.slice(from);
    if (this.#rest.length > MAX_LINE_BYTES) this.#rest = this.#rest.slice(0, MAX_LINE_BYTES);
  }

  /** Visits a last line without its newline; returns whether there was one. */
  end(): boolean {
    const rest = this.#rest + this.#decoder.decode();
    this.#rest = '';
    if (rest === '') return false;
    this.#visit(rest);
    return true;
  }
}

function* splitRows(text: string): Generator<string> {
  let from = 0;
  for (let at = text.indexOf('\n'); at >= 0; at = text.indexOf('\n', from)) {
    yield text.slice(from, at);
    from = at + 1;
  }
  if (from < text.length) yield text.slice(from);
}

/** First pass over the whole text. Throws InputError (at `end`, or early) if it is no ftrace text. */
export function createFtraceSurveyor(name: string): Surveyor<FtraceSurvey> {
  const surveyor = new FtraceSurveyor(name);
  const splitter = new LineSplitter((line) => surveyor.line(line));
  return {
    push: (chunk) => splitter.push(chunk),
    end: () => {
      splitter.end();
      return surveyor.finish();
    },
  };
}

/** `name`: path of the text, for messages and, without meta.json, for the name of the trace. */
export function createFtraceImporter(name: string, sink: EventSink, options: FtraceOptions = {}): ByteImporter {
  const meta = options.meta === undefined ? {} : parseRecordingMeta(options.meta, `meta.json of ${name}`);
  const { acks } = options;
  const side: FtraceSide = {
    ...(acks === undefined ? {} : { acks: typeof acks === 'string' ? splitRows(acks) : acks }),
    ...(options.onWarning === undefined ? {} : { onWarning: options.onWarning }),
  };
  return createSurveyedImporter(
    options.survey,
    () => createFtraceSurveyor(name),
    (found) => {
      const survey = completeSurvey(found, meta);
      const importer = new FtraceImporter(survey, side, sink);
      const splitter = new LineSplitter((line) => importer.line(line));
      return {
        push: (chunk) => splitter.push(chunk),
        end() {
          const isCut = splitter.end();
          return makeHeader(name, survey, meta, importer.finish(!isCut));
        },
      };
    },
  );
}

function makeHeader(
  path: string,
  survey: FtraceSurvey,
  meta: RecordingMeta,
  outcome: ReturnType<FtraceImporter['finish']>,
): TraceHeader {
  const { fidelity, guestAccesses, counts, gaps, leftOut } = outcome;
  const { printer } = survey;
  const how = [meta.guest_command, meta.host?.emulator, meta.host?.emulator_machine].filter(
    (part) => part !== undefined,
  );
  if (survey.probes === 'stock') how.push(STOCK_ASSUMPTIONS);
  how.push(...survey.remarks);
  if (leftOut !== '') how.push(leftOut);
  return {
    machine: machineOf(survey),
    fidelity,
    name: meta.name ?? traceNameOf(path),
    title: meta.description ?? '',
    tickNs: survey.tickNs,
    clock: meta.trace?.clock ?? '',
    provenance: {
      tool: [printer.tool, printer.version].filter((text) => text !== '').join(' '),
      kernel: meta.host?.kernel ?? printer.kernel,
      when: printer.when,
      how: how.join('; '),
      licence: '',
      sourceSha256: '',
    },
    importer: { name: IMPORTER_NAME, version: IMPORTER_VERSION },
    guestAccesses,
    counts,
    gaps,
  };
}
