/**
 * Compares an ITS model with what a recording shows of the real one: each question an MSI put to the translation cache
 * (hit or miss), and the LPI that each translation ended in. The model is driven by the guest's own copies of its
 * commands; a recording without copies is only counted. After a difference nothing is corrected.
 */
import type { Machine } from '../gic/intid.js';
import * as K from '../trace/events.js';
import type { BlockSource } from './replay.js';

/** What is compared: the steps of an ITS that the facts of a recording show. */
export interface Translator {
  /** Executes one command: its first 32-bit words, in order; the others are 0. INT translates too (vgic-spec 6.5). */
  command(words: readonly number[]): void;
  /** Asks the translation cache: the LPI of a hit, or null. */
  lookUp(device: number, event: number): number | null;
  /** Translates by the tables, and keeps the result in the cache: the LPI, or null if there is no mapping. */
  translate(device: number, event: number): number | null;
}

/** An ITS whose MSIs are one step: a miss translates at once. */
export interface MsiTranslator {
  readonly command: Translator['command'];
  /** `lpi`: what the MSI made pending, null if nothing. */
  msi(device: number, event: number): { readonly hit: boolean; readonly lpi: number | null };
}

/** As a Translator: a translation behind a missed question has been made already; one of an INT is asked for as an MSI. */
export function translatorOf(its: MsiTranslator): Translator {
  /** Device and event → LPI of misses whose translation is still to be seen. */
  const missed = new Map<number, number | null>();
  const keyOf = (device: number, event: number): number => (device << 16) | event;
  return {
    command: (words) => its.command(words),
    lookUp(device, event) {
      const { hit, lpi } = its.msi(device, event);
      if (hit) return lpi;
      missed.set(keyOf(device, event), lpi);
      return null;
    },
    translate(device, event) {
      const key = keyOf(device, event);
      const lpi = missed.has(key) ? missed.get(key) : its.msi(device, event).lpi;
      missed.delete(key);
      return lpi ?? null;
    },
  };
}

export interface ItsMismatch {
  /** Index of the fact. */
  readonly event: number;
  readonly tick: number;
  readonly what: 'cache' | 'translation';
  readonly device: number;
  readonly eventId: number;
  /** LPIs; null: a miss, or no LPI. */
  readonly recorded: number | null;
  readonly predicted: number | null;
}

export interface ItsPrediction {
  /** Questions whose hit or miss was predicted. */
  readonly outcomesAgree: number;
  /** Hits and translations that ended in an LPI, and those where the model names the same one. */
  readonly lpis: number;
  readonly lpisAgree: number;
  /** Questions and translations that the model answers otherwise: another outcome, or another LPI. */
  readonly differences: number;
  /** The first mismatches, at most `maxShown`. */
  readonly mismatches: readonly ItsMismatch[];
}

export interface ItsRecord {
  readonly trace: string;
  /** Questions put to the translation cache. One MSI may ask twice (events.ts, MSI_CACHED). */
  readonly asked: number;
  readonly hits: number;
  readonly misses: number;
  /** Translations by the tables: missed MSIs, and INT commands. */
  readonly translations: number;
  /** Of these, those that made no LPI pending. */
  readonly dropped: number;
  /** Commands that the guest copied. */
  readonly commands: number;
  /** Null if there is no copy of a command, or no model: nothing is inferred then. */
  readonly prediction: ItsPrediction | null;
}

/** `create` is called once, with the machine of the trace; undefined: facts are only counted. */
export function verifyIts(
  source: BlockSource,
  create: (machine: Machine) => Translator | undefined,
  maxShown = 20,
): ItsRecord {
  const { header } = source;
  const translator = create(header.machine);
  const counts = { asked: 0, hits: 0, translations: 0, dropped: 0, commands: 0 };
  let outcomesAgree = 0;
  let lpis = 0;
  let lpisAgree = 0;
  let differences = 0;
  const mismatches: ItsMismatch[] = [];
  let words: number[] = [];
  let event = 0;
  let tick = 0;

  const compare = (what: ItsMismatch['what'], value: number, intid: number): void => {
    const device = value >>> 16;
    const eventId = value & 0xffff;
    if (translator === undefined) return;
    const recorded = intid === 0 ? null : intid;
    const predicted = what === 'cache' ? translator.lookUp(device, eventId) : translator.translate(device, eventId);
    if (what === 'cache' && (recorded === null) === (predicted === null)) outcomesAgree++;
    if (recorded !== null) {
      lpis++;
      if (recorded === predicted) lpisAgree++;
    }
    if (recorded === predicted) return;
    differences++;
    if (mismatches.length < maxShown) mismatches.push({ event, tick, what, device, eventId, recorded, predicted });
  };

  /** The words of a command are written in ascending order: the first one ends the command before it. */
  const endCommand = (): void => {
    if (words.length === 0) return;
    counts.commands++;
    translator?.command(words);
    words = [];
  };

  const takeFact = (kind: number, intid: number, value: number): void => {
    if (kind === K.GUEST_ITS_WORD) {
      if (intid === 0) endCommand();
      words[intid] = value;
      return;
    }
    endCommand();
    if (kind === K.MSI_CACHED) {
      counts.asked++;
      if (intid !== 0) counts.hits++;
      compare('cache', value, intid);
    } else if (kind === K.ITS_TRIGGER) {
      counts.translations++;
      if (intid === 0) counts.dropped++;
      compare('translation', value, intid);
    }
  };

  const block = K.createEventBlock();
  while (source.next(block)) {
    tick = block.firstTick;
    for (let i = 0; i < block.count; i++, event++) {
      if (i > 0) tick += block.dt[i] >>> 0;
      const word = block.word[i];
      const kind = K.wordKind(word);
      if (kind === K.MSI_CACHED || kind === K.ITS_TRIGGER || kind === K.GUEST_ITS_WORD)
        takeFact(kind, K.wordIntid(word), block.value[i]);
    }
  }
  endCommand();
  return {
    trace: header.name,
    ...counts,
    misses: counts.asked - counts.hits,
    prediction:
      counts.commands === 0 || translator === undefined
        ? null
        : { outcomesAgree, lpis, lpisAgree, differences, mismatches },
  };
}
