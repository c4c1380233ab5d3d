/** One recording through every recorder is one L1 trace. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { gunzipSync } from 'node:zlib';
import type { TraceHeader } from '../../trace/header.js';
import { createFtraceSurveyor } from '../ftrace/importer.js';
import {
  importBytes,
  PERF_HEADER,
  packTrace,
  printPerf,
  printPerfWithProcess,
  printTraceCmd,
  printTraceCmdLatency,
  printTracefs,
  type Recorded,
  readRecording,
  toPackets,
} from './recorders.test.support.js';

const RECORDINGS = ['bare-sgi-storm', 'bare-gicv2-fuzz', 'bare-flood-big'];

for (const name of RECORDINGS) {
  test(`${name}: tracefs, trace-cmd, trace-cmd -l, perf, perf -F pid and Perfetto give the same events`, () => {
    const events = readRecording(name, 2500);
    assert.ok(events.some(({ event }) => event === 'vgic_update_irq_pending'));
    const expected = importBytes(printTracefs(events));
    assert.ok(expected.list.length > 500);
    assert.equal(expected.header.fidelity, 1);
    assert.equal(expected.header.counts.unknownLines, 0);
    assert.deepEqual(expected.warnings, []);
    const others: [string, Uint8Array | string][] = [
      ['trace-cmd', printTraceCmd(events)],
      ['trace-cmd -l', printTraceCmdLatency(events)],
      ['perf', printPerf(events)],
      ['perf with processes', printPerfWithProcess(events)],
      ['Perfetto', packTrace(toPackets(events))],
      ['Perfetto, compressed', packTrace(toPackets(events, { compressed: true, round: 700 }))],
      ['Perfetto without names', packTrace(toPackets(events, { names: false, round: 31 }))],
    ];
    for (const [recorder, bytes] of others) {
      const { header, list, warnings } = importBytes(bytes);
      assert.deepEqual(list, expected.list, recorder);
      assert.deepEqual(warnings, [], recorder);
      assert.deepEqual(header.machine, expected.header.machine, recorder);
      assert.equal(header.tickNs, 1, recorder);
      assert.equal(header.guestAccesses, 'drain', recorder);
    }
  });
}

test('pieces of any size give the same events', () => {
  const events = readRecording('bare-sgi-storm', 2500).slice(2200);
  const packed = packTrace(toPackets(events, { compressed: true, round: 40 }));
  const { list } = importBytes(packed);
  for (const piece of [1, 7, 4096]) assert.deepEqual(importBytes(packed, piece).list, list);
});

test('a trace says who recorded it, on what kernel and when', () => {
  const events = readRecording('bare-sgi-storm', 500);
  const provenanceOf = (bytes: Uint8Array | string): TraceHeader['provenance'] => importBytes(bytes).header.provenance;
  assert.equal(provenanceOf(printTracefs(events)).tool, 'ftrace');
  assert.equal(provenanceOf(printTraceCmd(events)).tool, 'trace-cmd');
  const perf = provenanceOf(`${PERF_HEADER}${printPerf(events)}`);
  assert.deepEqual([perf.tool, perf.kernel, perf.when], ['perf 6.1.192', '6.1.0-56-arm64', 'Thu Mar  5 10:11:12 2026']);
  const { header } = importBytes(packTrace(toPackets(events)), 1000, 'b/Storm.perfetto-trace');
  assert.deepEqual([header.provenance.tool, header.provenance.kernel], ['Perfetto (v47)', '6.1.0-56-arm64']);
  assert.deepEqual([header.clock, header.name, header.importer.name], ['global', 'storm', 'perfetto']);
});

test('the timers of a thread name its vCPU as its own name and the kprobes do', () => {
  const name = 'bare-sgi-storm';
  const text = gunzipSync(readFileSync(new URL(`../../../../traces/raw/${name}/trace.txt.gz`, import.meta.url)));
  const surveyor = createFtraceSurveyor(name);
  surveyor.push(text.subarray(0, 4 << 20));
  const { vcpuOfPid } = surveyor.end();
  assert.equal(vcpuOfPid.size, 4);
  const anonymous = createFtraceSurveyor(name);
  const events = readRecording(name, 5000).map((each) => ({ ...each, comm: 'qemu' }));
  anonymous.push(new TextEncoder().encode(printPerf(events)));
  const stock = anonymous.end();
  assert.deepEqual(new Map([...stock.vcpuOfPid].sort()), new Map([...vcpuOfPid].sort()));
  assert.match(stock.remarks.join(), /4 vCPU threads told by the vCPU that its timer events name/);
});

const event = (pid: number, ns: number, name: string, text: string, comm = 'qemu'): Recorded => ({
  comm,
  pid,
  cpu: pid & 1,
  ns,
  event: name,
  text,
});
const PC = 'PC: 0x0000000040000000';
const EXIT = `IRQ: HSR_EC: 0x0000 (UNKNOWN), ${PC}`;

test('threads that nothing names are numbered in the order of their first entry, and it is said', () => {
  const events = [
    event(71, 1000, 'kvm_entry', PC),
    event(70, 2000, 'kvm_entry', PC),
    event(70, 3000, 'kvm_exit', EXIT),
    event(9, 4000, 'vgic_update_irq_pending', 'VCPU: 0, IRQ 33, level: 1'),
  ];
  for (const bytes of [printTracefs(events), packTrace(toPackets(events, { round: 1 }))]) {
    const { header, list } = importBytes(bytes);
    assert.deepEqual(list.slice(0, 2), ['3 0 0 0 0', '3 1 0 0 1000']);
    assert.match(header.provenance.how, /2 vCPU threads numbered in the order of first entry/);
  }
});

test('two machines in one recording are said', () => {
  const events = [event(70, 1000, 'kvm_entry', PC, 'CPU 0/KVM'), event(80, 2000, 'kvm_entry', PC, 'CPU 0/KVM')];
  const { header } = importBytes(printTracefs(events));
  assert.match(header.provenance.how, /1 more thread has the name of another vCPU: several machines/);
});

test('without vgic_update_irq_pending the lines stand in for it', () => {
  const events = [
    event(70, 1000, 'kvm_entry', PC),
    event(70, 2000, 'kvm_exit', EXIT),
    event(70, 3000, 'kvm_timer_update_irq', 'VCPU: 0, IRQ 27, level 1'),
    event(9, 4000, 'kvm_irq_line', 'Inject VGIC SPI interrupt (1), vcpu->idx: 0, num: 35, level: 1'),
    event(9, 5000, 'kvm_irq_line', 'Inject CPU interrupt (0), vcpu->idx: 0, num: 1, level: 1'),
  ];
  for (const bytes of [printTracefs(events), packTrace(toPackets(events))]) {
    const { header, list } = importBytes(bytes);
    // ENABLE and INJECT of 27; CONFIG, ENABLE and INJECT of 35.
    assert.deepEqual(
      list.filter((line) => /^(2|9|13) /.test(line)).map((line) => line.split(' ').slice(0, 4).join(' ')),
      ['9 0 27 1', '2 0 27 1', '13 0 35 0', '9 0 35 1', '2 0 35 1'],
    );
    assert.match(header.provenance.how, /vgic_update_irq_pending was not recorded/);
  }
});

test('what the machine cannot have is counted, not taken', () => {
  const events = [
    event(70, 1000, 'kvm_entry', PC),
    event(9, 2000, 'vgic_update_irq_pending', 'VCPU: 0, IRQ 99999999, level: 1'),
    event(9, 3000, 'vgic_update_irq_pending', 'VCPU: 0, IRQ 1021, level: 1'),
  ];
  for (const bytes of [printTracefs(events), packTrace(toPackets(events))]) {
    const { header, list, warnings } = importBytes(bytes);
    assert.equal(list.length, 1);
    assert.equal(header.counts.unknownLines, 2);
    assert.match(warnings[0], /vgic_update_irq_pending without what it needs/);
  }
});
