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
/** trace-cmd pads its event names to 20 columns and prints none of the headers of tracefs. */
const THREADLESS = /^ *(?:\[\d{1,5}\] +)?\d{1,12}\.\d{6,9}: +(?:\w+:)?(?:kvm|vgic)_\w+:/;
const MAX_TEXT = 4096;

/** Feed the lines of a text; a few of its first are enough. */
export class PrinterSurvey {
  #tool: Printer['tool'] | undefined;
  readonly #facts = new Map<string, string>();
  #hasThreadlessEvents = false;

  /** Are there events without a thread (perf script -F time,event,trace)? */
  get hasThreadlessEvents(): boolean {
    return this.#hasThreadlessEvents;
  }

  /** `parsed`: the columns of the line, null if it has none. */
  line(text: string, parsed: TraceLine | null): void {
    if (text.length > MAX_TEXT) return;
    if (parsed !== null) {
      this.#tool ??= PERF_LINE.test(text) ? 'perf' : 'ftrace';
      return;
    }
    if (this.#tool === undefined) {
      if (/^(cpus=\d|version = \d)/.test(text)) this.#tool = 'trace-cmd';
      else if (text.startsWith('# tracer:')) this.#tool = 'ftrace';
    }
    const fact = text.startsWith('# ') ? PERF_HEADER.exec(text) : null;
    if (fact !== null) this.#facts.set(fact[1], fact[2].trim());
    else if (!this.#hasThreadlessEvents && THREADLESS.test(text)) this.#hasThreadlessEvents = true;
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
