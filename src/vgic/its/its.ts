/**
 * The ITS of a KVM machine: it translates (device, event) into LPIs, whose state is in the core's rows. vgic-spec section 6.
 * One ITS a machine. It works on objects of its own; the guest's tables are read and written by save, restore, DISCARD and
 * MAPD only. Memory is bounded by the guest's range and by MAX_ENTRIES and MAX_DEVICES (objects.ts). Time is that of the
 * work that the hypervisor does: one write to CWRITER runs up to 32,767 commands (6.2), and each INVALL or MOVALL visits up to
 * 57,344 LPIs, which is minutes of a hostile trace's replay; a restore counts empty slots and does not walk them.
 */
import type { ItsRules } from '../../gic/flavour/flavour.js';
import { NO_SLOT } from '../../gic/intid.js';
import type { LpiRows } from '../lpi-rows.js';
import type { VgicState } from '../state.js';
import { type CommandWords, createCommands } from './commands.js';
import { ItsCosts } from './costs.js';
import { GuestMemory, type MemoryRange } from './guest-memory.js';
import { createLpis } from './lpis.js';
import { type Device, ItsObjects, isMapped } from './objects.js';
import { createItsRegisters } from './registers.js';
import { createRestore } from './restore.js';
import { EBUSY, INT_UNMAPPED_INTERRUPT, OK } from './result.js';
import { createSave } from './save.js';
import { createTranslationCache } from './translation-cache.js';

/** What the redistributors tell the ITS (vgic-spec 2.5). */
export interface LpiPort {
  /** GICR_CTLR.EnableLPIs of `vcpu` went from 0 to 1, with GICR_PENDBASER.PTZ clear. */
  lpisEnabled(vcpu: number): void;
  /** It went from 1 to 0. */
  lpisDisabled(): void;
  /** GICR_INVLPIR. */
  readConfig(lpi: number): void;
  /** GICR_INVALLR of `vcpu`. */
  readConfigsOf(vcpu: number): void;
}

export interface Its extends LpiPort {
  readonly memory: GuestMemory;
  readonly costs: ItsCosts;
  /** The live lists; not to be changed from outside. */
  readonly objects: ItsObjects;
  /** Raw 32-bit access at a byte offset of its frame. */
  write(offset: number, value: number): void;
  read(offset: number): number;
  /** Executes one command without a queue. 0, a positive error code, or a negative errno (result.ts). */
  command(words: CommandWords): number;
  /** KVM_SIGNAL_MSI: 1 delivered, 0 blocked by a mapping error, or a negative errno. */
  signalMsi(device: number, event: number): number;
  /** The two halves of an MSI. Asks the translation cache: row of the LPI, or NO_SLOT. Nothing becomes pending. */
  lookUp(device: number, event: number): number;
  /** Translates by the lists: OK, a positive error code, or a negative errno. */
  trigger(device: number, event: number): number;
  /** The requests of user space: 0 or a negative errno. */
  save(): number;
  restore(): number;
  savePending(): number;
  /** Drops all devices, then all collections. */
  dropAll(): void;
  /** Question, not a step: row of the LPI that an event is mapped to, or NO_SLOT. */
  translate(device: number, event: number): number;
  /** References that the translation cache holds to an LPI's row. */
  cachedReferences(slot: number): number;
  counts(): Record<string, number>;
}

export function createIts(state: VgicState, rules: ItsRules, rows: LpiRows, range?: MemoryRange): Its {
  const { nrVcpus, inGuest, lpisEnabled } = state;
  const memory = new GuestMemory(range);
  const costs = new ItsCosts(memory, state);
  const lpis = createLpis(state, rules, rows, memory, costs);
  const objects = new ItsObjects(costs, lpis);
  const cache = createTranslationCache(rules, nrVcpus, lpis, costs);

  function freeDevice(device: Device): void {
    objects.freeDevice(device);
    cache.invalidate();
  }
  function freeDevices(): void {
    objects.freeDevices();
    cache.invalidate();
  }

  /** By the lists, under the mutex (6.5). */
  function trigger(deviceId: number, event: number): number {
    if (!registers.isEnabled()) return EBUSY;
    const entry = objects.findEntry(deviceId, event);
    if (entry === undefined || !isMapped(entry.collection)) return INT_UNMAPPED_INTERRUPT;
    if (lpisEnabled[entry.collection.target] === 0) return EBUSY;
    cache.insert(deviceId, event, entry.slot);
    lpis.pend(entry.slot);
    return OK;
  }

  const shared = {
    nrVcpus,
    rules,
    memory,
    costs,
    lpis,
    objects,
    invalidateCache: cache.invalidate,
    freeDevice,
    freeDevices,
    checksEventBits: state.flavour.defect !== 'CVE-2026-64106',
    freeCollections: () => objects.freeCollections(),
    deviceTable: () => registers.deviceTable(),
    collectionTable: () => registers.collectionTable(),
  };
  const command = createCommands({ ...shared, trigger });
  const registers = createItsRegisters({ ...shared, command });
  const saveTables = createSave({ ...shared, state });
  const restoreTables = createRestore(shared);
  const isRunning = (): boolean => inGuest.includes(1);
  /** A request of user space, which needs every vCPU stopped. */
  const whenStopped = (run: () => number): number => (isRunning() ? EBUSY : run());

  return {
    memory,
    costs,
    objects,
    write: registers.write,
    read: registers.read,
    command,
    signalMsi(device, event) {
      costs.begin();
      const slot = cache.find(device, event);
      if (slot >= 0) {
        lpis.pend(slot);
        costs.end('MSI cached', OK);
        return 1;
      }
      const result = costs.end('MSI uncached', trigger(device, event));
      return result < 0 ? result : result === OK ? 1 : 0;
    },
    lookUp: cache.find,
    trigger(device, event) {
      costs.begin();
      return costs.end('MSI uncached', trigger(device, event));
    },
    save() {
      costs.begin();
      return costs.end('save', whenStopped(saveTables));
    },
    restore() {
      costs.begin();
      return costs.end('restore', whenStopped(restoreTables));
    },
    savePending() {
      costs.begin();
      return costs.end('save pending', whenStopped(lpis.savePendingTables));
    },
    dropAll() {
      costs.begin();
      freeDevices();
      objects.freeCollections();
      costs.end('drop all', OK);
    },
    lpisEnabled(vcpu) {
      costs.begin();
      costs.end('enable LPIs', lpis.readPendingTable(vcpu));
    },
    lpisDisabled() {
      costs.begin();
      cache.invalidate();
      costs.end('disable LPIs', OK);
    },
    readConfig(lpi) {
      costs.begin();
      const slot = lpis.find(lpi);
      costs.end('INVLPIR', slot < 0 ? OK : lpis.readConfig(slot));
    },
    readConfigsOf(vcpu) {
      costs.begin();
      lpis.readConfigsOf(vcpu);
      costs.end('INVALLR', OK);
    },
    translate: (device, event) => objects.devices.find(device)?.entries.find(event)?.slot ?? NO_SLOT,
    cachedReferences: cache.references,
    counts: costs.counts.bind(costs),
  };
}
