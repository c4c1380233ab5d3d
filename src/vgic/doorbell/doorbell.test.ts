import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { LPI_BASE, type Machine, NR_LPIS } from '../../gic/intid.js';
import { reference } from '../../strategy/index.js';
import { METRIC_LOCKS, NR_METRICS, PATH_PENDING } from '../counters.js';
import { createVgic, type Vgic } from '../vgic.js';
import { createDoorbell, type Doorbell, type DoorbellOptions, noDoorbellCounts } from './doorbell.js';

const NR_VCPUS = 2;
const PMR = 0xf8;
const FIRST = LPI_BASE;
/** Not more urgent than PMR: pending, and never taken. */
const MASKED = LPI_BASE + 1;
const DISABLED = LPI_BASE + 2;
/** Not mapped by any event. */
const UNKNOWN = LPI_BASE + 40;
const LPIS = [FIRST, MASKED, DISABLED, UNKNOWN];

const machineOf = (flavour: string): Machine => ({
  flavour,
  model: 'gicv3',
  nrVcpus: NR_VCPUS,
  nrSpis: 32,
  nrLpis: NR_LPIS,
  nrLr: 4,
  distEnabledAtStart: true,
  pmrAtStart: PMR,
});

const vgics = new Map<string, Vgic>();

interface Bench {
  readonly vgic: Vgic;
  readonly doorbell: Doorbell;
}

function setUp(options: Partial<DoorbellOptions>, flavour = 'kvm-6.1'): Bench {
  const vgic = vgics.get(flavour) ?? createVgic(machineOf(flavour), reference.create({}));
  vgics.set(flavour, vgic);
  vgic.reset();
  vgic.mapLpi(FIRST, 0, 0xa0, true);
  vgic.mapLpi(MASKED, 0, 0xf8, true);
  vgic.mapLpi(DISABLED, 0, 0xa0, false);
  const full: DoorbellOptions = { version: 41, handler: 'pending-last', notify: 'kick', ...options };
  return { vgic, doorbell: createDoorbell(vgic, full, noDoorbellCounts()) };
}

const locksOfPendingTests = ({ state }: Vgic): number => state.cost.sum[PATH_PENDING * NR_METRICS + METRIC_LOCKS];

for (const flavour of ['kvm-6.1', 'kvm-7.2']) {
  for (const version of [40, 41] as const) {
    test(`P75, ${flavour}, GICv${(version / 10).toFixed(1)}: pending_last wins over the list`, () => {
      const { vgic, doorbell } = setUp({ version }, flavour);
      const { state } = vgic;
      state.pmr[0] = 0;
      doorbell.load(0);
      doorbell.put(0, true);
      assert.equal(vgic.list.length(0), 0);
      assert.equal(vgic.pendingTest(0), false);
      const locks = locksOfPendingTests(vgic);
      const tests = state.cost.calls[PATH_PENDING];
      doorbell.deliver(0, FIRST);
      assert.equal(state.pendingLast[0], 1, 'the handler set it');
      assert.equal(state.cost.calls[PATH_PENDING], tests, 'and asked nothing');
      assert.equal(vgic.pendingTest(0), true);
      assert.equal(locksOfPendingTests(vgic), locks, 'no list lock, no irq_lock');
      vgic.setDistEnable(false);
      assert.equal(vgic.pendingTest(0), false);
    });
  }
}

test('the rejected handler asks the list first, at the price of its length', () => {
  const { vgic, doorbell } = setUp({ handler: 'pending-test-first' });
  for (let intid = 32; intid < 42; intid++) {
    vgic.setPriority(0, intid, 0xf8);
    vgic.setEnable(0, intid, true, false);
    vgic.inject(0, intid, 1);
  }
  doorbell.load(0);
  doorbell.put(0, true);
  doorbell.halt(0);
  assert.equal(vgic.kicks.isBlocked(0), false, 'the requests of the ten injections');
  vgic.flush(0);
  vgic.sync(0);
  doorbell.halt(0);
  assert.equal(vgic.kicks.isBlocked(0), true);
  doorbell.deliver(0, FIRST);
  // List lock; ten entries looked at, each under its irq_lock.
  assert.equal(doorbell.counts.maxHandlerSteps, 1 + 10 + 10);
  assert.equal(vgic.kicks.isBlocked(0), false);
});

test('GICv4.0: a doorbell between the read-back and its store loses pending_last; the request is what is left', () => {
  const outcomes = (['kick', 'wake-only'] as const).map((notify) => {
    const { vgic, doorbell } = setUp({ version: 40, notify });
    doorbell.load(0);
    doorbell.beginPut(0, true);
    doorbell.deliver(0, FIRST);
    doorbell.finishPut(0);
    assert.equal(vgic.state.pendingLast[0], 0);
    doorbell.halt(0);
    return doorbell.countAsleep();
  });
  assert.deepEqual(outcomes, [0, 1]);
});

test('GICv4.1: vpe_lock orders the store before the handler', () => {
  for (const notify of ['kick', 'wake-only'] as const) {
    const { vgic, doorbell } = setUp({ version: 41, notify });
    doorbell.load(0);
    doorbell.beginPut(0, true);
    doorbell.deliver(0, FIRST);
    assert.equal(vgic.state.pendingLast[0], 0, 'the handler waits');
    doorbell.finishPut(0);
    assert.equal(vgic.state.pendingLast[0], 1);
    doorbell.halt(0);
    assert.equal(doorbell.countAsleep(), 0);
  }
});

test('GICv4.0: nested disables are undone at once, a handler disables once', () => {
  const { doorbell } = setUp({ version: 40 });
  for (let time = 0; time < 3; time++) {
    doorbell.load(0);
    doorbell.put(0, false);
  }
  assert.equal(doorbell.isArmed(0), false);
  doorbell.load(0);
  doorbell.put(0, true);
  // Disabled from the start, and by each load.
  assert.equal(doorbell.counts.unmasks, 5);
  assert.equal(doorbell.isArmed(0), true);
  doorbell.deliver(0, FIRST);
  doorbell.deliver(0, UNKNOWN);
  assert.deepEqual([doorbell.counts.doorbells, doorbell.counts.masks], [1, 5]);
});

/** The sentences of vgic-spec 4.1, one vPE, plain values. */
class PlainVpe {
  resident = false;
  pending = new Set<number>();
  doorbellOn = false;
  pendingLast = false;
  request = false;
  blocked = false;
  halting = false;
  doorbells = 0;
  direct = 0;
  spurious = 0;
  taken = 0;
  readonly isV41: boolean;
  constructor(isV41: boolean) {
    this.isV41 = isV41;
  }

  takeable(): number[] {
    return [...this.pending].filter((lpi) => lpi === FIRST || lpi === UNKNOWN);
  }
  enabled(): number[] {
    return [...this.pending].filter((lpi) => lpi !== DISABLED);
  }
  kick(): void {
    this.request = true;
    this.blocked = false;
  }
  deliver(lpi: number): void {
    if (this.pending.has(lpi)) return;
    this.pending.add(lpi);
    if (this.resident) this.direct++;
    else if (lpi !== DISABLED && this.doorbellOn) {
      this.doorbells++;
      this.doorbellOn = false;
      this.pendingLast = true;
      this.kick();
    }
  }
  load(): void {
    this.doorbellOn = false;
    this.resident = true;
    if (this.halting && this.pendingLast && (!distEnabled || this.takeable().length === 0)) this.spurious++;
    this.halting = false;
  }
  put(halting: boolean, maybe: boolean): void {
    this.resident = false;
    this.halting = halting;
    const readBack = maybe || this.enabled().length > 0;
    if (halting) this.doorbellOn = this.isV41 ? !readBack : true;
    this.pendingLast = this.isV41 && !halting ? true : readBack;
  }
  drain(): void {
    if (!this.resident || !distEnabled) return;
    for (const lpi of this.takeable()) this.pending.delete(lpi);
  }
}
let distEnabled = true;

type Place = 'out' | 'loaded' | 'guest' | 'wfi' | 'halted';

/** What one step of a vCPU's thread does from where it is; `dice` chooses. */
function stepThread({ vgic, doorbell }: Bench, plain: PlainVpe, vcpu: number, place: Place, dice: number): Place {
  switch (place) {
    case 'out':
      doorbell.load(vcpu);
      plain.load();
      return 'loaded';
    case 'loaded':
      if (dice < 6) {
        vgic.flush(vcpu);
        plain.request = false;
        return 'guest';
      }
      doorbell.put(vcpu, dice < 9, dice === 8);
      plain.put(dice < 9, dice === 8);
      return dice < 9 ? 'wfi' : 'out';
    case 'guest':
      if (dice < 5) {
        doorbell.drain(vcpu);
        plain.drain();
        return 'guest';
      }
      vgic.sync(vcpu);
      return 'loaded';
    case 'wfi':
      if (dice === 0) return 'out';
      doorbell.halt(vcpu);
      plain.blocked = !plain.request && !(distEnabled && plain.pendingLast);
      return 'halted';
    case 'halted':
      return plain.blocked ? 'halted' : 'out';
  }
}

for (const version of [40, 41] as const) {
  test(`GICv${(version / 10).toFixed(1)}: nobody sleeps on a virtual LPI, and the model is the plain one`, () => {
    let guaranteed = 0;
    let spurious = 0;
    let woken = 0;
    const step = fc.tuple(fc.nat({ max: NR_VCPUS - 1 }), fc.nat({ max: 3 }), fc.nat({ max: 9 }));
    fc.assert(
      fc.property(fc.array(step, { minLength: 20, maxLength: 120 }), (steps) => {
        const bench = setUp({ version });
        const { vgic, doorbell } = bench;
        distEnabled = true;
        const plains = Array.from({ length: NR_VCPUS }, () => new PlainVpe(version === 41));
        const places: Place[] = plains.map(() => 'out');
        for (const [vcpu, what, dice] of steps) {
          const plain = plains[vcpu];
          if (what === 0 && dice === 9) {
            distEnabled = !distEnabled;
            vgic.setDistEnable(distEnabled);
            if (distEnabled) for (const other of plains) if (other.pendingLast) other.kick();
          } else if (what === 0) {
            const lpi = LPIS[dice % LPIS.length];
            const before = doorbell.counts.doorbells;
            const isNext = !plain.pending.has(lpi) && lpi !== DISABLED && plain.halting && !plain.pendingLast;
            if (plain.blocked) woken++;
            doorbell.deliver(vcpu, lpi);
            plain.deliver(lpi);
            if (isNext && version === 41) {
              guaranteed++;
              assert.equal(doorbell.counts.doorbells, before + 1, 'read back 0 with DB set: the next arrival rings');
            }
          } else places[vcpu] = stepThread(bench, plain, vcpu, places[vcpu], dice);
          for (let v = 0; v < NR_VCPUS; v++) {
            assert.equal(vgic.kicks.isBlocked(v), plains[v].blocked, 'blocked');
            assert.equal(vgic.state.pendingLast[v] === 1, plains[v].pendingLast, 'pending_last');
            assert.equal(doorbell.pending(v), plains[v].pending.size, 'pending table');
            assert.equal(doorbell.isArmed(v), plains[v].doorbellOn && !plains[v].resident, 'armed');
          }
          if (distEnabled) assert.equal(doorbell.countAsleep(), 0);
        }
        const sum = (of: (plain: PlainVpe) => number): number => plains.reduce((total, plain) => total + of(plain), 0);
        const { counts } = doorbell;
        assert.equal(
          counts.doorbells,
          sum((plain) => plain.doorbells),
        );
        assert.equal(
          counts.direct,
          sum((plain) => plain.direct),
        );
        assert.equal(
          counts.spuriousWakeups,
          sum((plain) => plain.spurious),
        );
        assert.equal(counts.foundBlocked + counts.foundAwake, counts.doorbells);
        assert.ok(counts.readBackOnes <= counts.readBacks && counts.readBacks <= counts.puts);
        spurious += counts.spuriousWakeups;
      }),
      { seed: 41, numRuns: 400 },
    );
    assert.ok(spurious > 50 && woken > 50, `rare cases occur: ${spurious} spurious, ${woken} woken`);
    if (version === 41) assert.ok(guaranteed > 50, `${guaranteed}`);
  });
}
