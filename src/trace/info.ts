/** What is in a trace, from one pass over its events. Plain data; a command renders it. */
import { isLpi, isPpi, isSgi, NR_SGIS, SPURIOUS_INTID } from '../gic/intid.js';
import {
  ACK,
  createEventBlock,
  type EventBlock,
  EXPECT_LRS,
  FIRST_FACT,
  FLUSH,
  findKind,
  INJECT,
  INTID_MASK,
  ITS_TRIGGER,
  KIND_MASK,
  KINDS,
  LOST,
  MSI_CACHED,
  SGI,
  VCPU_MASK,
  wordIntid,
  wordKind,
  wordVcpu,
} from './events.js';
import type { Gap, TraceHeader } from './header.js';
import type { TraceReader } from './reader.js';

/** Events by the kind of interrupt they name. */
export interface IrqMix {
  readonly sgi: number;
  readonly ppi: number;
  readonly spi: number;
  readonly lpi: number;
}

export interface TraceInfo {
  readonly header: TraceHeader;
  readonly events: number;
  readonly blocks: number;
  /** Guest entries. */
  readonly flushes: number;
  /** From the start of the trace to its last event. */
  readonly durationNs: number;
  /** Null if the trace has no duration. */
  readonly eventsPerSecond: number | null;
  /** Most frequent first; kinds that do not occur are left out. */
  readonly byKind: readonly { readonly name: string; readonly events: number }[];
  /** Index = vCPU. */
  readonly byVcpu: readonly number[];
  /** What MSIs asked of the ITS; all 0 if the recording has none of its own facts about them. */
  readonly msis: {
    /** Questions put to the translation cache, and those it could answer. */
    readonly asked: number;
    readonly hits: number;
    /** Translations by the tables: missed MSIs, and INT commands. */
    readonly translations: number;
  };
  /** All inputs that name an interrupt; facts repeat what inputs say. */
  readonly named: IrqMix;
  /** Only what makes interrupts pending from outside: inject with level 1, and SGIs sent (once, however many targets). */
  readonly raised: IrqMix;
  /** The interrupts most often named, most frequent first. SGIs and PPIs of all vCPUs count together. */
  readonly topIntids: readonly { readonly intid: number; readonly events: number; readonly raised: number }[];
  /** index = LRs in use at guest entry, value = entries; empty below L3. */
  readonly usedLrs: readonly number[];
  readonly spuriousAcks: number;
  readonly gaps: readonly Gap[];
  /** Sum of the LOST events. */
  readonly lostEvents: number;
  /** Byte offset where a cut-off file ends, or null. */
  readonly truncatedAt: number | null;
}

const DEFAULT_TOP = 10;

/** Reads `reader` to its end. `top` = length of `topIntids`. Throws what the reader throws. */
export function collectInfo(reader: TraceReader, top = DEFAULT_TOP): TraceInfo {
  const { header } = reader;
  const byKind = new Float64Array(KIND_MASK + 1);
  const byVcpu = new Float64Array(VCPU_MASK + 1);
  const named = new Float64Array(INTID_MASK + 1);
  const raised = new Float64Array(INTID_MASK + 1);
  const usedLrs: number[] = [];
  let spuriousAcks = 0;
  let hits = 0;
  let lostEvents = 0;
  let ticks = 0;

  const addEvent = (word: number, value: number): void => {
    const kind = wordKind(word);
    byKind[kind]++;
    byVcpu[wordVcpu(word)]++;
    if (kind === LOST) lostEvents += value >>> 0;
    if (kind === MSI_CACHED && wordIntid(word) !== 0) hits++;
    if (kind === EXPECT_LRS) {
      const used = wordIntid(word);
      while (usedLrs.length <= used) usedLrs.push(0);
      usedLrs[used]++;
    }
    if (kind >= FIRST_FACT) return;
    const intid = namedIntid(kind, wordIntid(word));
    if (intid === SPURIOUS_INTID) spuriousAcks++;
    if (intid < 0 || intid === SPURIOUS_INTID) return;
    named[intid]++;
    if (kind === SGI || (kind === INJECT && (value & 1) === 1)) raised[intid]++;
  };
  const addBlock = (block: EventBlock): void => {
    for (let at = 0; at < block.count; at++) addEvent(block.word[at], block.value[at]);
    ticks = block.firstTick;
    for (let at = 0; at < block.count; at++) ticks += block.dt[at] >>> 0;
  };

  let blocks = 0;
  for (const block = createEventBlock(); reader.next(block); blocks++) addBlock(block);

  const durationNs = ticks * header.tickNs;
  return {
    header,
    events: reader.events,
    blocks,
    flushes: byKind[FLUSH],
    durationNs,
    eventsPerSecond: durationNs > 0 ? reader.events / (durationNs / 1e9) : null,
    byKind: KINDS.map(({ kind, name }) => ({ name, events: byKind[kind] }))
      .filter(({ events }) => events > 0)
      .sort((a, b) => b.events - a.events),
    byVcpu: Array.from(byVcpu.subarray(0, header.machine.nrVcpus)),
    msis: { asked: byKind[MSI_CACHED], hits, translations: byKind[ITS_TRIGGER] },
    named: sumMix(named),
    raised: sumMix(raised),
    topIntids: rankIntids(named, raised, top),
    usedLrs,
    spuriousAcks,
    gaps: header.gaps,
    lostEvents,
    truncatedAt: reader.truncatedAt,
  };
}

/** The interrupt an event names, SPURIOUS_INTID for a spurious read, or -1 if its kind names none. */
function namedIntid(kind: number, field: number): number {
  switch (findKind(kind)?.intid) {
    case 'irq':
    case 'private':
    case 'sgi':
    case 'lpi':
      return field;
    case 'sgi-spec':
      return field & (NR_SGIS - 1);
    // An acknowledge with 0 may mean "unknown": SGI 0 is counted only where it was raised.
    case 'ack':
      return kind === ACK && field === 0 ? -1 : field;
    default:
      return -1;
  }
}

function sumMix(counts: Float64Array): IrqMix {
  const mix = { sgi: 0, ppi: 0, spi: 0, lpi: 0 };
  counts.forEach((events, intid) => {
    if (isSgi(intid)) mix.sgi += events;
    else if (isPpi(intid)) mix.ppi += events;
    else if (isLpi(intid)) mix.lpi += events;
    else mix.spi += events;
  });
  return mix;
}

function rankIntids(named: Float64Array, raised: Float64Array, top: number): TraceInfo['topIntids'] {
  const rows: { intid: number; events: number; raised: number }[] = [];
  named.forEach((events, intid) => {
    if (events > 0) rows.push({ intid, events, raised: raised[intid] });
  });
  // Equal counts in order of INTID: the same list on every machine.
  return rows.sort((a, b) => b.events - a.events || a.intid - b.intid).slice(0, top);
}
