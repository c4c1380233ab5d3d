/** The reference ITS as events and scenarios see it. */
import type { ItsTablesView, ItsTarget } from '../../conform/target.js';
import { NO_VCPU } from '../../gic/intid.js';
import * as ev from '../../trace/events.js';
import type { MachineState } from '../machine-state.js';
import { runCommand } from './commands.js';
import { signalMsi } from './delivery.js';
import { writeItsRegister } from './its-registers.js';
import { createCommandWords, type ItsState, NR_COMMAND_WORDS } from './its-state.js';
import { savePendingTables } from './lpi-tables.js';
import { restoreTables } from './restore.js';
import { saveTables } from './save.js';
import { freeCollections, freeDevices, OK } from './tables.js';

const ADDRESS_HIGH_BITS = 17;

function runWords(state: MachineState, its: ItsState, words: readonly number[]): number {
  const wide = [0, 2, 4, 6].map((at) => (BigInt(words[at + 1] >>> 0) << 32n) | BigInt(words[at] >>> 0));
  return runCommand(state, its, wide);
}

function resetIts(state: MachineState, its: ItsState): number {
  freeDevices(state, its);
  freeCollections(its);
  return OK;
}

const CONTROLS: readonly ((state: MachineState, its: ItsState) => number)[] = [
  saveTables,
  restoreTables,
  resetIts,
  savePendingTables,
];

const isMemoryWidth = (nrBytes: number): boolean => [1, 2, 4].includes(nrBytes);

/** Executes one event of guest memory or the ITS; others do nothing. */
export function applyToIts(state: MachineState, kind: number, intid: number, value: number): void {
  const { its } = state;
  if (!its) return;
  switch (kind) {
    case ev.MEM_AT:
      its.memoryAddress = (intid % 2 ** ADDRESS_HIGH_BITS) * 2 ** 32 + (value >>> 0);
      break;
    case ev.MEM_WRITE:
      if (!isMemoryWidth(intid)) return;
      its.memory.write(its.memoryAddress, intid, BigInt(value >>> 0));
      its.memoryAddress += intid;
      break;
    case ev.ITS_MMIO:
      writeItsRegister(state, its, intid, value);
      break;
    case ev.ITS_WORD:
      if (intid < NR_COMMAND_WORDS) its.commandWords[intid] = value;
      break;
    case ev.ITS_COMMAND:
      runWords(state, its, its.commandWords);
      its.commandWords = createCommandWords();
      break;
    case ev.MSI:
      signalMsi(state, its, value >>> 16, value & 0xffff);
      break;
    case ev.ITS_CONTROL:
      CONTROLS[intid]?.(state, its);
      break;
  }
}

/** Runs an act on a machine as one step of the real world. */
type RunStep = <T>(otherwise: T, act: () => T) => T;

export class ReferenceIts implements ItsTarget {
  private readonly state: MachineState;
  private readonly its: ItsState;
  private readonly step: RunStep;

  constructor(state: MachineState, its: ItsState, step: RunStep) {
    this.state = state;
    this.its = its;
    this.step = step;
  }

  command(words: readonly number[]): number {
    return this.step<number>(OK, () => runWords(this.state, this.its, words));
  }

  msi(device: number, event: number): number {
    return this.step<number>(OK, () => signalMsi(this.state, this.its, device, event));
  }

  save(): number {
    return this.step<number>(OK, () => saveTables(this.state, this.its));
  }

  restore(): number {
    return this.step<number>(OK, () => restoreTables(this.state, this.its));
  }

  savePending(): number {
    return this.step<number>(OK, () => savePendingTables(this.state, this.its));
  }

  reset(): void {
    this.step<number>(OK, () => resetIts(this.state, this.its));
  }

  writeMemory(address: number, value: bigint): void {
    this.its.memory.write(address, 8, value);
  }

  /** What is no memory reads as zero. */
  readMemory(address: number): bigint {
    return this.its.memory.read(address, 8) ?? 0n;
  }

  tables(): ItsTablesView {
    const { devices, collections } = this.its;
    return {
      devices: devices.map(({ id, bits, itt, entries }) => ({
        id,
        bits,
        itt,
        entries: entries.map(({ event, irq, collection }) => ({
          event,
          lpi: irq.intid,
          collection: collection ? collection.id : null,
        })),
      })),
      collections: collections.map(({ id, target }) => ({ id, target: target === NO_VCPU ? null : target })),
    };
  }
}
