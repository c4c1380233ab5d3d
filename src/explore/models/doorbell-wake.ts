/** The lost wake-up of a doorbell: three protocols between handler and sleeping vCPU, and their barriers (vgic-spec 4.4). */
import type { Model, Variant } from '../model.js';
import type { System } from '../system.js';
import { type Block, createWeakSystem, type Decision, type Operation } from '../weak-memory.js';

const TASK = 0;
const PEND = 1;
const REQ = 2;
/** Values of task: running, about to sleep. */
const RUNNING = 0;
const SLEEPY = 1;

type Protocol = 'P1' | 'P2' | 'P3';

interface VcpuSide {
  readonly protocol: Protocol;
  /** Full barrier between `task := I` and the check. */
  readonly mb: boolean;
  /** P3: read barrier between the request and pend. */
  readonly rmb?: boolean;
  /** P2: a sleeper that was woken reads pend before it prepares to sleep again. */
  readonly readsPendOnWake?: boolean;
  /** P3: the request alone ends the wait. */
  readonly stopsOnRequest?: boolean;
}

interface HandlerSide {
  /** Barrier behind `pend := 1`. */
  readonly barrier: 'none' | 'wmb' | 'mb';
  readonly setsRequest?: boolean;
  /** Full barrier between setting the request and the wake-up. */
  readonly mbBeforeWake?: boolean;
  /** Wake only if task = I. */
  readonly isConditional: boolean;
}

const write = (at: number, value: number): Operation => ({ kind: 'write', at, value });
const read = (at: number, note?: string): Operation => ({ kind: 'read', at, note });
const barrier = (kind: 'mb' | 'wmb' | 'rmb', isThere: boolean): Operation[] => (isThere ? [{ kind }] : []);
const PEND_ONLY: Block = {
  operations: [read(PEND)],
  decide: ([pend]) => (pend === 1 ? 'stop' : 'loop'),
};

/**
 * One turn: prepare, then the check. The thread issues all reads of the check, also when an earlier one settles it: a CPU
 * speculates, and the executions of vgic-spec 4.4 are counted so.
 */
function turnOf({ protocol, mb, rmb = false, stopsOnRequest = false }: VcpuSide): Block {
  const prepare: Operation[] = [write(TASK, SLEEPY), ...barrier('mb', mb)];
  if (protocol === 'P1') return decideBy([...prepare, read(PEND)], (seen) => (seen(PEND) === 1 ? 'stop' : 'schedule'));
  if (protocol === 'P2')
    return decideBy([...prepare, read(TASK), ...barrier('rmb', true), read(PEND, 'counts if task = N')], (seen) =>
      seen(TASK) === SLEEPY ? 'schedule' : seen(PEND) === 1 ? 'stop' : 'loop',
    );
  if (stopsOnRequest) return decideBy([...prepare, read(REQ)], (seen) => (seen(REQ) === 1 ? 'stop' : 'schedule'));
  return decideBy([...prepare, read(REQ), ...barrier('rmb', rmb), read(PEND, 'counts if req = 1')], (seen) =>
    seen(REQ) === 0 ? 'schedule' : seen(PEND) === 1 ? 'stop' : 'loop',
  );
}

/** `seen`: what the turn read at a location, each read once. */
function decideBy(operations: readonly Operation[], decide: (seen: (at: number) => number) => Decision): Block {
  const placeOf = (at: number): number =>
    operations.findIndex((operation) => operation.kind === 'read' && operation.at === at);
  return { operations, decide: (values) => decide((at) => values[placeOf(at)]) };
}

/** `wmb`: does a write barrier hold back the store of a conditional wake-up as well? */
function handlerOf(
  { barrier: kind, setsRequest = false, mbBeforeWake = false, isConditional }: HandlerSide,
  wmb: boolean,
): Block {
  const before: Operation[] = [
    write(PEND, 1),
    ...(kind === 'none' ? [] : barrier(kind, true)),
    ...(setsRequest ? [write(REQ, 1)] : []),
    ...barrier('mb', mbBeforeWake),
  ];
  if (!isConditional) return { operations: [...before, write(TASK, RUNNING)] };
  const wake: Operation = { kind: 'write-if', at: TASK, value: RUNNING, given: before.length, equals: SLEEPY, wmb };
  return { operations: [...before, read(TASK), wake] };
}

const VALUE_NAMES = ['N', 'I'] as const;

/** Turns of the vCPU's loop that are followed (4.4: at most three). */
const MAX_TURNS = 3;

function create(vcpu: VcpuSide, handler: HandlerSide, wmbHoldsWake: boolean, maxTurns: number): System {
  return createWeakSystem({
    locations: [
      ['task', RUNNING],
      ['pend', 0],
      ['req', 0],
    ],
    threads: [
      { name: 'vCPU', turn: turnOf(vcpu), woken: vcpu.readsPendOnWake === true ? PEND_ONLY : undefined },
      { name: 'handler', turn: handlerOf(handler, wmbHoldsWake) },
    ],
    sleeps: { at: TASK, equals: SLEEPY },
    maxTurns,
    valueName: (at, value) => (at === TASK ? VALUE_NAMES[value] : String(value)),
    atRest: (memory, asleep) =>
      asleep.length > 0 && memory[PEND] === 1
        ? { kind: 'lost-wakeup', text: 'the vCPU sleeps with pend = 1, the handler is done, nobody is left to wake it' }
        : null,
  });
}

interface Row {
  readonly id: string;
  readonly summary: string;
  readonly isLost: boolean;
  readonly vcpu: VcpuSide;
  readonly handler: HandlerSide;
}

const P1 = { protocol: 'P1', mb: true } as const;
const P2 = { protocol: 'P2', mb: true } as const;
const P3 = { protocol: 'P3', mb: true, rmb: true } as const;
const WMB = { barrier: 'wmb', isConditional: false } as const;
const CONDITIONAL = { barrier: 'wmb', isConditional: true } as const;
const KICK = { ...CONDITIONAL, setsRequest: true, mbBeforeWake: true } as const;

/** The rows of the table of executions of vgic-spec 4.4, in its order. */
const ROWS: readonly Row[] = [
  { id: 'p1', summary: 'P1, mb; wmb, always wakes', isLost: false, vcpu: P1, handler: WMB },
  {
    id: 'p1-no-wmb',
    summary: 'P1, mb; no barrier, always wakes',
    isLost: true,
    vcpu: P1,
    handler: { ...WMB, barrier: 'none' },
  },
  { id: 'p1-no-mb', summary: 'P1, no mb; wmb, always wakes', isLost: true, vcpu: { ...P1, mb: false }, handler: WMB },
  { id: 'p1-if', summary: 'P1, mb; wmb, wakes if task = I', isLost: true, vcpu: P1, handler: CONDITIONAL },
  {
    id: 'p1-if-mb',
    summary: 'P1, mb; mb, wakes if task = I',
    isLost: false,
    vcpu: P1,
    handler: { ...CONDITIONAL, barrier: 'mb' },
  },
  {
    id: 'p1-if-no-mb',
    summary: 'P1, no mb; mb, wakes if task = I',
    isLost: true,
    vcpu: { ...P1, mb: false },
    handler: { ...CONDITIONAL, barrier: 'mb' },
  },
  { id: 'p2', summary: 'P2 as written', isLost: true, vcpu: P2, handler: WMB },
  {
    id: 'p2-reread',
    summary: 'P2, pend read again after a wake-up',
    isLost: true,
    vcpu: { ...P2, readsPendOnWake: true },
    handler: WMB,
  },
  {
    id: 'p3-no-kick-mb',
    summary: 'P3, mb, rmb; wmb, set, wakes if task = I',
    isLost: true,
    vcpu: P3,
    handler: { ...KICK, mbBeforeWake: false },
  },
  { id: 'p3', summary: 'P3, mb, rmb; wmb, set, mb, wakes if task = I', isLost: false, vcpu: P3, handler: KICK },
  { id: 'p3-no-rmb', summary: 'P3 without rmb', isLost: false, vcpu: { ...P3, rmb: false }, handler: KICK },
  { id: 'p3-no-mb', summary: 'P3 without mb in prepare', isLost: true, vcpu: { ...P3, mb: false }, handler: KICK },
  {
    id: 'p3-request',
    summary: 'P3, stops on req alone (upstream)',
    isLost: false,
    vcpu: { ...P3, stopsOnRequest: true },
    handler: KICK,
  },
];

/** One system a row; `wmbHoldsWake`: the other reading of "wmb between two writes", for a wake-up if task = I. */
export const wakeVariants = (wmbHoldsWake: boolean, maxTurns = MAX_TURNS): Variant[] =>
  ROWS.map(({ id, summary, isLost, vcpu, handler }) => ({
    id,
    summary,
    expected: isLost ? 'lost-wakeup' : null,
    create: () => create(vcpu, handler, wmbHoldsWake, maxTurns),
  }));

export const doorbellWake: Model = {
  id: 'doorbell-wake',
  summary: 'a vCPU goes to sleep while the doorbell handler wakes it, on weakly ordered memory',
  variants: wakeVariants(false),
};
