/**
 * ITS commands that a guest mirrors to its VMM's test device before it issues them (three 8-byte words at +0x40, +0x48
 * and +0x50; complete at +0x50). The command queue itself is in guest memory, which no trace shows. They take effect
 * at the following write to GITS_CWRITER. Only those that leave no trace line of their own become steps; the others
 * are only read for their mapping. Commands: vgic-spec 6.6.
 */
import { LPI_BASE, LPI_END } from '../../gic/intid.js';
import { ITS_CLEAR, ITS_DISCARD, ITS_MAPD, ITS_MAPI, ITS_MAPTI } from '../../gic/its-command.js';
import { LPI_CLEAR, LPI_UNMAP } from '../../trace/events.js';
import { irqKey, type Step } from './step.js';

const VALID = 1 << 31;
const WORD_COUNT = 3;
/** 32-bit words of a mirrored command. */
export const COMMAND_WORDS = 2 * WORD_COUNT;

interface Words {
  lo: number;
  hi: number;
}

export class ItsCommands {
  #words: Words[] = [];
  #queue: Words[][] = [];
  /** device → event → LPI. */
  readonly #mapping = new Map<number, Map<number, number>>();

  /** One mirrored word; `index` 0..2. */
  word(index: number, lo: number, hi: number): void {
    this.#words[index] = { lo, hi };
    if (index !== WORD_COUNT - 1) return;
    if (this.#words[0] !== undefined && this.#words[1] !== undefined) this.#queue.push(this.#words);
    this.#words = [];
  }

  /** GITS_CWRITER was written: the steps of the commands mirrored so far, and their words, six of 32 bits each. */
  take(): { steps: Step[]; words: number[] } {
    const steps: Step[] = [];
    const words: number[] = [];
    for (const command of this.#queue) {
      this.#run(command, steps);
      for (const { lo, hi } of command) words.push(lo, hi);
    }
    this.#queue = [];
    return { steps, words };
  }

  #run([first, second, third]: readonly Words[], steps: Step[]): void {
    const device = first.hi;
    const event = second.lo;
    const events = this.#mapping.get(device) ?? new Map<number, number>();
    const lpi = events.get(event);
    switch (first.lo & 0xff) {
      case ITS_MAPD:
        for (const mapped of events.values()) steps.push(lpiStep(LPI_UNMAP, mapped));
        this.#mapping.delete(device);
        if ((third.hi & VALID) !== 0) this.#mapping.set(device, new Map());
        break;
      case ITS_MAPTI:
      case ITS_MAPI: {
        const intid = (first.lo & 0xff) === ITS_MAPTI ? second.hi : event;
        if (lpi === undefined && intid >= LPI_BASE && intid < LPI_END) {
          events.set(event, intid);
          this.#mapping.set(device, events);
        }
        break;
      }
      case ITS_DISCARD:
        if (lpi !== undefined) steps.push(lpiStep(LPI_UNMAP, lpi));
        events.delete(event);
        break;
      case ITS_CLEAR:
        if (lpi !== undefined) steps.push(lpiStep(LPI_CLEAR, lpi));
        break;
    }
  }
}

const lpiStep = (kind: number, intid: number): Step => ({ kind, vcpu: 0, intid, value: 0, key: irqKey(0, intid) });
