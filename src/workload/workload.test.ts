import assert from 'node:assert/strict';
import { test } from 'node:test';
import { UsageError } from '../base/errors.js';
import { ReferenceVgic } from '../reference/reference-vgic.js';
import * as ev from '../trace/events.js';
import { generateColumns, workloadHeader, workloadNamed, workloads } from './index.js';
import { resolveParams, type Workload } from './workload.js';

const EVENTS = 4000;
const SEEDS = [1, 2];

/** Enough for the tests' small runs; a workload takes the ones it has. */
const smallParams = (workload: Workload, seed: number): Record<string, number> => {
  const wanted: Record<string, number> = { events: EVENTS, seed, depth: 60, lpis: 300, spis: 64, saves: 100 };
  return Object.fromEntries(
    workload.params.filter(({ name }) => name in wanted).map(({ name }) => [name, wanted[name]]),
  );
};

const countKinds = (block: ev.EventBlock): Map<number, number> => {
  const counts = new Map<number, number>();
  for (let event = 0; event < block.count; event++) {
    const kind = ev.wordKind(block.word[event]);
    counts.set(kind, (counts.get(kind) ?? 0) + 1);
  }
  return counts;
};

for (const workload of workloads) {
  test(`${workload.id}: the same seed gives the same events, another seed others`, () => {
    const columns = (seed: number): Int32Array => {
      const { word, value, dt, count } = generateColumns(workload, smallParams(workload, seed));
      return Int32Array.from([...word.subarray(0, count), ...value.subarray(0, count), ...dt.subarray(0, count)]);
    };
    assert.deepEqual(columns(1), columns(1));
    assert.notDeepEqual(columns(1), columns(2));
  });

  test(`${workload.id}: enters only from outside, acknowledges and writes registers where it may`, () => {
    for (const seed of SEEDS) {
      const params = resolveParams(workload, smallParams(workload, seed));
      const machine = workload.machine(params);
      const block = generateColumns(workload, params);
      const inGuest = new Set<number>();
      assert.ok(block.count >= EVENTS && block.count < EVENTS + 200, `${block.count} events`);
      for (let event = 0; event < block.count; event++) {
        const kind = ev.wordKind(block.word[event]);
        const vcpu = ev.wordVcpu(block.word[event]);
        const place = `event ${event} (${ev.findKind(kind)?.name}) of seed ${seed}`;
        assert.ok(vcpu < machine.nrVcpus, place);
        if (kind === ev.FLUSH) assert.ok(!inGuest.has(vcpu), place);
        if (kind === ev.SYNC || kind === ev.ACK || kind === ev.EOI) assert.ok(inGuest.has(vcpu), place);
        const isTrapped = [ev.SGI, ev.ENABLE, ev.PRIORITY, ev.PENDING, ev.TARGET, ev.CONFIG].includes(kind);
        if (isTrapped) assert.ok(!inGuest.has(vcpu), place);
        if (kind === ev.FLUSH) inGuest.add(vcpu);
        if (kind === ev.SYNC) inGuest.delete(vcpu);
      }
      assert.equal(inGuest.size, 0);
    }
  });

  test(`${workload.id}: every acknowledge and EOI meets its list register in the reference model`, () => {
    for (const seed of SEEDS) {
      const params = resolveParams(workload, smallParams(workload, seed));
      const block = generateColumns(workload, params);
      const vgic = new ReferenceVgic(workload.machine(params));
      for (let event = 0; event < block.count; event++) {
        const word = block.word[event];
        vgic.apply(ev.wordKind(word), ev.wordVcpu(word), ev.wordIntid(word), block.value[event]);
      }
      assert.deepEqual([vgic.divergences, vgic.eoiMisses, vgic.spuriousAcks], [0, 0, 0]);
      if (workload.systems === undefined) assert.equal(vgic.acks, countKinds(block).get(ev.ACK) ?? 0);
    }
  });
}

test('typical keeps its mix of host steps and its lists short', () => {
  const workload = workloadNamed('typical');
  const params = resolveParams(workload, { events: 60_000 });
  const block = generateColumns(workload, params);
  const counts = countKinds(block);
  const of = (...kinds: number[]): number => kinds.reduce((sum, kind) => sum + (counts.get(kind) ?? 0), 0);
  // The lowering of a line by a driver belongs to the handler, so the raises alone are counted.
  let raises = 0;
  for (let event = 0; event < block.count; event++) {
    if (ev.wordKind(block.word[event]) === ev.INJECT && block.value[event] === 1) raises++;
  }
  const setUp = 4 + 4 * 256;
  const runs = of(ev.FLUSH, ev.SYNC);
  const sgis = of(ev.SGI);
  const writes = of(ev.ENABLE, ev.PRIORITY, ev.PENDING, ev.TARGET, ev.CONFIG) - setUp;
  const steps = raises + runs + sgis + writes;
  const share = (part: number): number => Math.round((100 * part) / steps);
  for (const [name, part, percent] of [
    ['inject', raises, 45],
    ['entry and exit', runs, 46],
    ['SGI', sgis, 5],
    ['register writes', writes, 5],
  ] as const) {
    assert.ok(Math.abs(share(part) - percent) <= 2, `${name}: ${share(part)} %`);
  }

  const vgic = new ReferenceVgic(workload.machine(params));
  let depths = 0;
  let flushes = 0;
  for (let event = 0; event < block.count; event++) {
    const word = block.word[event];
    if (ev.wordKind(word) === ev.FLUSH) {
      depths += vgic.list(ev.wordVcpu(word)).length;
      flushes++;
    }
    vgic.apply(ev.wordKind(word), ev.wordVcpu(word), ev.wordIntid(word), block.value[event]);
  }
  const depth = depths / flushes;
  assert.ok(depth > 1 && depth < 3, `mean depth ${depth}`);
});

test('deep and flood hold the list at the depth that was asked for', () => {
  for (const id of ['deep', 'flood']) {
    for (const depth of [4, 60]) {
      const workload = workloadNamed(id);
      const params = resolveParams(workload, { events: 1000, depth });
      const block = generateColumns(workload, params);
      const vgic = new ReferenceVgic(workload.machine(params));
      for (let event = 0; event < block.count; event++) {
        const word = block.word[event];
        vgic.apply(ev.wordKind(word), ev.wordVcpu(word), ev.wordIntid(word), block.value[event]);
      }
      assert.equal(vgic.list(0).length, depth, id);
    }
  }
});

test('wrong names and values are refused with the choices', () => {
  const typical = workloadNamed('typical');
  assert.throws(() => workloadNamed('none'), /unknown workload 'none'; one of: typical, periodic/);
  assert.throws(() => resolveParams(typical, { depth: 4 }), /'typical' has no parameter 'depth'; it has: events, seed/);
  assert.throws(() => resolveParams(typical, { vcpus: 0 }), UsageError);
  assert.throws(() => resolveParams(typical, { vcpus: 1.5 }), UsageError);
});

test('the header tells how the trace was made', () => {
  const workload = workloadNamed('deep');
  const header = workloadHeader(workload, resolveParams(workload, { depth: 16 }), '1.2.3');
  assert.equal(header.provenance.how, 'vgic-replay gen deep:events=100000,depth=16,lrs=4,churn=1 --seed 1 -o deep.vgt');
  assert.equal(header.machine.nrSpis, 16);
  assert.equal(header.fidelity, 0);
});
