/**
 * The cost model's shape: function groups of the compiled code, and the counted operations whose weighted sum is a group's
 * instructions. Each branch of the code (vgic-spec 1.8, 1.11-1.14, 1.18, 1.20) that costs something of its own has a weight.
 */
import { type Counts, eventsOf, operation } from './counts.js';

/** `flush-loop` and `exit`: what flush and sync do beside the groups named apart. `guest`: everything beside flush, sync, inject, queue. */
export const GROUPS = [
  'depth-pass',
  'sort',
  'populate',
  'flush-loop',
  'fold',
  'prune',
  'exit',
  'inject',
  'queue',
  'guest',
] as const;
export type GroupId = (typeof GROUPS)[number];

/** fitted: on instruction counts of native-costs; variants: on native-reference 3.5; analogy: no count tells it. */
export type Basis = 'fitted' | 'variants' | 'analogy';

export interface WeightSpec {
  readonly basis: Basis;
  /**
   * What the weight is believed to be before any count is seen, no-op and real locks. A fitted weight moves away from it as
   * soon as a workload tells; one by analogy stays.
   */
  readonly prior?: readonly [noop: number, lock: number];
  /** The six workloads cannot tell it (all have four list registers): the prior counts as much as a workload. */
  readonly isFirm?: true;
  /** Where the prior comes from; what an analogy is with. */
  readonly why?: string;
}

/** Register writes and reads, each one trap. */
const ACCESSES = [
  'enable',
  'priority',
  'pending',
  'active',
  'target',
  'group',
  'group-one',
  'dist-enable',
  'sgi',
  'sgi-pend',
  'mmio-dist',
  'mmio-redist',
  'mmio-dist-byte',
  'mmio-redist-byte',
  'mmio-dist-read',
  'mmio-redist-read',
] as const;
const LPI_OPERATIONS = [
  'lpi-map',
  'lpi-unmap',
  'lpi-config',
  'lpi-move',
  'lpi-clear',
  'lpi-pending',
  'hw-map',
  'hw-unmap',
];

const OWN_LOOP = 'a loop of the same shape of our own, compiled by gcc 12.2 -O2 and counted';

export const WEIGHTS = {
  'depth entry': { basis: 'fitted' },
  'depth call': { basis: 'fitted' },
  'depth senders': { basis: 'fitted', prior: [16, 16], why: 'a bit count of a byte in shifts and masks, and its call' },
  comparison: { basis: 'fitted' },
  'comparison with an active': { basis: 'fitted' },
  'sorted entry': { basis: 'fitted' },
  'fill edge': { basis: 'fitted', prior: [39, 39], why: 'pending level, less one branch' },
  'fill level': { basis: 'fitted' },
  'fill active': { basis: 'fitted', prior: [37, 37], why: 'pending level, less the pending part' },
  'fill GICv2 SGI': { basis: 'fitted', prior: [53, 53], why: OWN_LOOP },
  'fill mapped': { basis: 'analogy', prior: [8, 8], why: OWN_LOOP },
  'empty flush': { basis: 'fitted' },
  flush: { basis: 'fitted' },
  walked: { basis: 'fitted' },
  filled: { basis: 'fitted', prior: [10, 10], why: OWN_LOOP },
  cleared: { basis: 'fitted', prior: [12, 12], isFirm: true, why: OWN_LOOP },
  'oracle to the end': { basis: 'fitted' },
  'fold call': { basis: 'fitted' },
  folded: { basis: 'fitted' },
  'folded on GICv2': { basis: 'fitted', prior: [84, 89], why: 'as a list register of GICv3' },
  notified: { basis: 'fitted', prior: [28, 28], why: 'a call and its arguments' },
  'fold mapped': { basis: 'analogy', prior: [20, 20], why: 'two calls of the physical side' },
  'LPI node': { basis: 'analogy', prior: [5, 5], why: OWN_LOOP },
  'prune call': { basis: 'fitted' },
  visited: { basis: 'fitted' },
  released: { basis: 'fitted' },
  migrated: { basis: 'analogy', prior: [110, 150], why: 'as the append of a new interrupt, and its removal' },
  exit: { basis: 'fitted' },
  'exit on GICv2': { basis: 'fitted' },
  'empty exit': { basis: 'fitted' },
  refused: { basis: 'fitted' },
  'injection queued': { basis: 'fitted' },
  'injection kicked': { basis: 'fitted' },
  'injection not queued': { basis: 'fitted' },
  queued: { basis: 'fitted' },
  kicked: { basis: 'fitted' },
  'not queued': { basis: 'fitted' },
  event: { basis: 'fitted' },
  acknowledge: { basis: 'fitted' },
  'end of interrupt': { basis: 'fitted' },
  access: { basis: 'fitted' },
  'configuration write': {
    basis: 'fitted',
    prior: [1000, 1050],
    why: 'read and write of a word: 32 interrupts found and locked',
  },
  'SGI target': { basis: 'fitted', prior: [40, 45], why: 'an interrupt found, locked and changed' },
  'further interrupt of an access': {
    basis: 'analogy',
    prior: [40, 45],
    why: 'an interrupt found, locked and changed',
  },
  'LPI or mapping operation': { basis: 'analogy', prior: [100, 110], why: 'an access without its trap' },
  'pending test': { basis: 'analogy', prior: [30, 43], why: 'as a depth pass' },
  'pending visit': { basis: 'analogy', prior: [15, 20], why: 'as an entry of the depth pass' },
  'order test': { basis: 'variants' },
  passed: { basis: 'variants' },
  pick: { basis: 'variants' },
  'picked over': { basis: 'variants' },
  distributed: { basis: 'analogy', prior: [45, 50], why: 'a key read as by the order test, and an entry linked twice' },
  moved: { basis: 'analogy', prior: [45, 65], why: 'a removal and an append, and the locks of both' },
  'other visit': { basis: 'analogy', prior: [30, 35], why: 'as an entry that prune keeps' },
  'other comparison': { basis: 'analogy', prior: [28, 49], why: 'as an entry passed at insertion' },
} as const satisfies Readonly<Record<string, WeightSpec>>;
export type WeightId = keyof typeof WEIGHTS;
export const WEIGHT_IDS = Object.keys(WEIGHTS) as WeightId[];
export const specOf = (id: WeightId): WeightSpec => WEIGHTS[id];

export interface Term {
  readonly group: GroupId;
  readonly weight: WeightId;
  readonly count: (counts: Counts) => number;
}

const term = (group: GroupId, weight: WeightId, count: Term['count']): Term => ({ group, weight, count });
const isV2Host = ({ machine }: Counts): boolean => machine.model === 'gicv2';
const listed = (c: Counts): number => operation(c, 'flushes of a list');
const exits = (c: Counts): number => operation(c, 'exits of a list');
const filled = (c: Counts): number => c.paths.flush.lrWrites;
const notNegative = (value: number): number => Math.max(value, 0);

/** Visits of the flush path that no term of its own counts: strategies that keep other structures. */
const otherFlushVisits = (c: Counts): number =>
  c.paths.flush.visits -
  operation(c, 'depth entries') -
  operation(c, 'walked entries') -
  operation(c, 'picked-over entries') -
  operation(c, 'distributed entries');
/** An order test's and a pick's comparisons are part of their entries. */
const otherFlushComparisons = (c: Counts): number =>
  operation(c, 'order-tested entries') > 0 || operation(c, 'picks') > 0
    ? 0
    : notNegative(c.paths.flush.comparisons - operation(c, 'sort comparisons'));
/** Entries passed at insertions and key changes; a strategy may also sort there (hybrid at its threshold). */
const passed = ({ paths: { inject, rekey, flush }, operations }: Counts): number =>
  inject.comparisons + rekey.comparisons - notNegative((operations['sort comparisons'] ?? 0) - flush.comparisons);

/** Key changes that moved an entry: two locks more than a key change or a fold takes. */
const moved = ({ paths: { rekey, fold } }: Counts): number =>
  (rekey.locks - rekey.calls + fold.locks - fold.visits) / 2;

/** Interrupts that accesses touched, less one an access: words of several interrupts. */
const furtherInterrupts = (c: Counts): number =>
  c.paths.rekey.calls +
  c.paths.inject.calls -
  eventsOf(c, 'inject') -
  operation(c, 'SGI targets') -
  (eventsOf(c, ...ACCESSES, 'config', ...LPI_OPERATIONS) - eventsOf(c, 'sgi'));

export const TERMS: readonly Term[] = [
  term('depth-pass', 'depth entry', (c) => operation(c, 'depth entries')),
  term('depth-pass', 'depth call', (c) => (operation(c, 'depth entries') > 0 ? listed(c) : 0)),
  term('depth-pass', 'depth senders', (c) => operation(c, 'depth entries with senders')),
  term('depth-pass', 'order test', (c) => operation(c, 'order-tested entries')),
  term('sort', 'comparison', (c) => operation(c, 'sort comparisons') - operation(c, 'sort comparisons with an active')),
  term('sort', 'comparison with an active', (c) => operation(c, 'sort comparisons with an active')),
  term('sort', 'sorted entry', (c) => operation(c, 'sorted entries')),
  term('sort', 'pick', (c) => operation(c, 'picks')),
  term('sort', 'picked over', (c) => operation(c, 'picked-over entries')),
  term('sort', 'distributed', (c) => operation(c, 'distributed entries')),
  term('sort', 'other comparison', otherFlushComparisons),
  term('populate', 'fill edge', (c) => operation(c, 'filled edge')),
  term('populate', 'fill level', (c) => operation(c, 'filled level')),
  term('populate', 'fill active', (c) => operation(c, 'filled active')),
  term('populate', 'fill GICv2 SGI', (c) => operation(c, 'filled GICv2 SGI')),
  term('populate', 'fill mapped', (c) => operation(c, 'filled mapped')),
  term('flush-loop', 'empty flush', (c) => c.paths.flush.calls - listed(c)),
  term('flush-loop', 'flush', listed),
  term('flush-loop', 'walked', (c) => operation(c, 'walked entries')),
  term('flush-loop', 'oracle to the end', (c) => operation(c, 'walked entries') - operation(c, 'walked actives')),
  term('flush-loop', 'filled', filled),
  term('flush-loop', 'cleared', (c) => notNegative(c.machine.nrLr * listed(c) - filled(c))),
  term('flush-loop', 'other visit', (c) => notNegative(otherFlushVisits(c))),
  term('fold', 'fold call', exits),
  term('fold', 'folded', (c) => (isV2Host(c) ? 0 : operation(c, 'folded'))),
  term('fold', 'folded on GICv2', (c) => (isV2Host(c) ? operation(c, 'folded') : 0)),
  term('fold', 'notified', (c) => operation(c, 'folded notified')),
  term('fold', 'fold mapped', (c) => operation(c, 'folded mapped')),
  term('fold', 'passed', (c) => c.paths.fold.comparisons),
  term('fold', 'LPI node', (c) => c.lookupNodes.fold),
  term('prune', 'prune call', exits),
  term('prune', 'visited', (c) => c.paths.prune.visits),
  term('prune', 'oracle to the end', (c) => notNegative(c.paths.prune.visits - operation(c, 'kept actives'))),
  term('prune', 'released', (c) => operation(c, 'released')),
  term('prune', 'migrated', (c) => operation(c, 'migrated')),
  term('prune', 'passed', (c) => c.paths.prune.comparisons),
  term('exit', 'exit', exits),
  term('exit', 'exit on GICv2', (c) => (isV2Host(c) ? exits(c) : 0)),
  term('exit', 'empty exit', (c) => c.paths.fold.calls - exits(c)),
  term('inject', 'refused', (c) => c.refused),
  term('inject', 'injection queued', (c) => operation(c, 'injections queued')),
  term('inject', 'injection kicked', (c) => operation(c, 'injections kicked while queued')),
  term('inject', 'injection not queued', (c) => operation(c, 'injections not queued')),
  term('inject', 'LPI node', (c) => operation(c, 'LPI nodes of injections')),
  term('queue', 'queued', (c) => operation(c, 'queued') - operation(c, 'injections queued')),
  term('queue', 'kicked', (c) => operation(c, 'kicked while queued') - operation(c, 'injections kicked while queued')),
  term('queue', 'not queued', (c) => operation(c, 'not queued') - operation(c, 'injections not queued')),
  term('queue', 'passed', passed),
  term('queue', 'moved', (c) => notNegative(moved(c))),
  term('queue', 'other visit', (c) => c.paths.inject.visits + c.paths.rekey.visits),
  term('guest', 'event', (c) => c.events),
  term('guest', 'acknowledge', (c) => eventsOf(c, 'ack')),
  term('guest', 'end of interrupt', (c) => eventsOf(c, 'eoi', 'deactivate')),
  term('guest', 'access', (c) => eventsOf(c, ...ACCESSES)),
  term('guest', 'configuration write', (c) => eventsOf(c, 'config')),
  term('guest', 'SGI target', (c) => operation(c, 'SGI targets')),
  term('guest', 'further interrupt of an access', (c) => notNegative(furtherInterrupts(c))),
  term('guest', 'LPI or mapping operation', (c) => eventsOf(c, ...LPI_OPERATIONS)),
  term('guest', 'LPI node', (c) => notNegative(c.lookupNodes.other - operation(c, 'LPI nodes of injections'))),
  term('guest', 'pending test', (c) => c.paths.pending.calls),
  term('guest', 'pending visit', (c) => c.paths.pending.visits),
];

/** queue_irq_unlock whoever calls it: what native-costs counts as `ir_queue`; the group `queue` leaves out what injections call. */
export const QUEUE_TERMS: readonly Term[] = [
  term('queue', 'queued', (c) => operation(c, 'queued')),
  term('queue', 'kicked', (c) => operation(c, 'kicked while queued')),
  term('queue', 'not queued', (c) => operation(c, 'not queued')),
];
