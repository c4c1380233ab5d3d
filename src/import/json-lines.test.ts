import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import fc from 'fast-check';
import { InputError } from '../base/errors.js';
import { MAX_VCPUS, type Machine, NR_LPIS } from '../gic/intid.js';
import * as ev from '../trace/events.js';
import type { TraceHeader } from '../trace/header.js';
import { fieldsOf } from './json-event.js';
import {
  endToJson,
  eventToJson,
  gapToJson,
  HEADER_FIELDS,
  headerToJson,
  importJsonLines,
  isJsonLines,
} from './json-lines.js';

type Row = readonly [kind: number, vcpu: number, intid: number, value: number, dt: number];

function importRows(source: string | Uint8Array | Iterable<Uint8Array | string>): { header: TraceHeader; rows: Row[] } {
  const rows: Row[] = [];
  const header = importJsonLines(source, 'x/one_two.jsonl', { event: (...row) => void rows.push(row) });
  return { header, rows };
}

const HEADER = '{"vgic-replay":1,"vcpus":20,"spis":64,"lpis":true,"fidelity":3}';
const importOne = (event: object): Row => importRows(`${HEADER}\n${JSON.stringify(event)}\n`).rows[0];

test('named fields of every kind', () => {
  const expected: readonly (readonly [object, readonly number[]])[] = [
    [{ op: 'nop' }, [ev.NOP, 0, 0, 0]],
    [{ op: 'inject', intid: 27, vcpu: 1 }, [ev.INJECT, 1, 27, 1]],
    [{ op: 'inject', intid: '0x1b', level: 0 }, [ev.INJECT, 0, 27, 0]],
    [{ op: 'flush', vcpu: 1 }, [ev.FLUSH, 1, 0, 0]],
    [{ op: 'sync', vcpu: 1 }, [ev.SYNC, 1, 0, 0]],
    [{ op: 'ack' }, [ev.ACK, 0, 0, 0]],
    [{ op: 'ack', intid: 1023, exact: true, urgentOnly: true }, [ev.ACK, 0, 1023, 3]],
    [{ op: 'eoi', intid: 40 }, [ev.EOI, 0, 40, 0]],
    [{ op: 'priority-drop', intid: 40 }, [ev.PRIORITY_DROP, 0, 40, 0]],
    [{ op: 'deactivate', intid: 40 }, [ev.DEACTIVATE, 0, 40, 0]],
    [{ op: 'enable', intid: 40 }, [ev.ENABLE, 0, 40, 1]],
    [{ op: 'enable', intid: 40, enabled: false, user: true }, [ev.ENABLE, 0, 40, 2]],
    [{ op: 'priority', intid: 40, priority: 160 }, [ev.PRIORITY, 0, 40, 0xa0]],
    [{ op: 'pending', intid: 40 }, [ev.PENDING, 0, 40, 1]],
    [{ op: 'active', intid: 40, active: false }, [ev.ACTIVE, 0, 40, 0]],
    [{ op: 'config', intid: 40, trigger: 'level' }, [ev.CONFIG, 0, 40, 1]],
    [{ op: 'target', intid: 40, target: 3 }, [ev.TARGET, 0, 40, 3]],
    [{ op: 'sgi', sgi: 5, targets: [0, 2] }, [ev.SGI, 0, 5, 5]],
    [{ op: 'sgi', sgi: 5, targets: [17, 19] }, [ev.SGI, 0, 5 | (16 << 5), 0b1010]],
    [{ op: 'sgi', sgi: 5, allButSelf: true }, [ev.SGI, 0, 5 | (1 << 4), 0]],
    [{ op: 'lpi-map', vcpu: 1, intid: 8192, priority: 160 }, [ev.LPI_MAP, 1, 8192, 0x1a000]],
    [{ op: 'lpi-unmap', intid: 8192 }, [ev.LPI_UNMAP, 0, 8192, 0]],
    [{ op: 'lpi-config', intid: 8192, priority: 160 }, [ev.LPI_CONFIG, 0, 8192, 0xa1]],
    [{ op: 'lpi-move', vcpu: 2, intid: 8192 }, [ev.LPI_MOVE, 2, 8192, 0]],
    [{ op: 'lpi-clear', intid: 8192 }, [ev.LPI_CLEAR, 0, 8192, 0]],
    [{ op: 'lpi-pending', intid: 8192 }, [ev.LPI_PENDING, 0, 8192, 1]],
    [{ op: 'lpi-flush', vcpu: 1 }, [ev.LPI_FLUSH, 1, 0, 0]],
    [{ op: 'group', intid: 40, group: 1 }, [ev.GROUP, 0, 40, 1]],
    [{ op: 'group-one', intid: 40, group: 0, user: true }, [ev.GROUP_ONE, 0, 40, 2]],
    [{ op: 'dist-enable' }, [ev.DIST_ENABLE, 0, 0, 1]],
    [{ op: 'hw-map', intid: 27, hostIrq: 27 }, [ev.HW_MAP, 0, 27, 27]],
    [{ op: 'hw-map', intid: 27, hostIrq: 30, swResample: true }, [ev.HW_MAP, 0, 27, 0x1001e]],
    [{ op: 'hw-unmap', intid: 27 }, [ev.HW_UNMAP, 0, 27, 0]],
    [{ op: 'phys-line', hostIrq: 27, level: 1 }, [ev.PHYS_LINE, 0, 27, 1]],
    [{ op: 'mmio-dist', offset: '0x104', data: '0xffffffff' }, [ev.MMIO_DIST, 0, 0x104, -1]],
    [{ op: 'mmio-redist', offset: '0x10100', data: 1 }, [ev.MMIO_REDIST, 0, 0x10100, 1]],
    [{ op: 'sgi-pend', sgi: 5, sources: [0, 7] }, [ev.SGI_PEND, 0, 5, (1 << 31) | 0x81]],
    [{ op: 'sgi-pend', sgi: 5, sources: [1], pending: false }, [ev.SGI_PEND, 0, 5, 2]],
    [{ op: 'pending-query' }, [ev.PENDING_QUERY, 0, 0, 0]],
    [{ op: 'pmr', pmr: 240 }, [ev.PMR, 0, 0, 0xf0]],
    [{ op: 'line-level', intid: 40, level: 0 }, [ev.LINE_LEVEL, 0, 40, 0]],
    [{ op: 'guest-lr-state', lr: 3, active: true }, [ev.GUEST_LR_STATE, 0, 3, 2]],
    [
      { op: 'expect-list', position: 2, last: true, first: 40 },
      [ev.EXPECT_LIST, 0, 2 | (1 << 16), 0xffff0000 | 40 | 0],
    ],
    [{ op: 'priority', intid: 40, value: 0x1a3 }, [ev.PRIORITY, 0, 40, 0x1a3]],
    [{ op: 'sgi', intid: 5, value: -1 }, [ev.SGI, 0, 5, -1]],
  ];
  for (const [object, row] of expected) assert.deepEqual(importOne(object).slice(0, 4), row, JSON.stringify(object));
});

test('the documentation names every kind, its fields and every header field', () => {
  const text = readFileSync(new URL('../../../src/import/json-lines.md', import.meta.url), 'utf8');
  const rows = new Map(
    text
      .split('\n')
      .filter((line) => line.startsWith('| `'))
      .map((line) => [line.split('`')[1], line] as const),
  );
  for (const { kind, name } of ev.KINDS) {
    const row = rows.get(name) ?? '';
    assert.ok(row !== '', `${name} has no row`);
    for (const field of fieldsOf(kind)) assert.ok(row.includes(`\`${field.name}\``), `${name}: ${field.name}`);
  }
  for (const name of HEADER_FIELDS) assert.ok(text.includes(`\`${name}\``), `header field ${name}`);
});

test('time: microseconds, ticks of the header, the time before if left out', () => {
  const lines = ['{"op":"flush","t":1.5}', '', '# comment', '{"op":"sync"}', '{"op":"flush","t":4}'];
  const dts = (header: string): number[] => importRows([header, ...lines].join('\n')).rows.map((row) => row[4]);
  assert.deepEqual(dts('{"tickNs":500}'), [3, 0, 5]);
  assert.deepEqual(dts('{"tickNs":1}'), [1500, 0, 2500]);
});

test('without a header the stated defaults hold', () => {
  const { header } = importRows('{"op":"flush"}');
  const machine: Machine = {
    flavour: 'kvm-6.1',
    model: 'gicv3',
    nrVcpus: 1,
    nrSpis: 64,
    nrLpis: 0,
    nrLr: 4,
    distEnabledAtStart: true,
    pmrAtStart: 0xf8,
  };
  assert.deepEqual(header.machine, machine);
  assert.equal(header.tickNs, 1000);
  assert.equal(header.fidelity, 0);
  assert.equal(header.name, 'one-two');
  assert.deepEqual(importRows('').header.machine, machine);
});

test('a header line survives the way there and back', () => {
  const { header } = importRows(
    '{"vgic-replay":1,"flavour":"xen-new","model":"gicv2","vcpus":8,"spis":0,"lrs":16,"distEnabled":false,"pmr":0,"fidelity":2,"tickNs":1,' +
      '"name":"a","title":"b","clock":"c","tool":"d","kernel":"e","when":"f","how":"g","licence":"h",' +
      '"sourceSha256":"i","guestAccesses":"drain"}',
  );
  assert.equal(header.machine.nrVcpus, 8);
  assert.equal(header.machine.flavour, 'xen-new');
  assert.equal(header.provenance.licence, 'h');
  assert.equal(header.guestAccesses, 'drain');
  assert.deepEqual(importRows(headerToJson(header)).header, header);
});

test('gaps, counts and history survive the way there and back', () => {
  const before = importRows('{"vgic-replay":1,"fidelity":1,"how":"kvm-host.sh"}').header;
  const gaps = [
    { afterEvent: 1, lost: 42, place: 'line 31' },
    { afterEvent: 2, lost: 0, place: 'CPU 1, byte 900' },
  ];
  const counts = { ...before.counts, sourceLines: 9000, unknownLines: 3, lostEvents: 42, cutOff: 1, reordered: 7 };
  const header = { ...before, counts, gaps, provenance: { ...before.provenance, how: 'kvm-host.sh; slice' } };
  const text = [
    headerToJson(before),
    '{"op":"flush"}',
    '{"op":"lost","lost":42}',
    gapToJson(42, 'line 31'),
    '{"op":"sync"}',
    gapToJson(0, 'CPU 1, byte 900'),
    endToJson(header),
  ];
  const back = importRows(text.join('\n'));
  assert.deepEqual(back.header, header);
  assert.equal(back.rows.length, 3);
});

test('a lost event is a gap, also without a gap line', () => {
  const { header } = importRows(
    '{"vgic-replay":1,"fidelity":1}\n{"op":"flush"}\n{"op":"lost","lost":5}\n{"op":"sync"}',
  );
  assert.deepEqual(header.gaps, [{ afterEvent: 1, lost: 5, place: 'line 3' }]);
  assert.equal(header.counts.lostEvents, 5);
});

test('a gap or end line that is none is refused with its line', () => {
  const refused: readonly (readonly [string, RegExp])[] = [
    ['{"gap":5}', /line 2: "gap" is 5; write \{"gap": \{…\}\} and nothing else/],
    ['{"gap":{"lost":-1}}', /line 2: "lost" is -1; give an integer/],
    ['{"gap":{"place":1}}', /line 2: "place" is 1; give a string/],
    ['{"end":{"how":"\\ud800"}}', /line 2: "how" is "\\ud800"; give a string/],
    ['{"gap":{"size":1}}', /line 2: unknown field "size" in "gap"; its fields are lost, place/],
    ['{"gap":{},"t":1}', /line 2: "gap" is \{\}; write/],
    ['{"end":{"cutOff":"x"}}', /line 2: "cutOff" is "x"; give an integer/],
    ['{"end":{}}\n{"op":"flush"}', /line 3: an object behind "end"; /],
  ];
  for (const [line, message] of refused) assert.throws(() => importRows(`${HEADER}\n${line}`), message);
  assert.deepEqual(importRows(`${HEADER}\n{"gap":{"lost":3}}`).header.gaps, [], 'no event, no gap');
});

test('a flavour has the guests and LPIs it has', () => {
  assert.throws(() => importRows('{"flavour":"xen"}'), /"flavour" is "xen".*kvm-6\.1, kvm-7\.2/);
  assert.throws(() => importRows('{"flavour":"xen-new"}'), /"model" gicv3 with "flavour" xen-new; it has gicv2/);
  assert.throws(() => importRows('{"flavour":"xen-new","model":"gicv2","lpis":true}'), /"lpis" with/);
  const { header } = importRows('{"flavour":"kvm-7.2","lpis":true}');
  assert.equal(header.machine.flavour, 'kvm-7.2');
});

const MACHINE_HEADER = `{"vcpus":${MAX_VCPUS},"spis":988,"lpis":true,"lrs":64,"fidelity":3,"tickNs":1}`;

test('any event survives the way there and back, whatever its bits', () => {
  const intids: Record<ev.KindInfo['intid'], fc.Arbitrary<number>> = {
    none: fc.nat(ev.INTID_MASK),
    irq: fc.oneof(fc.nat(1019), fc.integer({ min: 8192, max: 65535 })),
    'lpi-or-none': fc.oneof(fc.constant(0), fc.integer({ min: 8192, max: 65535 })),
    private: fc.nat(31),
    sgi: fc.nat(15),
    'sgi-spec': fc.nat(ev.INTID_MASK),
    lpi: fc.integer({ min: 8192, max: 65535 }),
    hostirq: fc.nat(ev.INTID_MASK),
    'dist-offset': fc.nat(ev.INTID_MASK),
    'redist-offset': fc.nat(ev.INTID_MASK),
    'dist-byte': fc.nat(ev.INTID_MASK),
    'redist-byte': fc.nat(ev.INTID_MASK),
    lr: fc.nat(63),
    ack: fc.oneof(fc.nat(1019), fc.constant(1023)),
    count: fc.nat(ev.INTID_MASK),
    'list-position': fc.nat(ev.INTID_MASK),
    address: fc.nat(ev.INTID_MASK),
    'mem-bytes': fc.nat(ev.INTID_MASK),
    'its-offset': fc.nat(ev.INTID_MASK),
    'its-word': fc.nat(ev.INTID_MASK),
    'its-control': fc.nat(ev.INTID_MASK),
    timer: fc.nat(ev.INTID_MASK),
    'system-switch': fc.nat(ev.INTID_MASK),
    'vm-step': fc.nat(ev.INTID_MASK),
    step: fc.nat(ev.INTID_MASK),
  };
  const values = fc.oneof(fc.integer(), fc.nat(3), fc.nat(0xff), fc.integer({ min: 0, max: 0x1ffff }));
  const rows = fc
    .constantFrom(...ev.KINDS)
    .chain(({ kind, intid }) =>
      fc.tuple(fc.constant(kind), fc.nat(MAX_VCPUS - 1), intids[intid], values, fc.oneof(fc.nat(5000), fc.integer())),
    );
  const property = fc.property(fc.array(rows, { maxLength: 50 }), (events) => {
    let tick = 0;
    const lines = events.map(([kind, vcpu, intid, value, dt]) => {
      tick += dt >>> 0;
      return eventToJson(kind, vcpu, intid, value, tick, 1);
    });
    assert.deepEqual(importRows([MACHINE_HEADER, ...lines].join('\n')).rows, events);
  });
  fc.assert(property, { numRuns: 200, seed: 1, includeErrorInReport: true });
});

test('events read like what they are', () => {
  assert.equal(
    eventToJson(ev.INJECT, 0, 27, 1, 1200, 1000),
    '{"t":1200,"op":"inject","vcpu":0,"intid":27,"level":true}',
  );
  assert.equal(
    eventToJson(ev.SGI, 1, 5 | (16 << 5), 0b11, 3, 1),
    '{"t":0.003,"op":"sgi","vcpu":1,"sgi":5,"targets":[16,17]}',
  );
  assert.equal(
    eventToJson(ev.LPI_CONFIG, 0, 8192, 0xa1, 0, 1),
    '{"t":0,"op":"lpi-config","vcpu":0,"intid":8192,"priority":160,"enabled":true}',
  );
  assert.equal(eventToJson(ev.FLUSH, 0, 0, 7, 0, 1), '{"t":0,"op":"flush","vcpu":0,"intid":0,"value":7}');
});

test('pieces of any size, also through a character, give the same events', () => {
  const text = `{"title":"Zürich","lpis":true}\n{"op":"inject","intid":40}\r\n{"op":"flush","t":3}`;
  const bytes = new TextEncoder().encode(text);
  const whole = importRows(text);
  assert.equal(whole.header.title, 'Zürich');
  assert.equal(whole.header.machine.nrLpis, NR_LPIS);
  assert.equal(whole.header.counts.sourceLines, 3);
  for (let size = 1; size < 20; size++) {
    const pieces = Array.from({ length: Math.ceil(bytes.length / size) }, (_, index) =>
      bytes.subarray(index * size, (index + 1) * size),
    );
    assert.deepEqual(importRows(pieces), whole);
  }
});

test('mistakes are told in one line with file, line and remedy', () => {
  const refuse = (lines: readonly string[], message: RegExp): void => {
    assert.throws(
      () => importRows(lines.join('\n')),
      (error) => {
        assert.ok(error instanceof InputError);
        assert.match(error.message, message);
        assert.ok(error.message.startsWith(`x/one_two.jsonl: line ${lines.length}: `), error.message);
        assert.ok(error.message.includes('; ') && !error.message.includes('\n'));
        return true;
      },
    );
  };
  const header = '{"vgic-replay":1,"vcpus":2}';
  refuse(['{"vgic-replay":2}'], /format version 2; this program reads version 1/);
  refuse(
    ['{"vgic-replay":1,"vcpu":2}'],
    /unknown field "vcpu" in the header; its fields are vgic-replay, flavour, model/,
  );
  refuse(['{"vcpus":127}'], /"vcpus" is 127; give an integer from 1 to 126/);
  refuse(['{"model":"gicv2","vcpus":9}'], /"vcpus" is 9; give an integer from 1 to 8/);
  refuse(['{"model":"gicv4"}'], /"model" is "gicv4"; give one of gicv3, gicv2/);
  refuse(['{"model":"gicv2","lpis":true}'], /"lpis" on gicv2/);
  refuse(['{"name":3}'], /"name" is 3; give a string/);
  refuse([header, '{"op":"flush"'], /no JSON object; write one whole object a line/);
  refuse([header, '[1]'], /no JSON object/);
  refuse([header, header], /an object without "op"/);
  refuse([header, '{"op":"injekt"}'], /unknown "op" "injekt"; known are nop, inject/);
  refuse([header, '{"op":"inject"}'], /"intid" is missing/);
  refuse([header, '{"op":"inject","intid":96}'], /the machine has no INTID 96/);
  refuse([header, '{"op":"inject","intid":2.5}'], /"intid" is 2.5; give an integer/);
  refuse(
    [header, '{"op":"inject","intid":40,"lvl":1}'],
    /unknown field "lvl" in "inject"; its fields are t, vcpu, intid, level/,
  );
  refuse([header, '{"op":"inject","intid":40,"level":2}'], /"level" is 2; give true or false/);
  refuse([header, '{"op":"inject","intid":40,"level":1,"value":1}'], /"level" and the raw "value" say the same/);
  refuse([header, '{"op":"flush","vcpu":2}'], /"vcpu" is 2; give an integer from 0 to 1/);
  refuse([header, '{"op":"lpi-map","intid":8192,"priority":0}'], /the machine has no LPI 8192/);
  refuse([header, '{"op":"config","intid":40,"trigger":"rising"}'], /give "edge" or "level"/);
  refuse([header, '{"op":"sgi","sgi":1,"targets":[15,16]}'], /"targets" reaches beyond vCPUs 0 to 15/);
  refuse([header, '{"op":"sgi","sgi":1,"targets":1}'], /"targets" is no array/);
  refuse([header, '{"op":"wakeup"}'], /"wakeup" in a trace of fidelity 0; declare "fidelity": 1/);
  refuse([header, '{"op":"flush","t":2}', '{"op":"sync","t":1}'], /"t" is before that of the event above/);
  refuse([header, '{"op":"flush","t":5e12}'], /"t" is more than 4294967295 ticks .*; set a larger "tickNs" than 1000/);
  refuse([header, '{"op":"flush","t":"now"}'], /"t" is "now"; give microseconds/);
  refuse([header, `{"op":"flush","x":"${'x'.repeat(1 << 20)}"}`], /longer than 1048576 characters/);
});

test('isJsonLines: a header or an event in the first line', () => {
  const is = (text: string): boolean => isJsonLines(new TextEncoder().encode(text));
  assert.equal(is('{"vgic-replay":1}\n'), true);
  assert.equal(is('# a script\n\n{"t":1,"op":"flush"}'), true);
  assert.equal(is('{"traceEvents":[]}'), false);
  assert.equal(is('# tracer: nop\n'), false);
  assert.equal(is(''), false);
});
