/** What queues an interrupt: injection, the register writes beside it, and `queue_unlock` with its window (vgic-spec 1.7, 1.8). */
import type { Assembler, Cell } from '../lock-program.js';
import { append, type Interrupt, NOBODY, oracle, oracleReads, type Vgic, vcpuOf, whomName } from './interrupt.js';

/** The checks of queue_unlock; a broken variant leaves one out. */
export interface QueueRules {
  /** Return at R if the interrupt is on a list already. */
  readonly checksOwner: boolean;
  /** With both locks taken, again: is it on a list by now? */
  readonly rechecksOwner: boolean;
  /** With both locks taken, again: does the oracle name the same vCPU? */
  readonly rechecksOracle: boolean;
  /** Go back to R if that check fails, instead of giving up (modelled on a CPU without handler). */
  readonly retries: boolean;
  /** Take the outer lock with interrupts off. */
  readonly irqsave: boolean;
}

export const UPSTREAM: QueueRules = {
  checksOwner: true,
  rechecksOwner: true,
  rechecksOracle: true,
  retries: true,
  irqsave: true,
};

/** An edge: the latch is set, then the interrupt is queued. */
export function inject(p: Assembler, vgic: Vgic, irq: Interrupt, rules: QueueRules = UPSTREAM): void {
  if (rules.irqsave) p.irqsOff();
  p.lock(irq.lock);
  p.step(`${irq.name}.pending_latch := 1`, { writes: [irq.latch] }, ({ set }) => put(set, irq.latch, 1));
  queueUnlock(p, vgic, irq, rules);
}

/** ISENABLER: enables, then queues. */
export function enable(p: Assembler, vgic: Vgic, irq: Interrupt, rules: QueueRules = UPSTREAM): void {
  if (rules.irqsave) p.irqsOff();
  p.lock(irq.lock);
  p.step(`${irq.name}.enabled := 1`, { writes: [irq.enabled] }, ({ set }) => put(set, irq.enabled, 1));
  queueUnlock(p, vgic, irq, rules);
}

/** ICENABLER: the list is left alone; a queued interrupt is parked until the next prune. */
export function disable(p: Assembler, irq: Interrupt): void {
  p.lock(irq.lock);
  p.step(`${irq.name}.enabled := 0`, { writes: [irq.enabled] }, ({ set }) => put(set, irq.enabled, 0));
  p.unlock(irq.lock);
}

/** IROUTER, ITARGETSR or MOVI: the list is left alone; a queued interrupt moves at the next prune. */
export function retarget(p: Assembler, irq: Interrupt, vcpu: number): void {
  p.lock(irq.lock);
  p.step(`${irq.name}.target_vcpu := ${vcpu}`, { writes: [irq.target] }, ({ set }) => put(set, irq.target, vcpu));
  p.unlock(irq.lock);
}

export function put(set: (cell: Cell, value: number) => void, cell: Cell, value: number): number {
  set(cell, value);
  return value;
}

/** Entered with irq_lock held, left without any lock. */
function queueUnlock(p: Assembler, vgic: Vgic, irq: Interrupt, rules: QueueRules): void {
  const v = p.local('v');
  const listOf = ({ get }: { get(cell: Cell): number }): number => vcpuOf(get(v));
  p.label('R');
  p.step(
    (value) => `v := oracle: ${whomName(value)}`,
    { reads: [...oracleReads(irq), irq.owner], jumps: ['not-queued'] },
    (access) => {
      const whom = oracle(access, irq);
      access.set(v, whom);
      const isQueued = access.get(irq.owner) !== NOBODY;
      if (whom === NOBODY || (rules.checksOwner && isQueued)) access.goto('not-queued');
      return whom;
    },
  );
  p.unlock(irq.lock);
  if (rules.irqsave) p.irqsOn();
  // Window W: anything may change.
  if (rules.irqsave) p.irqsOff();
  p.lockOneOf(vgic.listLocks, listOf);
  p.lock(irq.lock);
  if (rules.rechecksOwner || rules.rechecksOracle) {
    p.step(
      (value) => `checks again: ${value === 1 ? 'still right' : 'something changed'}`,
      { reads: [...oracleReads(irq), irq.owner], jumps: ['again'] },
      (access) => {
        const hasMoved = rules.rechecksOwner && access.get(irq.owner) !== NOBODY;
        const isOther = rules.rechecksOracle && oracle(access, irq) !== access.get(v);
        if (!hasMoved && !isOther) return 1;
        access.goto('again');
        return 0;
      },
    );
  }
  p.step(
    (value) => `appends ${irq.name} to the list of ${whomName(value)}`,
    { reads: oracleReads(irq), writes: [...irq.links, irq.owner] },
    (access) => append(access, irq, access.get(v)),
  );
  p.unlock(irq.lock);
  p.unlockOneOf(vgic.listLocks, listOf, 'kick');
  p.label('again');
  p.unlock(irq.lock);
  p.unlockOneOf(vgic.listLocks, listOf, rules.retries ? undefined : 'end');
  if (rules.irqsave) p.irqsOn();
  if (rules.irqsave) p.irqsOff();
  p.lock(irq.lock, 'R');
  p.label('not-queued');
  p.unlock(irq.lock);
  p.label('kick');
  if (rules.irqsave) p.irqsOn();
  kick(p, vgic, v);
  p.label('end');
}

/** Request and kick of the vCPU that `whom` names, if it names one. */
export function kick(p: Assembler, { kicked }: Vgic, whom: Cell): void {
  p.step(
    (value) => (value === NOBODY ? 'kicks nobody' : `kicks ${whomName(value)}`),
    { writes: [...kicked] },
    ({ get, set }) => {
      if (get(whom) !== NOBODY) set(kicked[vcpuOf(get(whom))], 1);
      return get(whom);
    },
  );
}
