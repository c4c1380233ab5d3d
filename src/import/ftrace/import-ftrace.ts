/**
 * ftrace text of a KVM/arm64 host → the project's sequential events.
 *
 * Two passes over the same text: `FtraceSurveyor` finds the machine (so that the header can be written first),
 * `FtraceImporter` writes the events. Both are fed line by line and hold a bounded window of operations only.
 */
import type { Machine } from '../../gic/intid.js';
import type { EventSink } from '../../trace/events.js';
import { LOST } from '../../trace/events.js';
import type { ImportCounts, TraceHeader } from '../../trace/header.js';
import { StockImporter, type StockOutcome } from '../stock/importer.js';
import { EventTally } from '../stock/tally.js';
import { Assembler } from './assemble.js';
import { EventWriter } from './event-writer.js';
import { GuestAccesses } from './guest-accesses.js';
import { isDecoration, parseLine, parseLossCpu, parseLost, parseOverwritten, type TraceLine } from './line.js';
import { Orderer } from './order.js';
import { readStockLine } from './stock-line.js';
import { type FtraceSurvey, FtraceSurveyor } from './survey.js';

export const IMPORTER_NAME = 'ftrace';
export const IMPORTER_VERSION = '2';
const DRAIN_EVERY_LINES = 64;
const NS_PER_SECOND = 1e9;

/** Something a person should see; `place` is "line N". Counted in the header as well. */
export interface ImportWarning {
  readonly place: string;
  readonly what: string;
}

export interface FtraceSide {
  /** Rows of guest-acks.tsv, header row included. */
  readonly acks?: Iterable<string>;
  readonly onWarning?: (warning: ImportWarning) => void;
}

export type ImportOutcome = Pick<TraceHeader, 'guestAccesses' | 'fidelity' | 'counts' | 'gaps'> & {
  readonly events: number;
  /** Observations of the recording that no order of its operations explains. */
  readonly conflicts: number;
  /** Events that the importer does not know, by name. */
  readonly leftOut: string;
};

/** The machine as the header states it. Recordings begin before the VM exists: distributor off, PMR 0. */
export const machineOf = (survey: FtraceSurvey): Machine => ({
  flavour: 'kvm-6.1',
  model: survey.model,
  nrVcpus: survey.nrVcpus,
  nrSpis: survey.nrSpis,
  nrLpis: survey.nrLpis,
  nrLr: survey.nrLr,
  distEnabledAtStart: survey.probes === 'stock',
  pmrAtStart: survey.probes === 'stock' ? 0xf8 : 0,
});

/** Second pass. Feed the same lines as to the surveyor, then `finish`. */
export class FtraceImporter {
  readonly #side: FtraceSide;
  readonly #out: EventWriter;
  readonly #orderer: Orderer | null;
  readonly #assembler: Assembler | null;
  readonly #stock: StockImporter | null;
  readonly #unknownEvents = new EventTally();
  #lines = 0;
  #unknownLines = 0;
  #lostEvents = 0;
  #lastTick = 0;
  /** Ticks by which the times of CPUs never differ. */
  readonly #stepBack: number;
  #lastText = '';
  #lastWasEvent = true;

  constructor(survey: FtraceSurvey, side: FtraceSide, sink: EventSink) {
    this.#side = side;
    this.#stepBack = NS_PER_SECOND / survey.tickNs;
    this.#out = new EventWriter(sink, machineOf(survey), {
      impossible: (what) => {
        this.#unknownLines++;
        this.#warn(this.#placeWritten(), what);
      },
      missing: (what) => {
        const place = this.#placeWritten();
        this.#warn(place, what);
        return place;
      },
    });
    if (survey.probes === 'stock') {
      this.#orderer = null;
      this.#assembler = null;
      this.#stock = new StockImporter(survey, this.#out);
      return;
    }
    const accesses =
      side.acks === undefined
        ? null
        : new GuestAccesses(side.acks, survey.tickNs, {
            unusable: (row, text) => this.#warn(`guest-acks row ${row}`, `unusable: ${text}`),
          });
    const orderer = new Orderer(survey, this.#out, accesses, (line, what) => this.#warn(`line ${line}`, what));
    this.#orderer = orderer;
    this.#stock = null;
    this.#assembler = new Assembler(survey, (op) => orderer.add(op), {
      malformed: (at) => {
        this.#unknownLines++;
        this.#warn(`line ${at.line}`, `${at.event} without what it needs`);
      },
      causeless: (at) => this.#warn(`line ${at.line}`, 'vgic_queue whose cause is not in the trace'),
    });
  }

  /** The line whose doing is being written: operations are held back, the kernel's own tracepoints are not. */
  #placeWritten(): string {
    return `line ${this.#orderer === null ? this.#lines : this.#out.line}`;
  }

  #warn(place: string, what: string): void {
    this.#side.onWarning?.({ place, what });
  }

  line(text: string): void {
    this.#lines++;
    const at = parseLine(text, this.#lines);
    if (at === null) {
      this.#oddLine(text);
      return;
    }
    if (at.tick < this.#lastTick - this.#stepBack)
      this.#warn(
        `line ${at.line}`,
        'the time goes back by more than a second: are lines of several CPUs one behind the other?',
      );
    this.#lastTick = at.tick;
    this.#lastWasEvent = true;
    const outcome = this.#take(at);
    if (outcome === 'unknown' || outcome === 'malformed') {
      this.#unknownLines++;
      const what = outcome === 'unknown' ? `unknown event ${at.event}` : `${at.event} without what it needs`;
      if (outcome === 'unknown') this.#unknownEvents.add(at.event);
      this.#warn(`line ${at.line}`, what);
    }
    if (this.#assembler !== null && this.#lines % DRAIN_EVERY_LINES === 0)
      this.#orderer?.drain(this.#assembler.frontier());
  }

  #take(at: TraceLine): StockOutcome {
    if (this.#stock !== null) return this.#stock.add(readStockLine(at));
    return (this.#assembler as Assembler).add(at) ? 'taken' : 'unknown';
  }

  #oddLine(text: string): void {
    const overwritten = this.#lines < 20 ? parseOverwritten(text) : 0;
    const lost = overwritten > 0 ? overwritten : parseLost(text);
    if (lost >= 0) {
      this.#lostEvents += lost;
      const place = `line ${this.#lines}`;
      this.#warn(place, lost === 0 ? 'events were lost' : `${lost} events were lost`);
      const tick = this.#lastTick;
      if (this.#assembler === null) this.#out.lost(lost, place, tick);
      else {
        const line = this.#lines;
        this.#assembler.breakOff(line, tick, parseLossCpu(text));
        this.#orderer?.add({ type: 'remark', kind: LOST, vcpu: 0, intid: 0, value: lost, line, tick });
      }
    } else if (!isDecoration(text)) {
      this.#unknownLines++;
      this.#lastText = text;
      this.#lastWasEvent = false;
      this.#warn(`line ${this.#lines}`, 'not a trace line');
    }
  }

  /** `endsInNewline`: did the text end properly? A file that was cut off does not. */
  finish(endsInNewline = true): ImportOutcome {
    this.#assembler?.finish();
    this.#orderer?.finish();
    this.#out.finish();
    const order = this.#orderer?.counts;
    const cutOff = !endsInNewline || (!this.#lastWasEvent && this.#lastText !== '') ? 1 : 0;
    if (cutOff === 1) this.#warn(`line ${this.#lines}`, 'the text ends in the middle of a line');
    const counts: ImportCounts = {
      sourceLines: this.#lines,
      unknownLines: this.#unknownLines + (order?.causeless ?? 0),
      lostEvents: this.#lostEvents,
      decisionsFromRecording: (order?.decisions ?? 0) + (this.#orderer?.correctedLrs ?? 0),
      noEffect: order?.noEffect ?? 0,
      cutOff,
      reordered: this.#out.reordered,
    };
    const isStock = this.#stock !== null;
    return {
      fidelity: isStock ? 1 : 3,
      guestAccesses: isStock ? 'drain' : this.#side.acks === undefined ? 'lr-state' : 'recorded',
      counts,
      gaps: this.#out.gaps,
      events: this.#out.events,
      conflicts: order?.conflicts ?? 0,
      leftOut: this.#unknownEvents.describe(),
    };
  }
}

/** First pass over lines that can be read twice. Throws InputError if they are no ftrace text. */
export async function surveyFtrace(source: string, lines: AsyncIterable<string>): Promise<FtraceSurvey> {
  const surveyor = new FtraceSurveyor(source);
  for await (const line of lines) surveyor.line(line);
  return surveyor.finish();
}

/** Second pass: writes the events to `sink` in order; the outcome completes the header. */
export async function importFtrace(
  survey: FtraceSurvey,
  lines: AsyncIterable<string>,
  side: FtraceSide,
  sink: EventSink,
): Promise<ImportOutcome> {
  const importer = new FtraceImporter(survey, side, sink);
  for await (const line of lines) importer.line(line);
  return importer.finish();
}
