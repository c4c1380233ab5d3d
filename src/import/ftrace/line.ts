/**
 * One line of ftrace text → its columns. Three printers are understood: tracefs (`cat trace`), `trace-cmd report` and
 * `perf script`. The thread name may hold spaces and dashes, so the line is never split at white space.
 */

/** Where the thread was: a hard interrupt may stand between two lines of the code it interrupted. */
export const CONTEXT_TASK = 0;
export const CONTEXT_SOFT = 1;
export const CONTEXT_HARD = 2;
export type Context = typeof CONTEXT_TASK | typeof CONTEXT_SOFT | typeof CONTEXT_HARD;

export interface TraceLine {
  /** 1-based line number in the text, comments included. */
  readonly line: number;
  /** Time in the unit of the last printed digit (micro- or nanoseconds). */
  readonly tick: number;
  readonly comm: string;
  readonly pid: number;
  readonly cpu: number;
  readonly context: Context;
  /** Event name without its group. */
  readonly event: string;
  /** Everything behind `event: `. */
  readonly text: string;
}

const FTRACE = /^ *(.*?)-(\d+) +(?:\( *[-\d]+\) +)?\[(\d+)\] +(?:(\S+) +)?(\d+)\.(\d{6,9}): +(\w+): *(.*)$/;
const PERF = /^ *(.*?) +(\d+)(?:\/\d+)? +\[(\d+)\] +(?:(\S+) +)?(\d+)\.(\d{6,9}): +(?:\w+:)?(\w+): *(.*)$/;

/** The flags column: the third character names the context (h, H hard, s soft, Z, z non-maskable). */
function readContext(flags: string | undefined): Context {
  const flag = flags === undefined ? '.' : flags[2];
  if (flag === 'h' || flag === 'H' || flag === 'Z' || flag === 'z') return CONTEXT_HARD;
  return flag === 's' ? CONTEXT_SOFT : CONTEXT_TASK;
}

/** The columns of a line, or null if it is not a trace line. */
export function parseLine(text: string, line: number): TraceLine | null {
  const match = FTRACE.exec(text) ?? PERF.exec(text);
  if (match === null) return null;
  const [, comm, pid, cpu, flags, seconds, fraction, event, rest] = match;
  return {
    line,
    tick: Number(seconds) * 10 ** fraction.length + Number(fraction),
    comm,
    pid: Number(pid),
    cpu: Number(cpu),
    context: readContext(flags),
    event,
    text: rest,
  };
}

/** Digits behind the decimal point of the time stamp: 6 (microseconds) or 9; 0 if the line is not a trace line. */
export const fractionDigits = (text: string): number => (FTRACE.exec(text) ?? PERF.exec(text))?.[6].length ?? 0;

/** Lost events: tracefs `CPU:1 [LOST 42 EVENTS]`, trace-cmd `CPU:1 [42 EVENTS DROPPED]`, perf `LOST 42 events`. */
const LOST = /\[LOST (\d+) EVENTS\]|\[(\d+) EVENTS DROPPED\]|LOST (\d+) events/i;

/** Number of events the line says were lost; 0 if it says so without a number, -1 if the line is something else. */
export function parseLost(text: string): number {
  const match = LOST.exec(text);
  if (match !== null) return Number(match[1] ?? match[2] ?? match[3]);
  return /\[?EVENTS DROPPED\]?/.test(text) ? 0 : -1;
}

/** Lines that printers add and that are no events: headers, comments, empty lines. */
export const isDecoration = (text: string): boolean =>
  text === '' || /^\s*(#|$|cpus=\d+|version = |CPU \d+ is empty|CPU:\d+ is empty)/.test(text);

function valueAt(text: string, key: string): number {
  if (text.startsWith(key)) return key.length;
  const at = text.indexOf(` ${key}`);
  return at < 0 ? -1 : at + key.length + 1;
}

/** The token behind `key` (which ends in its separator, e.g. `vcpu=`), up to the next space; '' if absent. */
export function readToken(text: string, key: string): string {
  const from = valueAt(text, key);
  if (from < 0) return '';
  const to = text.indexOf(' ', from);
  return to < 0 ? text.slice(from) : text.slice(from, to);
}

/** A decimal or 0x number below 2^53 behind `key`; NaN if absent. Wider values: `readWords`. */
export function readNumber(text: string, key: string): number {
  const token = readToken(text, key);
  return token === '' ? Number.NaN : Number(token.endsWith(',') ? token.slice(0, -1) : token);
}

const HEX = /^0x[0-9a-f]{1,16}$/i;
const DECIMAL = /^-?\d{1,19}$/;

export interface Words {
  readonly lo: number;
  readonly hi: number;
}

/** A value of up to 64 bits as two signed 32-bit halves: it must not go through a double. Undefined: no number. */
export function splitWords(token: string): Words | undefined {
  if (HEX.test(token)) {
    const digits = token.slice(2);
    const lo = Number.parseInt(digits.slice(-8), 16) | 0;
    const hi = digits.length > 8 ? Number.parseInt(digits.slice(0, -8), 16) | 0 : 0;
    return { lo, hi };
  }
  if (!DECIMAL.test(token)) return undefined;
  const value = BigInt(token);
  return { lo: Number(BigInt.asIntN(32, value)), hi: Number(BigInt.asIntN(32, value >> 32n)) };
}
