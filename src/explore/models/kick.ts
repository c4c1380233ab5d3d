/**
 * The kick against a guest entry: an interrupt queued behind the flush must make the vCPU leave the guest again (vgic-spec 1.9,
 * 1.10). A vCPU in the guest is what a sleeper is elsewhere: it goes on when an IPI arrives. The list stands for "all entries are
 * in LRs, or a new one is not"; its lock is left out, because what a lock orders by the way would hide some of the barriers.
 */
import type { Model, Variant } from '../model.js';
import type { System } from '../system.js';
import { createWeakSystem, type Operation } from '../weak-memory.js';

const LIST = 0;
const REQ = 1;
const MODE = 2;
const IPI = 3;
const VALUE_NAMES: readonly (readonly string[])[] = [
  ['all in LRs', 'a new entry'],
  ['0', '1'],
  ['OUTSIDE', 'IN_GUEST'],
  ['none', 'sent'],
];

interface Rules {
  /** Barrier between consuming the requests and the flush. */
  readonly mbAfterConsume: boolean;
  /** Barrier between mode := IN_GUEST and the second look at the requests. */
  readonly mbAfterMode: boolean;
  /** That second look. */
  readonly rechecks: boolean;
  /** Barrier between the request and the look at the mode. */
  readonly mbBeforeMode: boolean;
}

const KVM: Rules = { mbAfterConsume: true, mbAfterMode: true, rechecks: true, mbBeforeMode: true };

const write = (at: number, value: number): Operation => ({ kind: 'write', at, value });
const read = (at: number): Operation => ({ kind: 'read', at });
const mb = (isThere: boolean): Operation[] => (isThere ? [{ kind: 'mb' }] : []);

/** IPIs that arrived before interrupts went off are dealt with; later ones end the guest run as soon as it begins. */
const TAKE_IPIS: readonly Operation[] = [write(MODE, 0), write(IPI, 0), { kind: 'mb' }];

function createSystem(
  entry: readonly Operation[],
  recheckedAt: number,
  kick: readonly Operation[],
  names: readonly [string, string],
  maxTurns: number,
): System {
  return createWeakSystem({
    locations: [
      ['list', 0],
      ['req', 0],
      ['mode', 0],
      ['IPI', 0],
    ],
    threads: [
      {
        name: names[0],
        turn: { operations: entry, decide: (seen) => (seen[recheckedAt] === 1 ? 'loop' : 'schedule') },
      },
      { name: names[1], turn: { operations: kick } },
    ],
    sleeps: { at: IPI, equals: 0 },
    maxTurns,
    valueName: (at, value) => VALUE_NAMES[at][value],
    decisionName: (decision, stays) => {
      if (decision === 'schedule') return stays ? 'runs the guest' : 'runs the guest, exits at once: IPI';
      return decision === 'wake' ? 'exits: IPI' : 'starts again: a request';
    },
    atRest: (memory, inGuest) =>
      inGuest.length > 0 && memory[LIST] === 1
        ? { kind: 'lost-wakeup', text: 'the guest runs on with a new entry in the list, in no LR, and no IPI comes' }
        : null,
  });
}

/** KVM: a request bit, looked at once more when the mode says IN_GUEST. */
function createKvm(rules: Rules, maxTurns: number): System {
  const untilMode: Operation[] = [
    ...TAKE_IPIS,
    write(REQ, 0),
    ...mb(rules.mbAfterConsume),
    write(LIST, 0),
    write(MODE, 1),
    ...mb(rules.mbAfterMode),
  ];
  const asked: Operation[] = [write(LIST, 1), { kind: 'wmb' }, write(REQ, 1), ...mb(rules.mbBeforeMode)];
  return createSystem(
    rules.rechecks ? [...untilMode, read(REQ)] : untilMode,
    untilMode.length,
    [...asked, read(MODE), { kind: 'write-if', at: IPI, value: 1, given: asked.length, equals: 1, wmb: false }],
    ['vCPU entry', 'queue and kick'],
    maxTurns,
  );
}

/** Xen: no request bit; a running vCPU gets an IPI whatever it does. */
const createXen = (sendsIpi: boolean, maxTurns: number): System =>
  createSystem(
    [...TAKE_IPIS, write(LIST, 0), write(MODE, 1)],
    -1,
    [write(LIST, 1), ...(sendsIpi ? [{ kind: 'wmb' } as const, write(IPI, 1)] : [])],
    ['vCPU entry', sendsIpi ? 'queue and kick' : 'queue and unblock'],
    maxTurns,
  );

/** Entries of one vCPU that are followed: one kick causes at most a second start and an exit. */
const MAX_TURNS = 3;

export function kickVariants(maxTurns = MAX_TURNS): Variant[] {
  const variant = (id: string, summary: string, isBroken: boolean, create: () => System): Variant => ({
    id,
    summary,
    expected: isBroken ? 'lost-wakeup' : null,
    create,
  });
  const without = (id: string, summary: string, missing: Partial<Rules>): Variant =>
    variant(id, summary, true, () => createKvm({ ...KVM, ...missing }, maxTurns));
  return [
    variant('kvm', 'request, mode, IPI (KVM)', false, () => createKvm(KVM, maxTurns)),
    without('kvm-no-recheck', 'KVM, requests not looked at again', { rechecks: false }),
    without('kvm-no-mode-mb', 'KVM, no barrier between mode := IN_GUEST and the second look', { mbAfterMode: false }),
    without('kvm-no-kick-mb', 'KVM, no barrier between request and look at the mode', { mbBeforeMode: false }),
    without('kvm-no-consume-mb', 'KVM, no barrier between consuming requests and flush', { mbAfterConsume: false }),
    variant('xen', 'unblock and IPI (xen-new as merged)', false, () => createXen(true, maxTurns)),
    variant('xen-unblock', 'unblock only, which does nothing to a running vCPU (as posted)', true, () =>
      createXen(false, maxTurns),
    ),
  ];
}

export const kick: Model = {
  id: 'kick',
  summary: 'an interrupt is queued and its vCPU kicked while that enters the guest, on weakly ordered memory',
  variants: kickVariants(),
};
