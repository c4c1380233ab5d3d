/**
 * The LPIs of the VM as the ITS sees them: found by number, made with their configuration and pending bit, walked. State is
 * in the core's rows (vgic/lpi-rows.ts); tables are in guest memory. vgic-spec 1.6, 6.4, 6.7, 6.10.
 */
import type { ItsRules } from '../../gic/flavour/flavour.js';
import { LPI_BASE, LPI_END, NO_SLOT, NO_VCPU } from '../../gic/intid.js';
import type { LpiRows } from '../lpi-rows.js';
import type { VgicState } from '../state.js';
import { EXISTS, LATCH, targetOf } from '../word.js';
import type { ItsCosts } from './costs.js';
import type { GuestMemory } from './guest-memory.js';
import { type Keyed, KeyedList } from './keyed-list.js';
import { addressOf } from './register-words.js';
import { EFAULT, ENOMEM, OK } from './result.js';

const ID_BITS_MASK = 0x1f;
const MAX_ID_BITS = 16;
const CONFIG_TABLE_SHIFT = 12;
const PENDING_TABLE_SHIFT = 16;

export interface Lpis {
  /** One past the last number that a guest may map: 2^min(IDbits + 1, 16) (vgic-spec 6.6). */
  end(): number;
  /** Row of a known LPI, or NO_SLOT. */
  find(intid: number): number;
  /**
   * A reference to the LPI: its row, or a negative errno. One that is new gets configuration and pending bit from the tables;
   * one that exists keeps its state and its target.
   */
  add(intid: number, target: number): number;
  drop(slot: number): void;
  /** Reads the configuration byte, then queues. OK or -EFAULT. */
  readConfig(slot: number): number;
  targetOf(slot: number): number;
  setTarget(slot: number, target: number): void;
  pend(slot: number): void;
  clear(slot: number): void;
  hold(slot: number): void;
  /** INVALL, INVALLR: configuration of every LPI whose target is `vcpu`. */
  readConfigsOf(vcpu: number): void;
  /** MOVALL. */
  retarget(from: number, to: number): void;
  /** EnableLPIs of `vcpu` went from 0 to 1. OK or -EFAULT. */
  readPendingTable(vcpu: number): number;
  /** SAVE_PENDING_TABLES. OK or -EFAULT. */
  savePendingTables(): number;
}

/** An LPI in the list of kvm-6.1; its key is the number. */
interface Listed extends Keyed {
  readonly slot: number;
}

export function createLpis(s: VgicState, rules: ItsRules, rows: LpiRows, memory: GuestMemory, costs: ItsCosts): Lpis {
  const { word, intidOfSlot, lpiRefs, lpiSlotBase, propbaser, pendbaser } = s;
  const isListed = rules.lpiIndex === 'list';
  const wideSlotBase = lpiSlotBase + LPI_END - LPI_BASE;
  /** kvm-6.1: every LPI that exists, in the order in which they were mapped. */
  const listed = new KeyedList<Listed>();
  /** Of these, the ones that nothing but an ap_list or an LR held when last looked at: the core frees them unasked. */
  const unmapped = new Set<Listed>();

  /** Numbers that a restored entry may give have 32 bits. */
  const numberOf = (slot: number): number => intidOfSlot[slot] >>> 0;
  const exists = (slot: number): boolean => (word[slot] & EXISTS) !== 0;
  const configAddress = (intid: number): number =>
    addressOf(propbaser[0], propbaser[1], CONFIG_TABLE_SHIFT) + intid - LPI_BASE;
  const pendingAddress = (vcpu: number, intid: number): number =>
    addressOf(pendbaser[2 * vcpu], pendbaser[2 * vcpu + 1], PENDING_TABLE_SHIFT) + Math.floor(intid / 8);

  /** What the core freed leaves the list too. */
  function settle(): void {
    for (const item of unmapped) {
      const isFreed = !exists(item.slot);
      if (isFreed) listed.remove(item);
      if (isFreed || lpiRefs[item.slot - lpiSlotBase] > 0) unmapped.delete(item);
    }
  }

  function find(intid: number): number {
    if (isListed) {
      settle();
      listed.find(intid);
      costs.lpiNodes += listed.visited;
    } else costs.lpiNodes += 1;
    return rows.lookUp(intid);
  }

  function drop(slot: number): void {
    rows.drop(slot);
    if (!isListed || lpiRefs[slot - lpiSlotBase] > 0) return;
    const item = listed.find(numberOf(slot));
    if (item === undefined) return;
    if (exists(slot)) unmapped.add(item);
    else {
      unmapped.delete(item);
      listed.remove(item);
    }
  }

  function readConfig(slot: number): number {
    const config = memory.readByte(configAddress(numberOf(slot)));
    if (config < 0) return EFAULT;
    rows.setConfig(slot, config);
    return OK;
  }

  /** The target's bit becomes the latch, and is cleared in memory (vgic-spec 6.7). */
  function importPending(slot: number): number {
    const target = targetOf(word[slot]);
    if (target === NO_VCPU) return OK;
    const intid = numberOf(slot);
    const address = pendingAddress(target, intid);
    const byte = memory.readByte(address);
    if (byte < 0) return EFAULT;
    const bit = 1 << (intid & 7);
    rows.setLatch(slot, byte & bit);
    if ((byte & bit) !== 0) memory.writeByte(address, byte & ~bit);
    return OK;
  }

  function add(intid: number, target: number): number {
    const known = find(intid);
    if (known !== NO_SLOT) {
      rows.hold(known);
      return known;
    }
    const slot = rows.create(intid, target);
    if (slot === NO_SLOT) return ENOMEM;
    if (isListed) listed.append({ key: intid, place: 0, slot });
    let result = readConfig(slot);
    if (result === OK) result = importPending(slot);
    if (result === OK) return slot;
    drop(slot);
    return result;
  }

  /** Rows of all LPIs: in mapping order (kvm-6.1), or ascending by number. */
  function walk(): number[] {
    const slots: number[] = [];
    if (isListed) {
      settle();
      listed.forEach(({ slot }) => {
        slots.push(slot);
      });
    } else {
      for (const slot of rows.everUsed()) if (exists(slot)) slots.push(slot);
      const wide = slots.findIndex((slot) => slot >= wideSlotBase);
      if (wide >= 0) slots.push(...slots.splice(wide).sort((a, b) => numberOf(a) - numberOf(b)));
    }
    costs.lpisWalked += slots.length;
    return slots;
  }

  /**
   * kvm-6.1 notes the numbers in one walk, only those of the wanted target, and looks each up again afterwards; later code
   * takes a reference to one after another.
   */
  function visitAll(target: number, visit: (slot: number) => void): void {
    for (const slot of walk()) {
      if (isListed) {
        if (target !== NO_VCPU && targetOf(word[slot]) !== target) continue;
        listed.find(numberOf(slot));
        costs.lpiNodes += listed.visited;
        rows.walkTo(slot);
      } else costs.lpiNodes += 1;
      visit(slot);
    }
  }

  return {
    end: () => 2 ** Math.min((propbaser[0] & ID_BITS_MASK) + 1, MAX_ID_BITS),
    find,
    add,
    drop,
    readConfig,
    targetOf: (slot) => targetOf(word[slot]),
    setTarget: rows.setTarget,
    pend: (slot) => rows.setLatch(slot, 1),
    clear: rows.clearLatch,
    hold: rows.hold,
    readConfigsOf(vcpu) {
      visitAll(vcpu, (slot) => {
        if (targetOf(word[slot]) === vcpu) {
          readConfig(slot);
          return;
        }
        // Its byte is read before its target is looked at.
        if (memory.readByte(configAddress(numberOf(slot))) >= 0) rows.glance();
      });
    },
    retarget(from, to) {
      visitAll(from, (slot) => {
        if (targetOf(word[slot]) === from) rows.setTarget(slot, to);
      });
    },
    readPendingTable(vcpu) {
      let at = -1;
      let byte = 0;
      let result = OK;
      visitAll(NO_VCPU, (slot) => {
        if (result !== OK) return;
        const intid = numberOf(slot);
        const address = pendingAddress(vcpu, intid);
        if (address !== at) {
          byte = memory.readByte(address);
          at = address;
          if (byte < 0) {
            result = EFAULT;
            return;
          }
        }
        const isOwn = targetOf(word[slot]) === vcpu;
        const latch = isOwn ? (byte >>> (intid & 7)) & 1 : word[slot] & LATCH;
        rows.setLatch(slot, latch);
      });
      return result;
    },
    savePendingTables() {
      let at = -1;
      let byte = 0;
      for (const slot of walk()) {
        const target = targetOf(word[slot]);
        if (target === NO_VCPU) continue;
        const intid = numberOf(slot);
        const address = pendingAddress(target, intid);
        if (address !== at) {
          byte = memory.readByte(address);
          at = address;
          if (byte < 0) return EFAULT;
        }
        const bit = 1 << (intid & 7);
        const wanted = (word[slot] & LATCH) !== 0 ? byte | bit : byte & ~bit;
        if (wanted !== byte) memory.writeByte(address, wanted);
        byte = wanted;
      }
      return OK;
    },
  };
}
