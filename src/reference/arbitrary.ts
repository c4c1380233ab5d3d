/**
 * Random machines with well-formed event streams, for differential tests. Well-formed as the golden files are
 * (traces/golden/README.md): a vCPU is flushed only out of the guest, synced and acknowledged only in it; it writes
 * registers only out of it; active states change, and user space accesses, only while every vCPU is out.
 */
import fc from 'fast-check';
import {
  GIC_MODELS,
  type GicModel,
  isPrivate,
  isSgi,
  LPI_BASE,
  type Machine,
  NR_LPIS,
  NR_PRIVATE_IRQS,
  SPI_BASE,
  SPURIOUS_INTID,
} from '../gic/intid.js';
import * as ev from '../trace/events.js';

export interface ScenarioEvent {
  readonly kind: number;
  readonly vcpu: number;
  readonly intid: number;
  readonly value: number;
}

export interface Scenario {
  readonly machine: Machine;
  readonly events: readonly ScenarioEvent[];
}

export interface ScenarioOptions {
  /** Steps after the set-up; one step is one event, plus the exits and entries that make it well-formed. */
  readonly maxSteps?: number;
  /** Also FOLD and PRUNE as events of their own, GUEST_LR_STATE, GUEST_DRAIN and exact acknowledges. Default true. */
  readonly recordedKinds?: boolean;
}

const NR_PPIS_USED = 3;
const NR_SPIS_USED = 13;
const NR_LPIS_USED = 8;
/** PPIs 25 to 27 and the first SPIs may be tied to host interrupts; an SPI's has the number of the SPI plus this. */
const FIRST_PPI_USED = 25;
const NR_MAPPED_SPIS = 3;
const HOST_SPI_OFFSET = 268;

const machines: fc.Arbitrary<Machine> = fc
  .record({
    // GICv3 as often as both others: only it has LPIs.
    model: fc.constantFrom<GicModel>(...GIC_MODELS, 'gicv3'),
    nrVcpus: fc.integer({ min: 1, max: 4 }),
    nrLr: fc.integer({ min: 1, max: 8 }),
    nrSpis: fc.constantFrom(32, 64, 96, 128),
    hasLpis: fc.nat(3).map((choice) => choice !== 0),
    distEnabledAtStart: fc.nat(7).map((choice) => choice !== 0),
  })
  .map(({ hasLpis, ...rest }) => ({
    flavour: 'kvm-6.1',
    ...rest,
    nrLpis: hasLpis && rest.model === 'gicv3' ? NR_LPIS : 0,
    pmrAtStart: 0xf8,
  }));

/** Raw material of one step: what to do and numbers to choose by. Any numbers give a well-formed step. */
interface Step {
  readonly kind: number;
  readonly vcpu: number;
  readonly pick: number;
  readonly value: number;
}

const WEIGHTS: readonly (readonly [kind: number, weight: number])[] = [
  [ev.INJECT, 30],
  [ev.FLUSH, 14],
  [ev.SYNC, 12],
  [ev.ACK, 14],
  [ev.EOI, 10],
  [ev.PRIORITY_DROP, 1],
  [ev.DEACTIVATE, 2],
  [ev.ENABLE, 6],
  [ev.PRIORITY, 5],
  [ev.PENDING, 4],
  [ev.ACTIVE, 3],
  [ev.CONFIG, 1],
  [ev.TARGET, 4],
  [ev.SGI, 8],
  [ev.LPI_MAP, 2],
  [ev.LPI_UNMAP, 1],
  [ev.LPI_CONFIG, 2],
  [ev.LPI_MOVE, 1],
  [ev.LPI_CLEAR, 1],
  [ev.LPI_PENDING, 1],
  [ev.LPI_FLUSH, 3],
  [ev.GROUP, 1],
  [ev.GROUP_ONE, 1],
  [ev.DIST_ENABLE, 2],
  [ev.HW_MAP, 1],
  [ev.HW_UNMAP, 1],
  [ev.PHYS_LINE, 5],
  [ev.MMIO_DIST, 4],
  [ev.MMIO_REDIST, 2],
  [ev.SGI_PEND, 2],
  [ev.PENDING_QUERY, 3],
  [ev.PMR, 1],
  [ev.LINE_LEVEL, 1],
  [ev.NOP, 1],
  [ev.WFI, 1],
];

const RECORDED_WEIGHTS: readonly (readonly [kind: number, weight: number])[] = [
  [ev.GUEST_LR_STATE, 2],
  [ev.GUEST_DRAIN, 1],
  [ev.FOLD, 2],
];

function stepsOf(options: ScenarioOptions): fc.Arbitrary<Step[]> {
  const weights = options.recordedKinds === false ? WEIGHTS : [...WEIGHTS, ...RECORDED_WEIGHTS];
  const step = fc.record({
    kind: fc.oneof(...weights.map(([kind, weight]) => ({ weight, arbitrary: fc.constant(kind) }))),
    vcpu: fc.nat(3),
    pick: fc.nat(0xffff),
    value: fc.integer(),
  });
  return fc.array(step, { maxLength: options.maxSteps ?? 250, size: 'max' });
}

interface SetUp {
  readonly enabled: boolean;
  readonly priority: number;
  readonly isLevel: boolean;
  readonly target: number;
  readonly isMapped: boolean;
}

const setUps: fc.Arbitrary<SetUp> = fc.record({
  enabled: fc.nat(5).map((choice) => choice !== 0),
  priority: fc.constantFrom(0, 0x10, 0x40, 0x80, 0x80, 0x80, 0xa0, 0xf0, 0xf8, 0x47),
  isLevel: fc.boolean(),
  target: fc.nat(4),
  isMapped: fc.nat(3).map((choice) => choice === 0),
});

type Place = 'out' | 'guest' | 'folded';

const GUEST_KINDS: readonly number[] = [
  ev.SYNC,
  ev.FOLD,
  ev.ACK,
  ev.EOI,
  ev.PRIORITY_DROP,
  ev.DEACTIVATE,
  ev.GUEST_LR_STATE,
  ev.GUEST_DRAIN,
];
/** What a guest does itself, so that its vCPU has left the guest for it. */
const TRAPPED_KINDS: readonly number[] = [
  ev.ENABLE,
  ev.PRIORITY,
  ev.PENDING,
  ev.CONFIG,
  ev.TARGET,
  ev.SGI,
  ev.GROUP,
  ev.GROUP_ONE,
  ev.DIST_ENABLE,
  ev.MMIO_DIST,
  ev.MMIO_REDIST,
  ev.SGI_PEND,
  ev.PENDING_QUERY,
  ev.PMR,
  ev.WFI,
];

const USER = 1 << 1;
const isUserAccess = ({ kind, value }: ScenarioEvent): boolean =>
  kind === ev.LINE_LEVEL || ([ev.ENABLE, ev.PENDING, ev.ACTIVE, ev.GROUP_ONE].includes(kind) && (value & USER) !== 0);

/** ISACTIVER and ICACTIVER, in the distributor or the SGI frame. */
const isActiveBank = (offset: number): boolean => (offset & 0xffff) >= 0x300 && (offset & 0xffff) < 0x400;

const needsAllOut = (event: ScenarioEvent): boolean =>
  event.kind === ev.ACTIVE ||
  isUserAccess(event) ||
  ((event.kind === ev.MMIO_DIST || event.kind === ev.MMIO_REDIST) && isActiveBank(event.intid));

/** Adds the entries and exits that the next event needs. */
class Sequencer {
  readonly events: ScenarioEvent[] = [];
  private readonly places: Place[];

  constructor(nrVcpus: number) {
    this.places = Array.from({ length: nrVcpus }, () => 'out');
  }

  add(event: ScenarioEvent): void {
    const { kind, vcpu } = event;
    if (needsAllOut(event)) for (const each of this.places.keys()) this.leaveGuest(each);
    else if (GUEST_KINDS.includes(kind)) this.enterGuest(vcpu);
    else if (kind === ev.FLUSH || TRAPPED_KINDS.includes(kind)) this.leaveGuest(vcpu);
    this.events.push(event);
    if (kind === ev.FLUSH) this.places[vcpu] = 'guest';
    if (kind === ev.SYNC) this.places[vcpu] = 'out';
    if (kind === ev.FOLD) this.places[vcpu] = 'folded';
  }

  private push(kind: number, vcpu: number): void {
    this.events.push({ kind, vcpu, intid: 0, value: 0 });
  }

  private enterGuest(vcpu: number): void {
    if (this.places[vcpu] === 'folded') this.push(ev.PRUNE, vcpu);
    if (this.places[vcpu] !== 'guest') this.push(ev.FLUSH, vcpu);
    this.places[vcpu] = 'guest';
  }

  private leaveGuest(vcpu: number): void {
    if (this.places[vcpu] === 'folded') this.push(ev.PRUNE, vcpu);
    if (this.places[vcpu] === 'guest') this.push(ev.SYNC, vcpu);
    this.places[vcpu] = 'out';
  }
}

const range = (first: number, count: number): number[] => Array.from({ length: count }, (_, index) => first + index);

interface Pools {
  readonly irqs: readonly number[];
  readonly sgis: readonly number[];
  readonly lpis: readonly number[];
  /** What devices raise and the guest acknowledges. */
  readonly raised: readonly number[];
  readonly mappable: readonly number[];
}

/** How many interrupts take part: enough for any number of list registers, so few that lists run empty, or LPIs alone. */
type Company = 'many' | 'few' | 'lpis';

function poolsOf(machine: Machine, company: Company): Pools {
  const isSparse = company !== 'many';
  const sgis = isSparse ? [7] : [0, 1, 7, 15];
  const ppis = range(FIRST_PPI_USED, isSparse ? 1 : NR_PPIS_USED);
  // The first ones, for company, and the last one, for the edge.
  const spis = [...range(SPI_BASE, isSparse ? NR_MAPPED_SPIS : NR_SPIS_USED), SPI_BASE + machine.nrSpis - 1];
  const lpis = machine.nrLpis > 0 ? range(LPI_BASE, NR_LPIS_USED) : [];
  const irqs = [...sgis, ...ppis, ...spis];
  const raised = company === 'lpis' && lpis.length > 0 ? lpis : [...irqs, ...lpis];
  return { irqs, sgis, lpis, raised, mappable: [...ppis, ...range(SPI_BASE, NR_MAPPED_SPIS)] };
}

/** Host PPIs are banked like the guest's; a mapped SPI has a host interrupt of its own. */
const hostIrqFor = (intid: number): number => (isPrivate(intid) ? intid : intid + HOST_SPI_OFFSET);

const BANK_OFFSETS = [0x080, 0x100, 0x180, 0x200, 0x280, 0x300, 0x380];

function pickDistOffset({ model, nrSpis }: Machine, pick: number): number {
  const spi = SPI_BASE + ((pick >> 4) % nrSpis);
  const nrWords = (nrSpis + NR_PRIVATE_IRQS) / 32;
  const isV3 = model === 'gicv3';
  const byteBank = isV3 || pick & 1 ? 0x400 : 0x800;
  switch (pick % 5) {
    case 0:
      return isV3 ? 0x6000 + 8 * spi : 0xf00 + 4 * ((pick >> 4) % 12);
    case 1:
      return 0xc00 + 4 * ((pick >> 4) % (2 * nrWords + 1));
    case 2:
      return byteBank + 4 * ((pick >> 4) % (8 * nrWords + 1));
    default:
      // One word beyond the last, which no interrupt has.
      return BANK_OFFSETS[(pick >> 4) % BANK_OFFSETS.length] + 4 * ((pick >> 8) % (nrWords + 1));
  }
}

function pickRedistOffset(pick: number): number {
  if (pick % 4 === 0) return 0x10400 + 4 * ((pick >> 4) % 8);
  if (pick % 4 === 1) return 0x10c00 + 4 * ((pick >> 4) % 2);
  return 0x10000 + BANK_OFFSETS[(pick >> 4) % BANK_OFFSETS.length];
}

const bit0 = (value: number): number => value & 1;
/** Mostly 1, so that interrupts stay enabled and lines are raised more often than they fall. */
const mostlyOne = (value: number): number => ((value & 3) !== 0 ? 1 : 0);
const rarely = (value: number, bit: number): number => ((value >>> 8) % 16 === 0 ? bit : 0);

/** The event of a step, or undefined if this machine has none such. */
function realizeStep(step: Step, machine: Machine, pools: Pools, recordedKinds: boolean): ScenarioEvent | undefined {
  const { kind, pick, value } = step;
  const vcpu = step.vcpu % machine.nrVcpus;
  const from = (pool: readonly number[]): number => pool[pick % pool.length];
  const event = (intid: number, eventValue: number, onVcpu = vcpu): ScenarioEvent => ({
    kind,
    vcpu: onVcpu,
    intid,
    value: eventValue,
  });
  if (kind >= ev.LPI_MAP && kind <= ev.LPI_FLUSH) {
    if (pools.lpis.length === 0) return undefined;
    const lpiValue = kind === ev.LPI_MAP ? (value & 0xff00) | (mostlyOne(value) << 16) : value & 0xff;
    return kind === ev.LPI_FLUSH ? event(0, 0) : event(from(pools.lpis), lpiValue);
  }
  switch (kind) {
    case ev.INJECT:
      return event(from(pools.raised), mostlyOne(value));
    case ev.ACK: {
      const exact = recordedKinds ? rarely(value, 2) : 0;
      return event(exact ? (value & 1 ? SPURIOUS_INTID : from(pools.raised)) : 0, bit0(value) | exact);
    }
    case ev.EOI:
    case ev.PRIORITY_DROP:
    case ev.DEACTIVATE:
      return event(from(pools.raised), 0);
    case ev.ENABLE:
    case ev.PENDING:
    case ev.GROUP_ONE:
    case ev.ACTIVE:
      return event(from(pools.irqs), mostlyOne(value) | rarely(value, USER));
    case ev.PRIORITY:
    case ev.PMR:
      return event(kind === ev.PRIORITY ? from(pools.irqs) : 0, value & 0xff);
    case ev.CONFIG:
    case ev.GROUP:
    case ev.LINE_LEVEL:
      return event(from(pools.irqs), bit0(value));
    case ev.TARGET:
      return event(from(pools.irqs.filter((intid) => !isPrivate(intid))), (value >>> 0) % (machine.nrVcpus + 1));
    case ev.SGI:
      return event(from(pools.sgis) | ((value >>> 8) % 4 === 0 ? 1 << 4 : 0), value & 0xf);
    case ev.SGI_PEND:
      return machine.model === 'gicv3' ? undefined : event(from(pools.sgis), value & (0xf | (1 << 31)));
    case ev.DIST_ENABLE:
      return event(0, mostlyOne(value));
    case ev.HW_MAP:
    case ev.HW_UNMAP: {
      const intid = from(pools.mappable);
      return event(intid, kind === ev.HW_MAP ? hostIrqFor(intid) : 0);
    }
    case ev.PHYS_LINE:
      return event(hostIrqFor(from(pools.mappable)), bit0(value));
    case ev.MMIO_DIST:
      return event(pickDistOffset(machine, pick), value);
    case ev.MMIO_REDIST:
      return machine.model === 'gicv3' ? event(pickRedistOffset(pick), value) : undefined;
    case ev.GUEST_LR_STATE:
      return event(pick % machine.nrLr, value & 3);
    default:
      return event(0, 0);
  }
}

/** Enables, priorities, triggers, routes and host interrupts of the interrupts used, by vCPU 0. */
function addSetUp(sequencer: Sequencer, machine: Machine, pools: Pools, choices: readonly SetUp[]): void {
  const vcpus = range(0, machine.nrVcpus);
  [...pools.irqs, ...pools.lpis].forEach((intid, index) => {
    const { enabled, priority, isLevel, target, isMapped } = choices[index % choices.length];
    for (const vcpu of isPrivate(intid) ? vcpus : [0]) {
      const add = (kind: number, value: number): void => sequencer.add({ kind, vcpu, intid, value });
      if (intid >= LPI_BASE) {
        if (enabled)
          sequencer.add({
            kind: ev.LPI_MAP,
            vcpu: target % machine.nrVcpus,
            intid,
            value: (priority << 8) | (1 << 16),
          });
        continue;
      }
      add(ev.PRIORITY, priority);
      if (isLevel && !isPrivate(intid)) add(ev.CONFIG, 1);
      if (!isPrivate(intid)) add(ev.TARGET, target % (machine.nrVcpus + 1));
      if (isMapped && pools.mappable.includes(intid)) add(ev.HW_MAP, hostIrqFor(intid));
      if (enabled && !isSgi(intid)) add(ev.ENABLE, 1);
    }
  });
}

/** Machines with their streams. Shrinks by dropping steps; what is left is still well-formed. */
export function scenarios(options: ScenarioOptions = {}): fc.Arbitrary<Scenario> {
  const companies = fc.constantFrom<Company>('many', 'few', 'lpis');
  const choices = fc.array(setUps, { minLength: NR_SPIS_USED + NR_LPIS_USED, maxLength: 30 });
  return fc.tuple(machines, companies, choices, stepsOf(options)).map(([machine, company, setUp, steps]) => {
    const pools = poolsOf(machine, company);
    const sequencer = new Sequencer(machine.nrVcpus);
    addSetUp(sequencer, machine, pools, setUp);
    for (const step of steps) {
      const event = realizeStep(step, machine, pools, options.recordedKinds !== false);
      if (event) sequencer.add(event);
    }
    return { machine, events: sequencer.events };
  });
}
