/**
 * A tracepoint as the kernel describes it in its `format` file, and the way back from a printed line to the bytes of the
 * record: what `print fmt` prints is read as it prints it.
 */

interface Field {
  readonly name: string;
  readonly offset: number;
  /** Bytes. */
  readonly size: number;
}

export interface EventFormat {
  readonly group: string;
  readonly name: string;
  readonly id: number;
  /** The whole file, as a recorder stores it. */
  readonly text: string;
  readonly fields: readonly Field[];
  /** Reads what is printed behind `name: `; one group for each of `args`. */
  readonly pattern: RegExp;
  readonly args: readonly string[];
}

/** Where and by whom a record was made. */
export interface RecordHead {
  readonly pid: number;
  /** The column of tracefs, `d.h1.`. */
  readonly flags: string;
}

const CONVERSION = /%[-#0 +]*\d*(?:\.\d+)?(?:hh|h|ll|l|L|z)?([diuxcs%])/g;
/** A number, or a place in the code: symbol+offset/size, of a function that returned its name alone. */
const HEX = '[\\w.]+\\+0x[\\da-f]+/0x[\\da-f]+|[\\da-f]+|[a-z_][\\w.]*';
const READS: Readonly<Record<string, string>> = { d: '-?\\d+', i: '-?\\d+', u: '\\d+', x: HEX, c: '.', s: '.*?' };

const escapePattern = (text: string): string => text.replace(/[.*+?^${}()|[\]\\]/g, '\\$&');

/** Splits at commas that are in no brackets and no string. */
function splitArguments(text: string): string[] {
  const parts: string[] = [];
  let depth = 0;
  let from = 0;
  let quote = '';
  for (let at = 0; at < text.length; at++) {
    const char = text[at];
    if (quote !== '') {
      if (char === quote) quote = '';
    } else if (char === '"' || char === "'") quote = char;
    else if (char === '(' || char === '{') depth++;
    else if (char === ')' || char === '}') depth--;
    else if (char === ',' && depth === 0) {
      parts.push(text.slice(from, at).trim());
      from = at + 1;
    }
  }
  parts.push(text.slice(from).trim());
  return parts;
}

function parseFormat(group: string, text: string): EventFormat {
  const number = (key: string): number => Number(new RegExp(`^${key}: (\\d+)$`, 'm').exec(text)?.[1]);
  const name = /^name: (\w+)$/m.exec(text)?.[1];
  const print = /^print fmt: "((?:[^"\\]|\\.)*)"(?:, ([\s\S]*))?$/m.exec(text.trimEnd());
  if (name === undefined || print === null) throw new Error(`${group}: no format of an event: ${text.slice(0, 80)}`);
  const fields = [...text.matchAll(/^\tfield:[^;]*?(\w+)(?:\[\d*\])?;\toffset:(\d+);\tsize:(\d+);/gm)].map(
    ([, field, offset, size]) => ({ name: field, offset: Number(offset), size: Number(size) }),
  );
  let pattern = '^';
  let from = 0;
  for (const match of print[1].matchAll(CONVERSION)) {
    pattern += escapePattern(print[1].slice(from, match.index));
    pattern += match[1] === '%' ? '%' : `(${READS[match[1]]})`;
    from = match.index + match[0].length;
  }
  pattern += `${escapePattern(print[1].slice(from))}$`;
  const args = print[2] === undefined ? [] : splitArguments(print[2]);
  return { group, name, id: number('ID'), text, fields, pattern: new RegExp(pattern), args };
}

/** `event-formats.txt` of a recording (traces/record): `== group/event` before each format file. */
export function parseFormats(text: string): Map<string, EventFormat> {
  const parts = text.split(/^== (\w+)\/\w+\n/m).slice(1);
  const formats = new Map<string, EventFormat>();
  for (let i = 0; i + 1 < parts.length; i += 2) {
    const format = parseFormat(parts[i], parts[i + 1]);
    formats.set(format.name, format);
  }
  return formats;
}

/** Invented addresses of the functions that probes stand in: the text has only their names. */
export class Addresses {
  readonly #bases = new Map<string, bigint>();

  of(symbol: string): bigint {
    let base = this.#bases.get(symbol);
    if (base === undefined) {
      base = 0xffff800008100000n + BigInt(this.#bases.size) * 0x1000n;
      this.#bases.set(symbol, base);
    }
    return base;
  }

  /** As /proc/kallsyms. */
  get kallsyms(): string {
    return [...this.#bases].map(([symbol, base]) => `${base.toString(16)} T ${symbol}\n`).join('');
  }
}

function readValue(token: string, isHex: boolean, addresses: Addresses): bigint {
  const place = /^(.*)\+(0x[\da-f]+)\//.exec(token);
  if (place !== null) return addresses.of(place[1]) + BigInt(place[2]);
  if (isHex && !/^[\da-f]+$/.test(token)) return addresses.of(token);
  return BigInt(isHex ? `0x${token}` : token);
}

/** `{ 0x20, "IABT_LOW" }`, whose text may come in pieces. */
function findSymbol(list: string, text: string): bigint {
  for (const [, value, name] of list.matchAll(/\{ *\(?(\w+)\)?, ((?:"[^"]*" *)+)\}/g))
    if (name.replace(/" *"?/g, '') === text) return BigInt(value);
  throw new Error(`${text} is no name in ${list.slice(0, 60)}`);
}

/** What each field of the record must be for the text to be printed; strings are of variable length. */
function readFields(format: EventFormat, text: string, addresses: Addresses): Map<string, bigint | string> {
  const match = format.pattern.exec(text);
  if (match === null) throw new Error(`${format.name} does not print "${text}"`);
  const values = new Map<string, bigint | string>();
  const isHex = [...(/^print fmt: "(.*?)"(?:,|$)/m.exec(format.text)?.[1] ?? '').matchAll(CONVERSION)]
    .filter(([, c]) => c !== '%')
    .map(([, c]) => c === 'x');
  for (const [i, arg] of format.args.entries()) {
    const token = match[i + 1];
    const plain = /^REC->(\w+)$/.exec(arg);
    const string = /^__get_str\((\w+)\)$/.exec(arg);
    const symbolic = /^__print_symbolic\(REC->(\w+), ([\s\S]*)\)$/.exec(arg);
    const choice = /^REC->(\w+) \? ["'](.*?)["'] : ["'].*?["']$/.exec(arg);
    const pointer = /^REC->(\w+) \?: "/.exec(arg);
    if (plain !== null) values.set(plain[1], readValue(token, isHex[i], addresses));
    else if (string !== null) values.set(string[1], token);
    else if (symbolic !== null) values.set(symbolic[1], findSymbol(symbolic[2], token));
    else if (choice !== null) values.set(choice[1], token === choice[2] ? 1n : 0n);
    else if (pointer !== null) values.set(pointer[1], addresses.of(`name_${token}`));
  }
  // Prints the number of an error in place of the reason.
  if (format.name === 'kvm_userspace_exit') {
    const isError = /^(restart|error)$/.test(match[1]);
    values.set('reason', isError ? 0n : BigInt(match[2]));
    values.set('errno', isError ? -BigInt(match[2]) : 0n);
  }
  return values;
}

function flagBits(flags: string): number {
  const [irqs, resched, context] = flags;
  let bits = 0;
  if (irqs === 'd' || irqs === 'D') bits |= 0x01;
  if (irqs === 'b' || irqs === 'D') bits |= 0x80;
  if (resched === 'N' || resched === 'n') bits |= 0x04;
  if (resched === 'N' || resched === 'p') bits |= 0x20;
  if (context === 'h' || context === 'H' || context === 'Z') bits |= 0x08;
  if (context === 's' || context === 'H') bits |= 0x10;
  if (context === 'z' || context === 'Z') bits |= 0x40;
  return bits;
}

const digit = (char: string): number => (char === '.' ? 0 : Number.parseInt(char, 16));

/** The bytes of the record that would be printed as `text`, little endian, a multiple of four. */
export function encodeRecord(format: EventFormat, head: RecordHead, text: string, addresses: Addresses): Buffer {
  const values = readFields(format, text, addresses);
  values.set('common_type', BigInt(format.id));
  values.set('common_flags', BigInt(flagBits(head.flags)));
  values.set('common_preempt_count', BigInt(digit(head.flags[3]) | (digit(head.flags[4] ?? '.') << 4)));
  values.set('common_pid', BigInt(head.pid));
  const fixed = Math.max(...format.fields.map(({ offset, size }) => offset + size));
  let tail = Buffer.alloc(0);
  const body = Buffer.alloc(fixed);
  for (const { name, offset, size } of format.fields) {
    let value = values.get(name) ?? 0n;
    if (typeof value === 'string') {
      const bytes = Buffer.from(`${value}\0`, 'latin1');
      value = BigInt((bytes.length << 16) | (fixed + tail.length));
      tail = Buffer.concat([tail, bytes]);
    }
    for (let i = 0; i < size; i++) body[offset + i] = Number((value >> BigInt(8 * i)) & 0xffn);
  }
  const padding = -(fixed + tail.length) & 3;
  return Buffer.concat([body, tail, Buffer.alloc(padding)]);
}
