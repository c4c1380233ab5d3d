/** Recognises what a file is and imports it, streaming: memory does not grow with the file. */
import { createHash } from 'node:crypto';
import { createReadStream, existsSync, readFileSync, statSync } from 'node:fs';
import { basename, join } from 'node:path';
import { createGunzip, gunzipSync } from 'node:zlib';
import { InputError } from '../base/errors.js';
import { createFtraceImporter, isFtrace } from '../import/ftrace/importer.js';
import { isJsonLines, JsonLinesImporter } from '../import/json-lines.js';
import { isVgr1, Vgr1Importer } from '../import/vgr1.js';
import type { EventSink } from '../trace/events.js';
import type { TraceHeader } from '../trace/header.js';
import type { ByteTarget } from '../trace/source.js';
import { createTraceWriter } from '../trace/writer.js';
import { tool } from './terminal.js';

export const FORMATS = ['vgt', 'ftrace', 'vgr1', 'jsonl'] as const;
export type Format = (typeof FORMATS)[number];

/** Fed with the bytes of a source in order; events go to its sink while it runs, the header is known at the end. */
export interface ChunkImporter {
  push(chunk: Uint8Array): void;
  end(): TraceHeader;
}

export interface ImportOptions {
  readonly format: Format;
  /** Name of the trace; default: from the file name. */
  readonly name?: string;
  readonly licence?: string;
  /** ftrace: guest-acks.tsv and meta.json; default: beside the text, if there. */
  readonly acks?: string;
  readonly meta?: string;
  /** Told after each piece: bytes of the (packed) file read so far, and events written. */
  onProgress?(bytes: number, events: number): void;
}

const TRACE_NAMES = ['trace.txt', 'trace.txt.gz'];

/** The file a path stands for: a recording folder stands for the ftrace text in it. */
export function sourceFileOf(path: string): string {
  if (path === '-' || !existsSync(path) || !statSync(path).isDirectory()) return path;
  const found = TRACE_NAMES.map((name) => join(path, name)).find((file) => existsSync(file));
  if (found !== undefined) return found;
  throw new InputError(path, 'folder', `holds no ${TRACE_NAMES.join(' or ')}`, 'name a recording folder or a file');
}

/** Looks at the first bytes. Throws InputError if no format claims them. */
export async function detectFormat(path: string): Promise<Format> {
  if (path === '-') return 'vgt';
  const file = sourceFileOf(path);
  const head = await readHead(file);
  if (isVgr1(head)) return 'vgr1';
  if (isJsonLines(head)) return 'jsonl';
  if (isFtrace(head)) return 'ftrace';
  if (looksLikeText(head)) {
    throw new InputError(
      file,
      'line 1',
      'text that is neither ftrace output nor JSON lines',
      'name a trace, or give --format if the beginning is unusual',
    );
  }
  return 'vgt';
}

const HEAD_BYTES = 65536;

async function readHead(file: string): Promise<Uint8Array> {
  for await (const chunk of openChunks(file, () => {})) return chunk.subarray(0, HEAD_BYTES);
  return new Uint8Array(0);
}

const looksLikeText = (head: Uint8Array): boolean =>
  head.length > 0 &&
  head.every((byte) => byte === 9 || byte === 10 || byte === 13 || byte >= 32) &&
  head.some((byte) => byte === 10);

/** The unpacked bytes of a file, or of standard input, piece by piece. */
async function* openChunks(file: string, onBytes: (bytes: number) => void): AsyncGenerator<Uint8Array> {
  const raw = file === '-' ? process.stdin : createReadStream(file, { highWaterMark: 1 << 18 });
  let read = 0;
  raw.on('data', (chunk: Uint8Array) => {
    read += chunk.length;
    onBytes(read);
  });
  raw.pause();
  try {
    if (file === '-' || !isGzip(file)) {
      yield* raw as AsyncIterable<Uint8Array>;
      return;
    }
    const gunzip = createGunzip({ chunkSize: 1 << 18 });
    raw.on('error', (error: Error) => gunzip.destroy(error));
    yield* raw.pipe(gunzip) as AsyncIterable<Uint8Array>;
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === undefined) throw error;
    const remedy = code === 'ENOENT' ? 'check the path' : 'check the file, or copy it again';
    throw new InputError(file === '-' ? 'standard input' : file, `byte ${read}`, `cannot be read (${code})`, remedy);
  }
}

function isGzip(file: string): boolean {
  return file.endsWith('.gz');
}

function readSide(path: string | undefined, folder: string, names: readonly string[]): string | undefined {
  const file = path ?? names.map((name) => join(folder, name)).find((candidate) => existsSync(candidate));
  if (file === undefined) return undefined;
  try {
    const bytes = readFileSync(file);
    return (isGzip(file) ? gunzipSync(bytes) : bytes).toString('utf8');
  } catch (error) {
    throw new InputError(file, 'byte 0', `cannot be read (${(error as NodeJS.ErrnoException).code})`, 'check the path');
  }
}

function createImporter(file: string, sink: EventSink, options: ImportOptions): ChunkImporter {
  const name = file === '-' ? 'standard input' : file;
  if (options.format === 'vgr1') return new Vgr1Importer(name, sink);
  if (options.format === 'jsonl') return new JsonLinesImporter(name, sink);
  const folder = file === '-' ? '.' : join(file, '..');
  const isRecordingFolder = TRACE_NAMES.includes(basename(file));
  const side = (path: string | undefined, names: readonly string[]): string | undefined =>
    path !== undefined || isRecordingFolder ? readSide(path, folder, names) : undefined;
  return createFtraceImporter(name, sink, {
    meta: side(options.meta, ['meta.json']),
    acks: side(options.acks, ['guest-acks.tsv', 'guest-acks.tsv.gz']),
  });
}

/** Imports `path` into `target`; returns the header as written. */
export async function importInto(
  path: string,
  target: ByteTarget,
  options: ImportOptions,
): Promise<{ header: TraceHeader; events: number }> {
  const file = sourceFileOf(path);
  const writer = createTraceWriter(target, provisionalHeader());
  const importer = createImporter(file, writer, options);
  const hash = createHash('sha256');
  let packed = 0;
  for await (const chunk of openChunks(file, (bytes) => {
    packed = bytes;
  })) {
    hash.update(chunk);
    importer.push(chunk);
    options.onProgress?.(packed, writer.events);
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
    counts: { sourceLines: 0, unknownLines: 0, lostEvents: 0, decisionsFromRecording: 0, noEffect: 0, cutOff: 0 },
    gaps: [],
  };
}
