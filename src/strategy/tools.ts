/**
 * What a strategy from outside is handed, so that a single file anywhere on the disk needs no import: the second argument
 * of its `create`.
 */
import { COUNTED } from '#counting';
import { LPI_BASE, NO_SLOT, NR_SGIS } from '../gic/intid.js';
import { OVERFLOW } from '../vgic/ap-list.js';
import { createOrder } from '../vgic/order.js';
import { SUMMARY_ACTIVE, SUMMARY_PENDING, SUMMARY_SGIS, slotOf } from '../vgic/state.js';
import * as word from '../vgic/word.js';
import { createAppendedList } from './appended-list.js';
import { createLinkedList } from './linked-list.js';

export const strategyTools = {
  /** False in the build that `bench` times: book modelled cost only if true. */
  COUNTED,
  /** Flag in the result of `select` (vgic/ap-list.ts). */
  OVERFLOW,
  /** -1: no row. */
  NO_SLOT,
  NR_SGIS,
  LPI_BASE,
  /** Places in `state.summary`. */
  SUMMARY_ACTIVE,
  SUMMARY_PENDING,
  SUMMARY_SGIS,
  /** Row of an INTID. */
  slotOf,
  /** The packed state word: ACTIVE, ENABLED, PENDING, priorityOf, targetOracle, staysHere and the rest of vgic/word.ts. */
  word,
  /** The flavour's comparator as a key. */
  createOrder,
  /** A doubly linked list a vCPU, with populate walk, prune walk and pending test (linked-list.ts). */
  createLinkedList,
  /** The same with the flavour's depth count and sort: what sort-on-flush is made of. */
  createAppendedList,
};

export type StrategyTools = typeof strategyTools;
