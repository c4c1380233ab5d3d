/** Is this a trace at all? A wrong file is refused by name, with what to do instead. */
import { InputError } from '../base/errors.js';
import { FORMAT_NAME } from './wire.js';

const FIELD_1_LEN = 0x0a;
const MAX_LENGTH_BYTES = 5;
/** Bytes that `checkMagic` wants to see. */
export const MAGIC_BYTES = 64;

// What people hand over by mistake, by its first bytes.
const OTHERS: readonly { begin: string; what: string; remedy: string }[] = [
  { begin: 'VGR1', what: 'a VGR1 event file', remedy: 'convert it with "vgic-replay import"' },
  { begin: '# tracer:', what: 'ftrace text', remedy: 'convert it with "vgic-replay import"' },
  { begin: '{', what: 'JSON', remedy: 'convert it with "vgic-replay import"' },
  { begin: '\x1f\x8b', what: 'gzip data', remedy: 'decompress it with "gzip -d" first' },
];

/** What stands where a trace has its first field, and what stands there in a trace. */
function nameIn(head: Uint8Array): { readonly seen: string; readonly expected: string } {
  let at = 1;
  while (at < head.length && head[at] > 0x7f && at < MAX_LENGTH_BYTES) at++;
  const expected = String.fromCharCode(FIELD_1_LEN, FORMAT_NAME.length) + FORMAT_NAME;
  return { seen: latin1(head.subarray(at + 1, at + 1 + expected.length)), expected };
}

/** Does a file that begins so pass `checkMagic`? */
export function hasMagic(head: Uint8Array): boolean {
  const { seen, expected } = nameIn(head);
  return head[0] === FIELD_1_LEN && seen === expected;
}

/**
 * Checks the first bytes of a file: a Header frame whose first field is the format's name. Throws InputError if it is
 * something else, nothing, or ends within these bytes.
 */
export function checkMagic(file: string, head: Uint8Array): void {
  const again = 'import the recording again';
  if (head.length === 0) throw new InputError(file, 'byte 0', 'the file is empty', again);
  const { seen, expected } = nameIn(head);
  if (head[0] === FIELD_1_LEN && expected.startsWith(seen)) {
    if (seen.length === expected.length) return;
    throw new InputError(file, `byte ${head.length}`, 'the file was cut off in its header', again);
  }
  const text = latin1(head);
  const other = OTHERS.find(({ begin }) => text.startsWith(begin));
  const what = other === undefined ? 'not a vgic-replay trace' : `not a vgic-replay trace but ${other.what}`;
  throw new InputError(
    file,
    'byte 0',
    what,
    other?.remedy ?? 'name a .vgt file, or convert the recording with "vgic-replay import"',
  );
}

const latin1 = (bytes: Uint8Array): string => String.fromCharCode(...bytes);
