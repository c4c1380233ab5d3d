/**
 * queue_irq_unlock and what hangs on it: whose ap_list an interrupt joins, who is kicked, and how a row leaves a list.
 * vgic-spec 1.4, 1.6, 1.8, 1.20.
 */
import * as Counting from '#counting';
import type { ApList, ApListOps, CreateApList } from './ap-list.js';
import type { Kicks } from './kicks.js';
import type { LpiOrder } from './lpi-order.js';
import * as Operations from './operations.js';
import { createOrder } from './order.js';
import type { Populate } from './populate.js';
import { isPinned, type VgicState } from './state.js';
import * as Word from './word.js';

// V8 folds a module's own constants, not imported ones: 1.2-2x in hot loops (bench/README.md).
const { COUNTED } = Counting;
const { OP_MIGRATED, OP_KICKED, OP_QUEUED, OP_UNQUEUED, OP_RELEASED } = Operations;
const { QUEUED_FIELD, QUEUED_SHIFT, queuedOn, TARGET_FIELD, TARGET_SHIFT, targetOf, targetOracle, wantsList } = Word;

export interface Queue {
  readonly list: ApList;
  /**
   * Gives the row a new word, which may make the interrupt deliverable: append it to the oracle's list unless it is on one, kick.
   * Books one call of the inject path (irq_lock; list lock and irq_lock again when it queues).
   */
  queueIrq(slot: number, word: number): void;
  /** A register write changed a key without queueing. Books one call of the rekey path (irq_lock). */
  rekeyIrq(slot: number): void;
  /** A key changed without any lock (ITS CLEAR). */
  rekeyLockless(slot: number): void;
  /** Mapping or group changed with no lock that is counted: part of the key in some flavours. */
  rekeyUnlocked(slot: number): void;
  /** The distributor's or the vCPU's group enables changed: part of all keys in some flavours. */
  rekeyAll(vcpu: number): void;
}

/** Who is told that a row was appended to its target's list. */
export function createQueuedNotice(s: VgicState, { kick, broadcast }: Kicks): (slot: number, target: number) => void {
  const { spiSlotBase, lpiSlotBase, activeSpis, flavour } = s;
  const kickQueued = (_slot: number, target: number): void => {
    if (COUNTED) kick(target, false);
  };
  /** TDIR: the first SPI queued asks every vCPU in, to turn the trap on (vgic-spec 1.8). */
  const broadcastFirstSpi = (slot: number, target: number): void => {
    if (slot >= spiSlotBase && slot < lpiSlotBase && activeSpis[0]++ === 0) {
      if (COUNTED) broadcast();
    } else if (COUNTED) kick(target, false);
  };
  return flavour.firstSpiBroadcast && !s.isV2Guest ? broadcastFirstSpi : kickQueued;
}

export function createQueue(
  s: VgicState,
  createList: CreateApList,
  { populate }: Populate,
  kicks: Kicks,
  lpiOrder: LpiOrder,
): Queue {
  const { word, dist, cost, lpiRefs, lpiSlotBase, queuedRows } = s;
  const { kick } = kicks;
  const { kicksAfterMigration } = s.flavour;

  const ops: ApListOps = {
    populate,
    release(slot) {
      if (COUNTED) {
        queuedRows[queuedOn(word[slot])] -= 1;
        cost.ops[OP_RELEASED] += 1;
      }
      // The list held a reference: an LPI that is no longer mapped goes with it.
      const isGone = slot >= lpiSlotBase && lpiRefs[slot - lpiSlotBase] === 0 && !isPinned(s, slot);
      word[slot] = isGone ? 0 : word[slot] & ~QUEUED_FIELD;
      if (COUNTED && isGone) lpiOrder.remove(slot);
    },
    migrate(slot, to) {
      if (COUNTED) {
        queuedRows[queuedOn(word[slot])] -= 1;
        queuedRows[to] += 1;
        cost.ops[OP_MIGRATED] += 1;
      }
      word[slot] = (word[slot] & ~QUEUED_FIELD) | ((to + 1) << QUEUED_SHIFT);
      insert(to, slot);
      if (COUNTED && kicksAfterMigration) kick(to, false);
    },
  };
  const list = createList(s, ops);
  const { insert, touch, touchAll } = list;
  const { dependsOnEnables } = createOrder(s);

  const onQueued = createQueuedNotice(s, kicks);

  /** Of a row that is on a list, or goes to its target's. */
  function endRekey(slot: number): void {
    const w = word[slot];
    cost.endKeyChange((w & QUEUED_FIELD) !== 0 ? queuedOn(w) : targetOf(w));
  }

  return {
    list,
    queueIrq(slot, w) {
      if (COUNTED) cost.locks += 1;
      if ((w & QUEUED_FIELD) !== 0) {
        word[slot] = w;
        touch(slot);
        // Kick the oracle's vCPU, which may differ from the list's owner after a retarget.
        if (COUNTED) {
          const target = targetOracle(w, dist[0] === 1);
          if (target >= 0) kick(target, true);
          cost.ops[target >= 0 ? OP_KICKED : OP_UNQUEUED] += 1;
        }
      } else {
        const target = ((w & TARGET_FIELD) >>> TARGET_SHIFT) - 1;
        if (wantsList(w, dist[0]) !== 0 && target >= 0) {
          if (COUNTED) {
            cost.locks += 2;
            queuedRows[target] += 1;
            cost.ops[OP_QUEUED] += 1;
          }
          word[slot] = w | ((w & TARGET_FIELD) << (QUEUED_SHIFT - TARGET_SHIFT));
          insert(target, slot);
          onQueued(slot, target);
        } else {
          if (COUNTED) cost.ops[OP_UNQUEUED] += 1;
          word[slot] = w;
        }
      }
      if (COUNTED) cost.endAppend((word[slot] & QUEUED_FIELD) !== 0 ? queuedOn(word[slot]) : targetOf(word[slot]));
    },
    rekeyIrq(slot) {
      if (COUNTED) cost.locks += 1;
      if ((word[slot] & QUEUED_FIELD) !== 0) touch(slot);
      if (COUNTED) endRekey(slot);
    },
    rekeyLockless(slot) {
      if ((word[slot] & QUEUED_FIELD) !== 0) touch(slot);
      if (COUNTED) endRekey(slot);
    },
    rekeyUnlocked(slot) {
      if (!dependsOnEnables || (word[slot] & QUEUED_FIELD) === 0) return;
      touch(slot);
      if (COUNTED) endRekey(slot);
    },
    rekeyAll(vcpu) {
      if (!dependsOnEnables) return;
      touchAll(vcpu);
      if (COUNTED) cost.endKeyChange(vcpu);
    },
  };
}
