/** Traces of one machine as one stream of events, in the order of time, or one behind the other. */
import { createEventBlock, type EventBlock, wordIntid, wordKind, wordVcpu } from '../events.js';
import type { Fidelity, Gap, ImportCounts, TraceHeader } from '../header.js';
import { checkBlockRanges } from '../ranges.js';
import type { TraceReader } from '../reader.js';
import { EditError, type EventStage } from './stage.js';

/** The event at hand of one trace, and its gaps. */
interface Source {
  readonly reader: TraceReader;
  readonly block: EventBlock;
  readonly gaps: readonly Gap[];
  at: number;
  nextGap: number;
  tick: number;
  isOver: boolean;
}

function advance(source: Source): void {
  const { reader, block } = source;
  source.at++;
  while (source.at >= block.count) {
    if (!reader.next(block)) {
      source.isOver = true;
      return;
    }
    checkBlockRanges(block, reader.header.machine, reader.name);
    source.at = 0;
    source.tick = block.firstTick;
    if (block.count > 0) return;
  }
  source.tick += block.dt[source.at] >>> 0;
}

function pass(source: Source, stage: EventStage, offset: number): void {
  const { block, at, gaps } = source;
  const word = block.word[at];
  stage.event(wordKind(word), wordVcpu(word), wordIntid(word), block.value[at], source.tick + offset);
  const event = block.firstEvent + at;
  for (; source.nextGap < gaps.length && gaps[source.nextGap].afterEvent <= event; source.nextGap++) {
    const { lost, place } = gaps[source.nextGap];
    stage.gap(lost, place);
  }
}

const begin = (reader: TraceReader): Source => {
  const block = createEventBlock();
  const source = { reader, block, gaps: reader.header.gaps, at: 0, nextGap: 0, tick: 0, isOver: false };
  advance(source);
  return source;
};

/**
 * By time: all traces begin at the same moment; of equal times the first trace's comes first. Yields after each block,
 * so that the caller may look around.
 */
export function* passByTime(readers: readonly TraceReader[], stage: EventStage): Generator<void> {
  const sources = readers.map(begin);
  for (;;) {
    let first: Source | undefined;
    for (const source of sources)
      if (!source.isOver && (first === undefined || source.tick < first.tick)) first = source;
    if (first === undefined) break;
    pass(first, stage, 0);
    advance(first);
    if (first.at === 0) yield;
  }
  stage.end();
}

/** One behind the other: each begins when the one before it has ended. */
export function* passInTurn(readers: readonly TraceReader[], stage: EventStage): Generator<void> {
  let offset = 0;
  for (const reader of readers) {
    let last = 0;
    for (const source = begin(reader); !source.isOver; advance(source)) {
      last = source.tick;
      pass(source, stage, offset);
      if (source.at === 0) yield;
    }
    offset += last;
  }
  stage.end();
}

/** The header of what comes of several traces. Throws EditError if they are not of one machine. */
export function joinHeaders(headers: readonly TraceHeader[], names: readonly string[]): TraceHeader {
  const [first, ...others] = headers;
  let machine = first.machine;
  for (const [i, { machine: other, tickNs, guestAccesses }] of others.entries()) {
    const differences = (['flavour', 'model', 'nrLr', 'distEnabledAtStart', 'pmrAtStart'] as const).filter(
      (field) => other[field] !== machine[field],
    );
    const [field] = differences;
    if (field !== undefined)
      throw new EditError(
        `${names[0]} and ${names[i + 1]} are of different machines: ${field} is ${machine[field]} and ${other[field]}`,
      );
    if (tickNs !== first.tickNs)
      throw new EditError(`${names[0]} counts ticks of ${first.tickNs} ns, ${names[i + 1]} of ${tickNs} ns`);
    if (guestAccesses !== first.guestAccesses)
      throw new EditError(
        `guest accesses of ${names[0]} are '${first.guestAccesses}', of ${names[i + 1]} '${guestAccesses}'`,
      );
    machine = {
      ...machine,
      nrVcpus: Math.max(machine.nrVcpus, other.nrVcpus),
      nrSpis: Math.max(machine.nrSpis, other.nrSpis),
      nrLpis: Math.max(machine.nrLpis, other.nrLpis),
    };
  }
  const fidelity = Math.min(...headers.map((header) => header.fidelity)) as Fidelity;
  return others.length === 0 ? first : { ...first, machine, fidelity, counts: addCounts(headers), gaps: [] };
}

function addCounts(headers: readonly TraceHeader[]): ImportCounts {
  const sum = (field: keyof ImportCounts): number => headers.reduce((total, { counts }) => total + counts[field], 0);
  return {
    sourceLines: sum('sourceLines'),
    unknownLines: sum('unknownLines'),
    lostEvents: sum('lostEvents'),
    decisionsFromRecording: sum('decisionsFromRecording'),
    noEffect: sum('noEffect'),
    cutOff: Math.min(1, sum('cutOff')),
    reordered: sum('reordered'),
  };
}
