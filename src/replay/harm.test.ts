/** Harm to the guest: small cases counted by hand, then what must hold of every strategy, golden files and deep lists. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Machine } from '../gic/intid.js';
import { apListStrategies, strategyNamed } from '../strategy/index.js';
import * as K from '../trace/events.js';
import { generateColumns, workloadHeader, workloadNamed } from '../workload/index.js';
import { resolveParams } from '../workload/workload.js';
import { replayTrace } from './replay.js';
import type { ExactPart, Harm } from './result.js';
import { readGzip, readVgr1, sourceOf } from './test-traces.js';

type Step = readonly [kind: number, vcpu: number, intid: number, value: number];

const IDENTITY = { path: 'made', sha256: '', origin: 'made' };
const workload = workloadNamed('typical');

function headerOf(machine: Partial<Machine>) {
  const header = workloadHeader(workload, resolveParams(workload, {}), 'test');
  return { ...header, machine: { ...header.machine, nrVcpus: 2, nrSpis: 64, nrLr: 1, ...machine } };
}

function replaySteps(steps: readonly Step[], strategy: string, machine: Partial<Machine> = {}): ExactPart {
  const word = steps.map(([kind, vcpu, intid]) => K.packWord(kind, vcpu, intid));
  const value = steps.map(([, , , given]) => given);
  const [exact] = replayTrace(sourceOf(headerOf(machine), word, value), [strategyNamed(strategy)], IDENTITY);
  return exact;
}

const harmOf = (steps: readonly Step[], strategy: string, machine: Partial<Machine> = {}): Harm =>
  replaySteps(steps, strategy, machine).harm;

const spi = (intid: number, priority: number): Step[] => [
  [K.PRIORITY, 0, intid, priority],
  [K.ENABLE, 0, intid, 1],
  [K.INJECT, 0, intid, 1],
];
const ENTRY: Step = [K.FLUSH, 0, 0, 0];
const EXIT: Step = [K.SYNC, 0, 0, 0];
const TAKE_ONE: Step = [K.GUEST_DRAIN, 0, 0, 1];

test('first come, first served: an urgent interrupt waits for one entry behind a less urgent one', () => {
  const steps = [...spi(40, 0xa0), ...spi(41, 0x20), ENTRY, TAKE_ONE, EXIT, ENTRY, TAKE_ONE, EXIT];
  assert.deepEqual(harmOf(steps, 'fifo'), {
    inversions: { entries: 1, interrupts: 1 },
    // 40 at its first entry, 41 one later.
    delay: { calls: 2, sum: 1, max: 1, hist: [1, 1] },
    waiting: { atEnd: 0, longest: 1, longestPassed: 1 },
    lost: 0,
  });
  assert.deepEqual(harmOf(steps, 'sort-on-flush'), {
    inversions: { entries: 0, interrupts: 0 },
    delay: { calls: 2, sum: 1, max: 1, hist: [1, 1] },
    waiting: { atEnd: 0, longest: 1, longestPassed: 0 },
    lost: 0,
  });
});

test('equal priorities are no inversion, and an interrupt that is not taken is delivered once', () => {
  const steps = [...spi(40, 0xa0), ...spi(41, 0xa0), ENTRY, EXIT, ENTRY, EXIT, ENTRY];
  assert.deepEqual(harmOf(steps, 'fifo'), {
    inversions: { entries: 0, interrupts: 0 },
    delay: { calls: 1, sum: 0, max: 0, hist: [1] },
    waiting: { atEnd: 1, longest: 3, longestPassed: 0 },
    lost: 0,
  });
});

test('an interrupt that is taken and raised again is delivered again', () => {
  const again: Step = [K.INJECT, 0, 40, 1];
  const harm = harmOf([...spi(40, 0xa0), ENTRY, TAKE_ONE, EXIT, again, ENTRY, TAKE_ONE, EXIT], 'sort-on-flush');
  assert.deepEqual(harm.delay, { calls: 2, sum: 0, max: 0, hist: [2] });
});

test('a wait ends when the interrupt is withdrawn', () => {
  const waiting = [...spi(40, 0x20), ...spi(41, 0xa0), ENTRY, EXIT, ENTRY, EXIT];
  const off: Step = [K.ENABLE, 0, 41, 0];
  const on: Step = [K.ENABLE, 0, 41, 1];
  const { waiting: withdrawn } = harmOf([...waiting, off, ENTRY, EXIT, on, ENTRY, EXIT], 'sort-on-flush');
  assert.deepEqual(withdrawn, { atEnd: 1, longest: 2, longestPassed: 0 });
  const { waiting: kept } = harmOf([...waiting, ENTRY, EXIT, ENTRY, EXIT], 'sort-on-flush');
  assert.deepEqual(kept, { atEnd: 1, longest: 4, longestPassed: 0 });
});

test('entries are counted by vCPU', () => {
  const other: Step[] = [
    [K.FLUSH, 1, 0, 0],
    [K.SYNC, 1, 0, 0],
  ];
  const steps = [...spi(40, 0x20), ...spi(41, 0xa0), ENTRY, TAKE_ONE, EXIT, ...other, ...other, ENTRY];
  assert.equal(harmOf(steps, 'sort-on-flush').delay.max, 1);
});

test('what the distributor let go of while it was off is lost, under every strategy alike', () => {
  const off: Step = [K.DIST_ENABLE, 0, 0, 0];
  const on: Step = [K.DIST_ENABLE, 0, 0, 1];
  const steps = [...spi(40, 0xa0), ENTRY, off, EXIT, on, ENTRY, EXIT];
  for (const { id } of apListStrategies) assert.equal(harmOf(steps, id).lost, 1, id);
  const enable: Step = [K.ENABLE, 0, 40, 1];
  assert.equal(harmOf([...steps, enable], 'sort-on-flush').lost, 0);
});

test('the scenario of a distributor that is switched off: lost until the device raises it again', () => {
  const { header, word, value } = readVgr1('golden/scen-dist_disable.bin.gz');
  // The last injection is event 20.
  for (const [events, lost] of [
    [20, 1],
    [word.length, 0],
  ]) {
    const source = sourceOf(header, word.subarray(0, events), value.subarray(0, events));
    const [exact] = replayTrace(source, [strategyNamed('sort-on-flush')], IDENTITY);
    assert.equal(exact.harm.lost, lost);
  }
});

/** Fields of the S lines that the C code printed at the end (native-reference 8). */
const finalStates = (file: string): ReadonlyMap<string, string>[] =>
  readGzip(`golden/${file}.full.gz`)
    .toString('latin1')
    .split('\n')
    .filter((line) => line.startsWith('S '))
    .map((line) => new Map(line.split(' ').map((field) => field.split('=') as [string, string])));

test('lost interrupts of golden files are those that the C code left enabled, pending and on no list', () => {
  for (const [file, count] of STRANDED) {
    const { header, word, value } = readVgr1(`golden/${file}.bin.gz`);
    const stranded = finalStates(file).filter((state) => {
      const is = (name: string, wanted: string): boolean => state.get(name) === wanted;
      const isPending = is('latch', '1') || (is('cfg', '1') && is('line', '1'));
      const isOpen = header.machine.model !== 'gicv3' || is('grp', '1');
      return isPending && isOpen && is('en', '1') && is('act', '0') && is('q', '-1') && !is('tgt', '-1');
    });
    assert.equal(stranded.length, count, file);
    const [exact] = replayTrace(sourceOf(header, word, value), [strategyNamed('sort-on-flush')], IDENTITY);
    assert.equal(exact.harm.lost, count, file);
  }
});
const STRANDED: readonly (readonly [file: string, count: number])[] = [
  ['affinity-s01', 1],
  ['fuzz_v2on3-s01', 6],
  ['mmio-s01', 36],
  ['typical-s01', 0],
];

test('xen-old: the victim search evicts what is more urgent', () => {
  // vgic-spec 1.22: LRs {0x20, 0x30}, 0x40 waits, 0x08 comes: the result is {0x08, 0x40}.
  const steps = [...spi(40, 0x20), ...spi(41, 0x30), ...spi(42, 0x40), ENTRY, EXIT, ...spi(43, 0x08), ENTRY];
  const exact = replaySteps(steps, 'xen-old', { flavour: 'xen-old', nrLr: 2 });
  assert.deepEqual(exact.harm.inversions, { entries: 1, interrupts: 2 });
});

test('golden files: the flavour’s own order inverts nothing, and identical strategies do the same harm', () => {
  const identical = apListStrategies.filter(({ equivalence }) => equivalence === 'identical').map(({ id }) => id);
  for (const file of ['bursty-s01', 'mmio-s02', 'sgi_v2-s01']) {
    const { header, word, value } = readVgr1(`golden/${file}.bin.gz`);
    const cells = replayTrace(sourceOf(header, word, value), identical.map(strategyNamed), IDENTITY);
    const [reference, ...others] = cells.map(({ harm }) => harm);
    assert.deepEqual(reference.inversions, { entries: 0, interrupts: 0 }, file);
    for (const harm of others) assert.deepEqual(harm, reference, file);
  }
});

test('a deep list: served in order of arrival, urgent interrupts starve', () => {
  const deep = workloadNamed('deep');
  const params = resolveParams(deep, { events: 2000, seed: 1, depth: 64 });
  const { word, value, count } = generateColumns(deep, params);
  const source = sourceOf(workloadHeader(deep, params, 'test'), word.subarray(0, count), value.subarray(0, count));
  const [sorted, fifo] = replayTrace(source, ['sort-on-flush', 'fifo'].map(strategyNamed), IDENTITY);
  assert.equal(sorted.harm.inversions.entries, 0);
  assert.ok(fifo.harm.inversions.entries > 0.5 * fifo.guest.flushes);
  assert.ok(fifo.harm.waiting.longestPassed > sorted.harm.waiting.longestPassed);
});
