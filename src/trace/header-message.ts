/** TraceHeader ↔ the Header message of trace.proto, with every range checked on the way in. */
import { InputError } from '../base/errors.js';
import { type GicModel, MAX_NR_LR, MAX_SPIS, maxVcpusOf, NR_LPIS } from '../gic/intid.js';
import type { Fidelity, Gap, ImportCounts, TraceHeader } from './header.js';
import { lookupMessage } from './protobuf.js';
import { FORMAT_NAME, FORMAT_VERSION } from './wire.js';

/** vCPUs a GICv2 can address. */

// The position of a value is its number in trace.proto, minus one.
const MODELS: readonly GicModel[] = ['gicv3', 'gicv2', 'gicv2-on-gicv3'];
const GUEST_ACCESSES: readonly TraceHeader['guestAccesses'][] = ['recorded', 'lr-state', 'drain', 'events'];
/** In the order of trace.proto. A flavour that is not here replays any trace (--flavour), but no trace names it. */
const FLAVOURS: readonly string[] = ['kvm-6.1', 'kvm-7.2', 'kvm-6.19', 'xen-new', 'xen-old'];
const MAX_FIDELITY = 3;

type Fields = Record<string, unknown>;

/**
 * The bytes of the Header message: fields in order of number and no zero fields, so that every protobuf tool that
 * decodes and encodes them again gives the same bytes and header_checksum stays right.
 */
export function encodeHeader(header: TraceHeader): Uint8Array {
  const { machine } = header;
  const message = {
    format: FORMAT_NAME,
    version: FORMAT_VERSION,
    machine: {
      flavour: FLAVOURS.indexOf(machine.flavour) + 1,
      model: MODELS.indexOf(machine.model) + 1,
      nrVcpus: machine.nrVcpus,
      nrSpis: machine.nrSpis,
      nrLpis: machine.nrLpis,
      nrLr: machine.nrLr,
      distEnabledAtStart: machine.distEnabledAtStart,
      pmrAtStart: machine.pmrAtStart,
    },
    fidelity: header.fidelity + 1,
    name: header.name,
    title: header.title,
    tickNs: header.tickNs,
    clock: header.clock,
    provenance: header.provenance,
    importer: header.importer,
    guestAccesses: GUEST_ACCESSES.indexOf(header.guestAccesses) + 1,
    counts: header.counts,
    gaps: header.gaps.map(dropZeros),
  };
  const type = lookupMessage('Header');
  return type.encode(type.fromObject(dropZeros(message))).finish();
}

/** The same fields without those that hold their default; nested messages stay, even if nothing is left in them. */
function dropZeros(fields: object): Fields {
  const kept: Fields = {};
  for (const [name, value] of Object.entries(fields)) {
    if (value === 0 || value === '' || value === false) continue;
    kept[name] = value !== null && typeof value === 'object' && !Array.isArray(value) ? dropZeros(value) : value;
  }
  return kept;
}

/** The header in `bytes`. Throws InputError on anything the model cannot stand for. */
export function decodeHeader(bytes: Uint8Array, file: string): TraceHeader {
  const type = lookupMessage('Header');
  let message: Fields;
  try {
    message = type.toObject(type.decode(bytes), {
      longs: Number,
      enums: Number,
      defaults: true,
      arrays: true,
    }) as Fields;
  } catch {
    throw new InputError(file, 'header', 'cannot be decoded', DAMAGED);
  }
  const version = message.version;
  if (message.format !== FORMAT_NAME) throw new InputError(file, 'byte 0', 'not a vgic-replay trace', DAMAGED);
  if (version !== FORMAT_VERSION) {
    const remedy = `this program reads version ${FORMAT_VERSION}: use a newer one, or import the recording again`;
    throw new InputError(file, 'header', `format version ${version} is not known`, remedy);
  }
  const field = new HeaderFields(file, message);
  const machine = field.message('machine');
  const provenance = field.message('provenance');
  const importer = field.message('importer');
  const counts = field.message('counts');
  const model = machine.choice('model', MODELS);
  const nrLpis = machine.integer('nrLpis', 0, NR_LPIS);
  if (nrLpis !== 0 && (nrLpis !== NR_LPIS || model !== 'gicv3')) {
    machine.refuse('nrLpis', `${nrLpis}; it is 0, or ${NR_LPIS} on a gicv3 machine`);
  }
  return {
    machine: {
      flavour: machine.choice('flavour', FLAVOURS),
      model,
      nrVcpus: machine.integer('nrVcpus', 1, maxVcpusOf(model)),
      nrSpis: machine.integer('nrSpis', 0, MAX_SPIS),
      nrLpis,
      nrLr: machine.integer('nrLr', 1, MAX_NR_LR),
      distEnabledAtStart: machine.flag('distEnabledAtStart'),
      pmrAtStart: machine.integer('pmrAtStart', 0, 0xff),
    },
    fidelity: (field.integer('fidelity', 1, MAX_FIDELITY + 1) - 1) as Fidelity,
    name: field.text('name'),
    title: field.text('title'),
    tickNs: field.positive('tickNs'),
    clock: field.text('clock'),
    provenance: {
      tool: provenance.text('tool'),
      kernel: provenance.text('kernel'),
      when: provenance.text('when'),
      how: provenance.text('how'),
      licence: provenance.text('licence'),
      sourceSha256: provenance.text('sourceSha256'),
    },
    importer: { name: importer.text('name'), version: importer.text('version') },
    guestAccesses: field.choice('guestAccesses', GUEST_ACCESSES),
    counts: readCounts(counts),
    gaps: field.messages('gaps').map(readGap),
  };
}

const DAMAGED = 'the file is damaged or something else: import the recording again';

function readCounts(counts: HeaderFields): ImportCounts {
  return {
    sourceLines: counts.count('sourceLines'),
    unknownLines: counts.count('unknownLines'),
    lostEvents: counts.count('lostEvents'),
    decisionsFromRecording: counts.count('decisionsFromRecording'),
    noEffect: counts.count('noEffect'),
    cutOff: counts.count('cutOff'),
    reordered: counts.count('reordered'),
  };
}

function readGap(gap: HeaderFields): Gap {
  return { afterEvent: gap.count('afterEvent'), lost: gap.count('lost'), place: gap.text('place') };
}

/** Reads fields of one decoded message; a value out of range is an InputError that names the field. */
class HeaderFields {
  readonly #file: string;
  readonly #fields: Fields;
  constructor(file: string, fields: Fields) {
    this.#file = file;
    this.#fields = fields;
  }

  refuse(name: string, what: string): never {
    throw new InputError(this.#file, 'header', `${name} is ${what}`, DAMAGED);
  }

  integer(name: string, least: number, most: number): number {
    const value = this.#fields[name];
    if (typeof value === 'number' && Number.isSafeInteger(value) && value >= least && value <= most) return value;
    return this.refuse(name, `${value}; it must lie between ${least} and ${most}`);
  }

  count(name: string): number {
    return this.integer(name, 0, Number.MAX_SAFE_INTEGER);
  }

  positive(name: string): number {
    const value = this.#fields[name];
    if (typeof value === 'number' && Number.isFinite(value) && value > 0) return value;
    return this.refuse(name, `${value}; it must be a positive number`);
  }

  /** Control characters become spaces: these texts end up on terminals and in one-line messages. */
  text(name: string): string {
    return String(this.#fields[name] ?? '').replace(/\p{Cc}/gu, ' ');
  }

  flag(name: string): boolean {
    return this.#fields[name] === true;
  }

  choice<T>(name: string, choices: readonly T[]): T {
    return choices[this.integer(name, 1, choices.length) - 1];
  }

  message(name: string): HeaderFields {
    const value = this.#fields[name];
    if (value !== null && typeof value === 'object') return new HeaderFields(this.#file, value as Fields);
    return this.refuse(name, 'missing');
  }

  messages(name: string): HeaderFields[] {
    return (this.#fields[name] as Fields[]).map((fields) => new HeaderFields(this.#file, fields));
  }
}
