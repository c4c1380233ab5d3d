/** What tracefs, trace-cmd and perf print around their events, and lines that are none. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { InputError } from '../../base/errors.js';
import type { TraceHeader } from '../../trace/header.js';
import { createFtraceImporter, isFtrace } from '../ftrace/importer.js';
import { isDecoration, parseLine, parseLost, parseOverwritten } from '../ftrace/line.js';
import { findRemedy } from '../ftrace/printer.js';
import { createListSink, printPerf, readFixtureSource } from './recorders.test.support.js';

interface Imported {
  readonly header: TraceHeader;
  readonly list: readonly string[];
  readonly warnings: readonly string[];
}

function importText(text: string): Imported {
  const { sink, list } = createListSink();
  const warnings: string[] = [];
  const importer = createFtraceImporter('text', sink, {
    onWarning: ({ place, what }) => void warnings.push(`${place}: ${what}`),
  });
  importer.push(new TextEncoder().encode(text));
  return { header: importer.end(), list, warnings };
}

const ENTRY = 'kvm_entry: PC: 0x0000000040000000';

test('columns of every printer', () => {
  const cases: [string, [comm: string, pid: number, cpu: number, tick: number]][] = [
    [`       CPU 0/KVM-173     [001] d..2.    10.844955: ${ENTRY}`, ['CPU 0/KVM', 173, 1, 10844955]],
    [`       CPU 0/KVM-173     (    160) [001] d..2.    10.844955: ${ENTRY}`, ['CPU 0/KVM', 173, 1, 10844955]],
    [`           <...>-3979  [007]   217.975284: ${ENTRY}`, ['<...>', 3979, 7, 217975284]],
    [`    my-vmm-7-3979  [007]   217.975284123: ${ENTRY}`, ['my-vmm-7', 3979, 7, 217975284123]],
    [`g.dat:       CPU 0/KVM-173   [001]    10.844955: ${ENTRY}`, ['CPU 0/KVM', 173, 1, 10844955]],
    [`${' '.repeat(60)}guest.dat:   CPU 0/K-173     1d..1.    10.844955: ${ENTRY}`, ['CPU 0/K', 173, 1, 10844955]],
    [`   kworker/1:0-173   [001]    10.844955: (+12)   ${ENTRY}`, ['kworker/1:0', 173, 1, 10844955]],
    [`             :-1    -1 [003]    12.345678:    kvm:${ENTRY}`, [':-1', -1, 3, 12345678]],
    [`tsc 14164 [001] 2026-11-26 22:05:59.091203 49605.100080:       kvm:${ENTRY}`, ['tsc', 14164, 1, 49605100080]],
    [`    -1/-1    [003]    12.345678:    kvm:${ENTRY}`, ['', -1, 3, 12345678]],
    [`CPU 12/K-3979    7d..2   217.975284: ${ENTRY}`, ['CPU 12/K', 3979, 7, 217975284]],
    [`qemu-system-aar  1240 [003]    12.345678: kvm:${ENTRY}`, ['qemu-system-aar', 1240, 3, 12345678]],
    [`CPU 0/KVM  1234/1240  [003]    12.345678: kvm:${ENTRY}`, ['CPU 0/KVM', 1240, 3, 12345678]],
    [` 1240 [003]    12.345678: kvm:${ENTRY}`, ['', 1240, 3, 12345678]],
    [` 1234/1240     12.345678901:          1 kvm:${ENTRY}`, ['', 1240, 0, 12345678901]],
    [`qemu-kvm  1240 [003] d..2.   12.345678: kvm:${ENTRY}`, ['qemu-kvm', 1240, 3, 12345678]],
  ];
  for (const [line, expected] of cases) {
    const at = parseLine(line, 1);
    assert.ok(at !== null, line);
    assert.deepEqual([at.comm, at.pid, at.cpu, at.tick], expected, line);
    assert.deepEqual([at.event, at.text], ['kvm_entry', 'PC: 0x0000000040000000'], line);
    assert.ok(isFtrace(new TextEncoder().encode(`${line}\n`)), line);
  }
});

test('lines about lost events', () => {
  const cases: [string, number][] = [
    ['CPU:1 [LOST 42 EVENTS]', 42],
    ['CPU:1 [LOST EVENTS]', 0],
    ['CPU:7 [204600 EVENTS DROPPED]', 204600],
    ['CPU:7 [EVENTS DROPPED]', 0],
    ['qemu  1240 [003]    12.345678: PERF_RECORD_LOST lost 9', 9],
    ['9777/9888 [006] 1.000000001: unknown: PERF_RECORD_LOST lost 9', 9],
    ['CPU:1 [LOST 99999999999999999999 EVENTS]', 0],
    ['nothing lost', -1],
  ];
  for (const [line, lost] of cases) assert.equal(parseLost(line), lost, line);
  assert.equal(parseOverwritten('# entries-in-buffer/entries-written: 100/142   #P:2'), 42);
  assert.equal(parseOverwritten('# entries-in-buffer/entries-written: 142/142   #P:2'), 0);
});

test('lost events of all three printers become gaps with their numbers', () => {
  const run = (begin: string): string => `${begin}: ${ENTRY}\n`;
  const texts: [string, number][] = [
    [
      `# tracer: nop\n#\n# entries-in-buffer/entries-written: 10/52   #P:2\n#\n${run(' a-1 [000] d.... 1.000000')}CPU:1 [LOST EVENTS]\n${run(' b-2 [001] d.... 1.000001')}`,
      42,
    ],
    [`cpus=8\nCPU:7 [204600 EVENTS DROPPED]\n${run(' a-1 [000] 1.000000')}CPU:7 [EVENTS DROPPED]\n`, 204600],
    [
      `${run(' a 1 [000] 1.000000: kvm').replace('kvm: kvm_', 'kvm:kvm_')}a  1 [000]  1.000001: PERF_RECORD_LOST lost 5\n`,
      5,
    ],
    [`${run(' a 1 [000] 1.000000')}a  1 [000]  1.000001: unknown: PERF_RECORD_LOST lost 6\n`, 6],
  ];
  for (const [text, lost] of texts) {
    const { header, warnings, list } = importText(text);
    assert.equal(header.counts.lostEvents, lost, text);
    assert.equal(header.counts.unknownLines, 0, text);
    assert.equal(
      header.gaps.reduce((sum, gap) => sum + gap.lost, 0),
      lost,
    );
    assert.equal(warnings.length, header.gaps.length);
    assert.ok(header.gaps.length >= 1 && header.gaps.every(({ afterEvent }) => list[afterEvent].startsWith('71 ')));
  }
});

test('what perf prints below an event is no event', () => {
  for (const line of [
    '\tffff800010010000 kvm_vcpu_run+0x1c ([kernel.kallsyms])',
    '   ffffb1 __ioctl (/usr/lib/libc.so.6)',
  ])
    assert.ok(isDecoration(line), line);
  assert.equal(isDecoration('Killed'), false);
});

const WHOLE = /whole numbers of an unknown unit: record with the trace clock local, global or mono/;

test('events without threads, with whole time stamps, and those of an x86 host, are refused with a remedy', () => {
  const refusals: [string, RegExp][] = [
    [`12.345678: kvm:${ENTRY}\n`, /which thread ran: print them with "perf script -F comm,tid,cpu,time,event,trace"/],
    // trace_clock counter, x86-tsc; trace-cmd of them, and of boot.
    [`            bash-11748   [000] d..2.           10: ${ENTRY}\n`, WHOLE],
    [`            bash-11748   [001] d..2. 121072873175466: ${ENTRY}\n`, WHOLE],
    [`cpus=2\n            bash-11748 [000]          10: ${ENTRY}\n`, WHOLE],
    [`cpus=2\n            bash-11748 [001]49504147293111: ${ENTRY}\n`, WHOLE],
    [`cpus=2\n    bash-11748   1d..2.49504147293111: ${ENTRY}\n`, WHOLE],
    [
      `   sleep-22236     0d..2. 16000us#: ${ENTRY}\n     tsc-21929     0d..2. 17863us : ${ENTRY}\n`,
      /latency-format is on/,
    ],
    [`49605.059371: sched:sched_stat_runtime: comm=perf pid=14431 runtime=23584 [ns]\n`, /which thread ran/],
    [
      ' qemu-5665  [000] d..1   280.971122: kvm_entry: vcpu 0, rip 0x22da\n',
      /line 1: kvm_entry of an x86 host; record/,
    ],
  ];
  for (const [text, expected] of refusals) {
    assert.ok(isFtrace(new TextEncoder().encode(text)), text);
    assert.throws(
      () => importText(text),
      (error: Error) => error instanceof InputError && expected.test(error.message) && !error.message.includes('\n'),
    );
  }
});

test('times of perf script --deltatime are refused, of --reltime taken', () => {
  const events = readFixtureSource('virtio-mmio-blk');
  const since = (origin: (i: number) => number): string =>
    printPerf(events.map((event, i) => ({ ...event, ns: event.ns - origin(i) })));
  assert.throws(
    () => importText(since((i) => (i === 0 ? events[0].ns : events[i - 1].ns))),
    (error: Error) => error instanceof InputError && /differences; print them without --deltatime/.test(error.message),
  );
  assert.deepEqual(importText(since(() => events[0].ns)).list, importText(printPerf(events)).list);
});

test('unknown events are named in the header, the most frequent first', () => {
  const line = (event: string, count: number): string => ` a-1 [000] d.... 1.000000: ${event}: x=1\n`.repeat(count);
  const { header } = importText(
    `${line(ENTRY, 1)}${line('sched_switch', 3)}${line('foo', 1)}${line('softirq_raise', 5)}`,
  );
  assert.match(header.provenance.how, /left out: softirq_raise 5, sched_switch 3, foo 1$/);
});

test('very long lines and binary junk are refused by their length, not for ever', () => {
  const long = 1 << 16;
  const hostile = [
    ' '.repeat(long),
    ' '.repeat(4000),
    '-1 '.repeat(long / 3),
    '-1 '.repeat(1300),
    `a-${'1'.repeat(4000)}`,
    `a-1 ${' '.repeat(4000)}`,
    `a-1 [000] ${'9'.repeat(4000)}`,
    `a 1 [000] ${'d '.repeat(2000)}`,
    `${'a '.repeat(2000)}1.000000: kvm_entry`,
    `\t${'f'.repeat(16)} ${'( '.repeat(2000)}`,
    '\0\xff'.repeat(2000),
  ];
  for (const line of hostile) {
    assert.equal(parseLine(line, 1), null);
    isDecoration(line);
    parseLost(line);
    findRemedy(line);
  }
  const { header } = importText(`${hostile.join('\n')}\n a-1 [000] d.... 1.000000: ${ENTRY}\n`);
  // Blank lines are no events; neither are they unknown.
  assert.ok(header.counts.unknownLines >= hostile.length - 2);
});
