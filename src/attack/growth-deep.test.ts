/** The growth gate on lists of 57,344 LPIs, and what stays flat there. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { NR_LPIS } from '../gic/intid.js';
import { strategyNamed } from '../strategy/index.js';
import { DEPTHS, growthCurves } from './growth.js';
import { DEEP_FLAVOUR, requireDeclared } from './test-growth.js';

test(`${DEEP_FLAVOUR}: no path of any strategy grows faster or gets longer than declared, up to 57,344 LPIs`, () => {
  requireDeclared(DEEP_FLAVOUR, DEPTHS);
});

/** Steps at 57,344 interrupts, and at 8, by section. */
function endsOf(flavour: string): Map<string, readonly [number, number]> {
  const { curves } = growthCurves([strategyNamed('buckets')], flavour, { depths: { spi: [8], lpi: [8, NR_LPIS] } });
  return new Map(curves.map(({ subject, steps }) => [subject, [steps[0], steps.at(-1) ?? 0]]));
}

/** Sections of buckets that are as long as entries leave in them; EOIcount of the rework walks the core's list. */
const GROWING: Readonly<Record<string, readonly string[]>> = {
  'kvm-6.1': ['prune', 'exit', 'lpis-off'],
  'kvm-7.2': ['fold', 'prune', 'exit', 'lpis-off'],
};

for (const [flavour, growing] of Object.entries(GROWING)) {
  test(`${flavour}: buckets are flat from 8 to 57,344 interrupts but where entries leave`, () => {
    const ends = endsOf(flavour);
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
