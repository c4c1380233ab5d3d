/**
 * An LPI that the translation cache of the ITS holds a reference to (vgic-spec 1.6, 6.1): an MSI finds it there while commands
 * take it out. Two published defects (8.3) are one line each in the specification, which says what went wrong, not by which
 * steps; the broken variants are one way to it.
 */
import { createLockMachine } from '../lock-machine.js';
import type { Access, Assembler, Cell, Lock } from '../lock-program.js';
import type { Model, Variant } from '../model.js';
import type { ProblemKind, System } from '../system.js';

interface CacheRules {
  /** An MSI that hits takes a reference before it leaves the lock, and puts it after use (1.6: every lookup). */
  readonly hitHolds: boolean;
  /** The cache's reference is put by whom the entry was taken out by; otherwise by everyone who saw it. */
  readonly putsOnce: boolean;
}

interface Cache {
  readonly lock: Lock;
  /** Is the LPI in the cache? */
  readonly entry: Cell;
  /** References: atomic, so no lock guards them. 0: the LPI is freed. */
  readonly refs: Cell;
}

/** Place of lpi_list_lock in the lock order (1.5): kvm-6.1 keeps the cache under it. */
const LPI_LIST_RANK = 7;

function use(access: Access, { refs }: Cache, what: string): number {
  const left = access.get(refs);
  if (left === 0) access.fail('use-after-free', `${what} the LPI, which is freed`);
  return left;
}

function put(p: Assembler, cache: Cache, whose: string, next?: string): void {
  p.step(
    (value) => `puts ${whose} reference: ${value} left`,
    { reads: [cache.refs], writes: [cache.refs], jumps: next === undefined ? [] : [next] },
    (access) => {
      const left = use(access, cache, `puts a reference to`);
      access.set(cache.refs, Math.max(0, left - 1));
      if (next !== undefined) access.goto(next);
      return Math.max(0, left - 1);
    },
  );
}

/** An MSI by way of the cache. */
function signal(p: Assembler, cache: Cache, { hitHolds }: CacheRules): void {
  p.lock(cache.lock);
  p.step(
    (value) => (value === 1 ? 'finds the LPI in the cache' : 'misses'),
    { reads: [cache.entry], jumps: ['miss'] },
    (access) => {
      const found = access.get(cache.entry);
      if (found === 0) access.goto('miss');
      return found;
    },
  );
  if (hitHolds) {
    p.step(
      (value) => `takes a reference: ${value}`,
      { reads: [cache.refs], writes: [cache.refs] },
      (access) => {
        const refs = use(access, cache, 'takes a reference to') + 1;
        access.set(cache.refs, refs);
        return refs;
      },
    );
  }
  p.unlock(cache.lock);
  p.step('makes the LPI pending', { reads: [cache.refs] }, (access) => use(access, cache, 'makes pending'));
  if (hitHolds) put(p, cache, 'its', 'end');
  else p.step('is done', { jumps: ['end'] }, ({ goto }) => leave(goto));
  p.label('miss');
  p.unlock(cache.lock);
  p.label('end');
}

function leave(goto: (label: string) => void): number {
  goto('end');
  return 0;
}

/** Takes the entry out. */
function invalidate(p: Assembler, cache: Cache, { putsOnce }: CacheRules): void {
  const found = p.local('found');
  const look = (text: string, erases: boolean): void =>
    p.step(
      (value) => `${text}: ${value === 1 ? 'there' : 'nothing there'}`,
      { reads: [cache.entry], writes: erases ? [cache.entry] : [], jumps: ['none'] },
      (access) => {
        const isThere = access.get(cache.entry);
        if (erases) access.set(cache.entry, 0);
        access.set(found, isThere);
        if (isThere === 0) access.goto('none');
        return isThere;
      },
    );
  if (putsOnce) {
    p.lock(cache.lock);
    look('takes the entry out', true);
    p.unlock(cache.lock);
    put(p, cache, "the cache's", 'end');
    p.label('none');
    p.unlock(cache.lock);
    p.label('end');
    return;
  }
  p.lock(cache.lock);
  look('looks for the entry', false);
  p.unlock(cache.lock);
  p.lock(cache.lock);
  p.step('erases the entry', { writes: [cache.entry] }, ({ set }) => {
    set(cache.entry, 0);
    return 0;
  });
  p.unlock(cache.lock);
  put(p, cache, "the cache's", 'end');
  p.label('none');
  p.unlock(cache.lock);
  p.label('end');
}

/** References of a mapped LPI in the cache: the ITE's and the cache's. */
const ITE_AND_CACHE = 2;

function create(rules: CacheRules, invalidations: number, isSignalled: boolean, isDiscarded: boolean): System {
  const machine = createLockMachine();
  const lock = machine.lock('lpi_list_lock', LPI_LIST_RANK);
  const cache: Cache = {
    lock,
    entry: machine.cell('cache entry', 1, [lock]),
    refs: machine.cell('references', ITE_AND_CACHE),
  };
  if (isSignalled) machine.thread('MSI', (p) => signal(p, cache, rules));
  for (let thread = 0; thread < invalidations; thread++) {
    const isDiscard = isDiscarded && thread === 0;
    machine.thread(isDiscard ? 'DISCARD' : `invalidation ${thread}`, (p) => {
      invalidate(p, cache, rules);
      if (isDiscard) put(p, cache, "the ITE's");
    });
  }
  return machine.build({
    atRest: (get) =>
      !isDiscarded && get(cache.refs) === 0
        ? { kind: 'use-after-free', text: 'the ITE leads to an LPI that is freed, and all threads are done' }
        : null,
  });
}

const RIGHT: CacheRules = { hitHolds: true, putsOnce: true };

const variant = (id: string, summary: string, expected: ProblemKind | null, make: () => System): Variant => ({
  id,
  summary,
  expected,
  create: make,
});

export const translationCache: Model = {
  id: 'translation-cache',
  summary: 'an MSI finds an LPI in the translation cache while commands take it out',
  variants: [
    variant('hit', 'MSI, DISCARD; the hit holds a reference', null, () => create(RIGHT, 1, true, true)),
    variant('hit-no-reference', 'MSI, DISCARD; the hit holds none (CVE-2024-26598)', 'use-after-free', () =>
      create({ ...RIGHT, hitHolds: false }, 1, true, true),
    ),
    variant('twice', 'two invalidations; who takes the entry out puts its reference', null, () =>
      create(RIGHT, 2, false, false),
    ),
    variant(
      'twice-put-twice',
      'two invalidations; each that saw the entry puts its reference (CVE-2026-46316)',
      'use-after-free',
      () => create({ ...RIGHT, putsOnce: false }, 2, false, false),
    ),
    variant('all', 'MSI, DISCARD, another invalidation', null, () => create(RIGHT, 2, true, true)),
  ],
};
