/** Everything an ITS knows (vgic-spec 6.1), and in what the versions of KVM differ there (section 10). */
import { type Machine, NO_VCPU } from '../../gic/intid.js';
import type { Irq } from '../irq.js';
import { GuestMemory } from './guest-memory.js';

export interface ItsSwitches {
  /** MAPC with V=0 fails if its target is no vCPU. */
  readonly unmapChecksTarget: boolean;
  /** A write to a BASER frees what its table stands for: whenever the value changed, or only if it is not valid now. */
  readonly baserWriteFrees: 'changed' | 'invalid';
  /** A device whose table slot is out of reach: the save fails, or leaves it out. */
  readonly unreachableDevice: 'error' | 'skipped';
  /** The order in which commands on all LPIs go through them: as they were made, or by number. */
  readonly lpiOrder: 'creation' | 'ascending';
  /** The translation cache: the 16 x vCPUs most recently used, or all. */
  readonly cacheSize: 'sixteen-per-vcpu' | 'unlimited';
}

const of61: ItsSwitches = {
  unmapChecksTarget: true,
  baserWriteFrees: 'invalid',
  unreachableDevice: 'error',
  lpiOrder: 'creation',
  cacheSize: 'sixteen-per-vcpu',
};

const of72: ItsSwitches = {
  unmapChecksTarget: false,
  baserWriteFrees: 'changed',
  unreachableDevice: 'skipped',
  lpiOrder: 'ascending',
  cacheSize: 'unlimited',
};

/** kvm-6.19 is only known to differ from 7.2 in its exit (gic/flavour). */
const SWITCHES: Readonly<Record<string, ItsSwitches>> = { 'kvm-6.1': of61, 'kvm-6.19': of72, 'kvm-7.2': of72 };

export interface Collection {
  readonly id: number;
  /** NO_VCPU: unmapped. */
  target: number;
}

/** Interrupt translation entry. */
export interface Ite {
  readonly event: number;
  readonly irq: Irq;
  collection: Collection | undefined;
}

export interface Device {
  readonly id: number;
  /** Its events are below 2^bits. */
  readonly bits: number;
  /** Address of its interrupt translation table. */
  readonly itt: number;
  entries: Ite[];
}

export interface CachedTranslation {
  readonly device: number;
  readonly event: number;
  readonly irq: Irq;
}

export interface ItsState {
  readonly switches: ItsSwitches;
  readonly memory: GuestMemory;
  enabled: boolean;
  cbaser: bigint;
  /** Byte offsets in the command queue. */
  creadr: number;
  cwriter: number;
  deviceBaser: bigint;
  collectionBaser: bigint;
  /** Mapping order, but for what a save sorted. */
  devices: Device[];
  collections: Collection[];
  /** Most recently used first. */
  cache: CachedTranslation[];
  /** GICR_PROPBASER, one for the machine, and GICR_PENDBASER, one a vCPU (2.5). */
  propbaser: bigint;
  readonly pendbasers: bigint[];
  /** Where the next MEM_WRITE goes. */
  memoryAddress: number;
  /** Words of the next ITS_COMMAND. */
  commandWords: number[];
}

export const NR_COMMAND_WORDS = 8;
export const createCommandWords = (): number[] => new Array<number>(NR_COMMAND_WORDS).fill(0);

/** Undefined: the machine has none. `changes`: to show that a test notices what they change. */
export function createItsState(machine: Machine, changes: Partial<ItsSwitches> = {}): ItsState | undefined {
  if (!Object.hasOwn(SWITCHES, machine.flavour) || machine.model !== 'gicv3' || machine.nrLpis === 0) return undefined;
  return {
    switches: { ...SWITCHES[machine.flavour], ...changes },
    memory: new GuestMemory(),
    enabled: false,
    cbaser: 0n,
    creadr: 0,
    cwriter: 0,
    deviceBaser: 0n,
    collectionBaser: 0n,
    devices: [],
    collections: [],
    cache: [],
    propbaser: 0n,
    pendbasers: new Array<bigint>(machine.nrVcpus).fill(0n),
    memoryAddress: 0,
    commandWords: createCommandWords(),
  };
}

/** GITS_BASER, GITS_CBASER: bit 63. */
export const isValid = (register: bigint): boolean => register >> 63n === 1n;

export const isMapped = (collection: Collection | undefined): collection is Collection =>
  collection !== undefined && collection.target !== NO_VCPU;
