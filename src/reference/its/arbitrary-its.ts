/**
 * Random ITS traces: commands, MSIs, guest memory, saves with damage done to the tables and restores, with vCPUs that run
 * in between. Steps are drawn one by one from a seeded generator and what the reference holds, so that most of them succeed.
 */
import type { Generator } from '../../base/rng.js';
import type { ConformTarget } from '../../conform/target.js';
import * as ev from '../../trace/events.js';
import { COMMANDS, drawCommand, drawTriggered } from './arbitrary-commands.js';
import { drawDamage } from './arbitrary-damage.js';
import { chance, type Draw, pick, pickWeighted } from './draw.js';
import {
  COLLECTION_LAYOUTS,
  DEVICE_LAYOUTS,
  DEVICES,
  ENTRIES_PER_PAGE,
  firstLevelSlot,
  HIGH_LPIS,
  ITTS,
  LPIS,
  SECOND_LEVEL_PAGES,
  type TableLayout,
  TWO_LEVELS,
} from './its-layout.js';
import {
  CONFIG_TABLE,
  configAddress,
  encodeCommand,
  GICR_CTLR,
  GICR_INVALLR,
  GICR_INVLPIR,
  GICR_PENDBASER,
  GICR_PROPBASER,
  GITS_BASER_COLLECTIONS,
  GITS_BASER_DEVICES,
  GITS_CBASER,
  GITS_CTLR,
  GITS_CWRITER,
  ID_BITS,
  itsOf,
  PENDING_TABLE_SIZE,
  PENDING_TABLES,
  pendingAddress,
  QUEUE,
} from './its-machine.js';
import { COMMAND_SIZE, type ControlName, type ItsStep, QUEUE_SIZE } from './its-steps.js';

/** A step that is drawn when those before it have been taken; undefined: there is none. */
type Planned = () => ItsStep | undefined;

const FIRST_SPI = 40;
const NR_SPIS_USED = 3;
const PTZ = 2 ** 30;
const NO_MEMORY = 0x4300_0000;
const MAX_QUEUED = 6;
const DISABLED = 0;
const ENABLED = 1;
/** LPIs whose configuration byte lies before the pending tables. */
const END_OF_CONFIG = 65536;
/** The save of an ITE without collection is not known for it (vgic-spec 6.9). */
const UNKNOWN_ORPHAN_SAVE = 'kvm-6.1';

const itsRegister = (label: string, offset: number, value: number): ItsStep => ({
  label,
  op: 'its-register',
  offset,
  value,
});

const redistLong = (label: string, vcpu: number, offset: number, lo: number, hi: number): ItsStep => ({
  label,
  op: 'redist-long',
  vcpu,
  offset,
  lo,
  hi,
});

const event = (label: string, kind: number, vcpu: number, intid: number, value: number): ItsStep => ({
  label: `${label} (vCPU ${vcpu})`,
  op: 'event',
  kind,
  vcpu,
  intid,
  value,
});

const msi = (device: number, number: number): ItsStep => ({
  label: `MSI ${device} ${number}`,
  op: 'msi',
  device,
  event: number,
});

const lpiEnable = (vcpu: number, isOn: boolean): ItsStep =>
  event(isOn ? 'LPIs on' : 'LPIs off', ev.MMIO_REDIST, vcpu, GICR_CTLR, Number(isOn));

export class ItsTraceGenerator {
  private readonly random: Generator;
  private readonly reference: ConformTarget;
  private planned: Planned[] = [];
  private readonly inGuest = new Set<number>();
  private queueEnd = 0;
  private deviceLayout = DEVICE_LAYOUTS[0];

  /** `reference` has been started (`startIts`) and takes every step that this gives. */
  constructor(random: Generator, reference: ConformTarget) {
    this.random = random;
    this.reference = reference;
    for (let at = 0; at < NR_SPIS_USED; at++) this.planSpi(FIRST_SPI + at);
    for (let vcpu = 0; vcpu < reference.machine.nrVcpus; vcpu++) this.planInterface(vcpu);
    for (const lpi of this.knownLpis()) this.planned.push(() => this.configByte(lpi));
    if (chance(random, 2)) this.planLayoutChange();
    // A few devices and collections, so that the first commands meet some.
    for (const name of ['MAPD', 'MAPD', 'MAPC', 'MAPC', 'MAPC', 'MAPTI', 'MAPTI', 'MAPTI'] as const)
      this.planned.push(() => this.commandStep(COMMANDS[name]));
  }

  next(): ItsStep {
    for (;;) {
      const planned = this.planned.shift() ?? this.drawPlan();
      const step = planned();
      if (step) return step;
    }
  }

  private get draw(): Draw {
    const { random, reference } = this;
    return {
      random,
      nrVcpus: reference.machine.nrVcpus,
      tables: itsOf(reference).tables(),
      readMemory: (address) => itsOf(reference).readMemory(address),
      deviceTable: this.deviceLayout,
    };
  }

  private drawPlan(): Planned {
    return pickWeighted<Planned>(this.random, [
      [30, () => this.commandStep()],
      [5, () => this.commandEventStep()],
      [5, () => this.queueStep()],
      [18, () => this.msiStep()],
      [8, () => this.configStep()],
      [3, () => this.pendingByteStep()],
      [9, () => this.flushStep()],
      [7, () => this.syncStep()],
      [9, () => this.acknowledgeStep()],
      [2, () => event('inject SPI', ev.INJECT, 0, FIRST_SPI + this.random.nextBelow(NR_SPIS_USED), 1)],
      [1, () => this.planLpiToggle()],
      [2, () => this.planSaveAndRestore()],
      [1, () => this.control(pick(this.random, ['save', 'restore', 'savePending', 'savePending']))],
      [1, () => this.planDisable()],
      [1, () => this.planMaskedRound()],
      [1, () => (chance(this.random, 3) ? this.planCacheRound() : undefined)],
      [1, () => this.planLayoutChange()],
      [1, () => this.firstLevelStep()],
      [1, () => drawDamage(this.draw)],
      [1, () => this.planPropbaser()],
    ]);
  }

  private anyVcpu(): number {
    return this.random.nextBelow(this.reference.machine.nrVcpus);
  }

  private planSpi(intid: number): void {
    const priority = pick(this.random, [0x20, 0x80, 0xf0]);
    this.planned.push(
      () => event('SPI on', ev.ENABLE, 0, intid, 1),
      () => event('SPI priority', ev.PRIORITY, 0, intid, priority),
      () => event('SPI target', ev.TARGET, 0, intid, this.anyVcpu()),
    );
  }

  /** Group 1 is on and PMR lets everything pass. */
  private planInterface(vcpu: number): void {
    this.planned.push(() => event('CPU interface', ev.CPUIF, vcpu, 0, 0xff | (1 << 9)));
  }

  private commandStep(opcode?: number): ItsStep {
    const { label, words } = drawCommand(this.draw, opcode);
    return { label, op: 'command', words };
  }

  private commandEventStep(): ItsStep {
    const { label, words } = drawCommand(this.draw);
    return { label: `${label} (by events)`, op: 'command-event', words };
  }

  private queueStep(): ItsStep {
    const drawn = Array.from({ length: 1 + this.random.nextBelow(MAX_QUEUED) }, () => drawCommand(this.draw));
    const labels = drawn.map((command) => command.label).join('; ');
    return this.queueOf(
      labels,
      drawn.map(({ words }) => words),
    );
  }

  private queueOf(what: string, commands: readonly (readonly number[])[]): ItsStep {
    const start = this.queueEnd;
    this.queueEnd = (start + commands.length * COMMAND_SIZE) % QUEUE_SIZE;
    return { label: `queue [${what}]`, op: 'queue', start, end: this.queueEnd, commands };
  }

  private msiStep(): ItsStep {
    const { device, event: number } = drawTriggered(this.draw);
    const isEvent = device < 2 ** 16 && number < 2 ** 16 && chance(this.random, 8);
    return isEvent ? event('MSI by event', ev.MSI, 0, 0, (device << 16) | number) : msi(device, number);
  }

  /** A configuration byte, which is then read again, or not. */
  private configStep(): ItsStep {
    const lpi = pick(this.random, this.knownLpis());
    const vcpu = this.anyVcpu();
    this.planned.push(
      pickWeighted<Planned>(this.random, [
        [4, () => this.commandStep(COMMANDS.INV)],
        [2, () => this.commandStep(COMMANDS.INVALL)],
        [1, () => event('INVLPIR', ev.MMIO_REDIST, vcpu, GICR_INVLPIR, lpi)],
        [1, () => event('INVALLR', ev.MMIO_REDIST, vcpu, GICR_INVALLR, 0)],
        [2, () => undefined],
      ]),
    );
    return this.configByte(lpi);
  }

  private configByte(lpi: number, enable = chance(this.random, 4) ? DISABLED : ENABLED): ItsStep {
    const value = (this.random.nextBelow(256) & 0xfe) | enable;
    return { label: `configuration of ${lpi} := ${value}`, op: 'byte', address: configAddress(lpi), value };
  }

  private knownLpis(): readonly number[] {
    return [...LPIS, ...HIGH_LPIS.slice(0, 2)];
  }

  private pendingByteStep(): ItsStep {
    const [vcpu, lpi] = [this.anyVcpu(), pick(this.random, this.knownLpis())];
    const value = this.random.nextBelow(256);
    const label = `pending byte of ${lpi} (vCPU ${vcpu}) := ${value}`;
    return { label, op: 'byte', address: pendingAddress(vcpu, lpi), value };
  }

  private flushStep(): ItsStep | undefined {
    const vcpu = this.anyVcpu();
    if (this.inGuest.has(vcpu)) return undefined;
    this.inGuest.add(vcpu);
    return event('flush', ev.FLUSH, vcpu, 0, 0);
  }

  private syncStep(vcpu = this.anyVcpu()): ItsStep | undefined {
    if (!this.inGuest.delete(vcpu)) return undefined;
    return event('sync', ev.SYNC, vcpu, 0, 0);
  }

  private acknowledgeStep(): ItsStep | undefined {
    if (this.inGuest.size === 0) return undefined;
    const vcpu = pick(this.random, [...this.inGuest]);
    return { label: `acknowledge (vCPU ${vcpu})`, op: 'acknowledge', vcpu };
  }

  private control(name: ControlName): ItsStep | undefined {
    const isOrphaned = this.draw.tables.devices.some(({ entries }) =>
      entries.some(({ collection }) => collection === null),
    );
    const isUnknown = name === 'save' && isOrphaned && this.reference.machine.flavour === UNKNOWN_ORPHAN_SAVE;
    return isUnknown ? undefined : { label: name, op: 'control', name };
  }

  /** LPIs of a vCPU off, sometimes with another pending table, and on again. */
  private planLpiToggle(): undefined {
    const vcpu = this.anyVcpu();
    const table = PENDING_TABLES + vcpu * PENDING_TABLE_SIZE;
    const isZero = chance(this.random, 3);
    this.planned.push(() => lpiEnable(vcpu, false));
    if (chance(this.random, 2))
      this.planned.push(
        () => this.msiStep(),
        () => this.commandStep(),
      );
    if (chance(this.random, 3)) {
      const lpi = pick(this.random, this.knownLpis());
      this.planned.push(
        () => this.configByte(lpi),
        () => event('INVLPIR, LPIs off', ev.MMIO_REDIST, vcpu, GICR_INVLPIR, lpi),
        () => event('INVALLR, LPIs off', ev.MMIO_REDIST, vcpu, GICR_INVALLR, 0),
      );
    }
    if (chance(this.random, 6))
      // What EnableLPIs makes of a table that cannot be read is not said; with PTZ it does not try.
      this.planned.push(() => redistLong('unreadable PENDBASER', vcpu, GICR_PENDBASER, NO_MEMORY, PTZ));
    else this.planned.push(() => redistLong('PENDBASER', vcpu, GICR_PENDBASER, table, isZero ? PTZ : 0));
    this.planned.push(() => lpiEnable(vcpu, true));
    return undefined;
  }

  /** Fewer LPIs are advertised for a while. */
  private planPropbaser(): undefined {
    const vcpus = Array.from({ length: this.reference.machine.nrVcpus }, (_, vcpu) => vcpu);
    const idBits = chance(this.random, 3) ? 13 : ID_BITS;
    for (const vcpu of vcpus) this.planned.push(() => lpiEnable(vcpu, false));
    this.planned.push(() => redistLong('PROPBASER', 0, GICR_PROPBASER, CONFIG_TABLE | idBits, 0));
    for (const vcpu of vcpus) this.planned.push(() => lpiEnable(vcpu, true));
    // Without effect now.
    this.planned.push(() => redistLong('PROPBASER, LPIs on', 0, GICR_PROPBASER, NO_MEMORY, 0));
    return undefined;
  }

  private planSaveAndRestore(): undefined {
    const { random } = this;
    if (!chance(random, 10))
      for (let vcpu = 0; vcpu < this.reference.machine.nrVcpus; vcpu++) this.planned.push(() => this.syncStep(vcpu));
    if (chance(random, 3)) this.planned.push(() => this.control('savePending'));
    if (chance(random, 3)) this.planned.push(() => this.unreachStep());
    this.planned.push(() => this.control('save'));
    const nrDamages = pick(random, [0, 0, 0, 1, 1, 2, 3]);
    for (let at = 0; at < nrDamages; at++) this.planned.push(() => drawDamage(this.draw));
    if (!chance(random, 6)) this.planned.push(() => this.control('reset'));
    this.planned.push(() => this.control('restore'));
    // A second one meets a live ITS.
    if (chance(random, 6)) this.planned.push(() => this.control('restore'));
    return undefined;
  }

  /** Events while their LPIs are disabled, which are then enabled together. */
  private planMaskedRound(): undefined {
    const { random } = this;
    const lpis = this.draw.tables.devices.flatMap(({ entries }) => entries.map(({ lpi }) => lpi));
    const written = lpis.filter((lpi) => lpi < END_OF_CONFIG && !chance(random, 4));
    for (const enable of [DISABLED, ENABLED]) {
      for (const lpi of written) this.planned.push(() => this.configByte(lpi, enable));
      this.planned.push(
        () => this.commandStep(COMMANDS.INVALL),
        () => this.commandStep(COMMANDS.INVALL),
      );
      if (enable === DISABLED) for (let at = 0; at < written.length; at++) this.planned.push(() => this.msiStep());
    }
    return undefined;
  }

  /** More events than the translation cache of kvm-6.1 holds; a restore that fails then leaves only those it holds. */
  private planCacheRound(): undefined {
    const { nrVcpus } = this.reference.machine;
    if (nrVcpus > 2) return undefined;
    const device = pick(this.random, DEVICES);
    const nrEvents = 16 * nrVcpus + 2;
    const commands = [
      encodeCommand({ opcode: COMMANDS.MAPD, device, itt: ITTS[0], bits: 6, valid: true }),
      encodeCommand({ opcode: COMMANDS.MAPC, collection: 1, target: this.anyVcpu(), valid: true }),
      ...Array.from({ length: nrEvents }, (_, at) =>
        encodeCommand({ opcode: COMMANDS.MAPTI, device, event: at, lpi: LPIS[at % LPIS.length], collection: 1 }),
      ),
    ];
    for (let vcpu = 0; vcpu < nrVcpus; vcpu++) this.planned.push(() => this.syncStep(vcpu));
    this.planned.push(() => this.queueOf('many events', commands));
    for (let at = 0; at < nrEvents; at++) this.planned.push(() => msi(device, at));
    this.planned.push(
      () => msi(device, 0),
      () => this.control('save'),
      () => this.control('restore'),
    );
    for (let at = 0; at < 6; at++) this.planned.push(() => msi(device, at));
    return undefined;
  }

  /** The ITS is off for some steps; commands may be queued meanwhile. */
  private planDisable(): undefined {
    const isWritten = chance(this.random, 2);
    this.planned.push(
      () => itsRegister('ITS off', GITS_CTLR, 0),
      () => this.msiStep(),
      () => this.commandStep(COMMANDS.INT),
      () => (isWritten ? this.queueStep() : undefined),
      () => itsRegister('ITS on', GITS_CTLR, 1),
      // An offset beyond the queue.
      () => itsRegister('CWRITER out of range', GITS_CWRITER, QUEUE_SIZE),
    );
    return undefined;
  }

  private planLayoutChange(): undefined {
    const { random } = this;
    const isInvalidFirst = chance(random, 3);
    const planWrites = (name: string, offset: number, { lo, hi }: TableLayout): void => {
      if (isInvalidFirst) this.planned.push(() => itsRegister(`${name} not valid`, offset + 4, 0));
      this.planned.push(
        () => itsRegister(`${name}, low`, offset, lo),
        () => itsRegister(`${name}, high`, offset + 4, hi),
      );
    };
    this.planned.push(() => itsRegister('ITS off', GITS_CTLR, 0));
    pickWeighted(random, [
      [3, () => planWrites('device BASER', GITS_BASER_DEVICES, this.changeDeviceLayout())],
      [2, () => planWrites('collection BASER', GITS_BASER_COLLECTIONS, pick(random, COLLECTION_LAYOUTS))],
      [1, () => this.planQueueMove()],
    ])();
    this.planned.push(
      () => itsRegister('ITS on', GITS_CTLR, 1),
      () => this.commandStep(COMMANDS.MAPD),
      () => this.commandStep(COMMANDS.MAPC),
    );
    return undefined;
  }

  private changeDeviceLayout(): TableLayout {
    this.deviceLayout = pick(this.random, DEVICE_LAYOUTS);
    for (const index of SECOND_LEVEL_PAGES.keys()) this.planned.push(() => this.firstLevelStep(index));
    return this.deviceLayout;
  }

  /** CREADR and CWRITER go back to zero. */
  private planQueueMove(): void {
    this.queueEnd = 0;
    this.planned.push(() => itsRegister('CBASER, low', GITS_CBASER, QUEUE));
  }

  /** The second-level page of a device that is mapped goes out of reach. */
  private unreachStep(): ItsStep | undefined {
    const { deviceTable, tables } = this.draw;
    if (deviceTable !== TWO_LEVELS || tables.devices.length === 0) return undefined;
    const index = Math.floor(pick(this.random, tables.devices).id / ENTRIES_PER_PAGE);
    return { label: `first level ${index} := 0`, op: 'memory', address: firstLevelSlot(index), value: 0n };
  }

  /** A first-level entry of a device table of two levels: valid mostly. */
  private firstLevelStep(index = pick(this.random, [...SECOND_LEVEL_PAGES.keys()])): ItsStep {
    const page = BigInt(SECOND_LEVEL_PAGES.get(index) ?? 0);
    const value = chance(this.random, 4) ? page : page | (1n << 63n);
    return {
      label: `first level ${index} := ${value.toString(16)}`,
      op: 'memory',
      address: firstLevelSlot(index),
      value,
    };
  }
}
