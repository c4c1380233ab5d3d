/**
 * One line of ftrace text → its columns. Three printers are understood: tracefs (`cat trace`), `trace-cmd report` (also
 * -l and -t) and `perf script` (also --ns, and -F with less). The thread name may hold spaces and dashes, so the line is
 * never split at white space.
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

// Bounded repetitions: a hostile line of spaces or digits must not take more than its own length to refuse. Thread names
// have at most 15 characters; a report of several files puts the name of the file in front of them, right-aligned.
const THREAD = '^ {0,255}(?! )(?:\\S{1,255}: {1,20})?(.{0,64}?)-(\\d{1,10}) {1,20}';
// trace-cmd report --ts-diff adds how long after the line above.
const STAMP = '(\\d{1,20})\\.(\\d{6,9}): +(?:\\([-+]?\\d{1,20}\\) +)?';
/** perf -F +tod puts the time of day before the time. */
const DATE = '(?:\\d{4}-\\d\\d-\\d\\d \\d\\d:\\d\\d:\\d\\d\\.\\d{6,9} {1,20})?';
const EVENT = '(\\w+): *(.*)$';
const FTRACE = new RegExp(`${THREAD}(?:\\( *[-\\d]+\\) {1,20})?\\[(\\d{1,5})\\] +(?:(\\S{1,16}) +)?${STAMP}${EVENT}`);
/** `trace-cmd report -l`: CPU and flags are one column without brackets. */
const LATENCY = new RegExp(`${THREAD}(\\d{1,4})([.A-Za-z]{2}[.hHsSzZ][.\\da-f]{1,2}) +${STAMP}${EVENT}`);
/** Fields may be left out with -F; what tells threads apart must be there. -1: a thread that perf may not see. */
const PERF = new RegExp(
  `^ {0,40}(?:([^ ].{0,64}?) {1,20})?(-?\\d{1,10})(?:/(-?\\d{1,10}))? {1,20}(?:\\[(\\d{1,5})\\] +)?(?:(\\S{1,16}) +)?${DATE}${STAMP}(?:\\d+ +)?(?:\\w+:)?${EVENT}`,
);
/** Such a thread: perf in another PID namespace; FTRACE would take its number for 1. */
const UNSEEN = /^ {0,40}(?::-1 {1,20}-1[ /]|-1\/-1 )/;
const SPACE = 0x20;
/** Longer lines are no trace lines. */
const MAX_LINE = 4096;

/** The flags column: the third character names the context (h, H hard, s soft, Z, z non-maskable). */
function readContext(flags: string | undefined): Context {
  const flag = flags === undefined ? '.' : flags[2];
  if (flag === 'h' || flag === 'H' || flag === 'Z' || flag === 'z') return CONTEXT_HARD;
  return flag === 's' ? CONTEXT_SOFT : CONTEXT_TASK;
}

type Columns = readonly [comm: string, pid: string, cpu: string, flags: string | undefined, ...rest: string[]];

/** Thread name, thread id, CPU, flags, seconds, fraction, event, fields; or null. */
function splitColumns(text: string): Columns | null {
  if (text.length > MAX_LINE) return null;
  const match = UNSEEN.test(text) ? null : (FTRACE.exec(text) ?? LATENCY.exec(text));
  if (match !== null) {
    const [, comm, pid, cpu, flags, ...rest] = match;
    return [comm, pid, cpu, flags, ...rest];
  }
  const perf = PERF.exec(text);
  if (perf === null) return null;
  // "process/thread", or the thread alone.
  const [, comm = '', first, thread = first, cpu = '0', flags, ...rest] = perf;
  // perf --show-task-events and the like: of perf itself.
  if (rest.slice(2).some((word) => word.startsWith('PERF_RECORD_'))) return null;
  return [comm, thread, cpu, flags, ...rest];
}

/** Does the line say in which context the thread was? perf never does, trace-cmd only with -l. */
export const hasContext = (text: string): boolean => splitColumns(text)?.[3] !== undefined;

/** The columns of a line, or null if it is not a trace line. */
export function parseLine(text: string, line: number): TraceLine | null {
  const columns = splitColumns(text);
  if (columns === null) return null;
  const [comm, pid, cpu, flags, seconds, fraction, event, rest] = columns;
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
export const fractionDigits = (text: string): number => splitColumns(text)?.[5].length ?? 0;

/**
 * Lost events: tracefs `CPU:1 [LOST 42 EVENTS]`, trace-cmd `CPU:1 [42 EVENTS DROPPED]`, perf script --show-lost-events
 * `PERF_RECORD_LOST lost 42`; both ring-buffer readers also print it without a number.
 */
const LOST = /\[LOST (\d+) EVENTS\]|\[(\d+) EVENTS DROPPED\]|PERF_RECORD_LOST lost (\d+)|LOST (\d+) events/i;
const LOST_SOME = /\[LOST EVENTS\]|EVENTS DROPPED|PERF_RECORD_LOST/;

const MAX_LOST = 0xffffffff;
const readLost = (lost: number): number => (lost <= MAX_LOST ? lost : 0);

/** Number of events the line says were lost; 0 if it says so without a number, -1 if the line is something else. */
export function parseLost(text: string): number {
  if (text.length > MAX_LINE) return -1;
  const match = LOST.exec(text);
  // A number that no buffer could have lost is none.
  if (match !== null) return readLost(Number(match.slice(1).find((group) => group !== undefined)));
  return LOST_SOME.test(text) ? 0 : -1;
}

/** The CPU whose events a line of lost events tells of, -1: it does not say. */
export function parseLossCpu(text: string): number {
  const match = /^CPU:(\d{1,5}) /.exec(text);
  return match === null ? Number(splitColumns(text)?.[2] ?? -1) : Number(match[1]);
}

/** tracefs: `# entries-in-buffer/entries-written: 100/142   #P:2`: 42 were overwritten before the first line. */
export function parseOverwritten(text: string): number {
  const match = /^# entries-in-buffer\/entries-written: (\d{1,15})\/(\d{1,15})\b/.exec(text);
  return match === null ? 0 : readLost(Math.max(0, Number(match[2]) - Number(match[1])));
}

/** Headers, comments, empty lines; perf: a frame of a call chain below its event, its own records. */
const DECORATION =
  /^\s*(#|$|(?:.{1,255}: )?cpus=\d+|version = |(?:registering plugin|(?:removing override handler for|overriding) event)\b|CPU \d+ is empty|CPU:\d+ is empty)|^\s+[\da-f]{6,16} \S.* \(.*\)$|^.{0,120}\bPERF_RECORD_/;

/** Lines that printers add and that are no events. */
export const isDecoration = (text: string): boolean =>
  text === '' || (text.length <= MAX_LINE && DECORATION.test(text));

/** Behind the first `key` that stands at the start or after a space; -1: there is none. */
function valueAt(text: string, key: string): number {
  let at = text.indexOf(key);
  while (at > 0 && text.charCodeAt(at - 1) !== SPACE) at = text.indexOf(key, at + 1);
  return at < 0 ? -1 : at + key.length;
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
