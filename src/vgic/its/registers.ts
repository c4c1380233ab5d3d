/**
 * The registers of the ITS frame, and the command queue that a write to CWRITER makes it work through. vgic-spec 6.2.
 * GITS_TRANSLATER is for devices, whose writes carry a device number: the MSI of an event. A CPU that writes there reaches
 * nothing.
 */
import type { ItsRules } from '../../gic/flavour/flavour.js';
import { ITS_COMMAND_BYTES, ITS_COMMAND_WORDS } from '../../gic/its-command.js';
import type { CommandWords } from './commands.js';
import type { ItsCosts } from './costs.js';
import type { GuestMemory } from './guest-memory.js';
import { ID_BITS } from './objects.js';
import { addressOf, BASER_RULES, CBASER_RULES, sanitise, type WordRules } from './register-words.js';
import { ENTRY_BYTES, isValid } from './table-entries.js';
import { type Table, tableOf } from './tables.js';

const CTLR = 0x0000;
const TYPER = 0x0008;
const CBASER = 0x0080;
const CWRITER = 0x0088;
const CREADR = 0x0090;
const DEVICE_BASER = 0x0100;
const COLLECTION_BASER = 0x0108;

const CTLR_ENABLE = 1;
/** Nothing is queued. */
const CTLR_QUIESCENT = 2 ** 31;
/** Physical LPIs, entry size - 1, event bits - 1, device bits - 1; PTA 0: targets are processor numbers. */
const TYPER_LO = 1 | ((ENTRY_BYTES - 1) << 4) | ((ID_BITS - 1) << 8) | ((ID_BITS - 1) << 13);

const TYPE_DEVICES = 1;
const TYPE_COLLECTIONS = 4;
const BASER_FIXED_HI = (ENTRY_BYTES - 1) << 16;
const INDIRECT_HI = 1 << 30;
const PAGE_SIZE_LO = 3 << 8;
const PAGE_SIZE_64K = 2 << 8;

const QUEUE_PAGE_BYTES = 4096;
/** Bits 19:5 of CWRITER. */
const QUEUE_OFFSET = 0xfffe0;

export interface ItsRegisters {
  isEnabled(): boolean;
  deviceTable(): Table;
  collectionTable(): Table;
  /** Raw 32-bit write at a byte offset; registers that are not listed above, identification too, are RAZ/WI. */
  write(offset: number, value: number): void;
  read(offset: number): number;
}

export interface RegisterParts {
  readonly rules: ItsRules;
  readonly memory: GuestMemory;
  readonly costs: ItsCosts;
  command(words: CommandWords): number;
  invalidateCache(): void;
  freeDevices(): void;
  freeCollections(): void;
}

/** A register of two words. */
class DoubleWord {
  lo = 0;
  hi = 0;

  /** One half is written; true: the register changed. */
  write(half: number, value: number, rules: WordRules): boolean {
    const [lo, hi] = half === 0 ? sanitise(value, this.hi, rules) : sanitise(this.lo, value, rules);
    return this.set(lo, hi);
  }

  set(lo: number, hi: number): boolean {
    const changes = lo !== this.lo || hi !== this.hi;
    this.lo = lo;
    this.hi = hi;
    return changes;
  }
}

class Baser extends DoubleWord {
  table: Table;
  readonly #type: number;
  readonly #clearedHi: number;

  constructor(type: number, clearedHi: number) {
    super();
    this.#type = type;
    this.#clearedHi = clearedHi;
    this.table = tableOf(0, 0);
    this.write(0, 0, BASER_RULES);
  }

  override set(lo: number, hi: number): boolean {
    const fixedHi = (hi & ~this.#clearedHi) | BASER_FIXED_HI | (this.#type << 24);
    const changes = super.set((lo & ~PAGE_SIZE_LO) | PAGE_SIZE_64K, fixedHi);
    this.table = tableOf(this.lo, this.hi);
    return changes;
  }
}

export function createItsRegisters(parts: RegisterParts): ItsRegisters {
  const { rules, memory, costs } = parts;
  const devices = new Baser(TYPE_DEVICES, 0);
  // The collection table is flat only.
  const collections = new Baser(TYPE_COLLECTIONS, INDIRECT_HI);
  const cbaser = new DoubleWord();
  const words = new Int32Array(ITS_COMMAND_WORDS);
  let enabled = false;
  let creadr = 0;
  let cwriter = 0;

  const queueBytes = (): number => ((cbaser.lo & 0xff) + 1) * QUEUE_PAGE_BYTES;

  function readCommand(address: number): boolean {
    for (let at = 0; at < ITS_COMMAND_WORDS; at += 2) {
      if (!memory.readDouble(address + 4 * at)) return false;
      words[at] = memory.lo;
      words[at + 1] = memory.hi;
    }
    return true;
  }

  /** Everything from CREADR to CWRITER, one after another; a slot that cannot be read is skipped, an error is dropped. */
  function workThroughQueue(): void {
    if (!enabled) return;
    if (creadr === cwriter) return;
    const base = addressOf(cbaser.lo, cbaser.hi, 16);
    let steps = 0;
    let locks = 0;
    while (creadr !== cwriter) {
      if (readCommand(base + creadr)) {
        parts.command(words);
        steps += costs.lastSteps();
        locks += costs.last('locks');
      }
      creadr = (creadr + ITS_COMMAND_BYTES) % queueBytes();
    }
    costs.queue.steps.add(steps);
    costs.queue.locks.add(locks);
  }

  function writeControl(value: number): void {
    const enable = (value & CTLR_ENABLE) !== 0;
    const isReady = devices.table.isValid && collections.table.isValid && isValid(cbaser.hi);
    if (!enabled && enable && !isReady) return;
    enabled = enable;
    if (!enabled) parts.invalidateCache();
    workThroughQueue();
  }

  function writeBaser(baser: Baser, half: number, value: number, free: () => void): void {
    if (enabled) return;
    const changes = baser.write(half, value, BASER_RULES);
    if (rules.baserWriteFrees === 'changed' ? changes : !baser.table.isValid) free();
  }

  return {
    isEnabled: () => enabled,
    deviceTable: () => devices.table,
    collectionTable: () => collections.table,
    write(offset, value) {
      const half = offset & 4;
      switch (offset - half) {
        case CTLR:
          if (half === 0) writeControl(value);
          break;
        case CBASER:
          if (enabled) return;
          cbaser.write(half, value, CBASER_RULES);
          creadr = 0;
          cwriter = 0;
          break;
        case CWRITER: {
          const to = half === 0 ? value & QUEUE_OFFSET : cwriter;
          if (to >= queueBytes()) return;
          cwriter = to;
          workThroughQueue();
          break;
        }
        case DEVICE_BASER:
          writeBaser(devices, half, value, parts.freeDevices);
          break;
        case COLLECTION_BASER:
          writeBaser(collections, half, value, parts.freeCollections);
      }
    },
    read(offset) {
      const half = offset & 4;
      switch (offset - half) {
        case CTLR:
          return half === 0 ? (enabled ? CTLR_ENABLE : 0) + (creadr === cwriter ? CTLR_QUIESCENT : 0) : 0;
        case TYPER:
          return half === 0 ? TYPER_LO : 0;
        case CBASER:
          return (half === 0 ? cbaser.lo : cbaser.hi) >>> 0;
        case CWRITER:
          return half === 0 ? cwriter : 0;
        case CREADR:
          return half === 0 ? creadr : 0;
        case DEVICE_BASER:
          return (half === 0 ? devices.lo : devices.hi) >>> 0;
        case COLLECTION_BASER:
          return (half === 0 ? collections.lo : collections.hi) >>> 0;
        default:
          return 0;
      }
    },
  };
}
