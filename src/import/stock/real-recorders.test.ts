/** What the real trace-cmd and perf printed of recorded events (fixtures/README.md), and what comes of it. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { gunzipSync } from 'node:zlib';
import { InputError } from '../../base/errors.js';
import { WFI } from '../../trace/events.js';
import {
  FIXTURE_LOSS,
  FIXTURE_PROBE_EVENTS,
  FIXTURE_RECORDINGS,
  FIXTURES,
  importBytes,
  loseEvents,
  printPerf,
  printPerfWithProcess,
  printTraceCmd,
  printTraceCmdLatency,
  printTracefs,
  readFixtureSource,
} from './recorders.test.support.js';

const read = (name: string, file: string): string =>
  gunzipSync(readFileSync(new URL(`${name}/${file}.txt.gz`, FIXTURES))).toString('latin1');

for (const { name } of FIXTURE_RECORDINGS) {
  const events = readFixtureSource(name);
  const left = loseEvents(events, ...FIXTURE_LOSS);
  const vcpuThreads = new Set(events.filter(({ event }) => event === 'kvm_entry').map(({ pid }) => pid));

  test(`${name}: our printers print what the real tools print`, () => {
    const cases: [file: string, own: string][] = [
      ['report', printTraceCmd(events, { digits: 6 })],
      ['report-t', printTraceCmd(events)],
      ['report-t-N', printTraceCmd(events, { plugins: false })],
      ['report-t-l', printTraceCmdLatency(events)],
      ['script', printPerf(events, 6)],
      ['script-process', printPerfWithProcess(events, (pid) => (vcpuThreads.has(pid) ? 160 : pid))],
      ['lost-report-t', printTraceCmd(left)],
      ['lost-script', printPerf(left)],
    ];
    for (const [file, own] of cases) {
      const real = read(name, file).split('\n');
      for (const [i, line] of own.split('\n').entries()) assert.equal(line, real[i], `${file}, line ${i + 1}`);
      assert.equal(own.split('\n').length, real.length, file);
    }
  });

  test(`${name}: every way to print it gives the events that tracefs gives`, () => {
    const expected = importBytes(printTracefs(events));
    const coarse = importBytes(printTracefs(events, 6));
    assert.ok(expected.list.length > 300);
    const cases: [file: string, expected: typeof expected, tool: string][] = [
      ['report', coarse, 'trace-cmd'],
      ['report-t', expected, 'trace-cmd'],
      ['report-t-N', expected, 'trace-cmd'],
      ['report-t-R', expected, 'trace-cmd'],
      ['report-t-l', expected, 'trace-cmd'],
      ['script', coarse, 'perf'],
      ['script-header', expected, 'perf 6.1.192'],
      ['script-process', expected, 'perf'],
      ['script-L', expected, 'perf'],
      ['script-tasks', expected, 'perf'],
    ];
    for (const [file, { list, header: machine }, tool] of cases) {
      const { header, list: found, warnings } = importBytes(read(name, file));
      assert.deepEqual(warnings, [], file);
      assert.deepEqual(found, list, file);
      assert.deepEqual(header.machine, machine.machine, file);
      assert.deepEqual([header.provenance.tool, header.counts.unknownLines], [tool, 0], file);
    }
  });

  test(`${name}: lost events are where and as many as tracefs says`, () => {
    const [, , count] = FIXTURE_LOSS;
    const expected = importBytes(printTracefs(left));
    assert.equal(expected.header.counts.lostEvents, count);
    for (const file of ['lost-report-t', 'lost-script']) {
      const { header, list } = importBytes(read(name, file));
      assert.deepEqual(list, expected.list, file);
      assert.equal(header.counts.lostEvents, count, file);
      assert.deepEqual(
        header.gaps.map(({ afterEvent, lost }) => [afterEvent, lost]),
        expected.header.gaps.map(({ afterEvent, lost }) => [afterEvent, lost]),
        file,
      );
    }
  });
}

test('where WFI and WFE are printed alike, the header says what they are taken for', () => {
  const remark = /kvm_wfx_arm64 was printed without WFI or WFE: taken for WFI/;
  const howOf = (file: string): string => importBytes(read('virtio-mmio-blk', file)).header.provenance.how;
  for (const file of ['report', 'script']) assert.match(howOf(file), remark, file);
  const byName = read('virtio-mmio-blk', 'report-t-R');
  assert.doesNotMatch(howOf('report-t-R'), remark);
  const count = (text: string): number => importBytes(text).list.filter((event) => event.startsWith(`${WFI} `)).length;
  assert.equal(count(byName), 8);
  assert.equal(count(byName.replace('is_wfe=0', 'is_wfe=1')), 7);
});

for (const { name } of FIXTURE_RECORDINGS.filter(({ hasProbes }) => hasProbes)) {
  test(`${name}: the probes' lines by trace-cmd report -l give L3, without the names of functions`, () => {
    const text = read(name, 'probes-report-t-l');
    assert.match(text, /vgic_flush: +\([\da-f]{16}\) vcpu=/);
    const { header, list } = importBytes(text);
    const expected = importBytes(printTracefs(readFixtureSource(name, FIXTURE_PROBE_EVENTS, /./)));
    assert.ok(expected.list.length > 1000);
    assert.equal(header.fidelity, 3);
    assert.deepEqual(header.machine, expected.header.machine);
    assert.deepEqual(list, expected.list);
  });

  test(`${name}: the probes' lines are refused where it is not printed what interrupted what`, () => {
    for (const text of [
      read(name, 'probes-script'),
      read(name, 'probes-report-t-l').replace(/^(.{8}-\d+ +\d+)\S{5} /gm, '$1 '),
    ])
      assert.throws(
        () => importBytes(text),
        (error: Error) => error instanceof InputError && /"trace-cmd report -l"/.test(error.message),
      );
  });
}
