/** The typed-array core against the plain reference model: the same state after every event, the same modelled cost. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { type Scenario, scenarios } from '../reference/arbitrary.js';
import { ReferenceVgic } from '../reference/reference-vgic.js';
import { reference } from '../strategy/index.js';
import { findKind, packWord } from '../trace/events.js';
import { METRIC_COMPARISONS, METRIC_LOCKS, METRIC_LR_WRITES, METRIC_VISITS, NR_METRICS } from '../vgic/counters.js';
import { slotOf } from '../vgic/state.js';
import { createVgic, type Vgic } from '../vgic/vgic.js';
import {
  ACTIVE,
  ENABLED,
  EXISTS,
  GROUP,
  HW,
  LATCH,
  LEVEL,
  LINE,
  priorityOf,
  queuedOn,
  targetOf,
} from '../vgic/word.js';
import { createEngine } from './engine.js';
import { PATH_NAMES } from './result.js';

const NR_RUNS = Number(process.env.FUZZ_RUNS ?? 200);

function lrsOf(vgic: Vgic, plain: ReferenceVgic, vcpu: number): [unknown, unknown] {
  const used = vgic.state.usedLrs[vcpu];
  return [
    {
      used,
      hcr: vgic.state.hcr[vcpu],
      lrs: Array.from({ length: used }, (_, lr) => [vgic.lrLo(vcpu, lr) | 0, vgic.lrHi(vcpu, lr) | 0]),
    },
    {
      used: plain.usedLrs(vcpu),
      hcr: plain.hcr(vcpu),
      lrs: Array.from({ length: plain.usedLrs(vcpu) }, (_, lr) => {
        const { lo, hi } = plain.lr(vcpu, lr);
        return [lo | 0, hi | 0];
      }),
    },
  ];
}

/** INTIDs whose rows are compared after every event. */
function watchedIntids(scenario: Scenario): number[] {
  const intids = new Set<number>();
  for (let intid = 0; intid < 48; intid++) intids.add(intid);
  for (const lpi of scenario.events) if (lpi.intid >= 8192 && lpi.intid < 65536) intids.add(lpi.intid);
  return [...intids];
}

function rowsOf(vgic: Vgic, plain: ReferenceVgic, vcpu: number, intid: number): [unknown, unknown] {
  const { state } = vgic;
  const slot = slotOf(state, vcpu, intid);
  const irq = plain.irq(vcpu, intid);
  if (slot < 0 || (state.word[slot] & EXISTS) === 0) return [undefined, irq && 'exists'];
  const w = state.word[slot];
  const row = {
    enabled: (w & ENABLED) !== 0,
    latch: (w & LATCH) !== 0,
    line: (w & LINE) !== 0,
    active: (w & ACTIVE) !== 0,
    level: (w & LEVEL) !== 0,
    group: (w & GROUP) !== 0 ? 1 : 0,
    hw: (w & HW) !== 0,
    priority: priorityOf(w),
    target: targetOf(w),
    queued: queuedOn(w),
    source: slot < state.spiSlotBase ? state.source[slot] : 0,
    activeSource: slot < state.spiSlotBase ? state.activeSource[slot] : 0,
  };
  if (irq === undefined) return [row, undefined];
  const expected = {
    enabled: irq.enabled,
    latch: irq.latch,
    line: irq.line,
    active: irq.active,
    level: irq.level,
    group: irq.group,
    hw: irq.hw,
    priority: irq.priority,
    target: irq.target,
    queued: irq.queued,
    source: irq.source,
    activeSource: irq.activeSource,
  };
  return [row, expected];
}

function costsOf(vgic: Vgic, plain: ReferenceVgic): [unknown, unknown] {
  const { cost } = vgic.state;
  const ours: Record<string, unknown> = {};
  const theirs: Record<string, unknown> = {};
  PATH_NAMES.forEach((name, path) => {
    if (name === 'rekey') return;
    const metric = (m: number) => ({ sum: cost.sum[path * NR_METRICS + m], max: cost.max[path * NR_METRICS + m] });
    ours[name] = {
      calls: cost.calls[path],
      visits: metric(METRIC_VISITS),
      comparisons: metric(METRIC_COMPARISONS),
      locks: metric(METRIC_LOCKS),
      lrWrites: metric(METRIC_LR_WRITES),
    };
    const { calls, visits, comparisons, locks, lrWrites } = plain.cost(name);
    theirs[name] = { calls, visits, comparisons, locks, lrWrites };
  });
  return [ours, theirs];
}

function compareRun(scenario: Scenario): void {
  const { machine, events } = scenario;
  const vgic = createVgic(machine, reference.create({}));
  const engine = createEngine(vgic);
  const plain = new ReferenceVgic(machine);
  const intids = watchedIntids(scenario);
  events.forEach(({ kind, vcpu, intid, value }, event) => {
    engine.step(packWord(kind, vcpu, intid), value);
    plain.apply(kind, vcpu, intid, value);
    const place = `event ${event} ${findKind(kind)?.name}`;
    for (let v = 0; v < machine.nrVcpus; v++) {
      const [ours, theirs] = lrsOf(vgic, plain, v);
      assert.deepEqual(ours, theirs, `${place}: LRs of vCPU ${v}`);
      const list = vgic.list.order(v).map((slot) => vgic.state.intidOfSlot[slot]);
      assert.deepEqual(list, plain.list(v), `${place}: ap_list of vCPU ${v}`);
    }
    for (let v = 0; v < machine.nrVcpus; v++) {
      for (const id of v === 0 ? intids : intids.filter((private_) => private_ < 32)) {
        const [ours, theirs] = rowsOf(vgic, plain, v, id);
        assert.deepEqual(ours, theirs, `${place}: INTID ${id} of vCPU ${v}`);
      }
    }
  });
  const [ours, theirs] = costsOf(vgic, plain);
  assert.deepEqual(ours, theirs, 'modelled cost');
  assert.equal(vgic.state.cost.kicks, plain.kicks, 'kicks');
  assert.equal(vgic.state.cost.notifications, plain.notifications.length, 'ack notifications');
  assert.equal(vgic.state.cost.divergences, plain.divergences, 'divergences');
}

test('the core and the reference model agree after every event, on random machines and events', () => {
  fc.assert(fc.property(scenarios(), compareRun), { numRuns: NR_RUNS, includeErrorInReport: true });
});
