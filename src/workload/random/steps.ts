/** The event that the raw material of one random step stands for on a machine. */
import { type Flavour, flavourNamed } from '../../gic/flavour/index.js';
import {
  isPrivate,
  isSgi,
  LPI_BASE,
  type Machine,
  NR_PRIVATE_IRQS,
  SPI_BASE,
  SPURIOUS_INTID,
} from '../../gic/intid.js';
import * as ev from '../../trace/events.js';
import { type ScenarioEvent, USER } from './sequencer.js';

export const NR_SPIS_USED = 13;
export const NR_LPIS_USED = 8;
const NR_PPIS_USED = 3;
/** PPIs 25 to 27 and the first SPIs may be tied to host interrupts; an SPI's has the number of the SPI plus this. */
const FIRST_PPI_USED = 25;
const NR_MAPPED_SPIS = 3;
const HOST_SPI_OFFSET = 268;

/** What to do and numbers to choose by. Any numbers give a well-formed step. */
export interface Step {
  readonly kind: number;
  readonly vcpu: number;
  readonly pick: number;
  readonly value: number;
}

type Weights = readonly (readonly [kind: number, weight: number])[];

export const WEIGHTS: Weights = [
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
  [ev.CPUIF, 1],
  [ev.PHYS_PENDING, 2],
  [ev.PHYS_ACTIVE, 1],
  [ev.MMIO_DIST_BYTE, 2],
  [ev.MMIO_REDIST_BYTE, 1],
  [ev.MMIO_DIST_READ, 2],
  [ev.MMIO_REDIST_READ, 1],
  [ev.RUNNING, 2],
  [ev.CURRENT, 2],
];

export const RECORDED_WEIGHTS: Weights = [
  [ev.GUEST_LR_STATE, 2],
  [ev.GUEST_DRAIN, 1],
  [ev.FOLD, 2],
];

/** How the guest's accesses to its CPU interface stand in the stream: as told by a trace, or decided by the rules. */
export type GuestMode = 'told' | 'rules';

/** How many interrupts take part: enough for any number of list registers, so few that lists run empty, or LPIs alone. */
export type Company = 'many' | 'few' | 'lpis';

/** Everything that turns steps into events. */
export interface Stage {
  readonly machine: Machine;
  readonly flavour: Flavour;
  readonly guestMode: GuestMode;
  readonly recordedKinds: boolean;
  /** May an SGI of a GICv2 guest become pending without a sender where that stops the host? */
  readonly hostStops: boolean;
  readonly irqs: readonly number[];
  readonly sgis: readonly number[];
  readonly lpis: readonly number[];
  /** What devices raise and the guest acknowledges. */
  readonly raised: readonly number[];
  readonly mappable: readonly number[];
}

export const range = (first: number, count: number): number[] =>
  Array.from({ length: count }, (_, index) => first + index);

export function createStage(
  machine: Machine,
  company: Company,
  guestMode: GuestMode,
  recordedKinds: boolean,
  hostStops: boolean,
): Stage {
  const flavour = flavourNamed(machine.flavour);
  const isSparse = company !== 'many';
  const sgis = isSparse ? [7] : [0, 1, 7, 15];
  const ppis = range(FIRST_PPI_USED, isSparse ? 1 : NR_PPIS_USED);
  // The first ones, for company, and the last one, for the edge.
  const spis = [...range(SPI_BASE, isSparse ? NR_MAPPED_SPIS : NR_SPIS_USED), SPI_BASE + machine.nrSpis - 1];
  const lpis = machine.nrLpis > 0 ? range(LPI_BASE, NR_LPIS_USED) : [];
  const irqs = [...sgis, ...ppis, ...spis];
  const raised = company === 'lpis' && lpis.length > 0 ? lpis : [...irqs, ...lpis];
  // Xen ties SPIs only.
  const mappable = [...(flavour.isXen ? [] : ppis), ...range(SPI_BASE, NR_MAPPED_SPIS)];
  return { machine, flavour, guestMode, recordedKinds, hostStops, irqs, sgis, lpis, raised, mappable };
}

/** Host PPIs are banked like the guest's; a mapped SPI has a host interrupt of its own. */
export const hostIrqFor = (intid: number): number => (isPrivate(intid) ? intid : intid + HOST_SPI_OFFSET);

/** Value of an HW_MAP event: every other one is SW_RESAMPLE, which Xen takes for an ordinary one. */
export const mappingFor = (intid: number, value: number): number =>
  hostIrqFor(intid) | ((value & 1) !== 0 ? ev.HW_MAP_SW_RESAMPLE : 0);

const BANK_OFFSETS = [0x080, 0x100, 0x180, 0x200, 0x280, 0x300, 0x380];
const ISPENDR = 0x200;
const ACCESS_WIDTHS = [4, 4, 4, 1, 8];

function pickDistOffset({ machine: { model, nrSpis } }: Stage, pick: number): number {
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

/** Banks of a byte an interrupt, and now and then one that takes no bytes. */
function pickDistByte(stage: Stage, pick: number): number {
  const { nrSpis, model } = stage.machine;
  const intid = (pick >> 4) % (NR_PRIVATE_IRQS + nrSpis + 4);
  if (pick % 8 === 0) return pickDistOffset(stage, pick >> 3);
  if (model !== 'gicv3' && pick % 8 < 3) return 0xf10 + ((pick >> 4) % 0x20);
  return (pick % 2 === 0 ? 0x400 : 0x800) + intid;
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

const PMRS = [0xf8, 0xf8, 0xf0, 0x80, 0xff];

/** Of a CPUIF event: group 1 mostly on, group 0 on half of the time, coarse binary points and EOImode 1 now and then. */
export function interfaceFor(value: number, isSplitEoi: boolean): number {
  const groups = ((value & 1) << 8) | (mostlyOne(value >> 1) << 9);
  const binaryPoints = (value >>> 16) % 4 === 0 ? (value >>> 4) & (0x7f << 11) : 0;
  return PMRS[(value >>> 3) % PMRS.length] | groups | (isSplitEoi ? 1 << 10 : 0) | binaryPoints;
}

/** Would it be an SGI without a sender that stops the host of this flavour? */
function isHostStop({ flavour, hostStops }: Stage, { kind, intid, value }: ScenarioEvent): boolean {
  if (flavour.senderlessSgi !== 'host-assertion') return false;
  const isSenderless =
    (isSgi(intid) && (kind === ev.INJECT || kind === ev.PENDING) && (value & 1) === 1) ||
    (kind === ev.MMIO_DIST && intid === ISPENDR && (value & 0xffff) !== 0);
  return isSenderless && !(hostStops && value % 8 === 1);
}

function realizeLpi(step: Step, stage: Stage, vcpu: number): ScenarioEvent | undefined {
  const { kind, pick, value } = step;
  if (stage.lpis.length === 0) return undefined;
  if (kind === ev.LPI_FLUSH) return { kind, vcpu, intid: 0, value: 0 };
  const lpiValue = kind === ev.LPI_MAP ? (value & 0xff00) | (mostlyOne(value) << 16) : value & 0xff;
  return { kind, vcpu, intid: stage.lpis[pick % stage.lpis.length], value: lpiValue };
}

/** The guest at its CPU interface. */
function realizeGuest({ kind, pick, value }: Step, stage: Stage, vcpu: number): ScenarioEvent {
  const { guestMode, recordedKinds, machine, raised } = stage;
  const isRuled = guestMode === 'rules';
  const intid = raised[pick % raised.length];
  if (kind === ev.ACK) {
    if (isRuled) return { kind, vcpu, intid: 0, value: 1 << 2 };
    const exact = recordedKinds ? rarely(value, 2) : 0;
    const expected = exact ? (value & 1 ? SPURIOUS_INTID : intid) : 0;
    return { kind, vcpu, intid: expected, value: bit0(value) | exact };
  }
  const hasSender = machine.model !== 'gicv3' && isSgi(intid);
  const sender = hasSender ? (value >>> 0) % machine.nrVcpus : 0;
  const isTold = !isRuled || kind === ev.PRIORITY_DROP;
  return { kind, vcpu, intid, value: isTold ? 0 : 1 | (sender << 8) };
}

function realizeRaw({ kind, pick, value }: Step, stage: Stage, vcpu: number): ScenarioEvent | undefined {
  const width = ACCESS_WIDTHS[(value >>> 0) % ACCESS_WIDTHS.length];
  const isOfRedist = kind === ev.MMIO_REDIST || kind === ev.MMIO_REDIST_BYTE || kind === ev.MMIO_REDIST_READ;
  if (isOfRedist && stage.machine.model !== 'gicv3') return undefined;
  switch (kind) {
    case ev.MMIO_DIST:
      return { kind, vcpu, intid: pickDistOffset(stage, pick), value };
    case ev.MMIO_DIST_BYTE:
      return { kind, vcpu, intid: pickDistByte(stage, pick), value: value & 0xff };
    case ev.MMIO_DIST_READ:
      return { kind, vcpu, intid: pickDistOffset(stage, pick), value: width };
    case ev.MMIO_REDIST:
      return { kind, vcpu, intid: pickRedistOffset(pick), value };
    case ev.MMIO_REDIST_BYTE:
      return { kind, vcpu, intid: 0x10400 + (pick % NR_PRIVATE_IRQS), value: value & 0xff };
    default:
      return { kind, vcpu, intid: pickRedistOffset(pick), value: width };
  }
}

/** The event of a step, or undefined if this machine has none such. */
function realizeAny(step: Step, stage: Stage): ScenarioEvent | undefined {
  const { kind, pick, value } = step;
  const { machine, flavour } = stage;
  const vcpu = step.vcpu % machine.nrVcpus;
  const from = (pool: readonly number[]): number => pool[pick % pool.length];
  const event = (intid: number, eventValue: number): ScenarioEvent => ({ kind, vcpu, intid, value: eventValue });
  if (kind >= ev.LPI_MAP && kind <= ev.LPI_FLUSH) return realizeLpi(step, stage, vcpu);
  switch (kind) {
    case ev.INJECT:
      return event(from(stage.raised), mostlyOne(value));
    case ev.ACK:
    case ev.EOI:
    case ev.PRIORITY_DROP:
    case ev.DEACTIVATE:
      return realizeGuest(step, stage, vcpu);
    case ev.ENABLE:
    case ev.PENDING:
    case ev.GROUP_ONE:
    case ev.ACTIVE:
      // Xen has no accesses by user space.
      return event(from(stage.irqs), mostlyOne(value) | (flavour.isXen ? 0 : rarely(value, USER)));
    case ev.PRIORITY:
    case ev.PMR:
      return event(kind === ev.PRIORITY ? from(stage.irqs) : 0, value & 0xff);
    case ev.CPUIF:
      return event(0, interfaceFor(value, (value >>> 24) % 4 === 0));
    case ev.LINE_LEVEL:
      return flavour.isXen ? undefined : event(from(stage.irqs), bit0(value));
    case ev.CONFIG:
    case ev.GROUP:
      return event(from(stage.irqs), bit0(value));
    case ev.TARGET:
      return event(from(stage.irqs.filter((intid) => !isPrivate(intid))), (value >>> 0) % (machine.nrVcpus + 1));
    case ev.SGI: {
      const isGroup0Only = machine.model === 'gicv3' && (value >>> 12) % 8 === 0;
      const target = ((value >>> 8) % 4 === 0 ? 1 << 4 : 0) | (isGroup0Only ? 1 << 13 : 0);
      return event(from(stage.sgis) | target, value & 0xff);
    }
    case ev.SGI_PEND:
      return machine.model === 'gicv3' ? undefined : event(from(stage.sgis), value & (0xf | (1 << 31)));
    case ev.DIST_ENABLE:
      return event(0, mostlyOne(value));
    case ev.HW_MAP:
      return event(from(stage.mappable), mappingFor(from(stage.mappable), value));
    case ev.HW_UNMAP:
      // Xen never unties one.
      return flavour.isXen ? undefined : event(from(stage.mappable), 0);
    case ev.PHYS_LINE:
    case ev.PHYS_PENDING:
    case ev.PHYS_ACTIVE:
      return event(hostIrqFor(from(stage.mappable)), bit0(value));
    case ev.MMIO_DIST:
    case ev.MMIO_DIST_BYTE:
    case ev.MMIO_DIST_READ:
    case ev.MMIO_REDIST:
    case ev.MMIO_REDIST_BYTE:
    case ev.MMIO_REDIST_READ:
      return realizeRaw(step, stage, vcpu);
    case ev.RUNNING:
      return flavour.isXen ? event(0, bit0(value)) : undefined;
    case ev.CURRENT:
      return flavour.isXen ? event(0, 0) : undefined;
    case ev.GUEST_LR_STATE:
      return event(pick % machine.nrLr, value & 3);
    case ev.GUEST_DRAIN:
      // Everything, or at most one, two or three.
      return event(0, value & 3);
    default:
      return event(0, 0);
  }
}

export function realizeStep(step: Step, stage: Stage): ScenarioEvent | undefined {
  const event = realizeAny(step, stage);
  return event && !isHostStop(stage, event) ? event : undefined;
}
