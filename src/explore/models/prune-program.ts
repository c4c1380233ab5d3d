/** What takes interrupts off a list: prune with its migration (vgic-spec 1.20), and EnableLPIs going off (2.5). */
import type { Assembler } from '../lock-program.js';
import { append, type Interrupt, NOBODY, oracle, oracleReads, unlink, type Vgic, whomName } from './interrupt.js';
import { kick } from './queue-program.js';

export interface PruneRules {
  /** Both list locks: the smaller vCPU first; otherwise the own one first. */
  readonly ascending: boolean;
  /** After all locks were dropped and taken again: is the interrupt still on this list (KVM only)? */
  readonly rechecksOwner: boolean;
  /** Likewise: does the oracle still name the same vCPU? */
  readonly rechecksOracle: boolean;
  /** Tell the new owner (KVM only). */
  readonly kicks: boolean;
}

export const KVM_PRUNE: PruneRules = { ascending: true, rechecksOwner: true, rechecksOracle: true, kicks: true };

/** Prune of `vcpu`: looks at the interrupts in the order given, those that are on its list. */
export function prune(
  p: Assembler,
  vgic: Vgic,
  vcpu: number,
  interrupts: readonly Interrupt[],
  rules: PruneRules = KVM_PRUNE,
): void {
  const me = vcpu + 1;
  const [own, other] = [vgic.listLocks[vcpu], vgic.listLocks[1 - vcpu]];
  const [first, second] = rules.ascending && vcpu === 1 ? [other, own] : [own, other];
  const t = p.local('t');
  const moved = p.local('moved');
  p.label('retry');
  p.lock(own);
  for (const [at, irq] of interrupts.entries()) {
    const next = at + 1 < interrupts.length ? `entry ${at + 1}` : 'done';
    const [move, drop, leave, stay] = ['move', 'drop', 'leave', 'stay'].map((name) => `${name} ${at}`);
    p.label(`entry ${at}`);
    p.step(
      (value) => (value > 0 ? `comes to ${irq.name} in its list` : `${irq.name} is not in its list`),
      { reads: [irq.links[vcpu]], jumps: [next] },
      (access) => {
        const links = access.get(irq.links[vcpu]);
        if (links === 0) access.goto(next);
        return links;
      },
    );
    p.lock(irq.lock);
    p.step(
      (value) => `t := oracle: ${whomName(value)}`,
      { reads: oracleReads(irq), jumps: [move, leave, drop] },
      (access) => {
        const whom = oracle(access, irq);
        access.set(t, whom);
        access.goto(whom === NOBODY ? drop : whom === me ? leave : move);
        return whom;
      },
    );
    p.label(drop);
    p.step(`unlinks ${irq.name}`, { writes: [irq.links[vcpu], irq.owner] }, (access) => unlink(access, irq, vcpu));
    p.label(leave);
    p.unlock(irq.lock, next);
    p.label(move);
    p.unlock(irq.lock);
    p.unlock(own);
    p.lock(first);
    p.lock(second);
    p.lock(irq.lock);
    if (rules.rechecksOwner || rules.rechecksOracle) {
      p.step(
        (value) => `checks again: ${value === 1 ? 'still right' : 'something changed'}`,
        { reads: [...oracleReads(irq), irq.owner], jumps: [stay] },
        (access) => {
          const hasLeft = rules.rechecksOwner && access.get(irq.owner) !== me;
          const isOther = rules.rechecksOracle && oracle(access, irq) !== access.get(t);
          if (!hasLeft && !isOther) return 1;
          access.goto(stay);
          return 0;
        },
      );
    }
    p.step(`unlinks ${irq.name}`, { writes: [irq.links[vcpu], irq.owner] }, (access) => unlink(access, irq, vcpu));
    p.step(
      (value) => `appends ${irq.name} to the list of ${whomName(value)}`,
      { reads: oracleReads(irq), writes: [...irq.links, irq.owner] },
      (access) => {
        access.set(moved, access.get(t));
        return append(access, irq, access.get(t));
      },
    );
    p.label(stay);
    p.unlock(irq.lock);
    p.unlock(second);
    p.unlock(first, rules.kicks ? 'kick' : 'retry');
  }
  p.label('kick');
  if (rules.kicks) {
    kick(p, vgic, moved);
    p.step('starts again at the head', { jumps: ['retry'] }, (access) => {
      access.set(moved, NOBODY);
      access.goto('retry');
      return 0;
    });
  }
  p.label('done');
  p.unlock(own);
}

/** EnableLPIs of `vcpu` goes off: every LPI leaves its list and loses its latch. */
export function flushLpis(p: Assembler, vgic: Vgic, vcpu: number, irq: Interrupt): void {
  p.lock(vgic.listLocks[vcpu]);
  p.step(
    (value) => (value > 0 ? `comes to ${irq.name} in the list` : `${irq.name} is not in the list`),
    { reads: [irq.links[vcpu]], jumps: ['done'] },
    (access) => {
      const links = access.get(irq.links[vcpu]);
      if (links === 0) access.goto('done');
      return links;
    },
  );
  p.lock(irq.lock);
  p.step(
    `${irq.name}.pending_latch := 0, unlinks it`,
    { writes: [irq.latch, irq.links[vcpu], irq.owner] },
    (access) => {
      access.set(irq.latch, 0);
      return unlink(access, irq, vcpu);
    },
  );
  p.unlock(irq.lock);
  p.label('done');
  p.unlock(vgic.listLocks[vcpu]);
}
