/** From a device's event to its LPI, and the translation cache in between (vgic-spec 6.5). */
import type { Irq } from '../irq.js';
import type { MachineState } from '../machine-state.js';
import { injectIrq } from '../queue.js';
import { type CachedTranslation, type ItsState, isMapped } from './its-state.js';
import { EBUSY, findIte, OK } from './tables.js';

export const INT_UNMAPPED_INTERRUPT = 0x010307;

/** KVM_SIGNAL_MSI. */
const DELIVERED = 1;
const BLOCKED = 0;

const CACHED_PER_VCPU = 16;

const isSame = (entry: CachedTranslation, device: number, event: number): boolean =>
  entry.device === device && entry.event === event;

/** Puts the translation to the front; only the most recently used ones are kept. */
function rememberTranslation(state: MachineState, its: ItsState, translation: CachedTranslation): void {
  const { device, event } = translation;
  const others = its.cache.filter((entry) => !isSame(entry, device, event));
  const capacity = CACHED_PER_VCPU * state.machine.nrVcpus;
  its.cache = [translation, ...others];
  if (its.switches.cacheSize === 'sixteen-per-vcpu') its.cache = its.cache.slice(0, capacity);
}

/** The LPI of an event by the tables, or why there is none. */
function translate(state: MachineState, its: ItsState, device: number, event: number): Irq | number {
  if (!its.enabled) return EBUSY;
  const ite = findIte(its, device, event);
  if (!ite || !isMapped(ite.collection)) return INT_UNMAPPED_INTERRUPT;
  if (!state.vcpus[ite.collection.target].lpisEnabled) return EBUSY;
  return ite.irq;
}

/** The INT command, and what an MSI that is not in the cache does. */
export function triggerEvent(state: MachineState, its: ItsState, device: number, event: number): number {
  const irq = translate(state, its, device, event);
  if (typeof irq === 'number') return irq;
  rememberTranslation(state, its, { device, event, irq });
  injectIrq(state, irq, true);
  return OK;
}

/** KVM_SIGNAL_MSI: 1 delivered, 0 blocked by a mapping error, or a negative errno. */
export function signalMsi(state: MachineState, its: ItsState, device: number, event: number): number {
  const cached = its.cache.find((entry) => isSame(entry, device, event));
  if (cached) {
    rememberTranslation(state, its, cached);
    injectIrq(state, cached.irq, true);
    return DELIVERED;
  }
  const result = triggerEvent(state, its, device, event);
  if (result < 0) return result;
  return result === OK ? DELIVERED : BLOCKED;
}
