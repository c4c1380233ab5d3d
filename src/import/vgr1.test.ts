import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { gunzipSync } from 'node:zlib';
import { InputError } from '../base/errors.js';
import { NR_LPIS } from '../gic/intid.js';
import * as ev from '../trace/events.js';
import type { TraceHeader } from '../trace/header.js';
import { importVgr1, isVgr1, VGR1_HEADER_BYTES, VGR1_RECORD_BYTES } from './vgr1.js';

type Row = readonly [kind: number, vcpu: number, intid: number, value: number, dt: number];
interface VgrRecord {
  op: number;
  vcpu?: number;
  flags?: number;
  intid?: number;
  value?: number;
  dt?: number;
}

const V3 = 0;
const V2 = 1;

/** A VGR1 file: 4 vCPUs, 64 SPIs, 4 list registers. */
function createFile(records: readonly VgrRecord[], model = V3): Uint8Array {
  const bytes = new Uint8Array(VGR1_HEADER_BYTES + VGR1_RECORD_BYTES * records.length);
  const view = new DataView(bytes.buffer);
  bytes.set(new TextEncoder().encode('VGR1'));
  [4, 64, 4 | (model << 8), records.length].forEach((field, index) => {
    view.setUint32(4 + 4 * index, field, true);
  });
  records.forEach(({ op, vcpu = 0, flags = 0, intid = 0, value = 0, dt = 0 }, index) => {
    const at = VGR1_HEADER_BYTES + VGR1_RECORD_BYTES * index;
    view.setUint8(at, op);
    view.setUint8(at + 1, vcpu);
    view.setUint16(at + 2, flags, true);
    view.setUint32(at + 4, intid, true);
    view.setUint32(at + 8, value >>> 0, true);
    view.setUint32(at + 12, dt, true);
  });
  return bytes;
}

function importRows(source: Uint8Array | Iterable<Uint8Array>): { header: TraceHeader; rows: Row[] } {
  const rows: Row[] = [];
  const header = importVgr1(source, 'dir/one_two.bin.gz', { event: (...row) => void rows.push(row) });
  return { header, rows };
}

const importRecord = (record: VgrRecord, model = V3): Row => importRows(createFile([record], model)).rows[0];

const NOP_OF = (op: number): Row => [ev.NOP, 0, 0, op, 0];

const golden = (name: string): Uint8Array =>
  gunzipSync(readFileSync(new URL(`../../../traces/golden/${name}.bin.gz`, import.meta.url)));

test('every operation becomes its event', () => {
  const expected: readonly (readonly [VgrRecord, Row])[] = [
    [{ op: 0, vcpu: 1, intid: 40, value: 3, dt: 9 }, [ev.INJECT, 1, 40, 1, 9]],
    [{ op: 0, intid: 8200, value: 1 }, [ev.INJECT, 0, 8200, 1, 0]],
    [{ op: 1, vcpu: 2 }, [ev.FLUSH, 2, 0, 0, 0]],
    [{ op: 2, intid: 1023, flags: 1 }, [ev.ACK, 0, 1023, 1, 0]],
    [{ op: 2, intid: 500 }, [ev.ACK, 0, 0, 0, 0]],
    [{ op: 3, intid: 40 }, [ev.EOI, 0, 40, 0, 0]],
    [{ op: 4, vcpu: 3 }, [ev.SYNC, 3, 0, 0, 0]],
    [{ op: 5, intid: 40, value: 1, flags: 1 }, [ev.ENABLE, 0, 40, 3, 0]],
    [{ op: 5, intid: 40, value: 0 }, [ev.ENABLE, 0, 40, 0, 0]],
    [{ op: 6, intid: 40, value: 0x1a3 }, [ev.PRIORITY, 0, 40, 0xa3, 0]],
    [{ op: 7, intid: 40, value: 0, flags: 1 }, [ev.PENDING, 0, 40, 2, 0]],
    [{ op: 8, vcpu: 1, intid: 5, value: 1 }, [ev.ACTIVE, 1, 5, 1, 0]],
    [{ op: 9, intid: 40, value: 1 }, [ev.CONFIG, 0, 40, 1, 0]],
    [{ op: 10, intid: 40, value: 9 }, [ev.TARGET, 0, 40, 9, 0]],
    [{ op: 11, vcpu: 1, intid: 5, value: 0x10006 }, [ev.SGI, 1, 5, 6, 0]],
    [{ op: 11, vcpu: 1, intid: 5, value: 6, flags: 2 }, [ev.SGI, 1, 5 | (1 << 4), 6, 0]],
    [{ op: 12, vcpu: 1, intid: 8192, value: 0x18302 }, [ev.LPI_MAP, 2, 8192, 0x18300, 0]],
    [{ op: 13, intid: 8192, value: 0x1a1 }, [ev.LPI_CONFIG, 0, 8192, 0xa1, 0]],
    [{ op: 14, intid: 8192, value: 3 }, [ev.LPI_MOVE, 3, 8192, 0, 0]],
    [{ op: 15, intid: 8192 }, [ev.LPI_UNMAP, 0, 8192, 0, 0]],
    [{ op: 16, intid: 40, value: 1 }, [ev.GROUP, 0, 40, 1, 0]],
    [{ op: 17, value: 1 }, [ev.DIST_ENABLE, 0, 0, 1, 0]],
    [{ op: 18, intid: 27, value: 100 }, [ev.HW_MAP, 0, 27, 100, 0]],
    [{ op: 19, intid: 27 }, [ev.HW_UNMAP, 0, 27, 0, 0]],
    [{ op: 20, vcpu: 1, intid: 300, value: 1 }, [ev.PHYS_LINE, 1, 300, 1, 0]],
    [{ op: 21, vcpu: 1, intid: 0x104, value: -1, flags: 4 }, [ev.MMIO_DIST, 1, 0x104, -1, 0]],
    [{ op: 21, intid: 0x6140, value: 2, flags: 8 }, [ev.MMIO_DIST, 0, 0x6140, 2, 0]],
    [{ op: 21, vcpu: 1, intid: 0x10104, value: 7, flags: 20 }, [ev.MMIO_REDIST, 1, 0x10104, 7, 0]],
    [{ op: 22, vcpu: 1, intid: 5, value: 0x106, flags: 1 }, [ev.SGI_PEND, 1, 5, 6 | (1 << 31), 0]],
    [{ op: 23, vcpu: 1 }, [ev.LPI_FLUSH, 1, 0, 0, 0]],
    [{ op: 24, vcpu: 1 }, [ev.PENDING_QUERY, 1, 0, 0, 0]],
    [{ op: 25, vcpu: 1, value: 0xf0 }, [ev.PMR, 1, 0, 0xf0, 0]],
  ];
  for (const [record, row] of expected) assert.deepEqual(importRecord(record), row);
  assert.deepEqual(new Set(expected.map(([record]) => record.op)).size, 26);
  assert.deepEqual(importRecord({ op: 11, intid: 5, value: 0x1ff }, V2), [ev.SGI, 0, 5, 0xff, 0]);
});

test('what has no effect becomes a NOP that names the operation, and keeps the index', () => {
  const records: VgrRecord[] = [
    { op: 0, intid: 96, value: 1 },
    { op: 1, vcpu: 4 },
    { op: 5, intid: 8192, value: 1 },
    { op: 11, intid: 16, value: 1 },
    { op: 12, intid: 8192, value: 4 },
    { op: 14, intid: 8192, value: -1 },
    { op: 21, intid: 0x104, flags: 8 },
    { op: 21, intid: 0x400, flags: 1 },
    { op: 22, intid: 16 },
  ];
  const { header, rows } = importRows(createFile([...records, { op: 4 }]));
  assert.deepEqual(rows, [...records.map(({ op }) => NOP_OF(op)), [ev.SYNC, 0, 0, 0, 0]]);
  assert.equal(header.counts.noEffect, records.length);
  assert.equal(header.counts.sourceLines, records.length + 1);
});

test('the header becomes the machine; LPIs are there if an event needs them', () => {
  const { header } = importRows(createFile([{ op: 21, intid: 0x6140, flags: 4 }], V3));
  assert.deepEqual(header.machine, {
    flavour: 'kvm-6.1',
    model: 'gicv3',
    nrVcpus: 4,
    nrSpis: 64,
    nrLpis: 0,
    nrLr: 4,
    distEnabledAtStart: true,
    pmrAtStart: 0xf8,
  });
  assert.equal(header.name, 'one-two');
  assert.equal(header.fidelity, 0);
  for (const record of [{ op: 0, intid: 8192 }, { op: 12, intid: 8192 }, { op: 23 }]) {
    assert.equal(importRows(createFile([record])).header.machine.nrLpis, NR_LPIS);
  }
  assert.equal(importRows(createFile([], 2)).header.machine.model, 'gicv2-on-gicv3');
});

test('pieces of any size give the same events', () => {
  const bytes = golden('lpi-s02');
  const whole = importRows(bytes);
  assert.ok(whole.rows.length > 1000);
  for (const size of [1, 7, 16, 1000]) {
    const pieces = Array.from({ length: Math.ceil(bytes.length / size) }, (_, index) =>
      bytes.subarray(index * size, (index + 1) * size),
    );
    assert.deepEqual(importRows(pieces), whole);
  }
});

test('a file cut at any byte is refused with that byte', () => {
  const bytes = createFile([{ op: 1 }, { op: 4 }]);
  for (let length = 0; length < bytes.length; length++) {
    assert.throws(
      () => importRows(bytes.subarray(0, length)),
      (error) => error instanceof InputError && error.message.startsWith(`dir/one_two.bin.gz: byte ${length}: ends `),
    );
  }
});

test('files that cannot be are refused in one line', () => {
  const refuse = (change: (view: DataView) => void, message: RegExp): void => {
    const bytes = createFile([{ op: 1 }]);
    change(new DataView(bytes.buffer));
    assert.throws(
      () => importRows(bytes),
      (error) => error instanceof InputError && message.test(error.message) && !error.message.includes('\n'),
    );
  };
  refuse((view) => view.setUint8(0, 0), /byte 0: does not begin with "VGR1"/);
  refuse((view) => view.setUint32(4, 0, true), /byte 4: 0 vCPUs, gicv3 has 1 to 126/);
  refuse((view) => view.setUint32(4, 0xffffffff, true), /byte 4: 4294967295 vCPUs/);
  refuse((view) => view.setUint32(8, 989, true), /byte 8: 989 SPIs/);
  refuse((view) => view.setUint32(12, 0, true), /byte 12: 0 list registers/);
  refuse((view) => view.setUint32(12, 65, true), /byte 12: 65 list registers/);
  refuse((view) => view.setUint32(12, 4 | (3 << 8), true), /byte 13: GIC model 3/);
  refuse((view) => {
    view.setUint32(4, 9, true);
    view.setUint32(12, 4 | (V2 << 8), true);
  }, /byte 4: 9 vCPUs, gicv2 has 1 to 8/);
  refuse((view) => view.setUint32(16, 0, true), /byte 20: bytes after the last of the 0 events/);
  refuse((view) => view.setUint8(20, 26), /byte 20: operation 26 in event 0/);
});

test('isVgr1 looks at the first four bytes', () => {
  assert.equal(isVgr1(golden('typical-s02')), true);
  assert.equal(isVgr1(new TextEncoder().encode('VGR')), false);
  assert.equal(isVgr1(new TextEncoder().encode('VGR2xxxx')), false);
});
