/** Two models of one ITS machine side by side: whatever can be asked of both must be the same. */
import type { ConformTarget } from '../../conform/target.js';
import { HIGH_LPIS, LPIS, TABLE_SLOTS } from './its-layout.js';
import { itsOf, pendingAddress } from './its-machine.js';

export interface Difference {
  /** Such as "LPI 8192.priority". */
  readonly field: string;
  readonly core: unknown;
  readonly reference: unknown;
}

/** What has been seen so far and is looked at from then on. */
export interface Watch {
  readonly lpis: Set<number>;
  /** Addresses of 8-byte words. */
  readonly words: Set<number>;
}

const wordAt = (address: number): number => address - (address % 8);

export function createWatch(nrVcpus: number): Watch {
  const lpis = new Set([...LPIS, ...HIGH_LPIS]);
  const words = new Set(TABLE_SLOTS);
  for (let vcpu = 0; vcpu < nrVcpus; vcpu++) for (const lpi of lpis) words.add(wordAt(pendingAddress(vcpu, lpi)));
  return { lpis, words };
}

/** Slots of an interrupt translation table beyond this many are watched only where an event was mapped. */
const MAX_SLOTS_WATCHED = 32;

/** LPIs and table slots of what is mapped now. */
export function watchMapped({ lpis, words }: Watch, target: ConformTarget): void {
  for (const { itt, bits, entries } of itsOf(target).tables().devices) {
    for (let slot = 0; slot < Math.min(2 ** bits, MAX_SLOTS_WATCHED); slot++) words.add(itt + 8 * slot);
    for (const { event, lpi } of entries) {
      lpis.add(lpi);
      words.add(itt + 8 * event);
    }
  }
}

const isObject = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === 'object' && value !== null;

/** The first place where two structures part; `field` is made only when there is one. */
export function findDifference(field: () => string, core: unknown, reference: unknown): Difference | undefined {
  if (!isObject(core) || !isObject(reference))
    return Object.is(core, reference) ? undefined : { field: field(), core, reference };
  for (const name in reference) {
    const found = findDifference(() => `${field()}.${name}`, core[name], reference[name]);
    if (found) return found;
  }
  const extra = Object.keys(core).find((name) => !(name in reference));
  return extra === undefined ? undefined : { field: `${field()}.${extra}`, core: core[extra], reference: undefined };
}

type Question = readonly [field: string, ask: (target: ConformTarget) => unknown];

const listQuestions = (nrVcpus: number): Question[] => [
  ['tables', (target) => itsOf(target).tables()],
  ['kicks', (target) => target.kicks()],
  ['stop of the host', (target) => target.fatal()],
  ...Array.from({ length: nrVcpus }, (_, vcpu) => questionsOfVcpu(vcpu)).flat(),
];

const questionsOfVcpu = (vcpu: number): Question[] => [
  [`list of vCPU ${vcpu}`, (target) => target.list(vcpu)],
  [`list registers of vCPU ${vcpu}`, (target) => target.lrs(vcpu).map(({ slot, lo, hi }) => [slot, lo | 0, hi | 0])],
  [`HCR of vCPU ${vcpu}`, (target) => target.hcr(vcpu) >>> 0],
];

/**
 * Tables, list registers, lists, kicks, every LPI watched with its references and, if `withMemory`, every word watched; the
 * first difference, or undefined.
 */
export function compareIts(
  core: ConformTarget,
  reference: ConformTarget,
  watch: Watch,
  withMemory = true,
): Difference | undefined {
  for (const [field, ask] of listQuestions(core.machine.nrVcpus)) {
    const found = findDifference(() => field, ask(core), ask(reference));
    if (found) return found;
  }
  for (const lpi of watch.lpis) {
    const found = findDifference(() => `LPI ${lpi}`, core.irq(0, lpi), reference.irq(0, lpi));
    if (found) return found;
  }
  return withMemory ? compareMemory(core, reference, watch) : undefined;
}

function compareMemory(core: ConformTarget, reference: ConformTarget, { words }: Watch): Difference | undefined {
  const [ours, theirs] = [itsOf(core), itsOf(reference)];
  for (const address of words) {
    const [word, expected] = [ours.readMemory(address), theirs.readMemory(address)];
    if (word !== expected) return { field: `memory ${address.toString(16)}`, core: word, reference: expected };
  }
  return undefined;
}
