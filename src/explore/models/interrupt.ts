/**
 * Two vCPUs, their ap_lists and interrupts, as far as queueing needs them: edge interrupts that are never active
 * (vgic-spec 1.2, 1.4, 1.5). The programs of queue.ts and prune.ts run on these cells.
 */

import { createLockMachine, type LockMachine } from '../lock-machine.js';
import type { Access, Cell, Lock } from '../lock-program.js';
import type { Problem } from '../system.js';

/** Places in the lock order of vgic-spec 1.5. */
const LIST_RANK = 6;
const IRQ_RANK = 8;

/** Neither vCPU: what the oracle says of an interrupt that belongs on no list. vCPU n is n + 1. */
export const NOBODY = 0;
export const vcpuOf = (whom: number): number => whom - 1;
export const whomName = (whom: number): string => (whom === NOBODY ? 'none' : `vCPU ${vcpuOf(whom)}`);

export interface Interrupt {
  readonly name: string;
  readonly lock: Lock;
  readonly enabled: Cell;
  readonly latch: Cell;
  /** target_vcpu: index of a vCPU. */
  readonly target: Cell;
  /** irq.vcpu: NOBODY, or 1 + the vCPU whose list holds it. */
  readonly owner: Cell;
  /** How often it is linked in the list of each vCPU: 0 or 1 unless something is wrong. */
  readonly links: readonly [Cell, Cell];
}

export interface InterruptState {
  readonly enabled?: boolean;
  readonly latch?: boolean;
  readonly target?: number;
  /** The vCPU on whose list it is. */
  readonly queuedOn?: number;
}

export interface Vgic {
  readonly machine: LockMachine;
  readonly listLocks: readonly [Lock, Lock];
  /** Was the vCPU told that there is something for it (request and kick, 1.9)? */
  readonly kicked: readonly [Cell, Cell];
  interrupt(name: string, state?: InterruptState): Interrupt;
}

export function createVgicMachine(): Vgic {
  const machine = createLockMachine();
  const listLock = (vcpu: number): Lock => machine.lock(`ap_list_lock ${vcpu}`, LIST_RANK, vcpu);
  const listLocks = [listLock(0), listLock(1)] as const;
  let interrupts = 0;
  return {
    machine,
    listLocks,
    kicked: [machine.cell('kicked 0', 0), machine.cell('kicked 1', 0)],
    interrupt(name, { enabled = true, latch = false, target = 0, queuedOn = -1 } = {}) {
      // Two irq_locks at once: only in the comparator, in the order of its arguments (1.5).
      const lock = machine.lock(`irq_lock ${name}`, IRQ_RANK, interrupts++, { under: LIST_RANK });
      const link = (vcpu: number): Cell =>
        machine.cell(`link ${name} ${vcpu}`, queuedOn === vcpu ? 1 : 0, [lock, listLocks[vcpu]]);
      return {
        name,
        lock,
        enabled: machine.cell(`${name}.enabled`, enabled ? 1 : 0, [lock]),
        latch: machine.cell(`${name}.pending_latch`, latch ? 1 : 0, [lock]),
        target: machine.cell(`${name}.target_vcpu`, target, [lock]),
        owner: machine.cell(`${name}.vcpu`, queuedOn + 1, [lock]),
        links: [link(0), link(1)],
      };
    },
  };
}

export const oracleReads = ({ enabled, latch, target }: Interrupt): Cell[] => [enabled, latch, target];

/** The target oracle (1.4) of an interrupt that is not active, with the distributor enabled. */
export const oracle = ({ get }: Pick<Access, 'get'>, { enabled, latch, target }: Interrupt): number =>
  get(enabled) === 1 && get(latch) === 1 ? get(target) + 1 : NOBODY;

/** Links the interrupt into the list of `whom`, and says what is wrong with that. The caller holds both locks. */
export function append(access: Access, irq: Interrupt, whom: number): number {
  const vcpu = vcpuOf(whom);
  const other = 1 - vcpu;
  if (access.get(irq.links[vcpu]) > 0)
    access.fail('queued-twice', `appends ${irq.name} to the list of vCPU ${vcpu}, on which it already is`);
  if (access.get(irq.owner) === other + 1)
    access.fail('two-lists', `appends ${irq.name} to the list of vCPU ${vcpu} while it is on that of vCPU ${other}`);
  const wanted = oracle(access, irq);
  if (wanted === NOBODY)
    access.fail(
      'queued-disabled',
      `appends ${irq.name} to the list of vCPU ${vcpu} although it is not enabled and pending`,
    );
  else if (wanted !== whom)
    access.fail(
      'wrong-list',
      `appends ${irq.name} to the list of vCPU ${vcpu}, but its target is vCPU ${vcpuOf(wanted)}`,
    );
  access.set(irq.links[vcpu], access.get(irq.links[vcpu]) + 1);
  access.set(irq.owner, whom);
  return whom;
}

/** Takes the interrupt off the list of `vcpu`. The caller holds both locks. */
export function unlink(access: Access, irq: Interrupt, vcpu: number): number {
  const links = access.get(irq.links[vcpu]);
  if (links === 0) access.fail('not-on-list', `unlinks ${irq.name} from the list of vCPU ${vcpu}, on which it is not`);
  access.set(irq.links[vcpu], Math.max(0, links - 1));
  access.set(irq.owner, NOBODY);
  return NOBODY;
}

/**
 * What is left undone when all threads are: an interrupt on no list, or a vCPU that does not know of one on its own list.
 * `awake`: vCPUs that look at their list anyway.
 */
export function atRest(
  vgic: Vgic,
  interrupts: readonly Interrupt[],
  awake: readonly number[] = [],
): (get: (cell: Cell) => number) => Problem | null {
  return (get) => {
    for (const irq of interrupts) {
      const whom = oracle({ get }, irq);
      if (whom === NOBODY) continue;
      const where = irq.links.map((link) => get(link));
      if (where[0] + where[1] === 0)
        return {
          kind: 'lost-interrupt',
          text: `${irq.name} is pending and enabled, on no list, and all threads are done`,
        };
      const vcpu = vcpuOf(whom);
      if (where[vcpu] > 0 && get(vgic.kicked[vcpu]) === 0 && !awake.includes(vcpu))
        return {
          kind: 'lost-wakeup',
          text: `${irq.name} is on the list of ${whomName(whom)}, which nobody told: asleep, it sleeps on`,
        };
    }
    return null;
  };
}
