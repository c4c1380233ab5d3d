/** A checked pass over a whole trace: everything that can be told without a model. */
import { InputError } from '../base/errors.js';
import { createEventBlock, type EventBlock, findKind, VCPU_MASK, wordKind, wordVcpu } from './events.js';
import type { TraceHeader } from './header.js';
import { findLifeCycleProblem, stepLifeCycle } from './life-cycle.js';
import { findRangeProblem } from './ranges.js';
import { openTrace, type TraceReader } from './reader.js';
import type { ByteSource } from './source.js';

export { checkBlockRanges } from './ranges.js';

export interface TraceProblem {
  /** "byte 812", "event 17", "header". */
  readonly place: string;
  readonly what: string;
}

export interface ValidationReport {
  readonly file: string;
  /** Null if the header could not be read. */
  readonly header: TraceHeader | null;
  readonly events: number;
  readonly blocks: number;
  /** Is the whole trace there, up to its End? */
  readonly isComplete: boolean;
  /** The first problems (at most `maxProblems`), in order. */
  readonly problems: readonly TraceProblem[];
  /** How many there are in all. Zero: the trace is sound. */
  readonly nrProblems: number;
}

const DEFAULT_MAX_PROBLEMS = 20;

/**
 * Checks structure, checksums, counts, ranges, the life cycle of each vCPU (flush only outside, sync and guest accesses
 * only inside), time, gaps and the declared fidelity. Problems are returned, not thrown; damage to the structure ends
 * the pass and is the last problem.
 */
export function validateTrace(source: ByteSource, maxProblems = DEFAULT_MAX_PROBLEMS): ValidationReport {
  const problems: TraceProblem[] = [];
  let nrProblems = 0;
  const report = (place: string, what: string): void => {
    if (nrProblems++ < maxProblems) problems.push({ place, what });
  };
  let reader: TraceReader | undefined;
  let blocks = 0;
  let isWhole = false;
  try {
    reader = openTrace(source, { allowTruncated: true });
    const checkEvents = createEventCheck(reader.header, report);
    for (const block = createEventBlock(); reader.next(block); blocks++) checkEvents(block);
    isWhole = reader.truncatedAt === null;
    if (reader.truncatedAt !== null) report(`byte ${reader.truncatedAt}`, 'the file was cut off here: no End');
    else checkGaps(reader, report);
  } catch (error) {
    if (!(error instanceof InputError)) throw error;
    report(error.place, error.what);
  }
  const header = reader?.header ?? null;
  return { file: source.name, header, events: reader?.events ?? 0, blocks, isComplete: isWhole, problems, nrProblems };
}

type Report = (place: string, what: string) => void;

function createEventCheck(header: TraceHeader, report: Report): (block: EventBlock) => void {
  const { machine, fidelity } = header;
  const where = new Uint8Array(VCPU_MASK + 1);
  // One report a kind: a trace that declares too little would fill the list with one cause.
  const tooFaithful = new Set<number>();
  let now = 0;
  return (block) => {
    if (block.firstTick < now) report(`event ${block.firstEvent}`, 'time goes back');
    now = block.firstTick;
    for (let at = 0; at < block.count; at++) {
      const word = block.word[at];
      const kind = wordKind(word);
      const event = block.firstEvent + at;
      now += block.dt[at] >>> 0;
      const problem = findRangeProblem(word, block.value[at], machine);
      if (problem !== undefined) report(`event ${event}`, problem);
      const info = findKind(kind);
      if (info === undefined) continue;
      if (info.fidelity > fidelity && !tooFaithful.has(kind)) {
        tooFaithful.add(kind);
        report(`event ${event}`, `${info.name} belongs to level L${info.fidelity}, the trace declares L${fidelity}`);
      }
      const vcpu = wordVcpu(word);
      const step = findLifeCycleProblem(kind, where[vcpu]);
      if (step !== undefined) report(`event ${event}`, `${info.name} of vCPU ${vcpu} ${step}`);
      where[vcpu] = stepLifeCycle(kind, where[vcpu]);
    }
  };
}

function checkGaps(reader: TraceReader, report: Report): void {
  let last = 0;
  for (const gap of reader.header.gaps) {
    if (gap.afterEvent >= reader.events)
      report('header', `a gap after event ${gap.afterEvent}, the trace has ${reader.events}`);
    if (gap.afterEvent < last) report('header', `the gap after event ${gap.afterEvent} is out of order`);
    last = gap.afterEvent;
  }
}
