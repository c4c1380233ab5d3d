/**
 * One mapped interrupt and everybody who has a hand in it: a device, its interrupt at the host's GIC, the host's handler,
 * and a guest, around the core model. vgic-spec 3; the host side follows the architecture: a level is pending while its
 * line is high, an edge until it is taken, and nothing is taken while it is active.
 *
 * The other host interrupts are put into every state there is, so that a change of any of them shows.
 */
import { Buffer } from 'node:buffer';
import { flavourNamed } from '../gic/flavour/index.js';
import { LR_PENDING, LR_STATE } from '../gic/lr.js';
import { createEngine } from '../replay/engine.js';
import { reference } from '../strategy/index.js';
import * as ev from '../trace/events.js';
import { physRowOf, slotOf } from '../vgic/state.js';
import { createVgic, type Vgic } from '../vgic/vgic.js';
import { ACTIVE, ENABLED, LEVEL, QUEUED_FIELD } from '../vgic/word.js';
import { studyMachine } from './study-machine.js';

export type Trigger = 'edge' | 'level';

/** How the two sides are set up. */
export interface MappedSetUp {
  readonly flavour: string;
  /** The device's, which the host knows. */
  readonly physical: Trigger;
  /** What the guest has written to ICFGR. */
  readonly virtual: Trigger;
  readonly swResample: boolean;
}

export type Actor = 'device' | 'host' | 'hypervisor' | 'guest';

export interface Action {
  readonly name: string;
  readonly by: Actor;
  /** Writes of a register other than ISENABLER and ICENABLER. */
  readonly isTampering: boolean;
  isPossible(): boolean;
  /** True: the guest got an interrupt that the device did not ask for. */
  perform(): boolean;
}

/** What is left of a request when everybody has done what is due. */
export interface Outcome {
  /** The device still waits to be served. */
  readonly isLost: boolean;
  /** The host interrupt is active, so that it is not taken again, and nobody is there to end it. */
  readonly isStuck: boolean;
}

/** All that a step can change, as numbers. */
export type Moment = Int32Array;

export interface MappedMachine {
  readonly vgic: Vgic;
  readonly actions: readonly Action[];
  save(): Moment;
  restore(moment: Moment): void;
  /** Names the moment: moments with one key behave alike from then on. */
  keyOf(moment: Moment): string;
  /** Host takes, vCPU enters, guest acknowledges, serves the device and ends, until nothing moves. Enables it first. */
  settle(): Outcome;
  /** Is every host interrupt but the mapped one as it was at the start? */
  isRestUntouched(): boolean;
}

const SPI = 40;
const HOST_IRQ = 45;
const VCPU = 0;
/** Registers are written by another vCPU, at any time. */
const WRITER = 1;
/** Places in what the device remembers. */
const LINE_HIGH = 0;
const EDGE_OWED = 1;
const ACK_BY_RULES = 4;
const BY_RULES = 1;
const ISENABLER = 0x104;
const ICENABLER = 0x184;
const ISPENDR = 0x204;
const ICPENDR = 0x284;
const ISACTIVER = 0x304;
const ICACTIVER = 0x384;
const ICFGR = 0xc08;
const SPI_BIT = 1 << (SPI - 32);
const EDGE_BITS = 2 << (2 * (SPI - 32));

export function createMappedMachine({ flavour: id, physical, virtual, swResample }: MappedSetUp): MappedMachine {
  const { isXen } = flavourNamed(id);
  const machine = studyMachine(id, 2, 32, 2);
  const vgic = createVgic(machine, reference.create({}));
  const { list } = vgic;
  const { word, lrLo, lrHi, lrSlot, usedLrs, lrDirty, hcr, inGuest, apr, activeSpis, onLr, physLine, physPending } =
    vgic.state;
  const { physActive } = vgic.state;
  const { step } = createEngine(vgic);
  const slot = slotOf(vgic.state, VCPU, SPI);
  const row = physRowOf(machine.nrVcpus, VCPU, HOST_IRQ);
  /** [LINE_HIGH] The device's line, for an edge: the next one may not come yet; [EDGE_OWED]: one was not acknowledged yet. */
  const device = new Uint8Array(2);
  /** All that a step can change; the first twelve tell states apart (nameMoment). */
  const cells: readonly (readonly [Int32Array | Uint8Array, number])[] = [
    [word, slot],
    [inGuest, VCPU],
    [usedLrs, VCPU],
    [lrHi, 0],
    [lrLo, 0],
    [apr, VCPU],
    [physLine, row],
    [physPending, row],
    [physActive, row],
    [device, LINE_HIGH],
    [device, EDGE_OWED],
    // Flavours without it have an empty column: reads as 0, a write is ignored.
    [onLr, slot],
    [lrSlot, 0],
    [lrDirty, VCPU],
    [hcr, VCPU],
    [activeSpis, 0],
  ];

  const tell = (kind: number, vcpu: number, intid: number, value: number): void =>
    step(ev.packWord(kind, vcpu, intid), value);
  const write = (offset: number, value: number): void => tell(ev.MMIO_DIST, WRITER, offset, value);

  tell(ev.TARGET, VCPU, SPI, VCPU);
  tell(ev.CONFIG, VCPU, SPI, virtual === 'level' ? 1 : 0);
  tell(ev.HW_MAP, VCPU, SPI, HOST_IRQ | (swResample ? ev.HW_MAP_SW_RESAMPLE : 0));
  tell(ev.ENABLE, VCPU, SPI, 1);
  const host = [physLine, physPending, physActive];
  host.forEach((column, at) => {
    for (let other = 0; other < column.length; other++) if (other !== row) column[other] = (other >> at) & 1;
  });
  // Compared after every step: Buffers do that as one block of memory.
  const hostNow = host.map(({ buffer }) => Buffer.from(buffer));
  const hostAtStart = hostNow.map((bytes) => Buffer.from(bytes));

  const isHigh = (): boolean => device[LINE_HIGH] !== 0;
  const isServing = (): boolean => apr[VCPU] !== 0;
  const isOwed = (): boolean => (physical === 'edge' ? device[EDGE_OWED] !== 0 : isHigh() && !isServing());
  const isEnabled = (): boolean => (word[slot] & ENABLED) !== 0;
  /** Xen masks the host interrupt while the guest has it disabled (vgic-spec 2.2). */
  const canBeTaken = (): boolean =>
    (physLine[row] | physPending[row]) !== 0 && physActive[row] === 0 && (!isXen || isEnabled());
  const canBeAcked = (): boolean =>
    inGuest[VCPU] !== 0 && usedLrs[VCPU] > 0 && (lrHi[0] & LR_STATE) === LR_PENDING && !isServing();

  function setLine(high: boolean): void {
    device[LINE_HIGH] = high ? 1 : 0;
    if (physical === 'level') tell(ev.PHYS_LINE, VCPU, HOST_IRQ, high ? 1 : 0);
    else if (high) {
      device[EDGE_OWED] = 1;
      tell(ev.PHYS_PENDING, VCPU, HOST_IRQ, 1);
    }
  }
  /** The handler raises the virtual line and leaves the host interrupt active. */
  function take(): void {
    if (physical === 'edge') tell(ev.PHYS_PENDING, VCPU, HOST_IRQ, 0);
    tell(ev.PHYS_ACTIVE, VCPU, HOST_IRQ, 1);
    tell(ev.INJECT, VCPU, SPI, 1);
  }
  function acknowledge(): boolean {
    const isSpurious = !isOwed();
    tell(ev.ACK, VCPU, 0, ACK_BY_RULES);
    device[EDGE_OWED] = 0;
    return isSpurious;
  }
  const enter = (): void => tell(ev.FLUSH, VCPU, 0, 0);
  const exit = (): void => tell(ev.SYNC, VCPU, 0, 0);
  const end = (): void => tell(ev.EOI, VCPU, SPI, BY_RULES);

  const action = (name: string, by: Actor, isPossible: () => boolean, perform: () => unknown): Action => ({
    name,
    by,
    isTampering: false,
    isPossible,
    perform: () => perform() === true,
  });
  const register = (name: string, offset: number, value: number, isPossible = (): boolean => true): Action => ({
    ...action(name, 'guest', isPossible, () => write(offset, value)),
    isTampering: true,
  });
  const switchOff = register('ICENABLER', ICENABLER, SPI_BIT, isEnabled);
  const switchOn = register('ISENABLER', ISENABLER, SPI_BIT);
  const isLevel = (): boolean => (word[slot] & LEVEL) !== 0;

  const actions: readonly Action[] = [
    action(
      'the device raises',
      'device',
      () => !isHigh(),
      () => setLine(true),
    ),
    action('the device lowers', 'device', isHigh, () => setLine(false)),
    action('the host takes it', 'host', canBeTaken, take),
    action('entry', 'hypervisor', () => inGuest[VCPU] === 0, enter),
    // Whatever makes the guest leave: it can always do so itself.
    action('exit', 'guest', () => inGuest[VCPU] !== 0, exit),
    action('the guest acknowledges', 'guest', canBeAcked, acknowledge),
    action('the guest ends it', 'guest', () => inGuest[VCPU] !== 0 && isServing(), end),
    { ...switchOff, isTampering: false },
    { ...switchOn, isTampering: false },
    register('ISPENDR', ISPENDR, SPI_BIT),
    register('ICPENDR', ICPENDR, SPI_BIT),
    register('ICFGR edge', ICFGR, EDGE_BITS, isLevel),
    register('ICFGR level', ICFGR, 0, () => !isLevel()),
    register('ISACTIVER', ISACTIVER, SPI_BIT),
    register('ICACTIVER', ICACTIVER, SPI_BIT),
  ];

  /** Taken off its list through the port that all strategies have: a row that is nothing but queued leaves at a prune. */
  function unqueue(): void {
    if ((word[slot] & QUEUED_FIELD) === 0) return;
    word[slot] &= QUEUED_FIELD;
    list.touch(slot);
    list.prune(VCPU);
  }

  return {
    vgic,
    actions,
    save() {
      const moment = new Int32Array(cells.length);
      for (let place = 0; place < cells.length; place++) moment[place] = cells[place][0][cells[place][1]];
      return moment;
    },
    restore(moment) {
      unqueue();
      for (let place = 0; place < cells.length; place++) cells[place][0][cells[place][1]] = moment[place];
      if ((word[slot] & QUEUED_FIELD) !== 0) list.insert(VCPU, slot);
    },
    keyOf: nameMoment,
    settle() {
      if (!isEnabled()) switchOn.perform();
      // An exit may be what lets the next round move.
      for (let nrIdle = 0; nrIdle < 2; ) {
        let hasMoved = canBeTaken();
        if (hasMoved) take();
        if (inGuest[VCPU] === 0) enter();
        if (isServing()) {
          end();
          hasMoved = true;
        } else if (canBeAcked()) {
          acknowledge();
          // The handler serves the device before it ends.
          if (isHigh()) setLine(false);
          end();
          hasMoved = true;
        }
        exit();
        nrIdle = hasMoved ? 0 : nrIdle + 1;
      }
      return { isLost: isOwed(), isStuck: physActive[row] !== 0 && (word[slot] & ACTIVE) === 0 };
    },
    isRestUntouched: () => hostNow.every((bytes, at) => isSameBut(bytes, hostAtStart[at], row)),
  };
}

/** Without what nothing that happens here reads: HCR, the dirty mark, active_spis, and an LR that is not in use. */
function nameMoment(moment: Moment): string {
  const isUsed = moment[2] > 0;
  // Small numbers, one of 3 and the rest of 1 bit; the interrupt has priority 0, and with it one bit of the APR.
  let rest = moment[1] | (moment[2] << 1);
  for (let at = 5; at < 12; at++) rest |= moment[at] << (at - 1);
  return `${moment[0]} ${rest} ${isUsed ? moment[3] : 0} ${isUsed ? moment[4] : 0}`;
}

const isSameBut = (bytes: Buffer, before: Buffer, row: number): boolean =>
  bytes.compare(before, 0, row, 0, row) === 0 && bytes.compare(before, row + 1, before.length, row + 1) === 0;
