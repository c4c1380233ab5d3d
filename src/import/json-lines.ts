/**
 * JSON lines: one event an object, so that anyone can script a trace and read one. The format is described in
 * json-lines.md beside this file; the fields of each event are the table of json-event.ts.
 */
import { InputError } from '../base/errors.js';
import { flavourNamed, flavours } from '../gic/flavour/index.js';
import {
  GIC_MODELS,
  type GicModel,
  isLpi,
  isPrivate,
  isSgi,
  MAX_NR_LR,
  MAX_SPIS,
  type Machine,
  maxVcpusOf,
  NR_LPIS,
  SPI_BASE,
  SPURIOUS_INTID,
} from '../gic/intid.js';
import { type EventSink, findKind, findKindNamed, INTID_MASK, KINDS, type KindInfo, LOST } from '../trace/events.js';
import { type Fidelity, type Gap, type ImportCounts, noImportCounts, type TraceHeader } from '../trace/header.js';
import { JsonEventError, packFields, readFlag, readInteger, unpackFields } from './json-event.js';

/** The number in `{"vgic-replay": 1}`: changes when old files would be read differently. */
export const JSON_LINES_VERSION = 1;
const VERSION_FIELD = 'vgic-replay';
const MAX_LINE_CHARS = 1 << 20;
const MAX_DT = 2 ** 32 - 1;
const NS_PER_US = 1000;
const DEFAULT_FLAVOUR = 'kvm-6.1';

type JsonObject = Readonly<Record<string, unknown>>;

interface Settings {
  readonly machine: Machine;
  readonly fidelity: Fidelity;
  readonly tickNs: number;
  readonly texts: Readonly<Record<string, string>>;
  readonly guestAccesses: TraceHeader['guestAccesses'];
}

const GUEST_ACCESSES: readonly TraceHeader['guestAccesses'][] = ['recorded', 'lr-state', 'drain', 'events'];
const TEXT_FIELDS = ['name', 'title', 'clock', 'tool', 'kernel', 'when', 'how', 'licence', 'sourceSha256'];
/** Every field a header line may have. */
export const HEADER_FIELDS: readonly string[] = [
  VERSION_FIELD,
  'flavour',
  'model',
  'vcpus',
  'spis',
  'lpis',
  'lrs',
  'distEnabled',
  'pmr',
  'fidelity',
  'tickNs',
  'guestAccesses',
  ...TEXT_FIELDS,
];

function readChoice<T extends string>(name: string, json: unknown, choices: readonly T[]): T {
  const found = choices.find((choice) => choice === json);
  if (found !== undefined) return found;
  throw new JsonEventError(`"${name}" is ${JSON.stringify(json)}`, `give one of ${choices.join(', ')}`);
}

/** Objects that are neither the header nor an event. */
const GAP_FIELD = 'gap';
const END_FIELD = 'end';
const NR_FIELDS = Object.keys(noImportCounts()) as readonly (keyof ImportCounts)[];

/** Fields of a gap or end line; every field may be missing. */
function readInner(object: JsonObject, name: string, known: readonly string[]): JsonObject {
  const inner = object[name];
  if (Object.keys(object).length > 1 || typeof inner !== 'object' || inner === null || Array.isArray(inner))
    throw new JsonEventError(`"${name}" is ${JSON.stringify(inner)}`, `write {"${name}": {…}} and nothing else`);
  const odd = Object.keys(inner).find((field) => !known.includes(field));
  if (odd !== undefined)
    throw new JsonEventError(`unknown field "${odd}" in "${name}"`, `its fields are ${known.join(', ')}`);
  return inner as JsonObject;
}

function readText(name: string, json: unknown): string {
  // Half a surrogate pair is no text.
  if (json === undefined || (typeof json === 'string' && !/\p{Surrogate}/u.test(json))) return json ?? '';
  throw new JsonEventError(`"${name}" is ${JSON.stringify(json)}`, 'give a string');
}

const readCount = (name: string, json: unknown, fallback: number): number =>
  json === undefined ? fallback : readInteger(name, json, 0, Number.MAX_SAFE_INTEGER);

/** What is known of a trace when its last event has been written. */
interface End {
  readonly how: string | undefined;
  readonly counts: Partial<ImportCounts>;
}

function readEnd(object: JsonObject): End {
  const end = readInner(object, END_FIELD, ['how', ...NR_FIELDS]);
  const counts = NR_FIELDS.filter((name) => end[name] !== undefined).map((name) => [
    name,
    readCount(name, end[name], 0),
  ]);
  return { how: end.how === undefined ? undefined : readText('how', end.how), counts: Object.fromEntries(counts) };
}

/** Reads the header line's object; every field may be missing. */
function readSettings(header: JsonObject): Settings {
  for (const name of Object.keys(header)) {
    if (!HEADER_FIELDS.includes(name)) {
      throw new JsonEventError(`unknown field "${name}" in the header`, `its fields are ${HEADER_FIELDS.join(', ')}`);
    }
  }
  if (header[VERSION_FIELD] !== undefined && header[VERSION_FIELD] !== JSON_LINES_VERSION) {
    const what = `format version ${JSON.stringify(header[VERSION_FIELD])}`;
    throw new JsonEventError(what, `this program reads version ${JSON_LINES_VERSION}`);
  }
  const number = (name: string, fallback: number, min: number, max: number): number =>
    header[name] === undefined ? fallback : readInteger(name, header[name], min, max);
  const isOn = (name: string, fallback: boolean): boolean =>
    header[name] === undefined ? fallback : readFlag(name, header[name]);

  const model: GicModel = header.model === undefined ? 'gicv3' : readChoice('model', header.model, GIC_MODELS);
  const ids = flavours.map(({ id }) => id);
  const flavour = flavourNamed(
    header.flavour === undefined ? DEFAULT_FLAVOUR : readChoice('flavour', header.flavour, ids),
  );
  if (!flavour.guestModels.includes(model))
    throw new JsonEventError(
      `"model" ${model} with "flavour" ${flavour.id}`,
      `it has ${flavour.guestModels.join(', ')}`,
    );
  const hasLpis = isOn('lpis', false);
  if (hasLpis && !flavour.hasLpis)
    throw new JsonEventError(`"lpis" with "flavour" ${flavour.id}`, 'that hypervisor has none here');
  if (hasLpis && model !== 'gicv3') throw new JsonEventError(`"lpis" on ${model}`, 'only gicv3 guests have LPIs');
  const texts: Record<string, string> = {};
  for (const name of TEXT_FIELDS) texts[name] = readText(name, header[name]);
  return {
    machine: {
      flavour: flavour.id,
      model,
      nrVcpus: number('vcpus', 1, 1, maxVcpusOf(model)),
      nrSpis: number('spis', 64, 0, MAX_SPIS),
      nrLpis: hasLpis ? NR_LPIS : 0,
      nrLr: number('lrs', 4, 1, MAX_NR_LR),
      distEnabledAtStart: isOn('distEnabled', true),
      pmrAtStart: number('pmr', 0xf8, 0, 0xff),
    },
    fidelity: number('fidelity', 0, 0, 3) as Fidelity,
    tickNs: number('tickNs', 1000, 1, 1e9),
    texts,
    guestAccesses:
      header.guestAccesses === undefined ? 'events' : readChoice('guestAccesses', header.guestAccesses, GUEST_ACCESSES),
  };
}

/** What is wrong with the intid field of an event on this machine, or undefined. */
function findIntidFault(info: KindInfo, intid: number, machine: Machine): string | undefined {
  const isIrq = isPrivate(intid) || intid < SPI_BASE + machine.nrSpis || (isLpi(intid) && machine.nrLpis > 0);
  switch (info.intid) {
    case 'irq':
      return isIrq ? undefined : `the machine has no INTID ${intid}`;
    case 'ack':
      return isIrq || intid === SPURIOUS_INTID ? undefined : `the machine has no INTID ${intid}`;
    case 'private':
      return isPrivate(intid) ? undefined : `INTID ${intid} is not private`;
    case 'sgi':
      return isSgi(intid) ? undefined : `INTID ${intid} is no SGI`;
    case 'lpi':
      return isLpi(intid) && isIrq ? undefined : `the machine has no LPI ${intid}`;
    case 'lr':
      return intid < machine.nrLr ? undefined : `the machine has no list register ${intid}`;
    default:
      return undefined;
  }
}

/** Takes a JSON-lines file in pieces of any size. */
export class JsonLinesImporter {
  private readonly file: string;
  private readonly sink: EventSink;
  private readonly decoder = new TextDecoder();
  private settings: Settings | undefined;
  private rest = '';
  private nrLines = 0;
  private tick = 0;
  private nrEvents = 0;
  private nrLost = 0;
  private readonly gaps: Gap[] = [];
  private ending: End | undefined;

  /** `name` is the file's name for messages and, without folder and suffix, the trace's unless its header names it. */
  constructor(name: string, sink: EventSink) {
    this.file = name;
    this.sink = sink;
  }

  /** Throws InputError with the number of the line that cannot be read. */
  push(chunk: Uint8Array | string): void {
    const text = typeof chunk === 'string' ? chunk : this.decoder.decode(chunk, { stream: true });
    const lines = (this.rest + text).split('\n');
    this.rest = lines.pop() ?? '';
    for (const line of lines) this.importLine(line);
    if (this.rest.length > MAX_LINE_CHARS) this.importLine(this.rest);
  }

  /** Call once, after the last piece; the last line need not end in a newline. */
  end(): TraceHeader {
    const last = this.rest + this.decoder.decode();
    if (last !== '') this.importLine(last);
    this.settings ??= readSettings({});
    return this.createTraceHeader(this.settings);
  }

  private importLine(line: string): void {
    this.nrLines++;
    try {
      if (line.length > MAX_LINE_CHARS) {
        throw new JsonEventError(`longer than ${MAX_LINE_CHARS} characters`, 'write one event a line');
      }
      const text = line.trim();
      if (text === '' || text.startsWith('#')) return;
      this.importObject(parseObject(text));
    } catch (error) {
      if (!(error instanceof JsonEventError)) throw error;
      throw new InputError(this.file, `line ${this.nrLines}`, error.message, error.remedy);
    }
  }

  private importObject(object: JsonObject): void {
    if (this.ending !== undefined)
      throw new JsonEventError('an object behind "end"', 'an "end" line is the last; merge traces with "convert"');
    if (object.op === undefined && object[END_FIELD] !== undefined) {
      this.ending = readEnd(object);
      return;
    }
    if (object.op === undefined && object[GAP_FIELD] !== undefined) {
      this.importGap(object);
      return;
    }
    if (this.settings === undefined) {
      const isHeader = object.op === undefined;
      this.settings = readSettings(isHeader ? object : {});
      if (isHeader) return;
    }
    if (object.op === undefined) {
      throw new JsonEventError('an object without "op"', 'only the first object may be a header; an event needs "op"');
    }
    this.importEvent(object, this.settings);
  }

  private importEvent(object: JsonObject, { machine, fidelity, tickNs }: Settings): void {
    const info = findKindNamed(String(object.op));
    if (!info) {
      const names = KINDS.map((each) => each.name).join(', ');
      throw new JsonEventError(`unknown "op" ${JSON.stringify(object.op)}`, `known are ${names}`);
    }
    if (info.fidelity > fidelity) {
      const what = `"${info.name}" in a trace of fidelity ${fidelity}`;
      throw new JsonEventError(what, `declare "fidelity": ${info.fidelity} in the header, if the trace is a recording`);
    }
    const vcpu = object.vcpu === undefined ? 0 : readInteger('vcpu', object.vcpu, 0, machine.nrVcpus - 1);
    const { intid, value } = packFields(info.kind, object);
    const fault = findIntidFault(info, intid, machine);
    if (fault) throw new JsonEventError(fault, 'correct it, or the header\'s "spis", "lpis" or "lrs"');
    const tick = object.t === undefined ? this.tick : readTick(object.t, tickNs);
    const dt = tick - this.tick;
    if (dt < 0)
      throw new JsonEventError(`"t" is before that of the event above`, 'write the events in the order of time');
    if (dt > MAX_DT) {
      const what = `"t" is more than ${MAX_DT} ticks after the event above`;
      throw new JsonEventError(what, `set a larger "tickNs" than ${tickNs} in the header`);
    }
    this.tick = tick;
    this.sink.event(info.kind, vcpu, intid, value, dt | 0);
    if (info.kind === LOST)
      this.addGap({ afterEvent: this.nrEvents, lost: value >>> 0, place: `line ${this.nrLines}` });
    this.nrEvents++;
  }

  /** Of the event above: what its `lost`, if it is one, did not say. */
  private importGap(object: JsonObject): void {
    const gap = readInner(object, GAP_FIELD, ['lost', 'place']);
    const afterEvent = Math.max(0, this.nrEvents - 1);
    const last = this.gaps.at(-1);
    if (last?.afterEvent === afterEvent && last.place === `line ${this.nrLines - 1}`)
      this.nrLost -= this.gaps.pop()?.lost ?? 0;
    this.addGap({
      afterEvent,
      lost: readCount('lost', gap.lost, 0),
      place: readText('place', gap.place) || `line ${this.nrLines}`,
    });
  }

  private addGap(gap: Gap): void {
    this.gaps.push(gap);
    this.nrLost += gap.lost;
  }

  private createTraceHeader({ machine, fidelity, tickNs, texts, guestAccesses }: Settings): TraceHeader {
    const name = texts.name || baseNameOf(this.file);
    return {
      machine,
      fidelity,
      name,
      title: texts.title || `Events written as JSON lines, ${name}`,
      tickNs,
      clock: texts.clock || 'none',
      provenance: {
        tool: texts.tool || 'JSON lines',
        kernel: texts.kernel,
        when: texts.when,
        how: this.ending?.how ?? texts.how,
        licence: texts.licence,
        sourceSha256: texts.sourceSha256,
      },
      importer: { name: 'json-lines', version: `${JSON_LINES_VERSION}` },
      guestAccesses,
      counts: { ...noImportCounts(this.nrLines), lostEvents: this.nrLost, ...this.ending?.counts },
      gaps: this.nrEvents === 0 ? [] : this.gaps,
    };
  }
}

function parseObject(text: string): JsonObject {
  let parsed: unknown;
  try {
    parsed = JSON.parse(text);
  } catch {
    throw new JsonEventError('no JSON object', 'write one whole object a line, as {"t": 0, "op": "flush", "vcpu": 0}');
  }
  if (typeof parsed === 'object' && parsed !== null && !Array.isArray(parsed)) return parsed as JsonObject;
  throw new JsonEventError('no JSON object', 'write one whole object a line, as {"t": 0, "op": "flush", "vcpu": 0}');
}

/** Microseconds, with a fraction if ticks are shorter, to ticks. */
function readTick(json: unknown, tickNs: number): number {
  const tick = typeof json === 'number' ? Math.round((json * NS_PER_US) / tickNs) : -1;
  if (tick >= 0 && tick <= Number.MAX_SAFE_INTEGER) return tick;
  throw new JsonEventError(`"t" is ${JSON.stringify(json)}`, 'give microseconds since the start of the trace');
}

/** File name without folder and suffixes, in the trace's kebab-case. */
function baseNameOf(file: string): string {
  const last = file.split(/[\\/]/).at(-1) ?? '';
  return last.replace(/(\.jsonl|\.ndjson|\.json)?(\.gz)?$/, '').replaceAll('_', '-');
}

/** Does the file begin with an object that is our header or an event? Needs its first line, or 4 KiB. */
export function isJsonLines(head: Uint8Array): boolean {
  const text = new TextDecoder().decode(head.subarray(0, 4096));
  const first = text.split('\n').find((line) => line.trim() !== '' && !line.startsWith('#'));
  return first !== undefined && /^\s*\{.*"(op|vgic-replay)"\s*:/.test(first);
}

/** Imports a whole JSON-lines file, or its pieces in order. Events go to `sink`. Throws InputError with the line. */
export function importJsonLines(
  source: Uint8Array | string | Iterable<Uint8Array | string>,
  name: string,
  sink: EventSink,
): TraceHeader {
  const importer = new JsonLinesImporter(name, sink);
  if (typeof source === 'string' || source instanceof Uint8Array) importer.push(source);
  else for (const chunk of source) importer.push(chunk);
  return importer.end();
}

/** One event as a line of JSON, without newline. `tick` counts from the start of the trace, in ticks of `tickNs` ns. */
export function eventToJson(
  kind: number,
  vcpu: number,
  intid: number,
  value: number,
  tick: number,
  tickNs: number,
): string {
  const t = (tick * tickNs) / NS_PER_US;
  const op = findKind(kind)?.name ?? `kind-${kind}`;
  return JSON.stringify({ t, op, vcpu, ...unpackFields(kind, intid & INTID_MASK, value) });
}

/** A place behind the last event where the source lost events, as a line without newline. */
export const gapToJson = (lost: number, place: string): string => JSON.stringify({ [GAP_FIELD]: { lost, place } });

/** What is known of the trace when its last event has been written, as its last line, without newline. */
export function endToJson({ counts, provenance }: TraceHeader): string {
  const { how } = provenance;
  return JSON.stringify({ [END_FIELD]: { ...(how === '' ? {} : { how }), ...counts } });
}

/** A trace header as the first line, without newline. Counts and gaps are lines of their own. */
export function headerToJson(header: TraceHeader): string {
  const { machine, provenance } = header;
  const texts = { name: header.name, title: header.title, clock: header.clock, ...provenance };
  return JSON.stringify({
    [VERSION_FIELD]: JSON_LINES_VERSION,
    ...(machine.flavour === DEFAULT_FLAVOUR ? {} : { flavour: machine.flavour }),
    model: machine.model,
    vcpus: machine.nrVcpus,
    spis: machine.nrSpis,
    lpis: machine.nrLpis > 0,
    lrs: machine.nrLr,
    distEnabled: machine.distEnabledAtStart,
    pmr: machine.pmrAtStart,
    fidelity: header.fidelity,
    tickNs: header.tickNs,
    guestAccesses: header.guestAccesses,
    ...Object.fromEntries(Object.entries(texts).filter(([, text]) => text !== '')),
  });
}
