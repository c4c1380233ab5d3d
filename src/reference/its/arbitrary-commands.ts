/** Random ITS commands, most of which name what exists. */
import { chance, type Draw, pick, pickWeighted } from './draw.js';
import {
  COLLECTIONS,
  DEVICES,
  FAR_DEVICES,
  ITTS,
  LPIS,
  ONE_PAGE,
  STRANGE_COLLECTIONS,
  STRANGE_DEVICES,
  STRANGE_ITTS,
  STRANGE_LPIS,
} from './its-layout.js';
import { type CommandFields, encodeCommand, OPCODES } from './its-machine.js';

export const COMMANDS = OPCODES;

export interface DrawnCommand {
  readonly label: string;
  readonly words: readonly number[];
}

const MAX_BITS_USED = 5;
const UNKNOWN_OPCODES: readonly number[] = [0x00, 0x02, 0x22, 0xff];

const WEIGHTS: readonly (readonly [number, number])[] = [
  [6, OPCODES.MAPD],
  [7, OPCODES.MAPC],
  [18, OPCODES.MAPTI],
  [4, OPCODES.MAPI],
  [7, OPCODES.MOVI],
  [14, OPCODES.INT],
  [4, OPCODES.CLEAR],
  [6, OPCODES.DISCARD],
  [6, OPCODES.INV],
  [4, OPCODES.INVALL],
  [3, OPCODES.MOVALL],
  [1, OPCODES.SYNC],
];

/** One that is mapped, once in `oneKnownIn` times at least. */
function drawDevice({ random, deviceTable, tables }: Draw, oneKnownIn = 2): number {
  if (chance(random, 25)) return pick(random, STRANGE_DEVICES);
  if (tables.devices.length > 0 && chance(random, oneKnownIn)) return pick(random, tables.devices).id;
  const isLarge = deviceTable !== ONE_PAGE;
  return pick(random, chance(random, isLarge ? 2 : 20) ? FAR_DEVICES : DEVICES);
}

function drawCollection({ random, tables }: Draw): number {
  if (chance(random, 25)) return pick(random, STRANGE_COLLECTIONS);
  const mapped = tables.collections.filter(({ target }) => target !== null);
  const known = mapped.length > 0 && !chance(random, 6) ? mapped : tables.collections;
  const isKnown = known.length > 0 && !chance(random, 4);
  return isKnown ? pick(random, known).id : pick(random, COLLECTIONS);
}

const drawTarget = ({ random, nrVcpus }: Draw): number =>
  chance(random, 15) ? pick(random, [nrVcpus, 0xff, 0xffffffff]) : random.nextBelow(nrVcpus);

function drawItt({ random }: Draw): number {
  return chance(random, 12) ? pick(random, STRANGE_ITTS) : pick(random, ITTS);
}

function drawBits({ random }: Draw): number {
  if (chance(random, 10)) return pick(random, [16, 16, 17, 32]);
  return 2 + random.nextBelow(MAX_BITS_USED - 1);
}

/** An event of a device that is there, which is mapped if `isMapped`, and mostly below its limit. */
function drawEvent(draw: Draw, isMapped: boolean): { device: number; event: number } {
  const { random, tables } = draw;
  const devices = tables.devices.filter(({ entries }) => !isMapped || entries.length > 0);
  if (devices.length === 0 || chance(random, 15)) return { device: drawDevice(draw), event: random.nextBelow(8) };
  const { id, bits, entries } = pick(random, devices);
  if (isMapped && !chance(random, 15)) return { device: id, event: pick(random, entries).event };
  const limit = 2 ** Math.min(bits, MAX_BITS_USED);
  return { device: id, event: chance(random, 15) ? 2 ** bits : random.nextBelow(limit) };
}

/** An event that an MSI mostly can deliver. */
export function drawTriggered(draw: Draw): { device: number; event: number } {
  const { random, tables } = draw;
  const mapped = new Set(tables.collections.filter(({ target }) => target !== null).map(({ id }) => id));
  const deliverable = tables.devices.flatMap(({ id, entries }) =>
    entries
      .filter(({ collection }) => collection !== null && mapped.has(collection))
      .map(({ event }) => ({ device: id, event })),
  );
  return deliverable.length === 0 || chance(random, 4) ? drawEvent(draw, true) : pick(random, deliverable);
}

const drawLpi = ({ random }: Draw): number => pick(random, chance(random, 20) ? STRANGE_LPIS : LPIS);

function drawFields(draw: Draw, opcode: number): CommandFields {
  const { random } = draw;
  switch (opcode) {
    case OPCODES.MAPD:
      return {
        opcode,
        device: drawDevice(draw, 8),
        itt: drawItt(draw),
        bits: drawBits(draw),
        valid: !chance(random, 8),
      };
    case OPCODES.MAPC:
      return { opcode, collection: drawCollection(draw), target: drawTarget(draw), valid: !chance(random, 8) };
    case OPCODES.MAPTI:
      return { opcode, ...drawEvent(draw, false), lpi: drawLpi(draw), collection: drawCollection(draw) };
    case OPCODES.MAPI:
      return { opcode, ...drawMapi(draw), collection: drawCollection(draw) };
    case OPCODES.MOVI:
      return { opcode, ...drawEvent(draw, true), collection: drawCollection(draw) };
    case OPCODES.INVALL:
      return { opcode, collection: drawCollection(draw) };
    case OPCODES.MOVALL:
      return { opcode, target: drawTarget(draw), otherTarget: drawTarget(draw) };
    case OPCODES.SYNC:
      return { opcode };
    default:
      return { opcode, ...drawEvent(draw, true) };
  }
}

/** The event is the LPI: it must be in reach of both. */
function drawMapi(draw: Draw): { device: number; event: number } {
  const wide = draw.tables.devices.filter(({ bits }) => bits === 16);
  if (wide.length === 0) return drawEvent(draw, false);
  return { device: pick(draw.random, wide).id, event: drawLpi(draw) };
}

const MIN_DEVICES = 2;
const MIN_COLLECTIONS = 2;
const MIN_ENTRIES = 6;

/** What too little of is mapped for most commands to meet something, if any. */
function drawMissing({ random, tables }: Draw): number | undefined {
  if (chance(random, 3)) return undefined;
  if (tables.devices.length < MIN_DEVICES) return OPCODES.MAPD;
  if (tables.collections.filter(({ target }) => target !== null).length < MIN_COLLECTIONS) return OPCODES.MAPC;
  const nrEntries = tables.devices.reduce((sum, { entries }) => sum + entries.length, 0);
  return nrEntries < MIN_ENTRIES ? OPCODES.MAPTI : undefined;
}

function drawOpcode(draw: Draw): number {
  if (chance(draw.random, 60)) return pick(draw.random, UNKNOWN_OPCODES);
  return drawMissing(draw) ?? pickWeighted(draw.random, WEIGHTS);
}

/** Of that opcode, or of any. */
export function drawCommand(draw: Draw, opcode?: number): DrawnCommand {
  const drawn = opcode ?? drawOpcode(draw);
  const fields = drawFields(draw, drawn);
  const name = Object.entries(OPCODES).find(([, code]) => code === drawn)?.[0] ?? `opcode ${drawn}`;
  const operands = Object.entries(fields).filter(([field]) => field !== 'opcode');
  return {
    label: [
      name,
      ...operands.map(([field, value]) => `${field}=${field === 'itt' ? `0x${value.toString(16)}` : value}`),
    ].join(' '),
    words: encodeCommand(fields),
  };
}
