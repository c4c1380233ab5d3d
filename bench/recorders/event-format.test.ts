/** From printed text to the bytes of the record, by the description of the event. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Addresses, encodeRecord, parseFormats } from './event-format.js';

const COMMON = `\tfield:unsigned short common_type;\toffset:0;\tsize:2;\tsigned:0;
\tfield:unsigned char common_flags;\toffset:2;\tsize:1;\tsigned:0;
\tfield:unsigned char common_preempt_count;\toffset:3;\tsize:1;\tsigned:0;
\tfield:int common_pid;\toffset:4;\tsize:4;\tsigned:1;

`;
const FORMATS = parseFormats(`== demo/door
name: door
ID: 513
format:
${COMMON}\tfield:s32 level;\toffset:8;\tsize:4;\tsigned:1;
\tfield:u8 kind;\toffset:12;\tsize:1;\tsigned:0;
\tfield:bool open;\toffset:13;\tsize:1;\tsigned:0;
\tfield:u64 at;\toffset:16;\tsize:8;\tsigned:0;
\tfield:__data_loc char[] name;\toffset:24;\tsize:4;\tsigned:0;

print fmt: "%s door, 100%% %s: level %d at 0x%016llx (%s)", __print_symbolic(REC->kind, { 0x1, "back" }, { (0x2), "trap" "_x" }), REC->open ? "open" : "shut", REC->level, REC->at, __get_str(name)
== demo/probe
name: probe
ID: 7
format:
${COMMON}\tfield:unsigned long ip;\toffset:8;\tsize:8;\tsigned:0;
\tfield:unsigned long from;\toffset:16;\tsize:8;\tsigned:0;

print fmt: "(%lx <- %lx)", REC->ip, REC->from
`);
const encode = (event: string, flags: string, text: string, addresses = new Addresses()): Buffer => {
  const format = FORMATS.get(event);
  assert.ok(format);
  return encodeRecord(format, { pid: 300, flags }, text, addresses);
};

test('fields of every kind', () => {
  const bytes = encode('door', 'dNh12', 'trap_x door, 100% open: level -2 at 0x0000000040000000 (main, left)');
  assert.equal(bytes.readUInt16LE(0), 513);
  // Interrupts off, both kinds of a pending reschedule, hard interrupt; preemption off once, migration twice.
  assert.deepEqual([bytes[2], bytes[3]], [0x01 | 0x04 | 0x20 | 0x08, 0x21]);
  assert.equal(bytes.readInt32LE(4), 300);
  assert.deepEqual([bytes.readInt32LE(8), bytes[12], bytes[13]], [-2, 2, 1]);
  assert.equal(bytes.readBigUInt64LE(16), 0x40000000n);
  assert.equal(bytes.readUInt32LE(24), (11 << 16) | 28);
  assert.equal(bytes.toString('latin1', 28), 'main, left\0\0');
});

test('a probed place gets an address that the symbols of the trace resolve', () => {
  const addresses = new Addresses();
  const bytes = encode('probe', '.....', '(kvm_vgic_load+0x18/0x50 <- add_timer)', addresses);
  const [, base] = /^(\w+) T kvm_vgic_load$/m.exec(addresses.kallsyms) ?? [];
  assert.equal(bytes.readBigUInt64LE(8), BigInt(`0x${base}`) + 0x18n);
  assert.equal(bytes.readBigUInt64LE(16), addresses.of('add_timer'));
});

test('text that the event does not print is an error', () => {
  assert.throws(() => encode('door', '.....', 'front door'), /door does not print "front door"/);
  const text = 'front door, 100% open: level 1 at 0x0 ()';
  assert.throws(() => encode('door', '.....', text), /front is no name/);
});
