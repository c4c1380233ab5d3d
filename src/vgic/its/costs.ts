/**
 * What one operation of the ITS makes the hypervisor do, counted: nodes of its lists that are visited, guest memory that is
 * read and written, table slots that are scanned, locks that are taken (vgic-spec 6.11). Sum and maximum by operation.
 */
import type { VgicState } from '../state.js';
import { Tally } from '../tally.js';
import type { GuestMemory } from './guest-memory.js';
import { resultName } from './result.js';

export const OPERATIONS = [
  'MAPD',
  'MAPC',
  'MAPTI',
  'MAPI',
  'MOVI',
  'DISCARD',
  'INV',
  'INVALL',
  'MOVALL',
  'INT',
  'CLEAR',
  'SYNC',
  'unknown',
  'MSI cached',
  'MSI uncached',
  'save',
  'restore',
  'save pending',
  'drop all',
  'enable LPIs',
  'disable LPIs',
  'INVLPIR',
  'INVALLR',
] as const;
export type Operation = (typeof OPERATIONS)[number];
const INDEX = Object.fromEntries(OPERATIONS.map((operation, index) => [operation, index])) as Record<Operation, number>;

export const METRICS = [
  'device nodes',
  'event nodes',
  'collection nodes',
  /** Nodes of the LPI index that lookups of one LPI visited. */
  'LPI nodes',
  /** LPIs that walks of the whole index visited. */
  'LPIs walked',
  'cache nodes',
  'guest reads',
  'guest writes',
  'table slots',
  /** irq_lock and list locks, as the core counts them. Zero in the plain build. */
  'locks',
] as const;
export type Metric = (typeof METRICS)[number];

const NR_METRICS = METRICS.length;
const LOCKS = NR_METRICS - 1;
const LPI_NODES = METRICS.indexOf('LPI nodes');

/** Steps (everything counted) and locks of what runs in one go under a mutex, with interrupts on (vgic-spec 1.23, 6.2). */
export interface Stretch {
  readonly steps: Tally;
  readonly locks: Tally;
}

const createStretch = (): Stretch => ({ steps: new Tally(), locks: new Tally() });

export class ItsCosts {
  deviceNodes = 0;
  eventNodes = 0;
  collectionNodes = 0;
  lpiNodes = 0;
  lpisWalked = 0;
  cacheNodes = 0;
  slots = 0;
  readonly #memory: GuestMemory;
  readonly #cost: VgicState['cost'];
  /** Totals before the operation in progress, and of it. */
  readonly #before = new Float64Array(NR_METRICS);
  readonly #last = new Float64Array(NR_METRICS);
  readonly #calls = new Float64Array(OPERATIONS.length);
  readonly #sum = new Float64Array(OPERATIONS.length * NR_METRICS);
  readonly #max = new Float64Array(OPERATIONS.length * NR_METRICS);
  readonly #stretches: readonly Stretch[] = OPERATIONS.map(createStretch);
  /** All commands of one write to GITS_CWRITER. */
  readonly queue = createStretch();
  #workDone = 0;
  readonly #walksAreInCore: boolean;
  /** By operation: result → times. */
  readonly #results = OPERATIONS.map(() => new Map<number, number>());

  constructor(memory: GuestMemory, { cost, flavour }: VgicState) {
    this.#memory = memory;
    this.#cost = cost;
    this.#walksAreInCore = flavour.its?.lpiIndex === 'list';
  }

  begin(): void {
    this.#total(this.#before);
  }

  /** Books what happened since begin() and returns `result`. Operations do not nest. */
  end(operation: Operation, result: number): number {
    const last = this.#last;
    this.#total(last);
    const index = INDEX[operation];
    for (let metric = 0; metric < NR_METRICS; metric++) {
      last[metric] -= this.#before[metric];
      const at = index * NR_METRICS + metric;
      this.#sum[at] += last[metric];
      if (last[metric] > this.#max[at]) this.#max[at] = last[metric];
    }
    this.#calls[index] += 1;
    const steps = this.lastSteps();
    this.#stretches[index].steps.add(steps);
    this.#stretches[index].locks.add(last[LOCKS]);
    this.#workDone += steps - last[LOCKS] - (this.#walksAreInCore ? last[LPI_NODES] : 0);
    const results = this.#results[index];
    results.set(result, (results.get(result) ?? 0) + 1);
    return result;
  }

  /** Of the operation that ended last. */
  last(metric: Metric): number {
    return this.#last[METRICS.indexOf(metric)];
  }

  /** Of the operation that ended last: all but the locks, and the locks. */
  lastSteps(): number {
    return this.#last.reduce((sum, value) => sum + value, 0);
  }

  /** Steps of all operations that the core has not counted: its locks, and the walks to an LPI that it knows (lpi-order.ts). */
  work(): number {
    return this.#workDone;
  }

  stretchOf(operation: Operation): Stretch {
    return this.#stretches[INDEX[operation]];
  }

  /** "MAPTI calls", "MAPTI event nodes", "MAPTI event nodes max", "restore -EINVAL"; what is 0 is left out. */
  counts(): Record<string, number> {
    const counts: Record<string, number> = {};
    OPERATIONS.forEach((operation, index) => {
      if (this.#calls[index] === 0) return;
      counts[`${operation} calls`] = this.#calls[index];
      for (const [result, times] of this.#results[index]) counts[`${operation} ${resultName(result)}`] = times;
      METRICS.forEach((metric, at) => {
        const place = index * NR_METRICS + at;
        if (this.#sum[place] === 0) return;
        counts[`${operation} ${metric}`] = this.#sum[place];
        counts[`${operation} ${metric} max`] = this.#max[place];
      });
    });
    return counts;
  }

  #total(into: Float64Array): void {
    into[0] = this.deviceNodes;
    into[1] = this.eventNodes;
    into[2] = this.collectionNodes;
    into[3] = this.lpiNodes;
    into[4] = this.lpisWalked;
    into[5] = this.cacheNodes;
    into[6] = this.#memory.reads;
    into[7] = this.#memory.writes;
    into[8] = this.slots;
    into[LOCKS] = this.#cost.locksSoFar();
  }
}
