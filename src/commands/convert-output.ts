/** Where converted events go: a .vgt trace or JSON lines, gzip or not, whole or not at all. */
import { createReadStream, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createGzip } from 'node:zlib';
import { InputError } from '../base/errors.js';
import { endToJson, eventToJson, gapToJson, headerToJson } from '../import/json-lines.js';
import type { EventStage } from '../trace/edit/stage.js';
import type { Gap, TraceHeader } from '../trace/header.js';
import type { ByteTarget } from '../trace/source.js';
import { validateTrace } from '../trace/validate.js';
import { createTraceWriter } from '../trace/writer.js';
import { openOutput } from './outputs.js';
import { createFileTarget, openFileSource } from './trace-files.js';

export const CONVERT_FORMATS = ['vgt', 'jsonl'] as const;
export type ConvertFormat = (typeof CONVERT_FORMATS)[number];

export interface OutputForm {
  readonly format: ConvertFormat;
  readonly encoding: 'smallest' | 'plain';
  readonly gzip: boolean;
  /** Is what was written checked before it gets its name? */
  readonly check: boolean;
}

export interface ConvertOutput {
  readonly stage: EventStage;
  readonly path: string;
  /** Events written so far. */
  events(): number;
  /** Ends the file; it gets its name with `commit`. */
  finish(header: TraceHeader): Promise<void>;
  commit(): void;
  /** Removes what was not committed. */
  abort(): void;
}

const MAX_DT = 0xffffffff;
const JSON_BUFFER = 1 << 16;

/** What the name of a file says; standard output gets a trace. */
export const formatNamed = (path: string): ConvertFormat => (/\.(jsonl|ndjson)(\.gz)?$/.test(path) ? 'jsonl' : 'vgt');
export const wantsGzip = (path: string): boolean => path.endsWith('.gz');

/** `header`: as it is known before the first event; machine and clock do not change any more. */
export function openConvertOutput(path: string, header: TraceHeader, form: OutputForm): ConvertOutput {
  const target = openOutput(path);
  let folder: string | undefined;
  const dropSpool = (): void => {
    if (folder !== undefined) rmSync(folder, { recursive: true, force: true });
    folder = undefined;
  };
  const abort = (): void => {
    dropSpool();
    target.abort();
  };
  try {
    if (!form.gzip && !form.check) {
      const { stage, events, finish } = createSink(path, target, header, form);
      return { path, stage, events, finish: async (final) => finish(final), commit: () => target.commit(), abort };
    }
    folder = mkdtempSync(join(tmpdir(), 'vgic-replay-'));
    const file = join(folder, 'output');
    const spool = createFileTarget(file);
    const { stage, events, finish } = createSink(path, spool, header, form);
    return {
      path,
      stage,
      events,
      async finish(final) {
        finish(final);
        spool.commit();
        if (form.check && form.format === 'vgt') checkTrace(file, path);
        const raw = createReadStream(file, { highWaterMark: 1 << 18 });
        const pieces = form.gzip ? raw.pipe(createGzip()) : raw;
        for await (const piece of pieces as AsyncIterable<Uint8Array>) target.write(piece);
        dropSpool();
      },
      commit: () => target.commit(),
      abort() {
        spool.abort();
        abort();
      },
    };
  } catch (error) {
    abort();
    throw error;
  }
}

/** Throws InputError with the first problem of a trace that has not got its name yet. */
function checkTrace(file: string, path: string): void {
  const source = openFileSource(file);
  try {
    const { nrProblems, problems } = validateTrace(source);
    if (nrProblems === 0) return;
    const remedy = 'the inputs do not fit together: give traces of one machine that begin at the same moment';
    throw new InputError(path, problems[0].place, problems[0].what, remedy);
  } finally {
    source.close();
  }
}

interface Sink {
  readonly stage: EventStage;
  events(): number;
  finish(header: TraceHeader): void;
}

function createSink(path: string, target: ByteTarget, header: TraceHeader, { format, encoding }: OutputForm): Sink {
  return format === 'jsonl' ? createJsonSink(path, target, header) : createTraceSink(target, header, encoding);
}

function createTraceSink(target: ByteTarget, header: TraceHeader, encoding: OutputForm['encoding']): Sink {
  const writer = createTraceWriter(target, header, { form: encoding });
  const gaps: Gap[] = [];
  let last = 0;
  return {
    stage: {
      event(kind, vcpu, intid, value, tick) {
        writer.event(kind, vcpu, intid, value, tick - last);
        last = tick;
      },
      gap(lost, place) {
        gaps.push({ afterEvent: Math.max(0, writer.events - 1), lost, place });
      },
      end() {},
    },
    events: () => writer.events,
    finish: (final) => void writer.finish({ ...final, gaps: writer.events === 0 ? [] : gaps }),
  };
}

/** A gap is a line behind the event after which it lies; counts and history follow at the end, when they are known. */
function createJsonSink(path: string, target: ByteTarget, header: TraceHeader): Sink {
  let text = `${headerToJson(header)}\n`;
  let events = 0;
  let last = 0;
  const flush = (): void => {
    target.write(Buffer.from(text));
    text = '';
  };
  return {
    stage: {
      event(kind, vcpu, intid, value, tick) {
        if (tick - last > MAX_DT)
          throw new InputError(path, `event ${events}`, 'a pause longer than JSON lines hold', 'write a .vgt trace');
        last = tick;
        text += `${eventToJson(kind, vcpu, intid, value, tick, header.tickNs)}\n`;
        events++;
        if (text.length > JSON_BUFFER) flush();
      },
      gap(lost, place) {
        text += `${gapToJson(lost, place)}\n`;
      },
      end() {},
    },
    events: () => events,
    finish(final) {
      text += `${endToJson(final)}\n`;
      flush();
    },
  };
}
