/** The ITS study: its figures are those of the model, add up, and are the same every time. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { formatShare } from '../base/number-format.js';
import { countMutants, itsStudy } from './its.js';
import { LPI_COUNTS, measureCosts } from './its-costs.js';
import type { StudyTable } from './study.js';

const study = itsStudy.run({ seed: 1 });
const tableWith = (caption: RegExp): StudyTable => study.tables.find((table) => caption.test(table.caption))!;
const numbersOf = (row: readonly unknown[]): number[] => row.filter((cell) => typeof cell === 'number');

test('every changed image has an outcome, and the answer counts them', () => {
  const outcomes = tableWith(/changed in one way/);
  const images = outcomes.rows.flatMap(numbersOf).reduce((sum, count) => sum + count, 0);
  assert.equal(images, 2000);
  const restored = outcomes.rows.reduce((sum, row) => sum + numbersOf(row)[0], 0);
  assert.match(study.answer[0], new RegExp(`${formatShare(images - restored, images)} are refused`));
  assert.match(study.answer[0], /none leaves an object behind/);
  // A changed entry has the error of vgic-spec 6.10 wherever it is reached.
  const row = (name: string): number[] => numbersOf(outcomes.rows.find(([first]) => first === name)!);
  const [restoredOnes, , , faults] = row('device: ITT outside the memory');
  assert.deepEqual([restoredOnes, faults > 0], [0, true]);
});

test('an INVALL looks each LPI up: quadratic in a list, linear in an index', () => {
  const count = 256;
  const of = (flavour: string): { lookups: number; reads: number } => {
    const { by } = measureCosts(flavour, count).INVALL;
    return { lookups: by['LPI nodes'], reads: by['guest reads'] };
  };
  assert.deepEqual(of('kvm-6.1'), { lookups: (count * (count + 1)) / 2, reads: count });
  assert.deepEqual(of('kvm-7.2'), { lookups: count, reads: count });
});

test('a cached MSI walks at most the entries of the cache', () => {
  const cached = study.chart!.series.find(({ name }) => name === 'MSI, cached, kvm-6.1')!;
  assert.deepEqual(
    cached.values,
    LPI_COUNTS.map((count) => Math.min(count, 64) + 1),
  );
});

test('the same seed, the same images', () => {
  const [once, again, other] = [1, 1, 2].map((seed) => countMutants(seed, 10));
  assert.deepEqual(again, once);
  assert.notDeepEqual(other.outcomes, once.outcomes);
});
