/** Guests that come within 5 % of what the strategies declare of their longest calls, at 960 interrupts and 4 LRs. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { LPI_BASE, type Machine, NR_LPIS, SPI_BASE } from '../gic/intid.js';
import { strategyNamed } from '../strategy/index.js';
import { hardestKeys, hardestPartition } from '../strategy/test-hardest.js';
import { CONTROL_GROUP0, CONTROL_GROUP1 } from '../vgic/cpuif.js';
import type { Vgic } from '../vgic/vgic.js';
import { createModel } from './create-model.js';
import type { PathName } from './result.js';
import { createWorstWatch } from './worst-watch.js';

const N = 960;
const K = 4;
const NEAR = 0.95;
const URGENT = 0;
const LAZY = 0xf8;
const MIDDLE = 0x80;
const NR_ACTIVES = 31;
const PMR = 0xff;
const GROUPS = CONTROL_GROUP0 | CONTROL_GROUP1;

/** `seen`: notes how many interrupts are queued now. */
type Attack = (vgic: Vgic, seen: () => void) => void;

function machineOf(flavour: string): Machine {
  const isXen = flavour.startsWith('xen');
  return {
    flavour,
    model: isXen ? 'gicv2' : 'gicv3',
    nrVcpus: 2,
    nrSpis: N,
    nrLpis: isXen ? 0 : NR_LPIS,
    nrLr: K,
    distEnabledAtStart: true,
    pmrAtStart: 0,
  };
}

const spi = (at: number): number => SPI_BASE + at;

/** SPIs first..end become pending on a vCPU. */
function pend(vgic: Vgic, vcpu: number, first: number, end: number, priority: (at: number) => number): void {
  for (let at = first; at < end; at++) {
    vgic.setPriority(0, spi(at), priority(at));
    vgic.setTarget(spi(at), vcpu);
    vgic.setEnable(0, spi(at), true, false);
    vgic.inject(0, spi(at), 1);
  }
}

const all = (priority: number) => () => priority;

const retarget = (vgic: Vgic, vcpu: number, first: number, end: number): void => {
  for (let at = first; at < end; at++) vgic.setTarget(spi(at), vcpu);
};

/** Priorities that are not equal in a row: xen-new locks itself up over 256 equal ones. */
const scattered = (at: number): number => LAZY - 8 * ((at * 7) % 15);

/** Masked by PMR, or where that is not asked, disabled since they were queued. */
const parked: Attack = (vgic) => {
  pend(vgic, 0, 0, N, all(MIDDLE));
  if (vgic.state.flavour.pendingTest !== 'deliverable')
    for (let at = 0; at < N; at++) vgic.setEnable(0, spi(at), false, false);
  vgic.pendingTest(0);
};

/** Every merge compares all but one; the least urgent four are deliverable where the order does not put them in front. */
const hardestSort: Attack = (vgic) => {
  const { flavour } = vgic.state;
  const keys = hardestKeys(flavour.sort, N);
  pend(vgic, 0, 0, N, (at) => LAZY - 8 * keys[at]);
  if (flavour.order === 'active-first') {
    const last = [...keys.keys()].sort((a, b) => keys[b] - keys[a] || a - b).slice(-K);
    for (let at = 0; at < N; at++) if (!last.includes(at)) retarget(vgic, 1, at, at + 1);
  }
  vgic.flush(0);
};

/** Entries that are not deliverable stand before those that are. */
const longWalk: Attack = (vgic) => {
  pend(vgic, 0, 0, N - K, all(URGENT));
  pend(vgic, 0, N - K, N, all(LAZY));
  retarget(vgic, 1, 0, N - (vgic.state.flavour.order === 'active-first' ? K : K - 1));
  vgic.flush(0);
};

/** One fewer than the LRs hold is deliverable, at the end. */
const tooFewHere: Attack = (vgic) => {
  pend(vgic, 0, 0, N, all(MIDDLE));
  retarget(vgic, 1, 0, N - K + 1);
  vgic.flush(0);
};

const pingPong: Attack = (vgic) => {
  pend(vgic, 0, 0, N, scattered);
  vgic.flush(0);
  for (const slot of vgic.list.order(0).slice(N / 2)) vgic.setTarget(vgic.state.intidOfSlot[slot], 1);
  vgic.sync(0);
};

const allLeave: Attack = (vgic) => {
  pend(vgic, 0, 0, N, scattered);
  vgic.flush(0);
  retarget(vgic, 1, 0, N);
  vgic.sync(0);
};

/** What leaves is more urgent than all that is where it goes; with group enables in the key a half of it doubly so. */
const intoOrder: Attack = (vgic) => {
  const hasGroups = vgic.state.flavour.order === 'pending-first';
  const m = hasGroups ? (2 * N) / 3 : N / 2;
  if (hasGroups) {
    vgic.setCpuif(0, GROUPS | PMR);
    vgic.setCpuif(1, CONTROL_GROUP1 | PMR);
    for (let at = 0; at < N; at++) if (at < m / 2 || at >= m) vgic.setGroup(0, spi(at), 0, false);
  }
  pend(vgic, 1, m, N, all(LAZY));
  pend(vgic, 0, 0, m, all(URGENT));
  vgic.flush(0);
  retarget(vgic, 1, 0, m);
  vgic.sync(0);
};

/** In ascending order: no insertion clears a flag that the list is in order. */
const ascending: Attack = (vgic) => pend(vgic, 0, 0, N, (at) => 8 * Math.floor((31 * at) / N));

/** The keys are set when all are queued: an insertion would have put them in order. */
const sortAfterInsert: Attack = (vgic) => {
  const { flavour } = vgic.state;
  pend(vgic, 0, 0, N, all(MIDDLE));
  const keys = hardestKeys(flavour.sort, N);
  for (let at = 0; at < N; at++) vgic.setPriority(0, spi(at), LAZY - 8 * keys[at]);
  if (flavour.order === 'active-first') {
    const last = [...keys.keys()].sort((a, b) => keys[b] - keys[a] || a - b).slice(-K);
    for (let at = 0; at < N; at++) if (!last.includes(at)) retarget(vgic, 1, at, at + 1);
  }
  vgic.flush(0);
};

/** All leave, each more urgent than most before it. The list is not in order, nor is it put in order before they do. */
const descendingLeave: Attack = (vgic) => {
  pend(vgic, 0, 0, N, scattered);
  vgic.flush(0);
  const slots = vgic.list.order(0);
  slots.forEach((slot, at) => {
    const intid = vgic.state.intidOfSlot[slot];
    vgic.setPriority(0, intid, 8 * (31 - Math.floor((32 * at) / N)));
    vgic.setTarget(intid, 1);
  });
  vgic.sync(0);
};

/** More than the LRs hold is deliverable, the last of it at the end. */
const sortedLongWalk: Attack = (vgic) => {
  pend(vgic, 0, 0, N - K, all(URGENT));
  pend(vgic, 0, N - K, N, all(LAZY));
  if (vgic.state.flavour.order === 'active-first') retarget(vgic, 1, 0, N - K);
  vgic.flush(0);
};

/** An active beyond the LRs: upstream's order is needed. */
const hardestPending: Attack = (vgic) => {
  const keys = hardestKeys(vgic.state.flavour.sort, N);
  pend(vgic, 0, 0, N, (at) => LAZY - 8 * keys[at]);
  vgic.setActive(0, spi(0), true, false);
  vgic.flush(0);
};

const parkedFlush: Attack = (vgic) => {
  pend(vgic, 0, 0, N, all(MIDDLE));
  vgic.flush(0);
};

const urgentLast: Attack = (vgic) => {
  pend(vgic, 0, 0, N - 1, all(LAZY));
  pend(vgic, 0, N - 1, N, all(URGENT));
};

const tailBecomesUrgent: Attack = (vgic) => {
  pend(vgic, 0, 0, N, all(LAZY));
  vgic.setPriority(0, spi(N - 1), URGENT);
};

const lpisOff: Attack = (vgic, seen) => {
  for (let lpi = LPI_BASE; lpi < LPI_BASE + N; lpi++) {
    vgic.mapLpi(lpi, 0, MIDDLE, true);
    vgic.inject(0, lpi, 1);
  }
  seen();
  vgic.dropLpis(0);
};

/** What an exit passes over, and leaves behind as late: all but the first. */
const passOver: Attack = (vgic) => {
  vgic.flush(0);
  vgic.sync(0);
};

/** Queued and no longer pending when the exit passed them over; then another vCPU's, and raised again. */
const lateInject: Attack = (vgic) => {
  pend(vgic, 0, 0, N, all(MIDDLE));
  for (let at = 0; at < N; at++) vgic.setPending(0, spi(at), false, false);
  passOver(vgic, () => {});
  retarget(vgic, 1, N / 2, N);
  for (let at = N / 2; at < N; at++) vgic.inject(0, spi(at), 1);
};

/** Moved to another redistributor; the one that they leave is turned off before they are gone. */
const lateLpisOff: Attack = (vgic, seen) => {
  for (let lpi = LPI_BASE; lpi < LPI_BASE + N; lpi++) {
    vgic.mapLpi(lpi, 0, MIDDLE, true);
    vgic.inject(0, lpi, 1);
    vgic.moveLpi(lpi, 1);
  }
  seen();
  passOver(vgic, seen);
  vgic.dropLpis(0);
};

const enableOrdered: Attack = (vgic) => {
  const { behind } = hardestPartition(vgic.state.flavour.sort, N);
  pend(vgic, 0, 0, N, all(MIDDLE));
  vgic.setDistEnable(false);
  for (let at = 0; at < N; at++) if (behind[at]) retarget(vgic, 1, at, at + 1);
  vgic.setDistEnable(true);
};

/** All LRs come back active. */
const foldActive: Attack = (vgic) => {
  pend(vgic, 0, 0, N, (at) => (at < K ? URGENT : scattered(at)));
  vgic.flush(0);
  for (let lr = 0; lr < K; lr++) vgic.setLrState(0, lr, 2);
  vgic.sync(0);
};

/**
 * EOIs of actives behind those in the LRs, and what was in these is over but for the last, which is active: behind it
 * the walk begins.
 * All others are of a group that is disabled, so that whatever changes its key moves past them.
 */
const foldOthers =
  (nrActives: number): Attack =>
  (vgic, seen) => {
    for (let at = K + nrActives; at < N; at++) vgic.setGroup(0, spi(at), 0, false);
    pend(vgic, 0, 0, N, (at) => (at < K ? URGENT : at < K + nrActives ? 8 * (at - K + 1) : LAZY));
    for (let at = K; at < K + nrActives; at++) vgic.setActive(0, spi(at), true, false);
    retarget(vgic, 1, K + nrActives, N);
    seen();
    vgic.flush(0);
    for (let lr = 0; lr < K; lr++) vgic.setLrState(0, lr, lr < K - 1 ? 0 : 2);
    for (let eoi = 0; eoi < NR_ACTIVES; eoi++) vgic.eoi(0, spi(K));
    vgic.sync(0);
  };

/** Everything waits on a vCPU that is not the current one: the last is compared in both lists. */
const oldInject: Attack = (vgic) => pend(vgic, 1, 0, N, all(MIDDLE));

const oldRekey: Attack = (vgic) => {
  vgic.mapHw(0, spi(0), 100, false);
  pend(vgic, 1, 1, N, all(MIDDLE));
  vgic.setTarget(spi(0), 0);
  vgic.setPriority(1, spi(0), MIDDLE);
  vgic.setEnable(1, spi(0), true, false);
  vgic.inject(0, spi(0), 1);
  vgic.setTarget(spi(0), 1);
};

/** The LRs hold what came first of one priority; as many more urgent ones come last. */
const oldFlush: Attack = (vgic) => {
  pend(vgic, 0, 0, N - K, all(MIDDLE));
  vgic.flush(0);
  vgic.sync(0);
  pend(vgic, 0, N - K, N, all(URGENT));
  vgic.flush(0);
};

/** What is in the LRs was raised again meanwhile, and ends. */
const oldFold: Attack = (vgic) => {
  pend(vgic, 0, 0, N, all(MIDDLE));
  vgic.flush(0);
  vgic.setPriority(1, spi(0), MIDDLE);
  for (let at = 0; at < K; at++) vgic.inject(0, spi(at), 1);
  for (let lr = 0; lr < K; lr++) vgic.setLrState(0, lr, 0);
  vgic.sync(0);
};

/** Inflight, urgent enough, and disabled since. */
const oldPending: Attack = (vgic) => {
  vgic.setCpuif(0, PMR);
  pend(vgic, 0, 0, N, all(MIDDLE));
  for (let at = 0; at < N; at++) vgic.setEnable(0, spi(at), false, false);
  vgic.pendingTest(0);
};

const AP_LISTS = ['kvm-6.1', 'kvm-7.2', 'kvm-6.19', 'xen-new'];
const KVM = ['kvm-6.1', 'kvm-7.2', 'kvm-6.19'];
const REWORKED = ['kvm-7.2', 'kvm-6.19'];
const SORTED_BY_CLASS = ['kvm-6.1', 'xen-new'];

type Row = readonly [strategy: string, path: PathName, attack: Attack, flavours: readonly string[]];

const rows: readonly Row[] = [
  ...['sort-on-flush', 'fifo'].flatMap((id): Row[] => [
    [id, 'inject', parked, AP_LISTS],
    [id, 'rekey', lpisOff, KVM],
    [id, 'fold', foldActive, SORTED_BY_CLASS],
    [id, 'fold', foldOthers(NR_ACTIVES - 2), REWORKED],
    [id, 'prune', pingPong, AP_LISTS],
    [id, 'pending', parked, AP_LISTS],
  ]),
  ['sort-on-flush', 'flush', hardestSort, AP_LISTS],
  ['fifo', 'flush', longWalk, AP_LISTS],
  ...['sort-on-insert', 'hybrid'].flatMap((id): Row[] => [
    [id, 'inject', urgentLast, AP_LISTS],
    [id, 'rekey', tailBecomesUrgent, SORTED_BY_CLASS],
    [id, 'rekey', enableOrdered, REWORKED],
    [id, 'flush', longWalk, AP_LISTS],
    [id, 'fold', foldActive, SORTED_BY_CLASS],
    [id, 'fold', foldOthers(NR_ACTIVES), REWORKED],
    [id, 'prune', intoOrder, AP_LISTS],
    [id, 'pending', parked, AP_LISTS],
  ]),
  ...['short-circuit', 'sorted-flag', 'sort-if-unsorted'].map((id): Row => [id, 'flush', hardestSort, AP_LISTS]),
  ['sorted-flag', 'inject', ascending, AP_LISTS],
  ['sorted-flag', 'prune', pingPong, AP_LISTS],
  ['check-and-insert', 'inject', urgentLast, AP_LISTS],
  ['check-and-insert', 'flush', sortAfterInsert, AP_LISTS],
  ['check-and-insert', 'prune', descendingLeave, AP_LISTS],
  ['counting-sort', 'flush', sortedLongWalk, AP_LISTS],
  ['top-k', 'flush', tooFewHere, SORTED_BY_CLASS],
  ['top-k', 'flush', hardestPending, REWORKED],
  // Its other paths have logarithms, which no guest comes within 5 % of.
  ['heap', 'pending', parked, AP_LISTS],
  ['bhyve', 'fold', foldActive, SORTED_BY_CLASS],
  ['bhyve', 'flush', longWalk, AP_LISTS],
  ['bao', 'flush', parkedFlush, AP_LISTS],
  ['bao', 'fold', foldOthers(NR_ACTIVES), REWORKED],
  ['hybrid:threshold=2000', 'flush', hardestSort, AP_LISTS],
  ['buckets', 'inject', parked, AP_LISTS],
  ['buckets', 'rekey', lpisOff, KVM],
  ['buckets', 'flush', hardestSort, REWORKED],
  ['buckets', 'flush', longWalk, SORTED_BY_CLASS],
  ['buckets', 'fold', foldActive, SORTED_BY_CLASS],
  ['buckets', 'prune', allLeave, AP_LISTS],
  ['buckets', 'pending', parked, KVM],
  ['buckets', 'fold', foldOthers(NR_ACTIVES), REWORKED],
  ['bounded-buckets', 'inject', lateInject, AP_LISTS],
  ['bounded-buckets', 'rekey', lateLpisOff, KVM],
  ['bounded-buckets', 'flush', hardestSort, REWORKED],
  ['bounded-buckets', 'flush', longWalk, SORTED_BY_CLASS],
  ['bounded-buckets', 'fold', foldActive, SORTED_BY_CLASS],
  ['bounded-buckets', 'fold', foldOthers(NR_ACTIVES), REWORKED],
  ['bounded-buckets', 'prune', allLeave, AP_LISTS],
  ['bounded-buckets', 'pending', parked, KVM],
  ['bounded-buckets:budget=200', 'prune', allLeave, AP_LISTS],
  ['bounded-buckets:budget=200', 'rekey', lateLpisOff, KVM],
  ['xen-old', 'inject', oldInject, ['xen-old']],
  ['xen-old', 'rekey', oldRekey, ['xen-old']],
  ['xen-old', 'flush', oldFlush, ['xen-old']],
  ['xen-old', 'fold', oldFold, ['xen-old']],
  ['xen-old', 'pending', oldPending, ['xen-old']],
];

for (const [spec, path, attack, flavours] of rows) {
  test(`${spec}: a guest reaches what it declares of its longest ${path}`, () => {
    for (const flavour of flavours) {
      const chosen = strategyNamed(spec);
      const vgic = createModel(machineOf(flavour), chosen);
      const watch = createWorstWatch(vgic, chosen);
      attack(vgic, () => watch.after());
      watch.after();
      const { steps, declared } = watch.longest(path);
      assert.ok(steps <= declared, `${flavour}: ${steps} steps, declared ${declared}`);
      assert.ok(steps >= NEAR * declared, `${flavour}: ${steps} of the ${declared} steps declared`);
    }
  });
}
