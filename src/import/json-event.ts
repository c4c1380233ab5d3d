/**
 * One event as a JSON object: which named field stands for which bits of the event (json-lines.md). The table is the
 * only place that knows; both directions read it.
 */
import * as ev from '../trace/events.js';

/**
 * number: an integer. flag: true or false. trigger: "edge" or "level". list: array of bit numbers. lpi-priority: a byte
 * whose two lowest bits LPIs do not have (bit 0 of the same place may be an enable bit). sgi-targets: array of
 * vCPUs that share one window of 16, kept as the window's first vCPU in the intid and a mask in the value.
 */
type Form = 'number' | 'flag' | 'trigger' | 'list' | 'lpi-priority' | 'sgi-targets';

export interface JsonField {
  readonly name: string;
  readonly place: 'intid' | 'value';
  readonly shift: number;
  readonly bits: number;
  readonly form: Form;
  /** Bits to assume when the field is left out; undefined: the field must be there. */
  readonly fallback: number | undefined;
}

const inIntid = (name: string, fallback?: number, shift = 0, bits = ev.INTID_BITS): JsonField => ({
  name,
  place: 'intid',
  shift,
  bits,
  form: 'number',
  fallback,
});
const inValue = (name: string, form: Form, shift: number, bits: number, fallback?: number): JsonField => ({
  name,
  place: 'value',
  shift,
  bits,
  form,
  fallback,
});
const flag = (name: string, shift: number, fallback: number): JsonField => inValue(name, 'flag', shift, 1, fallback);
const word = (name: string): JsonField => inValue(name, 'number', 0, 32);

const INTID = inIntid('intid');
const USER = flag('user', 1, 0);
const LEVEL = flag('level', 0, 1);
const BY_RULES = flag('byRules', 0, 0);
const SENDER = inValue('sender', 'number', 8, 3, 0);
const DEVICE_EVENT = [inValue('device', 'number', 16, 16), inValue('event', 'number', 0, 16)];

const FIELDS = new Map<number, readonly JsonField[]>([
  [ev.NOP, [inValue('code', 'number', 0, 32, 0)]],
  [ev.INJECT, [INTID, LEVEL]],
  [ev.ACK, [inIntid('intid', 0), flag('urgentOnly', 0, 0), flag('exact', 1, 0), flag('byRules', 2, 0)]],
  [ev.EOI, [INTID, BY_RULES, SENDER]],
  [ev.PRIORITY_DROP, [INTID]],
  [ev.DEACTIVATE, [INTID, BY_RULES, SENDER]],
  [ev.ENABLE, [INTID, flag('enabled', 0, 1), USER]],
  [ev.PRIORITY, [INTID, inValue('priority', 'number', 0, 8)]],
  [ev.PENDING, [INTID, flag('pending', 0, 1), USER]],
  [ev.ACTIVE, [INTID, flag('active', 0, 1), USER]],
  [ev.CONFIG, [INTID, inValue('trigger', 'trigger', 0, 1)]],
  [ev.TARGET, [INTID, word('target')]],
  [
    ev.SGI,
    [
      inIntid('sgi', undefined, 0, 4),
      { name: 'allButSelf', place: 'intid', shift: 4, bits: 1, form: 'flag', fallback: 0 },
      { name: 'groupZeroOnly', place: 'intid', shift: 13, bits: 1, form: 'flag', fallback: 0 },
      inValue('targets', 'sgi-targets', 0, 16, 0),
    ],
  ],
  [ev.LPI_MAP, [INTID, inValue('priority', 'lpi-priority', 8, 8), flag('enabled', 16, 1)]],
  [ev.LPI_UNMAP, [INTID]],
  [ev.LPI_CONFIG, [INTID, inValue('priority', 'lpi-priority', 0, 8), flag('enabled', 0, 1)]],
  [ev.LPI_MOVE, [INTID]],
  [ev.LPI_CLEAR, [INTID]],
  [ev.LPI_PENDING, [INTID, flag('pending', 0, 1)]],
  [ev.GROUP, [INTID, inValue('group', 'number', 0, 1)]],
  [ev.GROUP_ONE, [INTID, inValue('group', 'number', 0, 1), USER]],
  [ev.DIST_ENABLE, [flag('enabled', 0, 1)]],
  [ev.HW_MAP, [INTID, inValue('hostIrq', 'number', 0, 16), flag('swResample', 16, 0)]],
  [ev.HW_UNMAP, [INTID]],
  [ev.PHYS_LINE, [inIntid('hostIrq'), LEVEL]],
  [ev.MMIO_DIST, [inIntid('offset'), word('data')]],
  [ev.MMIO_REDIST, [inIntid('offset'), word('data')]],
  [ev.SGI_PEND, [inIntid('sgi', undefined, 0, 4), inValue('sources', 'list', 0, 8), flag('pending', 31, 1)]],
  [ev.PMR, [inValue('pmr', 'number', 0, 8)]],
  [ev.LINE_LEVEL, [INTID, LEVEL]],
  [ev.GUEST_DRAIN, [inValue('limit', 'number', 0, 32, 0)]],
  [ev.GUEST_LR_STATE, [inIntid('lr'), flag('pending', 0, 0), flag('active', 1, 0)]],
  [
    ev.CPUIF,
    [
      inValue('pmr', 'number', 0, 8),
      flag('group0', 8, 0),
      flag('group1', 9, 1),
      inValue('eoiMode', 'number', 10, 1, 0),
      flag('cbpr', 11, 0),
      inValue('bpr0', 'number', 12, 3, 0),
      inValue('bpr1', 'number', 15, 3, 0),
    ],
  ],
  [ev.PHYS_PENDING, [inIntid('hostIrq'), flag('pending', 0, 1)]],
  [ev.PHYS_ACTIVE, [inIntid('hostIrq'), flag('active', 0, 1)]],
  [ev.RUNNING, [flag('running', 0, 1)]],
  [ev.MMIO_DIST_BYTE, [inIntid('offset'), inValue('data', 'number', 0, 8)]],
  [ev.MMIO_REDIST_BYTE, [inIntid('offset'), inValue('data', 'number', 0, 8)]],
  [ev.MMIO_DIST_READ, [inIntid('offset'), inValue('length', 'number', 0, 4, 4)]],
  [ev.MMIO_REDIST_READ, [inIntid('offset'), inValue('length', 'number', 0, 4, 4)]],
  [ev.MEM_AT, [inIntid('addressHigh', 0), word('addressLow')]],
  [ev.MEM_WRITE, [inIntid('bytes', 4), word('data')]],
  [ev.ITS_MMIO, [inIntid('offset'), word('data')]],
  [ev.ITS_WORD, [inIntid('index'), word('data')]],
  [ev.MSI, DEVICE_EVENT],
  [ev.ITS_CONTROL, [inIntid('action')]],
  [
    ev.TIMER,
    [inIntid('timer', 0), flag('enabled', 0, 1), flag('masked', 1, 0), flag('expired', 2, 0), flag('trapped', 3, 0)],
  ],
  [ev.VCPU_PUT, [flag('inWfi', 0, 0)]],
  [ev.VLPI, [INTID]],
  [ev.SYSTEM, [inIntid('switch'), word('setting')]],
  [ev.VM_STEP, [inIntid('step')]],
  [ev.MSI_CACHED, [inIntid('lpi', 0), ...DEVICE_EVENT]],
  [ev.ITS_TRIGGER, [inIntid('lpi', 0), ...DEVICE_EVENT]],
  [ev.TIMER_LEVEL, [INTID, LEVEL]],
  [ev.HOST_TIMER_IRQ, [inIntid('hostIrq')]],
  [ev.GUEST_ITS_WORD, [inIntid('index'), word('data')]],
  [ev.SCHEDULE_STEP, [inIntid('step'), inValue('data', 'number', 0, 32, 0)]],
  [ev.PUT, [inValue('vmcr', 'number', 0, 32, 0)]],
  [ev.GUEST_BPR, [word('written')]],
  [ev.GUEST_CTLR, [word('written')]],
  [ev.GUEST_IGRPEN, [word('written')]],
  [ev.LOST, [word('lost')]],
  [ev.EXPECT_LRS, [inIntid('used'), word('hcr')]],
  [ev.EXPECT_LR_LO, [inIntid('lr'), word('word')]],
  [ev.EXPECT_LR_HI, [inIntid('lr'), word('word')]],
  [ev.EXPECT_FOLD, [inIntid('used')]],
  [ev.EXPECT_SORT, [word('depth')]],
  [
    ev.EXPECT_LIST,
    [
      inIntid('position', undefined, 0, 16),
      { name: 'last', place: 'intid', shift: 16, bits: 1, form: 'flag', fallback: 0 },
      inValue('first', 'number', 0, 16),
      inValue('second', 'number', 16, 16, 0xffff),
    ],
  ],
]);

/** The named fields of a kind besides `t`, `op`, `vcpu` and the raw `intid` and `value`. */
export const fieldsOf = (kind: number): readonly JsonField[] => FIELDS.get(kind) ?? [];

/** Why an object is no event: `what` is wrong, and what to do. */
export class JsonEventError extends Error {
  readonly remedy: string;
  constructor(what: string, remedy: string) {
    super(what);
    this.remedy = remedy;
  }
}

/** A JSON number, or a string such as "0x1b". Throws JsonEventError unless it is an integer in [min, max]. */
export function readInteger(name: string, json: unknown, min: number, max: number): number {
  const number = typeof json === 'string' && /^0x[0-9a-f]+$/i.test(json) ? Number(json) : json;
  if (typeof number === 'number' && Number.isInteger(number) && number >= min && number <= max) return number;
  throw new JsonEventError(`"${name}" is ${JSON.stringify(json)}`, `give an integer from ${min} to ${max}`);
}

export function readFlag(name: string, json: unknown): boolean {
  if (typeof json === 'boolean') return json;
  if (json === 0 || json === 1) return json === 1;
  throw new JsonEventError(`"${name}" is ${JSON.stringify(json)}`, 'give true or false');
}

/** Array of integers from 0 to `max`, as a set. */
function readList(name: string, json: unknown, max: number): number[] {
  if (!Array.isArray(json))
    throw new JsonEventError(`"${name}" is no array`, `give numbers from 0 to ${max}, as [0, 1]`);
  return json.map((item) => readInteger(name, item, 0, max));
}

const maskOf = (bits: readonly number[]): number => bits.reduce((mask, bit) => mask | (1 << bit), 0);

const bitsOf = (mask: number): number[] =>
  Array.from({ length: 32 }, (_, bit) => bit).filter((bit) => (mask >>> bit) & 1);

const MAX_TARGET = 2 ** ev.VCPU_BITS - 1;
const LPI_PRIORITY_MASK = 0xfc;
const SGI_WINDOW = 16;
const SGI_WINDOW_SHIFT = 5;

interface Packed {
  intid: number;
  value: number;
}

function packSgiTargets(json: unknown): Packed {
  const targets = readList('targets', json, MAX_TARGET);
  const first = targets.length === 0 ? 0 : Math.min(...targets) - (Math.min(...targets) % SGI_WINDOW);
  if (targets.some((target) => target >= first + SGI_WINDOW)) {
    const what = `"targets" reaches beyond vCPUs ${first} to ${first + SGI_WINDOW - 1}`;
    throw new JsonEventError(
      what,
      `one SGI event has targets within ${SGI_WINDOW} neighbours: write one event for each such group`,
    );
  }
  return { intid: first << SGI_WINDOW_SHIFT, value: maskOf(targets.map((target) => target - first)) };
}

function readBits(field: JsonField, json: unknown): number {
  switch (field.form) {
    case 'flag':
      return readFlag(field.name, json) ? 1 : 0;
    case 'trigger':
      if (json === 'edge' || json === 'level') return json === 'level' ? 1 : 0;
      throw new JsonEventError(`"${field.name}" is ${JSON.stringify(json)}`, 'give "edge" or "level"');
    case 'list':
      return maskOf(readList(field.name, json, field.bits - 1));
    case 'lpi-priority':
      return readInteger(field.name, json, 0, 255) & LPI_PRIORITY_MASK;
    default:
      // A whole word may also be written as a signed number.
      return readInteger(field.name, json, field.bits === 32 ? -(2 ** 31) : 0, 2 ** field.bits - 1);
  }
}

function packField(field: JsonField, object: Readonly<Record<string, unknown>>): Packed {
  const json = object[field.name];
  if (json === undefined) {
    if (field.fallback === undefined) {
      throw new JsonEventError(`"${field.name}" is missing`, `add "${field.name}", or the raw "${field.place}"`);
    }
    return { intid: 0, value: 0, [field.place]: field.fallback << field.shift };
  }
  if (field.form === 'sgi-targets') return packSgiTargets(json);
  return { intid: 0, value: 0, [field.place]: readBits(field, json) << field.shift };
}

/**
 * Packs the named fields of an object into intid and value. A raw "intid" or "value" replaces all fields of that place.
 * Throws JsonEventError on a missing, unknown or wrong field.
 */
export function packFields(kind: number, object: Readonly<Record<string, unknown>>): Packed {
  const fields = fieldsOf(kind);
  for (const name of Object.keys(object)) {
    if (['t', 'op', 'vcpu', 'intid', 'value'].includes(name)) continue;
    if (!fields.some((field) => field.name === name)) {
      const known = ['t', 'vcpu', ...fields.map((field) => field.name)].join(', ');
      throw new JsonEventError(`unknown field "${name}" in "${String(object.op)}"`, `its fields are ${known}`);
    }
  }
  const packed: Packed = { intid: 0, value: 0 };
  const isRawIntid = object.intid !== undefined;
  const isRawValue = object.value !== undefined;
  for (const field of fields) {
    const isRaw = field.place === 'intid' ? isRawIntid : isRawValue;
    if (isRaw && field.name !== 'intid' && object[field.name] !== undefined) {
      throw new JsonEventError(`"${field.name}" and the raw "${field.place}" say the same`, 'leave one of them out');
    }
    const bits = isRaw ? { intid: 0, value: 0 } : packField(field, object);
    packed.intid |= isRawIntid ? 0 : bits.intid;
    packed.value |= bits.value;
  }
  if (isRawIntid) packed.intid = readInteger('intid', object.intid, 0, ev.INTID_MASK);
  if (isRawValue) packed.value = readInteger('value', object.value, -(2 ** 31), 2 ** 32 - 1) | 0;
  return packed;
}

function unpackField(field: JsonField, packed: Packed): unknown {
  const bits = (packed[field.place] >>> field.shift) & (2 ** field.bits - 1);
  switch (field.form) {
    case 'flag':
      return bits === 1;
    case 'trigger':
      return bits === 1 ? 'level' : 'edge';
    case 'list':
      return bitsOf(bits);
    case 'sgi-targets':
      return bitsOf(bits).map((bit) => bit + (packed.intid >>> SGI_WINDOW_SHIFT));
    case 'lpi-priority':
      return bits & LPI_PRIORITY_MASK;
    default:
      return bits >>> 0;
  }
}

/** The inverse of `packFields`: named fields, or raw ones where the bits are none that named fields could give. */
export function unpackFields(kind: number, intid: number, value: number): Record<string, unknown> {
  const named: Record<string, unknown> = {};
  for (const field of fieldsOf(kind)) {
    const json = unpackField(field, { intid, value });
    const isQuiet =
      field.fallback === 0 && (json === false || json === 0 || (Array.isArray(json) && json.length === 0));
    if (!isQuiet) named[field.name] = json;
  }
  if (isSamePacked(kind, named, intid, value)) return named;
  return { intid, value: value >>> 0 };
}

function isSamePacked(kind: number, named: Record<string, unknown>, intid: number, value: number): boolean {
  try {
    const packed = packFields(kind, named);
    return packed.intid === intid && packed.value === (value | 0);
  } catch (error) {
    if (error instanceof JsonEventError) return false;
    throw error;
  }
}
