/** queue_unlock against register writes, a second injector and prune, in its window (vgic-spec 1.8). */
import type { Assembler } from '../lock-program.js';
import type { Model, Variant } from '../model.js';
import type { ProblemKind, System } from '../system.js';
import { atRest, createVgicMachine, type Interrupt, type InterruptState, type Vgic } from './interrupt.js';
import { KVM_PRUNE, prune } from './prune-program.js';
import { disable, enable, inject, type QueueRules, retarget, UPSTREAM } from './queue-program.js';

/** No handlers here, so no steps that turn interrupts off and on. */
const RULES: QueueRules = { ...UPSTREAM, irqsave: false };

type Write = (p: Assembler, vgic: Vgic, irq: Interrupt, rules: QueueRules) => void;

/** What runs against each other; every one is a thread of one operation. */
const THREADS = {
  injector: inject,
  'injector B': inject,
  ISENABLER: enable,
  ICENABLER: (p, _, irq) => disable(p, irq),
  ITARGETSR: (p, _, irq) => retarget(p, irq, 1),
  'prune 0': (p, vgic, irq) => prune(p, vgic, 0, [irq], KVM_PRUNE),
} satisfies Readonly<Record<string, Write>>;

type ThreadName = keyof typeof THREADS;

interface Setting {
  readonly threads: readonly ThreadName[];
  readonly start?: InterruptState;
}

function create({ threads, start }: Setting, rules: QueueRules): System {
  const vgic = createVgicMachine();
  const irq = vgic.interrupt('SPI', start);
  for (const name of threads) {
    const write: Write = THREADS[name];
    vgic.machine.thread(name, (p) => write(p, vgic, irq, rules));
  }
  return vgic.machine.build({ atRest: atRest(vgic, [irq]) });
}

const DISABLE: Setting = { threads: ['injector', 'ICENABLER'] };
const RETARGET: Setting = { threads: ['injector', 'ITARGETSR'] };
const TWICE: Setting = { threads: ['injector', 'injector B'] };
/** On the list of vCPU 0, already retargeted to vCPU 1, not pruned yet. */
const QUEUED: Setting = { threads: ['injector', 'prune 0'], start: { latch: true, target: 1, queuedOn: 0 } };
/** Pending, but not enabled yet. */
const ENABLE: Setting = { threads: ['ISENABLER', 'injector', 'ITARGETSR'], start: { enabled: false, latch: true } };
const ALL: Setting = { threads: ['injector', 'injector B', 'ICENABLER', 'ITARGETSR', 'prune 0'] };

const upstream = (id: string, summary: string, setting: Setting): Variant => ({
  id,
  summary,
  expected: null,
  create: () => create(setting, RULES),
});
const broken = (
  id: string,
  summary: string,
  expected: ProblemKind,
  setting: Setting,
  without: Partial<QueueRules>,
): Variant => ({ id, summary, expected, create: () => create(setting, { ...RULES, ...without }) });

const NO_RECHECK = { rechecksOwner: false, rechecksOracle: false };

export const queue: Model = {
  id: 'queue',
  summary: 'queue_unlock drops irq_lock to take the list lock: what happens in the window',
  variants: [
    upstream('disable', 'inject against ICENABLER', DISABLE),
    broken(
      'disable-no-recheck',
      'inject against ICENABLER, no check after relocking',
      'queued-disabled',
      DISABLE,
      NO_RECHECK,
    ),
    upstream('retarget', 'inject against ITARGETSR', RETARGET),
    broken(
      'retarget-no-recheck',
      'inject against ITARGETSR, no check after relocking',
      'wrong-list',
      RETARGET,
      NO_RECHECK,
    ),
    broken('retarget-no-retry', 'inject against ITARGETSR, gives up if the check fails', 'lost-interrupt', RETARGET, {
      retries: false,
    }),
    upstream('twice', 'inject twice', TWICE),
    broken('twice-no-recheck', 'inject twice, no check after relocking', 'queued-twice', TWICE, NO_RECHECK),
    broken('twice-no-owner-recheck', 'inject twice, only the oracle checked after relocking', 'queued-twice', TWICE, {
      rechecksOwner: false,
    }),
    upstream('queued', 'inject while on the old list, against prune', QUEUED),
    broken('queued-no-owner', 'inject while on the old list, irq.vcpu never looked at', 'two-lists', QUEUED, {
      checksOwner: false,
      rechecksOwner: false,
    }),
    upstream('enable', 'ISENABLER of a pending one against inject and ITARGETSR', ENABLE),
    upstream('all', 'inject twice against ICENABLER, ITARGETSR and prune', ALL),
  ],
};
