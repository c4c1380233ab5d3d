/** Imports a recording, whatever its format, streaming: memory does not grow with the file. */
import { createHash } from 'node:crypto';
import { existsSync, readFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { InputError } from '../base/errors.js';
import { createFtraceImporter, createFtraceSurveyor } from '../import/ftrace/importer.js';
import type { FtraceSurvey } from '../import/ftrace/survey.js';
import { JsonLinesImporter } from '../import/json-lines.js';
import { createPerfettoImporter, createPerfettoSurveyor, type PerfettoSurvey } from '../import/perfetto/importer.js';
import type { ByteImporter, Surveyor } from '../import/two-passes.js';
import { Vgr1Importer } from '../import/vgr1.js';
import type { EventSink } from '../trace/events.js';
import { noImportCounts, type TraceHeader } from '../trace/header.js';
import type { ByteTarget } from '../trace/source.js';
import { createTraceWriter, type TraceWriter } from '../trace/writer.js';
import { openPieces } from './pieces.js';
import { createRaw, nameOf, type Recording, TRACE_NAMES } from './recording.js';
import { tool } from './terminal.js';

export interface ImportOptions {
  /** Name of the trace; default: from the file name. */
  readonly name?: string;
  readonly licence?: string;
  /** ftrace: guest-acks.tsv and meta.json; default: beside the text, if there. */
  readonly acks?: string;
  readonly meta?: string;
  /** Told after each piece: bytes of the (packed) file read so far, over all passes, and events written. */
  onProgress?(bytes: number, events: number): void;
  /** Told of what the importer could not use; `place` is a line. */
  onWarning?(warning: { readonly place: string; readonly what: string }): void;
}

function readSide(path: string | undefined, folder: string, names: readonly string[]): string | undefined {
  const file = path ?? names.map((name) => join(folder, name)).find((candidate) => existsSync(candidate));
  if (file === undefined) return undefined;
  try {
    const bytes = readFileSync(file);
    return (file.endsWith('.gz') ? gunzipSync(bytes) : bytes).toString('utf8');
  } catch (error) {
    throw new InputError(file, 'byte 0', `cannot be read (${(error as NodeJS.ErrnoException).code})`, 'check the path');
  }
}

function createImporter(
  { file, format }: Recording,
  sink: EventSink,
  options: ImportOptions,
  survey: Survey | undefined,
): ByteImporter {
  const name = nameOf(file);
  if (format === 'vgr1') return new Vgr1Importer(name, sink);
  if (format === 'jsonl') return new JsonLinesImporter(name, sink);
  if (format === 'perfetto')
    return createPerfettoImporter(name, sink, { survey: survey?.perfetto, onWarning: options.onWarning });
  const folder = file === '-' ? '.' : join(file, '..');
  const isRecordingFolder = TRACE_NAMES.includes(basename(file));
  const side = (path: string | undefined, names: readonly string[]): string | undefined =>
    path !== undefined || isRecordingFolder ? readSide(path, folder, names) : undefined;
  return createFtraceImporter(name, sink, {
    meta: side(options.meta, ['meta.json']),
    acks: side(options.acks, ['guest-acks.tsv', 'guest-acks.tsv.gz']),
    survey: survey?.ftrace,
    onWarning: options.onWarning,
  });
}

/** What a first pass over the whole source found. */
interface Survey {
  readonly ftrace?: FtraceSurvey;
  readonly perfetto?: PerfettoSurvey;
}

/**
 * A pass over the whole source that finds the machine. A pipe has only one pass: there the importer surveys what it
 * holds back.
 */
async function surveySource(recording: Recording, onProgress: ImportOptions['onProgress']): Promise<Survey> {
  const { file, format } = recording;
  let packed = 0;
  const first = openPieces(file, createRaw(file), (bytes) => {
    packed = bytes;
  });
  const run = async <T>(surveyor: Surveyor<T>): Promise<T> => {
    for await (const chunk of first) {
      surveyor.push(chunk);
      onProgress?.(packed, 0);
    }
    return surveyor.end();
  };
  return format === 'perfetto'
    ? { perfetto: await run(createPerfettoSurveyor(file)) }
    : { ftrace: await run(createFtraceSurveyor(file)) };
}

/** Importers hand on times as 32-bit patterns; the sum of hostile ones may be no exact number any more. */
function checkTimes(writer: TraceWriter, name: string): EventSink {
  return {
    event(kind, vcpu, intid, value, dt) {
      const ticks = dt >>> 0;
      if (writer.ticks + ticks > Number.MAX_SAFE_INTEGER)
        throw new InputError(name, `event ${writer.events}`, 'its time is beyond 2^53 ticks', 'correct its time stamp');
      writer.event(kind, vcpu, intid, value, ticks);
    },
  };
}

/** Imports `recording` into `target`; returns the header as written. */
export async function importRecording(
  recording: Recording,
  target: ByteTarget,
  options: ImportOptions = {},
): Promise<{ header: TraceHeader; events: number }> {
  const survey = recording.passes === 2 ? await surveySource(recording, options.onProgress) : undefined;
  const writer = createTraceWriter(target, provisionalHeader());
  const importer = createImporter(recording, checkTimes(writer, nameOf(recording.file)), options, survey);
  const hash = createHash('sha256');
  const before = survey === undefined ? 0 : recording.size;
  let packed = 0;
  const pieces = recording.pieces((bytes) => {
    packed = bytes;
  });
  for await (const chunk of pieces) {
    hash.update(chunk);
    importer.push(chunk);
    options.onProgress?.(before + packed, writer.events);
  }
  const found = importer.end();
  const header: TraceHeader = {
    ...found,
    name: options.name ?? found.name,
    importer: { name: found.importer.name, version: tool.version },
    provenance: {
      ...found.provenance,
      licence: options.licence ?? found.provenance.licence,
      sourceSha256: hash.digest('hex'),
    },
  };
  writer.finish(header);
  return { header, events: writer.events };
}

/** Stands at the start of the file until the importer knows the real one. */
function provisionalHeader(): TraceHeader {
  return {
    machine: {
      flavour: 'kvm-6.1',
      model: 'gicv3',
      nrVcpus: 1,
      nrSpis: 0,
      nrLpis: 0,
      nrLr: 4,
      distEnabledAtStart: false,
      pmrAtStart: 0,
    },
    fidelity: 0,
    name: '',
    title: '',
    tickNs: 1,
    clock: '',
    provenance: { tool: '', kernel: '', when: '', how: '', licence: '', sourceSha256: '' },
    importer: { name: '', version: '' },
    guestAccesses: 'events',
    counts: noImportCounts(),
    gaps: [],
  };
}
