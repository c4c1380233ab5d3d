/** Who printed a text of trace lines, and what its header says of the recording. */
import type { TraceLine } from './line.js';

export interface Printer {
  /** Name for the header of the trace. */
  readonly tool: 'ftrace' | 'trace-cmd' | 'perf';
  /** Version of the tool, kernel, date and host as the text says; empty if it does not. */
  readonly version: string;
  readonly kernel: string;
  readonly when: string;
}

/** perf script --header. */
const PERF_HEADER = /^# (os release|perf version|captured on) *: *(.{1,100})$/;
const PERF_LINE =
  /^ {0,40}(?:[^ ].{0,64}? {1,20})?\d{1,10}(?:\/\d{1,10})? {1,20}(?:\[\d{1,5}\] +)?(?:\S{1,16} +)?\d{1,12}\.\d{6,9}: +(?:\d+ +)?\w+:\w+:/;
const THREADLESS = /^ {0,40}(?:\[\d{1,5}\] {1,20})?\d{1,12}\.\d{6,9}: {1,40}\w+:\w+:/;
/** Clocks that count something else; trace-cmd does not know `boot` for a time and leaves out the space before it. */
const WHOLE_STAMP =
  /^ {0,255}(?:\S{1,255}: {1,20})?.{0,64}?-\d{1,10} {1,20}(?:\(.{1,12}\) {1,20})?(?:\[\d{1,5}\]|\d{1,4}[.A-Za-z]{2}\S{2,4})(?: {1,20}\S{1,16})? {0,20}\d{1,20}: {1,20}\w+:/;
/** tracefs with the option latency-format: `16000us#`, since the trace began. */
const RELATIVE_STAMP = /^ {0,255}.{0,64}?-\d{1,10} {1,20}\d{1,4}\S{5} {1,20}\d{1,20}us[^\w:]?: {1,20}\w+:/;
/** An event that cannot be used, and what to do about it. */
const UNUSABLE: readonly (readonly [pattern: RegExp, remedy: string])[] = [
  [THREADLESS, 'the lines do not say which thread ran: print them with "perf script -F comm,tid,cpu,time,event,trace"'],
  [
    WHOLE_STAMP,
    'the time stamps are whole numbers of an unknown unit: record with the trace clock local, global or mono, and print them without --raw-ts',
  ],
  [
    RELATIVE_STAMP,
    'the option latency-format is on: "echo 0 > /sys/kernel/tracing/options/latency-format" and read the trace again',
  ],
];
const MAX_TEXT = 4096;

/** Of a line that is no trace line, but an event of a printer that was told to leave out too much. */
export const findRemedy = (text: string): string | undefined =>
  text.length > MAX_TEXT ? undefined : UNUSABLE.find(([pattern]) => pattern.test(text))?.[1];

/** Feed the lines of a text; a few of its first are enough. */
export class PrinterSurvey {
  #tool: Printer['tool'] | undefined;
  readonly #facts = new Map<string, string>();
  #remedy: string | undefined;

  /** What to do about events that lack what is needed: which thread ran, seconds; undefined if there are none. */
  get remedy(): string | undefined {
    return this.#remedy;
  }

  /** `parsed`: the columns of the line, null if it has none. */
  line(text: string, parsed: TraceLine | null): void {
    if (text.length > MAX_TEXT) return;
    if (parsed !== null) {
      this.#tool ??= PERF_LINE.test(text) ? 'perf' : 'ftrace';
      return;
    }
    if (this.#tool === undefined) {
      if (/^(?:.{1,255}: )?cpus=\d|^version = \d/.test(text)) this.#tool = 'trace-cmd';
      else if (text.startsWith('# tracer:')) this.#tool = 'ftrace';
    }
    const fact = text.startsWith('# ') ? PERF_HEADER.exec(text) : null;
    if (fact !== null) this.#facts.set(fact[1], fact[2].trim());
    else if (this.#remedy === undefined) this.#remedy = findRemedy(text);
  }

  finish(): Printer {
    const fact = (name: string): string => this.#facts.get(name) ?? '';
    return {
      tool: this.#tool ?? 'ftrace',
      version: fact('perf version'),
      kernel: fact('os release'),
      when: fact('captured on'),
    };
  }
}
