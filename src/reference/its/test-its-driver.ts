/** Test support: a machine with an ITS driven by short verbs, and rules that are put to one. */
import assert from 'node:assert/strict';
import type { ConformTarget } from '../../conform/target.js';
import {
  type CommandFields,
  configAddress,
  encodeCommand,
  GITS_CTLR,
  itsOf,
  OPCODES,
  writeBytes,
  writeIts,
} from './its-machine.js';

export interface ItsRule {
  /** What holds, and where it is said. */
  readonly name: string;
  readonly flavours: readonly string[];
  run(target: ConformTarget): void;
}

export const KVM: readonly string[] = ['kvm-6.1', 'kvm-6.19', 'kvm-7.2'];
export const AFTER_61: readonly string[] = ['kvm-6.19', 'kvm-7.2'];
export const ONLY_61: readonly string[] = ['kvm-6.1'];

export const EBUSY = -16;
export const EFAULT = -14;
export const EEXIST = -17;
export const EINVAL = -22;
export const ITT = 0x4020_0000;

/** Drives one target. */
export class ItsDriver {
  readonly target: ConformTarget;

  constructor(target: ConformTarget) {
    this.target = target;
  }

  command(fields: CommandFields): number {
    return itsOf(this.target).command(encodeCommand(fields));
  }

  ok(fields: CommandFields): void {
    assert.equal(this.command(fields), 0, JSON.stringify(fields));
  }

  mapDevice(device: number, bits = 4, itt = ITT): void {
    this.ok({ opcode: OPCODES.MAPD, device, bits, itt, valid: true });
  }

  mapCollection(collection: number, target: number): void {
    this.ok({ opcode: OPCODES.MAPC, collection, target, valid: true });
  }

  mapEvent(device: number, event: number, lpi: number, collection: number): void {
    this.ok({ opcode: OPCODES.MAPTI, device, event, lpi, collection });
  }

  /** Priority 0xa0. */
  enable(...lpis: number[]): void {
    for (const lpi of lpis) writeBytes(this.target, configAddress(lpi), 1, 0xa1);
  }

  restart(save = true): void {
    const its = itsOf(this.target);
    if (save) assert.equal(its.save(), 0);
    its.reset();
  }

  word(address: number): bigint {
    return itsOf(this.target).readMemory(address);
  }

  write(address: number, value: bigint): void {
    itsOf(this.target).writeMemory(address, value);
  }

  latch(lpi: number): boolean | undefined {
    return this.target.irq(0, lpi)?.latch;
  }

  lpiOf(device: number, event: number): number | undefined {
    const { entries } = itsOf(this.target)
      .tables()
      .devices.find(({ id }) => id === device) ?? { entries: [] };
    return entries.find((entry) => entry.event === event)?.lpi;
  }

  get devices(): number[] {
    return itsOf(this.target)
      .tables()
      .devices.map(({ id }) => id);
  }

  get collections(): number[] {
    return itsOf(this.target)
      .tables()
      .collections.map(({ id }) => id);
  }

  setTable(offset: number, lo: number, hi: number): void {
    writeIts(this.target, GITS_CTLR, 0);
    writeIts(this.target, offset, lo);
    writeIts(this.target, offset + 4, hi);
    writeIts(this.target, GITS_CTLR, 1);
  }
}

export const rule = (name: string, flavours: readonly string[], run: (driver: ItsDriver) => void): ItsRule => ({
  name,
  flavours,
  run: (target) => run(new ItsDriver(target)),
});

/** Device 5 with events 1 and 3 in collection 1 on vCPU 1; its LPIs are enabled. */
export function mapTwo(driver: ItsDriver): void {
  driver.enable(8192, 8195);
  driver.mapDevice(5);
  driver.mapCollection(1, 1);
  driver.mapEvent(5, 1, 8192, 1);
  driver.mapEvent(5, 3, 8195, 1);
}
