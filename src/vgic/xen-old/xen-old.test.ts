/** What vgic-spec 1.22 says of xen-old, by hand and as invariants on random events. */
import assert from 'node:assert/strict';
import { readdirSync } from 'node:fs';
import { test } from 'node:test';
import fc from 'fast-check';
import { LPI_BASE, type Machine, NR_LPIS } from '../../gic/intid.js';
import { LR_PENDING, LR_STATE } from '../../gic/lr.js';
import { scenarios } from '../../reference/arbitrary.js';
import { createEngine } from '../../replay/engine.js';
import { pathCosts } from '../../replay/replay.js';
import { readVgr1, tracesFolder } from '../../replay/test-traces.js';
import * as ev from '../../trace/events.js';
import { ENABLED, queuedOn } from '../word.js';
import { NO_LR } from './columns.js';
import { createXenOldVgic, type XenOldVgic } from './index.js';

const NR_RUNS = Number(process.env.FUZZ_RUNS ?? 100);

const createMachine = (changes: Partial<Machine> = {}): Machine => ({
  flavour: 'xen-old',
  model: 'gicv2',
  nrVcpus: 2,
  nrSpis: 64,
  nrLpis: 0,
  nrLr: 2,
  distEnabledAtStart: true,
  pmrAtStart: 0xf8,
  ...changes,
});

/** A machine whose SPIs 32 to 63 are enabled. */
function createReady(changes: Partial<Machine> = {}): XenOldVgic {
  const vgic = createXenOldVgic(createMachine(changes));
  vgic.mmioWrite(0, false, 0x104, 4, -1, 0);
  vgic.state.cost.reset();
  return vgic;
}

const intidsOf = ({ state }: XenOldVgic, slots: number[]): number[] => slots.map((slot) => state.intidOfSlot[slot]);
const inflightOf = (vgic: XenOldVgic, vcpu: number): number[] => intidsOf(vgic, vgic.list.order(vcpu));
const waitingOf = (vgic: XenOldVgic, vcpu: number): number[] => intidsOf(vgic, vgic.columns.lrPending.order(vcpu));

/** Links, counters and list registers say the same of every row; holds after any event. */
function checkSound({ state, columns, list }: XenOldVgic, place: string): void {
  const { inflight, lrPending, snapshot, lrUsed, nrUsed } = columns;
  const { nrVcpus, nrLr, word, lrHi, usedLrs, nrSlots } = state;
  const holder = new Map<number, number>();
  const waiting = new Set<number>();
  for (let vcpu = 0; vcpu < nrVcpus; vcpu++) {
    for (const slot of list.order(vcpu)) {
      assert.ok(!holder.has(slot), `${place}: row ${slot} is inflight twice`);
      holder.set(slot, vcpu);
    }
    assert.equal(list.order(vcpu).length, list.length(vcpu), `${place}: length of inflight of vCPU ${vcpu}`);
    for (const slot of lrPending.order(vcpu)) {
      assert.ok(!waiting.has(slot), `${place}: row ${slot} waits twice`);
      waiting.add(slot);
    }
    for (const slots of [list.order(vcpu), lrPending.order(vcpu)]) {
      const keys = slots.map((slot) => snapshot[slot]);
      assert.deepEqual(
        keys,
        keys.toSorted((a, b) => a - b),
        `${place}: vCPU ${vcpu}`,
      );
    }
    const used = Array.from(lrUsed.subarray(vcpu * nrLr, (vcpu + 1) * nrLr));
    assert.equal(nrUsed[vcpu], used.filter((bit) => bit === 1).length, `${place}: list registers in use`);
    assert.equal(usedLrs[vcpu], used.lastIndexOf(1) + 1, `${place}: highest list register in use`);
    used.forEach((bit, lr) => {
      if (bit === 0) assert.equal(lrHi[vcpu * nrLr + lr], 0, `${place}: free list register ${lr} of vCPU ${vcpu}`);
    });
  }
  for (let slot = 0; slot < nrSlots; slot++) {
    assert.equal(inflight.has(slot), holder.has(slot), `${place}: row ${slot} inflight`);
    assert.equal(queuedOn(word[slot]), holder.get(slot) ?? -1, `${place}: row ${slot} names its list`);
    assert.equal(lrPending.has(slot), waiting.has(slot), `${place}: row ${slot} waiting`);
  }
}

/** Holds as long as no SPI changes its target while it is under way (retargets make 1.22's direct update miss its row). */
function checkWhole({ state, columns, list }: XenOldVgic, place: string): void {
  const { inflight, lrPending, lrOf, lrUsed } = columns;
  const { nrVcpus, nrLr, word, lrSlot } = state;
  const shown = new Set<number>();
  for (let vcpu = 0; vcpu < nrVcpus; vcpu++) {
    for (const slot of lrPending.order(vcpu)) {
      assert.equal(queuedOn(word[slot]), vcpu, `${place}: row ${slot} waits and is not inflight here`);
      assert.equal(lrOf[slot], NO_LR, `${place}: row ${slot} waits and is visible`);
    }
    for (let lr = 0; lr < nrLr; lr++) {
      if (lrUsed[vcpu * nrLr + lr] === 0) continue;
      const slot = lrSlot[vcpu * nrLr + lr];
      // What is left of an LPI that was unmapped.
      if (slot >= state.lpiSlotBase && lrOf[slot] !== lr) continue;
      assert.equal(lrOf[slot], lr, `${place}: list register ${lr} of vCPU ${vcpu}`);
      assert.equal(queuedOn(word[slot]), vcpu, `${place}: row ${slot} is shown and not inflight here`);
      shown.add(slot);
    }
    for (const slot of list.order(vcpu)) {
      assert.equal(lrOf[slot] !== NO_LR, shown.has(slot), `${place}: row ${slot} is visible without a list register`);
      const isSettled = (word[slot] & ENABLED) === 0 || lrPending.has(slot) || lrOf[slot] !== NO_LR;
      assert.ok(isSettled, `${place}: row ${slot} is inflight and enabled, but neither waits nor is shown`);
    }
  }
  for (const slot of shown) assert.ok(inflight.has(slot), `${place}: row ${slot} is shown`);
}

/** Rows that stay keep their order, and a row that comes stands behind its equals. */
function checkArrivals(before: number[], after: number[], snapshot: Uint8Array, place: string): void {
  const stayed = new Set(before.filter((slot) => after.includes(slot)));
  const survivors = (slots: number[]): number[] => slots.filter((slot) => stayed.has(slot));
  assert.deepEqual(survivors(after), survivors(before), `${place}: order of those that stay`);
  after.forEach((slot, at) => {
    if (stayed.has(slot)) return;
    const overtaken = after.slice(at + 1).find((other) => stayed.has(other) && snapshot[other] === snapshot[slot]);
    assert.equal(overtaken, undefined, `${place}: row ${slot} came before an equal`);
  });
}

const ITARGETSR = 0x800;
const IROUTER = 0x6000;
const retargets = (kind: number, offset: number): boolean =>
  kind === ev.TARGET ||
  kind === ev.LPI_MOVE ||
  ((kind === ev.MMIO_DIST || kind === ev.MMIO_DIST_BYTE) && offset >= ITARGETSR && offset < IROUTER * 2);

test('links, counters and list registers agree after every event', () => {
  const property = fc.property(scenarios(), ({ machine, events }) => {
    const vgic = createXenOldVgic({ ...machine, flavour: 'xen-old', nrLpis: machine.nrLpis === 0 ? 0 : 64 });
    const engine = createEngine(vgic);
    events.forEach(({ kind, vcpu, intid, value }, at) => {
      engine.step(ev.packWord(kind, vcpu, intid), value);
      checkSound(vgic, `event ${at} ${ev.findKind(kind)?.name}`);
    });
  });
  fc.assert(property, { numRuns: NR_RUNS, seed: 1, includeErrorInReport: true });
});

test('without retargets, lr_pending is part of inflight, visible is in a list register, and equals keep their order', () => {
  const property = fc.property(scenarios(), ({ machine, events }) => {
    const vgic = createXenOldVgic({ ...machine, flavour: 'xen-old', nrLpis: machine.nrLpis === 0 ? 0 : 64 });
    const { inflight, lrPending, snapshot } = vgic.columns;
    const engine = createEngine(vgic);
    let hasBegun = false;
    events.forEach(({ kind, vcpu, intid, value }, at) => {
      const place = `event ${at} ${ev.findKind(kind)?.name}`;
      hasBegun ||= kind === ev.INJECT || kind === ev.FLUSH;
      if (hasBegun && retargets(kind, intid)) return;
      const before = Array.from({ length: machine.nrVcpus }, (_, v) => [inflight.order(v), lrPending.order(v)]);
      engine.step(ev.packWord(kind, vcpu, intid), value);
      checkWhole(vgic, place);
      before.forEach(([wasInflight, wasWaiting], v) => {
        checkArrivals(wasInflight, inflight.order(v), snapshot, place);
        // An entry may put victims back among those that wait.
        if (kind !== ev.FLUSH) checkArrivals(wasWaiting, lrPending.order(v), snapshot, place);
      });
    });
  });
  fc.assert(property, { numRuns: NR_RUNS, seed: 1, includeErrorInReport: true });
});

const golden = readdirSync(new URL('golden/', tracesFolder)).filter((name) => /_v2-s01\.bin\.gz$/.test(name));

test('the golden events of GICv2 machines replay, sound all the way, and deliver', () => {
  assert.ok(golden.length >= 4);
  for (const file of golden) {
    const { header, word, value } = readVgr1(`golden/${file}`);
    const vgic = createXenOldVgic(header.machine);
    const engine = createEngine(vgic);
    for (let event = 0; event < word.length; event++) {
      engine.step(word[event], value[event]);
      if (event % 16 === 0) checkSound(vgic, `${file}: event ${event}`);
    }
    assert.ok(vgic.state.cost.acks > 0, file);
  }
});

test('reset gives the machine back as it was made', () => {
  const { header, word, value } = readVgr1(`golden/${golden[0]}`);
  const vgic = createXenOldVgic(header.machine);
  const digests = [0, 1].map(() => {
    vgic.reset();
    const engine = createEngine(vgic);
    engine.run(word, value, word.length);
    return engine.digest();
  });
  assert.equal(digests[0], digests[1]);
});

test('modelled cost: insertion walks, victim scans, one lock a path', () => {
  const vgic = createReady({ nrVcpus: 1 });
  [0x20, 0x30, 0x40, 0x08].forEach((priority, n) => {
    vgic.setPriority(0, 33 + n, priority);
  });
  for (const intid of [33, 34, 35]) vgic.inject(0, intid, 1);
  vgic.flush(0);
  vgic.inject(0, 36, 1);
  const cost = pathCosts(vgic);
  // Inflight is empty, then [33], then [33, 34] of which both are passed; 36 stops at 33, and at 35 in lr_pending.
  assert.equal(cost.inject.comparisons.sum, 0 + 1 + 2 + 1 + 1);
  assert.equal(cost.inject.visits.sum, 0);
  assert.equal(cost.inject.locks.sum, 4);
  assert.equal(cost.inject.lrWrites.sum, 2);
  // 35 waits and finds itself, an equal, at the tail.
  assert.deepEqual([cost.flush.calls, cost.flush.visits.sum, cost.flush.locks.sum], [1, 1, 1]);
  vgic.state.cost.reset();
  vgic.flush(0);
  // For 36: 35 is passed, 34 goes, and joins [36, 35] behind one look each; for 35: 33 goes, likewise.
  const { flush } = pathCosts(vgic);
  assert.deepEqual([flush.visits.sum, flush.comparisons.sum, flush.lrWrites.sum, flush.locks.sum], [3, 3, 2, 1]);
  assert.deepEqual(
    [inflightOf(vgic, 0), waitingOf(vgic, 0)],
    [
      [36, 33, 34, 35],
      [33, 34],
    ],
  );
});

test('a falling level is an injection without effect or lock', () => {
  const vgic = createReady();
  vgic.inject(0, 40, 0);
  const { cost } = vgic.state;
  assert.deepEqual([cost.injections, cost.redundantInjections, cost.kicks], [1, 1, 0]);
  assert.equal(pathCosts(vgic).inject.locks.sum, 0);
});

test('only the current vCPU has its list registers written by an injection', () => {
  const vgic = createReady();
  vgic.setTarget(41, 1);
  vgic.inject(0, 40, 1);
  vgic.inject(0, 41, 1);
  assert.deepEqual([vgic.state.usedLrs[0], vgic.state.usedLrs[1]], [1, 0]);
  assert.deepEqual([waitingOf(vgic, 0), waitingOf(vgic, 1)], [[], [41]]);
  vgic.flush(1);
  vgic.inject(0, 42, 1);
  assert.deepEqual(waitingOf(vgic, 0), [42]);
});

test('an IPI goes to a vCPU that runs elsewhere; entry and exit say who runs until a RUNNING event does', () => {
  const vgic = createReady();
  const { kicks: unblocks, ipis } = vgic.kicks;
  vgic.flush(0);
  vgic.flush(1);
  vgic.inject(0, 40, 1);
  assert.deepEqual([unblocks[0], ipis[0]], [1, 1]);
  vgic.kicks.setRunning(0, false);
  vgic.inject(0, 40, 1);
  assert.deepEqual([unblocks[0], ipis[0]], [2, 1]);
});

test('the direct update of a retargeted interrupt reads the list register of its number on the new vCPU', () => {
  const vgic = createReady();
  vgic.setEnable(1, 3, true, false);
  vgic.sgi(1, 3, 0, 0b10, false, false);
  vgic.ack(1, 0, 0);
  vgic.deactivate(1, 3);
  // SGI 3 of vCPU 1 is done, in its list register 0; SPI 40 is in list register 0 of vCPU 0.
  vgic.kicks.current[0] = 0;
  vgic.inject(0, 40, 1);
  vgic.setTarget(40, 1);
  vgic.kicks.current[0] = 1;
  vgic.inject(0, 40, 1);
  assert.deepEqual([inflightOf(vgic, 0), inflightOf(vgic, 1)], [[40], []]);
  assert.equal(vgic.state.usedLrs[1], 0);
});

test('a mapped interrupt that is retargeted moves at once while it waits, else when it is done, and loses what came meanwhile', () => {
  const vgic = createReady();
  for (const intid of [40, 41, 42]) {
    vgic.mapHw(0, intid, 200 + intid, false);
    vgic.inject(0, intid, 1);
  }
  for (const intid of [40, 42]) vgic.setTarget(intid, 1);
  assert.deepEqual([inflightOf(vgic, 0), inflightOf(vgic, 1), waitingOf(vgic, 1)], [[40, 41], [42], [42]]);
  // Under way already: the second retarget is refused.
  vgic.setTarget(40, 0);
  vgic.deactivate(0, vgic.ack(0, 40, 2));
  vgic.inject(0, 40, 1);
  assert.deepEqual(inflightOf(vgic, 0), [40, 41]);
  vgic.sync(0);
  assert.deepEqual([inflightOf(vgic, 0), inflightOf(vgic, 1)], [[41], [42]]);
  vgic.setTarget(40, 0);
  vgic.inject(0, 40, 1);
  assert.deepEqual(inflightOf(vgic, 0), [41, 40]);
});

test('UIE asks for an exit while interrupts wait and every list register is taken', () => {
  const vgic = createReady();
  for (const intid of [40, 41, 42]) vgic.inject(0, intid, 1);
  vgic.flush(0);
  assert.equal(vgic.state.hcr[0], 2);
  vgic.sync(0);
  assert.equal(vgic.state.hcr[0], 0);
});

test('an unmapped LPI leaves its list register when that is read back', () => {
  const vgic = createReady({ model: 'gicv3', nrLpis: NR_LPIS });
  vgic.mapLpi(LPI_BASE, 0, 0xa0, true);
  vgic.inject(0, LPI_BASE, 1);
  assert.equal(vgic.state.lrHi[0] & LR_STATE, LR_PENDING);
  vgic.unmapLpi(LPI_BASE);
  assert.deepEqual(inflightOf(vgic, 0), []);
  vgic.inject(0, LPI_BASE, 1);
  vgic.sync(0);
  assert.equal(vgic.state.usedLrs[0], 0);
});

test('an LPI takes its priority and enable bit from its configuration', () => {
  const vgic = createReady({ model: 'gicv3', nrLpis: NR_LPIS });
  vgic.mapLpi(LPI_BASE, 0, 0xa0, false);
  vgic.inject(0, LPI_BASE, 1);
  assert.deepEqual([inflightOf(vgic, 0), waitingOf(vgic, 0), vgic.state.usedLrs[0]], [[LPI_BASE], [], 0]);
  vgic.configLpi(LPI_BASE, 0x41);
  assert.equal(vgic.state.usedLrs[0], 1);
  vgic.flush(0);
  vgic.drain(0, 0);
  vgic.sync(0);
  vgic.inject(0, LPI_BASE, 1);
  assert.equal((vgic.state.lrHi[0] >>> 16) & 0xff, 0x40);
});

test('accesses that are not handled, and registers that read as zero', () => {
  const vgic = createReady();
  assert.equal(vgic.mmioWrite(0, false, 0x304, 4, 1, 0), false, 'ISACTIVER');
  assert.equal(vgic.mmioWrite(0, false, 0x304, 4, 0, 0), true, 'ISACTIVER, zero');
  assert.equal(vgic.mmioWrite(0, false, 0x384, 4, 1, 0), true, 'ICACTIVER');
  assert.equal(vgic.mmioWrite(0, false, 0xf10, 1, 1, 0), false, 'CPENDSGIR');
  assert.equal(vgic.mmioWrite(0, false, 0xf00, 4, 3 << 24, 0), false, 'SGIR, reserved filter');
  assert.equal(vgic.mmioWrite(0, false, 0x104, 1, 1, 0), false, 'ISENABLER, one byte');
  assert.equal(vgic.mmioWrite(0, true, 0x10100, 4, 1, 0), false, 'a GICv2 guest has no redistributor');
  vgic.inject(0, 40, 1);
  assert.equal(vgic.mmioRead(0, false, 0x204, 4), 0, 'ISPENDR');
  assert.equal(vgic.mmioRead(0, false, 0x084, 4), 0, 'IGROUPR');
  assert.equal(vgic.mmioRead(0, false, 0x104, 4), 0xffffffff, 'ISENABLER');
  assert.equal(vgic.mmioRead(1, false, 0x800, 4), 0x02020202, 'ITARGETSR of private interrupts');
  assert.equal(vgic.mmioRead(0, false, 0x004, 4), (1 << 5) | 2, 'TYPER');
  assert.equal(vgic.mmioRead(0, false, 0x400, 8), -1, 'IPRIORITYR, eight bytes');
});

test('a GICv3 guest: private registers in the redistributor, routes by affinity, 64 bits wide', () => {
  const vgic = createReady({ model: 'gicv3', distEnabledAtStart: false });
  vgic.mmioWrite(1, false, 0x100, 4, 0xffff, 0);
  assert.equal(vgic.mmioRead(1, true, 0x10100, 4), 0, 'no SGI is enabled after reset');
  vgic.mmioWrite(1, true, 0x10100, 4, 0xffff, 0);
  assert.equal(vgic.mmioRead(1, true, 0x10100, 4), 0xffff);
  const route = 0x6000 + 8 * 40;
  vgic.mmioWrite(0, false, route, 8, 1, 0);
  assert.equal(vgic.mmioRead(0, false, route, 8), 1);
  vgic.mmioWrite(0, false, route, 8, 2, 0);
  vgic.mmioWrite(0, false, route, 8, 0, 1);
  assert.equal(vgic.mmioRead(0, false, route, 8), 1, 'an affinity that nobody has is ignored');
  vgic.mmioWrite(0, false, route, 8, -(2 ** 31), 0);
  assert.equal(vgic.mmioRead(0, false, route, 8), 0, 'any vCPU is vCPU 0');
});
