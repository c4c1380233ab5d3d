/**
 * A trace without what points at the machine it came from: texts, interrupt numbers, exact times. The renumbered trace
 * behaves as the original does: nothing in a vGIC depends on which number an SPI or LPI has, except the order in which a
 * write to IGROUPR goes through its 32 interrupts, which stays.
 */
import { LPI_BASE, LPI_END, SPI_BASE, SPI_END } from '../../gic/intid.js';
import * as K from '../events.js';
import type { TraceHeader } from '../header.js';
import { EditError, type EventStage } from './stage.js';

/** Contents of the guest's memory, its device numbers, raw registers: these name interrupts in ways of their own. */
const isRaw = (kind: number): boolean =>
  (kind >= K.MMIO_DIST && kind <= K.MMIO_REDIST) ||
  (kind >= K.MMIO_DIST_BYTE && kind <= K.MMIO_REDIST_READ) ||
  (kind >= K.MEM_AT && kind <= K.ITS_CONTROL) ||
  kind === K.VLPI;
/** Facts with numbers of devices; nothing is lost with them but the check of an ITS model. */
const NAMES_DEVICES: ReadonlySet<number> = new Set([K.MSI_CACHED, K.ITS_TRIGGER, K.GUEST_ITS_WORD]);
/** They change interrupts 32 at a time. */
const WORD = 32;
const NO_INTID = 0xffff;
/** Of the high word of a list register: tied to a host interrupt; its number. */
const LR_HW = 1 << 29;
const LR_HOST_IRQ = 0x1fff;

/** New numbers in the order of first appearance. */
class Renumbering {
  readonly #begin: number;
  readonly #end: number;
  readonly #step: number;
  readonly #numbers = new Map<number, number>();

  /** `step` numbers that begin at a multiple of it stay together. */
  constructor(begin: number, end: number, step: number) {
    this.#begin = begin;
    this.#end = end;
    this.#step = step;
  }

  of(number: number): number {
    if (number < this.#begin || number >= this.#end) return number;
    const offset = number % this.#step;
    let group = this.#numbers.get(number - offset);
    if (group === undefined) {
      group = this.#begin + this.#numbers.size * this.#step;
      this.#numbers.set(number - offset, group);
    }
    return group + offset;
  }
}

export interface Redaction {
  readonly texts: boolean;
  readonly intids: boolean;
  /** Times become multiples of so many ticks; 1: they stay. */
  readonly coarseTicks: number;
}

/** `isByWord`: does the trace write IGROUPR? `nrSpis`: of the machine. */
export function createRedaction(
  { intids, coarseTicks }: Redaction,
  { isByWord, nrSpis, isGicv2Words }: { isByWord: boolean; nrSpis: number; isGicv2Words: boolean },
  next: EventStage,
): EventStage {
  const step = isByWord ? WORD : 1;
  // The last word may be shorter than the others: it stays where it is.
  const spis = new Renumbering(SPI_BASE, SPI_BASE + nrSpis - (nrSpis % step), step);
  const lpis = new Renumbering(LPI_BASE, LPI_END, step);
  const hosts = new Renumbering(SPI_BASE, SPI_END, 1);
  const irqOf = (intid: number): number => (intid >= LPI_BASE ? lpis.of(intid) : spis.of(intid));
  /** High words come after their low words; GICv2 words hold everything in the low one. */
  const lowWordOf = (word: number): number => {
    if (!isGicv2Words) return irqOf(word >>> 0) | 0;
    const host = (word >>> 10) & 0x3ff;
    const isTied = word < 0;
    const number = isTied ? hosts.of(host) << 10 : word & (0x3ff << 10);
    return (word & ~0xfffff) | number | irqOf(word & 0x3ff);
  };
  const highWordOf = (word: number): number =>
    !isGicv2Words && (word & LR_HW) !== 0 ? (word & ~LR_HOST_IRQ) | hosts.of(word & LR_HOST_IRQ) : word;
  const listOf = (pair: number): number => {
    const [first, second] = [pair & NO_INTID, pair >>> 16];
    return irqOf(first) | ((second === NO_INTID ? second : irqOf(second)) << 16);
  };

  return {
    event(kind, vcpu, intid, value, tick) {
      const time = tick - (tick % coarseTicks);
      if (!intids) {
        next.event(kind, vcpu, intid, value, time);
        return;
      }
      if (isRaw(kind))
        throw new EditError(
          `INTIDs cannot be renumbered: ${K.findKind(kind)?.name} names them in bits of registers or memory; use --redact texts,times`,
        );
      if (NAMES_DEVICES.has(kind)) return;
      const role = K.findKind(kind)?.intid;
      let number = intid;
      let word = value;
      if (role === 'irq' || role === 'ack' || role === 'lpi') number = irqOf(intid);
      else if (role === 'hostirq') number = hosts.of(intid);
      if (kind === K.HW_MAP) word = (value & ~0xffff) | hosts.of(value & 0xffff);
      else if (kind === K.EXPECT_LR_LO) word = lowWordOf(value);
      else if (kind === K.EXPECT_LR_HI) word = highWordOf(value);
      else if (kind === K.EXPECT_LIST) word = listOf(value);
      next.event(kind, vcpu, number, word, time);
    },
    gap: (lost, place) => next.gap(lost, place),
    end: () => next.end(),
  };
}

/** The header without texts of the machine it came from. */
export const redactHeader = (header: TraceHeader): TraceHeader => ({
  ...header,
  name: 'redacted',
  title: '',
  clock: '',
  provenance: { tool: '', kernel: '', when: '', how: '', licence: header.provenance.licence, sourceSha256: '' },
});
