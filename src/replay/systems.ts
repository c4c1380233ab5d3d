/**
 * The systems beside the GIC core (vgic-spec sections 3 to 6): which events each listens to, and what it counts. A system
 * is made at the first event that it listens to, so that a trace without it pays nothing.
 */
import { KIND_MASK } from '../trace/events.js';
import type { Vgic } from '../vgic/vgic.js';
import { doorbellSystem } from './doorbell-system.js';
import { itsSystem } from './its-system.js';
import { timerSystem } from './timer-system.js';

/**
 * Counted things of one system; exact, and the same on every machine. The names are words, as readers of a report see them:
 * "spurious wake-ups", "MAPTI calls"; the largest value of a call is the name of its sum and "max".
 */
export type SystemCounts = Readonly<Record<string, number>>;

/** Events that the flavour has no model for: a replay must not look as if it had heard them. */
export const NOT_MODELLED = 'events not modelled';

/** Counts of a model under the names that `names` gives them. */
export const nameCounts = <Key extends string>(
  names: Readonly<Record<Key, string>>,
  counts: Readonly<Record<Key, number>>,
): SystemCounts => Object.fromEntries((Object.keys(names) as Key[]).map((key) => [names[key], counts[key]]));

export interface System {
  run(kind: number, vcpu: number, intid: number, value: number): void;
  /** Before each FLUSH of `vcpu`; asked on flavours with timerLevelsAtEntry alone. */
  enter?(vcpu: number): void;
  /** Is something due that keeps `vcpu` from blocking in WFI, and that the vGIC does not know of? */
  isDue?(vcpu: number): boolean;
  counts(): SystemCounts;
}

export interface SystemKind {
  /** Its name in results: "its", "timer", "doorbell". */
  readonly name: string;
  /** Kinds of events that it listens to; several systems may hear the same. */
  readonly hears: readonly number[];
  /** Kinds that it hears once it is made, but that do not make it. */
  readonly follows?: readonly number[];
  create(vgic: Vgic): System;
}

export interface Systems {
  run(kind: number, vcpu: number, intid: number, value: number): void;
  enter(vcpu: number): void;
  isDue(vcpu: number): boolean;
  /** Systems that some event reached and that have something to tell, by name. */
  counts(): Readonly<Record<string, SystemCounts>>;
  /** Forgets every system: the next event that one hears makes it anew. After the reset of the vGIC. */
  reset(): void;
}

const SYSTEM_KINDS: readonly SystemKind[] = [doorbellSystem, itsSystem, timerSystem];

interface Listener {
  readonly systemKind: SystemKind;
  /** Is it made by this kind of event, if it is not there? */
  readonly makes: boolean;
}

/** Kind of event → who hears it. */
const LISTENERS: readonly (readonly Listener[])[] = Array.from({ length: KIND_MASK + 1 }, (_, kind) =>
  SYSTEM_KINDS.flatMap((systemKind) => {
    const makes = systemKind.hears.includes(kind);
    return makes || systemKind.follows?.includes(kind) === true ? [{ systemKind, makes }] : [];
  }),
);

export function createSystems(vgic: Vgic): Systems {
  const made = new Map<SystemKind, System>();
  return {
    run(kind, vcpu, intid, value) {
      for (const { systemKind, makes } of LISTENERS[kind]) {
        let system = made.get(systemKind);
        if (system === undefined) {
          if (!makes) continue;
          system = systemKind.create(vgic);
          made.set(systemKind, system);
        }
        system.run(kind, vcpu, intid, value);
      }
    },
    enter(vcpu) {
      for (const system of made.values()) system.enter?.(vcpu);
    },
    isDue(vcpu) {
      for (const system of made.values()) if (system.isDue?.(vcpu) === true) return true;
      return false;
    },
    counts() {
      const told = [...made].map(([{ name }, system]) => [name, system.counts()] as const);
      return Object.fromEntries(told.filter(([, counts]) => Object.keys(counts).length > 0));
    },
    reset: () => made.clear(),
  };
}
