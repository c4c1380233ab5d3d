/** Invariants of vgic-spec appendix B, on random well-formed streams of every flavour. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { isLpi, isPrivate, isSgi, type Machine, NO_VCPU, SPI_BASE } from '../gic/intid.js';
import { GICH_LR_ACTIVE, GICH_LR_PENDING, GICH_LR_VINTID_MASK, LR_ACTIVE, LR_PENDING } from '../gic/lr.js';
import * as ev from '../trace/events.js';
import { type Scenario, type ScenarioEvent, scenarios } from './arbitrary.js';
import { type Irq, isHwInLr } from './irq.js';
import { ReferenceVgic } from './reference-vgic.js';

const NR_RUNS = 300;
const SEED = 1;
const CHECKED = { numRuns: NR_RUNS, seed: SEED, includeErrorInReport: true };

interface LrView {
  readonly intid: number;
  readonly pending: boolean;
  readonly active: boolean;
}

function readLrs(vgic: ReferenceVgic, machine: Machine, vcpu: number): LrView[] {
  return Array.from({ length: vgic.usedLrs(vcpu) }, (_, index) => {
    const { lo, hi } = vgic.lr(vcpu, index);
    if (machine.model === 'gicv2') {
      return {
        intid: lo & GICH_LR_VINTID_MASK,
        pending: (lo & GICH_LR_PENDING) !== 0,
        active: (lo & GICH_LR_ACTIVE) !== 0,
      };
    }
    return {
      intid: machine.model === 'gicv3' ? lo : lo & GICH_LR_VINTID_MASK,
      pending: (hi & LR_PENDING) !== 0,
      active: (hi & LR_ACTIVE) !== 0,
    };
  });
}

const vcpusOf = (machine: Machine): number[] => [...Array(machine.nrVcpus).keys()];

/** 1: on at most one list, which `queued` names; private interrupts only on their own vCPU's. */
function checkLists(vgic: ReferenceVgic, machine: Machine): void {
  const seen = new Set<string>();
  for (const vcpu of vcpusOf(machine)) {
    for (const intid of vgic.list(vcpu)) {
      const key = isPrivate(intid) ? `${vcpu}:${intid}` : `${intid}`;
      assert.ok(!seen.has(key), `INTID ${intid} is on two lists or twice on one`);
      seen.add(key);
      assert.equal(vgic.irq(vcpu, intid)?.queued, vcpu, `INTID ${intid} is queued elsewhere`);
    }
  }
  for (let intid = 0; intid < SPI_BASE + machine.nrSpis; intid++) {
    for (const vcpu of isPrivate(intid) ? vcpusOf(machine) : [0]) {
      const queued = vgic.irq(vcpu, intid)?.queued ?? NO_VCPU;
      if (queued !== NO_VCPU) assert.ok(vgic.list(queued).includes(intid), `INTID ${intid} is not on its list`);
    }
  }
}

/** An SGI of a GICv2 guest that is pending without a sender leaves the list register it gets as it was. */
const hasSenderlessSgi = (vgic: ReferenceVgic, machine: Machine, vcpu: number): boolean =>
  machine.model !== 'gicv3' && vgic.list(vcpu).some((intid) => isSgi(intid) && vgic.irq(vcpu, intid)?.source === 0);

/** 2 and 3, after a flush of a list that was not empty. `deliverable`: what the oracle gave this vCPU before it. */
function checkFlush(vgic: ReferenceVgic, machine: Machine, vcpu: number, deliverable: ReadonlySet<number>): void {
  const lrs = readLrs(vgic, machine, vcpu);
  assert.ok(lrs.length <= machine.nrLr);
  assert.equal(new Set(lrs.map((lr) => lr.intid)).size, lrs.length, 'an INTID in two list registers');
  for (const lr of lrs) {
    assert.ok(deliverable.has(lr.intid), `INTID ${lr.intid} was not deliverable here`);
    const irq = vgic.irq(vcpu, lr.intid);
    const isNeverBoth =
      vgic.state.flavour.populate === 'kvm' ? irq?.level || (irq && isHwInLr(irq)) : irq?.level && irq.hw;
    if (isNeverBoth) assert.ok(!(lr.pending && lr.active), `INTID ${lr.intid} is pending and active`);
  }
}

/** 8, where the list was sorted because more interrupts belonged here than there are list registers. */
function checkOverflow(vgic: ReferenceVgic, machine: Machine, vcpu: number, before: readonly Readonly<Irq>[]): void {
  const { order, multiSgiFloor } = vgic.state.flavour;
  if (before.length <= machine.nrLr || (multiSgiFloor && before.some((irq) => irq.source !== 0))) return;
  const resident = new Set(readLrs(vgic, machine, vcpu).map((lr) => lr.intid));
  assert.equal(resident.size, machine.nrLr, 'a list register is free while interrupts wait');
  const inLrs = before.filter((irq) => resident.has(irq.intid));
  for (const waiting of before.filter((irq) => !resident.has(irq.intid))) {
    const isRight = (each: Readonly<Irq>): boolean => {
      if (order === 'active-first') return each.active || (!waiting.active && each.priority <= waiting.priority);
      if (each.active !== waiting.active) return waiting.active || each.group !== waiting.group;
      return each.priority <= waiting.priority || each.group !== waiting.group;
    };
    assert.ok(inLrs.every(isRight), `INTID ${waiting.intid} waits for less urgent ones`);
  }
}

/** 7: what an entry and an exit without a guest in between leave as it was. */
function snapshot(vgic: ReferenceVgic, machine: Machine, vcpu: number): unknown[] {
  const { isXen } = vgic.state.flavour;
  return Array.from({ length: SPI_BASE + machine.nrSpis }, (_, intid) => {
    const { latch, line, active, level, hw, source, activeSource } = vgic.irq(vcpu, intid)!;
    // A mapped level interrupt is sampled; Xen drops its latch, too, if it is active.
    const isMappedLevel = level && hw;
    return [intid, active, source, activeSource, isMappedLevel ? 0 : line, isMappedLevel && isXen ? 0 : latch];
  });
}

/** 11: on_lr says which interrupts are in the list registers of a vCPU that is in the guest. */
function checkOnLr(vgic: ReferenceVgic, machine: Machine): void {
  const resident = new Set<string>();
  for (const vcpu of vcpusOf(machine))
    for (const { intid } of readLrs(vgic, machine, vcpu))
      resident.add(isPrivate(intid) ? `${vcpu}:${intid}` : `${intid}`);
  for (let intid = 0; intid < SPI_BASE + machine.nrSpis; intid++) {
    for (const vcpu of isPrivate(intid) ? vcpusOf(machine) : [0]) {
      const isOnLr = resident.has(isPrivate(intid) ? `${vcpu}:${intid}` : `${intid}`);
      assert.equal(vgic.irq(vcpu, intid)?.onLr, isOnLr, `on_lr of INTID ${intid}`);
    }
  }
}

/** 5: what stays is what the oracle sends here, in the order it was; what went is not sent here. */
function checkPrune(vgic: ReferenceVgic, vcpu: number, before: readonly number[]): void {
  const after = vgic.list(vcpu);
  const kept = new Set(after);
  assert.deepEqual(
    after,
    before.filter((intid) => kept.has(intid)),
  );
  for (const intid of before) {
    assert.equal(vgic.target(vcpu, intid) === vcpu, kept.has(intid), `INTID ${intid} on the list after the exit`);
  }
}

/** 6: nothing active leaves its list; only disabled LPIs are taken off whatever they are. */
function checkActive(vgic: ReferenceVgic, event: ScenarioEvent, vcpu: number, before: readonly number[]): void {
  const after = new Set(vgic.list(vcpu));
  for (const intid of before) {
    if (event.kind === ev.LPI_FLUSH && isLpi(intid)) continue;
    if (vgic.irq(vcpu, intid)?.active) assert.ok(after.has(intid), `active INTID ${intid} left the list`);
  }
}

/**
 * 4: an accepted edge stays in the latch or pending in a list register until it is acknowledged or taken away by
 * something that may. SGIs of GICv2 guests are left out: injected without sender they are lost.
 */
class EdgeLedger {
  private readonly vgic: ReferenceVgic;
  private readonly machine: Machine;
  private readonly owed = new Map<string, { vcpu: number; intid: number }>();
  nrOwed = 0;

  constructor(vgic: ReferenceVgic, machine: Machine) {
    this.vgic = vgic;
    this.machine = machine;
  }

  private keyOf(vcpu: number, intid: number): string {
    return isPrivate(intid) ? `${vcpu}:${intid}` : `${intid}`;
  }

  /** Call after the event. */
  follow({ kind, vcpu, intid, value }: ScenarioEvent): void {
    const isSettledByGuest = kind === ev.ACK && this.vgic.lastAckLr !== -1;
    if (isSettledByGuest) this.owed.delete(this.keyOf(vcpu, this.vgic.lastAck));
    const mayRemoveOne = [ev.PENDING, ev.CONFIG, ev.LPI_CLEAR, ev.LPI_PENDING, ev.LPI_UNMAP].includes(kind);
    if (mayRemoveOne) this.owed.delete(this.keyOf(vcpu, intid));
    const mayRemoveAny = [ev.MMIO_DIST, ev.MMIO_REDIST, ev.GUEST_LR_STATE, ev.GUEST_DRAIN, ev.LPI_FLUSH].includes(kind);
    if (mayRemoveAny) this.owed.clear();
    this.checkOwed();

    const irq = this.vgic.irq(vcpu, intid);
    const isEdge = kind === ev.INJECT && (value & 1) === 1 && irq && !irq.level;
    if (isEdge && !(isSgi(intid) && this.machine.model !== 'gicv3')) {
      this.owed.set(this.keyOf(vcpu, intid), { vcpu, intid });
      this.nrOwed++;
    }
  }

  private checkOwed(): void {
    for (const { vcpu, intid } of this.owed.values()) {
      const irq = this.vgic.irq(vcpu, intid);
      const isInLr = vcpusOf(this.machine)
        .filter((each) => !isPrivate(intid) || each === vcpu)
        .some((each) => readLrs(this.vgic, this.machine, each).some((lr) => lr.intid === intid && lr.pending));
      assert.ok(irq?.latch || isInLr, `the edge of INTID ${intid} is lost`);
    }
  }
}

function checkScenario({ machine, events }: Scenario): void {
  const vgic = new ReferenceVgic(machine);
  const edges = new EdgeLedger(vgic, machine);
  const tracksOnLr = vgic.state.flavour.activeOutsideLrs !== 'none';
  /** A list register that names no interrupt of the list, or a stale one, says nothing of the rules. */
  let isDisturbed = false;
  let untouched: { readonly index: number; readonly state: unknown[] } | undefined;
  events.forEach((event, index) => {
    const { kind, vcpu, intid, value } = event;
    const before = vcpusOf(machine).map((each) => vgic.list(each));
    const ours = before[vcpu].filter((each) => vgic.target(vcpu, each) === vcpu).map((each) => vgic.irq(vcpu, each)!);
    const deliverable = new Set(ours.map((irq) => irq.intid));
    const isEntry = kind === ev.FLUSH && before[vcpu].length > 0;
    if (kind === ev.FLUSH) isDisturbed ||= hasSenderlessSgi(vgic, machine, vcpu);
    if (isEntry) untouched = { index, state: snapshot(vgic, machine, vcpu) };
    vgic.apply(kind, vcpu, intid, value);
    try {
      if (isEntry && !isDisturbed) checkFlush(vgic, machine, vcpu, deliverable);
      if (isEntry && !isDisturbed) checkOverflow(vgic, machine, vcpu, ours);
      if (kind === ev.SYNC || kind === ev.PRUNE) checkPrune(vgic, vcpu, before[vcpu]);
      for (const each of vcpusOf(machine)) checkActive(vgic, event, each, before[each]);
      if (tracksOnLr && !isDisturbed) checkOnLr(vgic, machine);
      const isReturn = kind === ev.SYNC && untouched?.index === index - 1 && events[index - 1].vcpu === vcpu;
      if (isReturn && !isDisturbed) assert.deepEqual(snapshot(vgic, machine, vcpu), untouched?.state);
      edges.follow(event);
    } catch (error) {
      if (error instanceof Error) error.message = `event ${index} (kind ${kind}, INTID ${intid}): ${error.message}`;
      throw error;
    }
  });
  checkLists(vgic, machine);
}

test('invariants 1 to 8 and 11 hold on random streams', () => {
  fc.assert(fc.property(scenarios(), checkScenario), CHECKED);
});
