/** Tells by its first bytes what a file is. A wrong file is refused by name, with what to do instead. */
import { InputError } from '../base/errors.js';
import { findKvmLine, findPrinter, isFtrace } from '../import/ftrace/importer.js';
import { isJsonLines } from '../import/json-lines.js';
import { isPerfetto } from '../import/perfetto/importer.js';
import { isVgr1 } from '../import/vgr1.js';
import type { Format } from './formats.js';

/** What people hand over by mistake, by the bytes at an offset. */
const OTHERS: readonly { at?: number; begin: string; what: string; remedy: string }[] = [
  {
    begin: '\x17\x08\x44tracing',
    what: 'a trace.dat of trace-cmd',
    remedy: 'give the text that "trace-cmd report" prints of it',
  },
  { begin: 'PERFILE2', what: 'a perf.data', remedy: 'give the text that "perf script" prints of it' },
  { begin: '\xfd7zXZ\0', what: 'xz data', remedy: 'unpack it with "xz -d" first' },
  { begin: '\x28\xb5\x2f\xfd', what: 'zstd data', remedy: 'unpack it with "zstd -d" first' },
  { begin: 'BZh', what: 'bzip2 data', remedy: 'unpack it with "bzip2 -d" first' },
  { begin: 'PK\x03\x04', what: 'a zip archive', remedy: 'unpack it and name the recording folder in it' },
  { at: 257, begin: 'ustar', what: 'a tar archive', remedy: 'unpack it and name the recording folder in it' },
];

/** `head`: the first bytes of `name`, unpacked. Throws InputError if no format can claim them. */
export function detectFormat(name: string, head: Uint8Array): Format {
  if (head.length === 0) throw new InputError(name, 'byte 0', 'the file is empty', 'record or import it again');
  if (isVgr1(head)) return 'vgr1';
  if (isJsonLines(head)) return 'jsonl';
  if (isFtrace(head)) return findPrinter(head);
  if (isPerfetto(head)) return 'perfetto';
  const text = Buffer.from(head.buffer, head.byteOffset, Math.min(head.length, 512)).toString('latin1');
  const other = OTHERS.find(({ at = 0, begin }) => text.startsWith(begin, at));
  if (other !== undefined) throw new InputError(name, `byte ${other.at ?? 0}`, other.what, other.remedy);
  if (looksLikeText(head)) {
    const line = findKvmLine(head);
    if (line > 0)
      throw new InputError(
        name,
        `line ${line}`,
        'an event of KVM without the thread, time or columns that the printers of ftrace give it',
        'print it with "trace-cmd report" or "perf script -F comm,tid,cpu,time,event,trace"',
      );
    throw new InputError(
      name,
      'line 1',
      'text that is neither ftrace output nor JSON lines',
      'name a trace, or give --format to import if the beginning is unusual',
    );
  }
  return 'vgt';
}

/** A trace begins with a line feed; text hardly does. */
const looksLikeText = (head: Uint8Array): boolean =>
  head[0] !== 10 && head.every((byte) => byte === 9 || byte === 10 || byte === 13 || byte >= 32);
