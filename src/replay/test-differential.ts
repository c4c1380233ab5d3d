/**
 * Test support: the typed-array core against the plain reference model, event by event. After an event what it can have
 * changed is compared, and everything now and then and at the end, so that no difference outlives the scenario; if there is
 * one, the scenario is run again with everything compared after every event, which names the first event and field.
 */
import type { Frame } from '../conform/target.js';
import { LPI_BASE, LPI_END, NO_VCPU, NR_PRIVATE_IRQS } from '../gic/intid.js';
import type { Scenario } from '../reference/arbitrary.js';
import { COST_PATHS } from '../reference/cost.js';
import type { Irq } from '../reference/irq.js';
import { hostIrqOf } from '../reference/machine-state.js';
import { ReferenceVgic } from '../reference/reference-vgic.js';
import { reference } from '../strategy/index.js';
import * as ev from '../trace/events.js';
import {
  METRIC_COMPARISONS,
  METRIC_LOCKS,
  METRIC_LR_WRITES,
  METRIC_STEPS,
  METRIC_VISITS,
  NR_METRICS,
} from '../vgic/counters.js';
import {
  CONTROL_BPR0_SHIFT,
  CONTROL_BPR1_SHIFT,
  CONTROL_CBPR,
  CONTROL_EOIMODE,
  CONTROL_GROUP0,
  CONTROL_GROUP1,
} from '../vgic/cpuif.js';
import { BY_SOFTWARE } from '../vgic/host-mapping.js';
import { HostStop } from '../vgic/host-stop.js';
import { physRowOf } from '../vgic/state.js';
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
import { createEngine, type Engine } from './engine.js';
import { createTouchedRows } from './invariant-touched.js';
import { PATH_NAMES } from './result.js';

/** Where the two models part. */
export class Difference extends Error {
  readonly field: string;
  constructor(field: string, ours: unknown, theirs: unknown) {
    super(`${field}: the core has ${String(ours)}, the reference ${String(theirs)}`);
    this.field = field;
  }
}

type Value = number | boolean | string | undefined;
/** `field` is made only when it is needed. */
function same(ours: Value, theirs: Value, field: () => string): void {
  if (ours !== theirs) throw new Difference(field(), ours, theirs);
}

/** Events between two comparisons of everything. */
const FULL_EVERY = 1024;

const METRICS = [
  ['visits', METRIC_VISITS],
  ['comparisons', METRIC_COMPARISONS],
  ['locks', METRIC_LOCKS],
  ['lrWrites', METRIC_LR_WRITES],
  ['steps', METRIC_STEPS],
] as const;

const RAW_WRITES: ReadonlyMap<number, readonly [Frame, number]> = new Map([
  [ev.MMIO_DIST, ['dist', 4]],
  [ev.MMIO_REDIST, ['redist', 4]],
  [ev.MMIO_DIST_BYTE, ['dist', 1]],
  [ev.MMIO_REDIST_BYTE, ['redist', 1]],
]);
const RAW_READS: ReadonlyMap<number, Frame> = new Map([
  [ev.MMIO_DIST_READ, 'dist'],
  [ev.MMIO_REDIST_READ, 'redist'],
]);
const isQuery = (kind: number): boolean => kind === ev.PENDING_QUERY || kind === ev.WFI;

/** Both machines, and what the last event answered. */
class Pair {
  readonly vgic: Vgic;
  readonly plain: ReferenceVgic;
  private readonly engine: Engine;
  private readonly machine: Scenario['machine'];
  private readonly isXen: boolean;
  /** What the core's guest interface answered to the last event. */
  private answer: Value;

  constructor(machine: Scenario['machine']) {
    this.machine = machine;
    this.plain = new ReferenceVgic(machine);
    const vgic = createVgic(machine, reference.create({}));
    this.vgic = vgic;
    this.isXen = vgic.state.flavour.isXen;
    const note = <T extends Value>(answer: T): T => {
      this.answer = answer;
      return answer;
    };
    this.engine = createEngine({
      ...vgic,
      ack: (vcpu, intid, flags) => note(vgic.ack(vcpu, intid, flags)),
      ackByRules: (vcpu) => note(vgic.ackByRules(vcpu)),
      dirByRules: (vcpu, intid, sender) => note(vgic.dirByRules(vcpu, intid, sender)),
      pendingTest: (vcpu) => note(vgic.pendingTest(vcpu)),
      mmioRead: (...access) => note(vgic.mmioRead(...access)),
      mmioWrite: (...access) => note(vgic.mmioWrite(...access)),
    });
  }

  /** One event for both, and their answers compared. False: the host has stopped. */
  step({ kind, vcpu, intid, value }: Scenario['events'][number]): boolean {
    let stop: string | undefined;
    this.answer = undefined;
    try {
      this.engine.step(ev.packWord(kind, vcpu, intid), value);
    } catch (error) {
      if (!(error instanceof HostStop)) throw error;
      stop = error.kind;
    }
    const expected = this.stepPlain(kind, vcpu, intid, value);
    same(stop, this.plain.fatal, () => 'stop of the host');
    if (stop !== undefined) return false;
    same(this.answer, expected, () => 'answer');
    return true;
  }

  private stepPlain(kind: number, vcpu: number, intid: number, value: number): Value {
    const { plain } = this;
    const write = RAW_WRITES.get(kind);
    const frame = RAW_READS.get(kind);
    if (write) return plain.write(vcpu, write[0], intid, write[1], write[1] === 1 ? value & 0xff : value);
    if (frame) return plain.read(vcpu, frame, intid, value & 0xf);
    if (kind === ev.DEACTIVATE && (value & 1) !== 0) return plain.writeDir(vcpu, intid, (value >>> 8) & 7);
    plain.apply(kind, vcpu, intid, value);
    if (kind === ev.ACK) return plain.lastAck;
    return isQuery(kind) ? plain.lastQuery : undefined;
  }

  compareLrs(vcpu: number): void {
    const { vgic, plain } = this;
    const used = vgic.state.usedLrs[vcpu];
    same(used, plain.usedLrs(vcpu), () => `used_lrs of vCPU ${vcpu}`);
    same(vgic.state.hcr[vcpu], plain.hcr(vcpu), () => `HCR of vCPU ${vcpu}`);
    for (let lr = 0; lr < used; lr++) {
      const { lo, hi } = plain.lr(vcpu, lr);
      same(vgic.lrLo(vcpu, lr) | 0, lo | 0, () => `LR ${lr} of vCPU ${vcpu}, low word`);
      same(vgic.lrHi(vcpu, lr) | 0, hi | 0, () => `LR ${lr} of vCPU ${vcpu}, high word`);
    }
  }

  compareList(vcpu: number): void {
    const ours = this.vgic.list.order(vcpu);
    const theirs = this.plain.state.vcpus[vcpu].apList;
    const { intidOfSlot } = this.vgic.state;
    const text = (intids: number[]): string => `[${intids.join(' ')}]`;
    const isSame = ours.length === theirs.length && ours.every((slot, at) => intidOfSlot[slot] === theirs[at].intid);
    if (isSame) return;
    const intids = text(theirs.map(({ intid }) => intid));
    throw new Difference(`ap_list of vCPU ${vcpu}`, text(ours.map((slot) => intidOfSlot[slot])), intids);
  }

  /** The row's interrupt in the reference; undefined for an LPI that does not exist. */
  private plainIrq(slot: number): Irq | undefined {
    const { spiSlotBase, lpiSlotBase } = this.vgic.state;
    const { state } = this.plain;
    if (slot < spiSlotBase) return state.vcpus[Math.floor(slot / NR_PRIVATE_IRQS)].privateIrqs[slot % NR_PRIVATE_IRQS];
    return slot < lpiSlotBase ? state.spis[slot - spiSlotBase] : state.lpis.get(slot - lpiSlotBase + LPI_BASE);
  }

  compareRow(slot: number): void {
    const s = this.vgic.state;
    const w = s.word[slot];
    const irq = this.plainIrq(slot);
    const field = (name: string) => () => `${name} of INTID ${s.intidOfSlot[slot]} (row ${slot})`;
    same((w & EXISTS) !== 0, irq !== undefined, field('existence'));
    if (irq === undefined) return;
    same((w & ENABLED) !== 0, irq.enabled, field('enabled'));
    same((w & LATCH) !== 0, irq.latch, field('latch'));
    same((w & LINE) !== 0, irq.line, field('line'));
    same((w & ACTIVE) !== 0, irq.active, field('active'));
    same((w & LEVEL) !== 0, irq.level, field('level'));
    same((w & GROUP) !== 0 ? 1 : 0, irq.group, field('group'));
    same((w & HW) !== 0, irq.hw, field('hw'));
    same(priorityOf(w), irq.priority, field('priority'));
    same(targetOf(w), irq.target, field('target'));
    same(queuedOn(w), irq.queued, field('queued vCPU'));
    if (s.onLr.length > 0) same(s.onLr[slot] === 1, irq.onLr, field('on_lr'));
    if (irq.hw) {
      same(s.hwintid[slot], irq.swResample ? BY_SOFTWARE : irq.hostIrq, field('host interrupt of the list register'));
      same(s.physRow[slot], physRowOf(s.nrVcpus, Math.max(0, irq.owner), irq.hostIrq), field('host interrupt'));
    }
    if (slot < s.spiSlotBase) {
      same(s.source[slot], irq.source, field('source'));
      if (!this.isXen) same(s.activeSource[slot], irq.activeSource, field('active_source'));
    } else if (slot >= s.lpiSlotBase) same(s.lpiRefs[slot - s.lpiSlotBase], irq.mapReferences, field('references'));
    else same(s.route[slot - s.spiSlotBase], s.isV2Guest ? irq.targets : irq.affinity, field('route'));
  }

  /** What is one number a vCPU or one number a machine: after every event. */
  compareNumbers(): void {
    const { vgic, plain } = this;
    const { state: s, kicks } = vgic;
    const { state } = plain;
    for (let v = 0; v < s.nrVcpus; v++) {
      const vcpu = state.vcpus[v];
      const field = (name: string) => () => `${name} of vCPU ${v}`;
      same(kicks.kicks[v], this.isXen ? vcpu.unblocks : vcpu.kicks, field('kicks'));
      if (this.isXen) same(kicks.ipis[v], vcpu.ipis, field('event-check IPIs'));
      else same(kicks.requestSet[v] === 1, vcpu.requestSet, field('request'));
      same(s.processUpdate[v] === 1, vcpu.processUpdate, field('PROCESS_UPDATE'));
      same(s.inGuest[v] === 1, vcpu.inGuest, field('in guest'));
      same(s.pmr[v], vcpu.cpuInterface.pmr, field('PMR'));
      same(s.eoiCount[v], vcpu.cpuInterface.eoiCount, field('EOIcount'));
      same(s.usedLrs[v], vcpu.usedLrs, field('used_lrs'));
      same(vgic.list.length(v), vcpu.apList.length, field('list length'));
    }
    const { cost } = s;
    same(s.dist[0] === 1, state.distEnabled, () => 'distributor enable');
    same(s.activeSpis[0], state.activeSpis, () => 'active_spis');
    same(cost.broadcasts, state.broadcasts, () => 'broadcasts');
    same(cost.halts, state.halts, () => 'halts');
    same(cost.notifications, plain.notifications.length, () => 'ack notifications');
    same(cost.divergences, plain.divergences, () => 'divergences');
  }

  private compareInterface(v: number): void {
    const { state: s } = this.vgic;
    const cpu = this.plain.state.vcpus[v].cpuInterface;
    let apr = 0;
    for (const priority of cpu.running) apr |= 1 << (priority >> 3);
    same(s.apr[v], apr, () => `active priorities of vCPU ${v}`);
    const control =
      (cpu.isGroup0On ? CONTROL_GROUP0 : 0) |
      (cpu.isGroup1On ? CONTROL_GROUP1 : 0) |
      (cpu.isSplitEoi ? CONTROL_EOIMODE : 0) |
      (cpu.isBprCommon ? CONTROL_CBPR : 0) |
      (cpu.bpr0 << CONTROL_BPR0_SHIFT) |
      (cpu.bpr1 << CONTROL_BPR1_SHIFT);
    const mask = CONTROL_GROUP0 | CONTROL_GROUP1 | CONTROL_EOIMODE | CONTROL_CBPR | (0x3f << CONTROL_BPR0_SHIFT);
    same(s.control[v] & mask, control, () => `CPU interface control of vCPU ${v}`);
    const lastLr = this.plain.state.vcpus[v].lastLrIrq?.intid ?? NO_VCPU;
    same(s.lastLr[v] < 0 ? NO_VCPU : s.intidOfSlot[s.lastLr[v]], lastLr, () => `last_lr_irq of vCPU ${v}`);
  }

  private compareHost(): void {
    const { state: s } = this.vgic;
    for (const key of this.plain.state.hostIrqs.keys()) {
      const [vcpu, number] = key.includes(':') ? key.split(':').map(Number) : [0, Number(key)];
      const host = hostIrqOf(this.plain.state, vcpu, number);
      const row = physRowOf(s.nrVcpus, vcpu, number);
      same(s.physLine[row] === 1, host.line, () => `line of host interrupt ${key}`);
      same(s.physPending[row] === 1, host.pending, () => `pending state of host interrupt ${key}`);
      same(s.physActive[row] === 1, host.active, () => `active state of host interrupt ${key}`);
    }
  }

  private compareCosts(): void {
    const { cost } = this.vgic.state;
    for (const name of COST_PATHS) {
      const path = PATH_NAMES.indexOf(name);
      const theirs = this.plain.cost(name);
      same(cost.calls[path], theirs.calls, () => `calls of ${name}`);
      for (const [metric, at] of METRICS) {
        same(cost.sum[path * NR_METRICS + at], theirs[metric].sum, () => `sum of ${metric} of ${name}`);
        same(cost.max[path * NR_METRICS + at], theirs[metric].max, () => `largest ${metric} of ${name}`);
      }
    }
  }

  private compareNotifications(): void {
    const counts = new Int32Array(this.machine.nrSpis);
    for (const spi of this.plain.notifications) counts[spi] += 1;
    const { notified } = this.vgic.kicks;
    counts.forEach((count, spi) => {
      same(notified[spi], count, () => `ack notifications of SPI ${spi + NR_PRIVATE_IRQS}`);
    });
  }

  compareAll(lpis: readonly number[]): void {
    const { lpiSlotBase, nrVcpus, machine } = this.vgic.state;
    for (let v = 0; v < nrVcpus; v++) {
      this.compareLrs(v);
      this.compareList(v);
      this.compareInterface(v);
    }
    for (let slot = 0; slot < lpiSlotBase; slot++) this.compareRow(slot);
    if (machine.nrLpis > 0) for (const lpi of lpis) this.compareRow(lpiSlotBase + lpi - LPI_BASE);
    this.compareNumbers();
    this.compareHost();
    this.compareCosts();
    this.compareNotifications();
  }
}

const isLpiEvent = ({ kind, intid }: Scenario['events'][number]): boolean =>
  !RAW_WRITES.has(kind) && !RAW_READS.has(kind) && kind !== ev.SGI && intid >= LPI_BASE && intid < LPI_END;

/** Raw accesses and trapped DIR writes may make any vCPU leave the guest. */
const reachesAll = (kind: number): boolean => RAW_WRITES.has(kind) || RAW_READS.has(kind) || kind === ev.DEACTIVATE;

/** Throws a Difference; returns the number of events compared. */
function compareEvents({ machine, events }: Scenario, fullEvery: number): number {
  const pair = new Pair(machine);
  const lpis = [...new Set(events.filter(isLpiEvent).map(({ intid }) => intid))];
  const rows = createTouchedRows(pair.vgic);
  const { list } = pair.vgic;
  let at = 0;
  try {
    for (; at < events.length; at++) {
      const event = events[at];
      const { kind, vcpu, intid, value } = event;
      const ownList = kind === ev.SYNC || kind === ev.PRUNE ? list.order(vcpu) : [];
      const touched = rows.of(kind, vcpu, intid, value, ownList);
      if (!pair.step(event)) return at + 1;
      for (const slot of touched) pair.compareRow(slot);
      pair.compareNumbers();
      pair.compareLrs(vcpu);
      pair.compareList(vcpu);
      if (reachesAll(kind)) for (let v = 0; v < machine.nrVcpus; v++) pair.compareLrs(v);
      if ((at + 1) % fullEvery === 0) pair.compareAll(lpis);
    }
    pair.compareAll(lpis);
  } catch (error) {
    if (error instanceof Error) {
      const place = at < events.length ? `event ${at} ${ev.findKind(events[at].kind)?.name}` : 'at the end';
      error.message = `${machine.flavour}: ${place}: ${error.message}`;
    }
    throw error;
  }
  return events.length;
}

/** Compares the core with the reference; throws at the first difference. Returns the number of events compared. */
export function compareScenario(scenario: Scenario): number {
  try {
    return compareEvents(scenario, FULL_EVERY);
  } catch (error) {
    if (!(error instanceof Difference)) throw error;
    compareEvents(scenario, 1);
    throw error;
  }
}
