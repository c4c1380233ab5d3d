/** The growth gate on lists of 57,344 LPIs, and what stays flat there. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { NR_LPIS } from '../gic/intid.js';
import { strategies, strategyNamed } from '../strategy/index.js';
import { DEPTHS, growthCurves } from './growth.js';
import { DEEP_FLAVOUR, requireDeclared } from './test-growth.js';

/** Every sixth of the list goes all the way, the others to a quarter: a square is plain there too, and `growth` takes all. */
const isDeep = (at: number): boolean => at % 6 === 0;
const all = strategies.map(({ id }) => strategyNamed(id));

test(`${DEEP_FLAVOUR}: no path of any strategy grows faster or gets longer than declared, up to 57,344 LPIs`, () => {
  requireDeclared(
    DEEP_FLAVOUR,
    DEPTHS,
    all.filter((_, at) => isDeep(at)),
  );
  const quarter = { ...DEPTHS, lpi: DEPTHS.lpi.map((depth) => Math.min(depth, NR_LPIS / 4)) };
  requireDeclared(
    DEEP_FLAVOUR,
    quarter,
    all.filter((_, at) => !isDeep(at)),
  );
});

/** More than any section of a flat strategy has use for: list registers, the EOIs that are counted, a budget. */
const SOME = 64;

/** Steps at 57,344 interrupts, and at 64, by section. */
function endsOf(id: string, flavour: string): Map<string, readonly [number, number]> {
  const { curves } = growthCurves([strategyNamed(id)], flavour, { depths: { spi: [SOME], lpi: [SOME, NR_LPIS] } });
  return new Map(curves.map(({ subject, steps }) => [subject, [steps[0], steps.at(-1) ?? 0]]));
}

/**
 * Sections that are as long as entries leave in them; of bounded-buckets none: what grows in kvm-6.1 is its own, the walk over
 * all LPIs to find the one of a list register.
 */
const GROWING: readonly (readonly [strategy: string, flavour: string, growing: readonly string[]])[] = [
  ['buckets', 'kvm-6.1', ['prune', 'exit', 'lpis-off']],
  ['buckets', 'kvm-7.2', ['prune', 'exit', 'lpis-off']],
  ['bounded-buckets', 'kvm-6.1', ['exit']],
  ['bounded-buckets', 'kvm-7.2', []],
];

for (const [id, flavour, growing] of GROWING) {
  test(`${flavour}: ${id} are flat from 64 to 57,344 interrupts but in ${growing.join(', ') || 'nothing'}`, () => {
    const ends = endsOf(id, flavour);
    assert.ok(ends.has('prune') && ends.has('lpis-off'));
    for (const [section, [short, long]] of ends) {
      if (!growing.includes(section)) assert.ok(long <= short, `${section}: ${short} steps, then ${long}`);
      // Six steps for each that leaves: the visit, five locks.
      else assert.ok(long <= 6 * NR_LPIS + 31 * 10, `${section}: ${long} steps`);
    }
    assert.deepEqual(
      [...ends].filter(([, [short, long]]) => long > 100 * short).map(([section]) => section),
      growing,
    );
  });
}
