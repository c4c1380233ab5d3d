/** From an archive to the programs that are kept. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { doing, type GuestProgram } from '../hostile/program.js';
import { cellIndex } from './archive.js';
import { defaultAttacker } from './attacker.js';
import { coverArchive } from './cover.js';
import { dimensionIndex } from './dimensions.js';
import { createEvaluator } from './evaluate.js';
import { largeLimits, type SearchState, startSearch } from './search.js';

const FLUSH = dimensionIndex('flush-steps');
const PRUNE = dimensionIndex('prune-steps');

const queued = (...more: readonly ReturnType<typeof doing>[]): GuestProgram => ({
  model: 'gicv3',
  vcpus: 1,
  setUp: [doing('pend'), ...more, doing('enter')],
  round: [],
  rounds: 0,
});
const FEW = queued(doing('unpend', { from: 8 }));
const ALL = queued();

function archiveOf(
  ...champions: readonly [dimension: number, target: number, program: GuestProgram, figure: number][]
) {
  const state: SearchState = startSearch({
    seed: 1,
    attacker: defaultAttacker,
    targets: ['fifo', 'sort-on-flush'].map((strategy) => ({ flavour: 'kvm-6.1', strategy })),
    small: { n: 8, nrLr: 4 },
    large: { n: 32, nrLr: 4 },
    work: 1000,
  });
  for (const [dimension, target, program, figure] of champions)
    state.large[cellIndex(target, dimension)] = { program, figure, score: figure };
  return coverArchive(state, createEvaluator(defaultAttacker, largeLimits(state.settings)), 0.95);
}

test('one program for all strategies that it is the worst of, and no more than are needed', () => {
  const [cover, ...others] = archiveOf([FLUSH, 0, ALL, 1], [FLUSH, 1, FEW, 1], [PRUNE, 0, ALL, 1]).filter(
    ({ dimension }) => dimension === PRUNE,
  );
  assert.deepEqual(others, []);
  assert.deepEqual(cover.program, ALL);
  assert.deepEqual(
    cover.targets.map(({ strategy }) => strategy),
    ['fifo'],
  );
});

test('what an older version counted is counted again', () => {
  // Nothing reaches such a figure, or it is an empty one by now.
  const covers = archiveOf([PRUNE, 0, ALL, 1e9], [PRUNE, 1, ALL, 1], [FLUSH, 0, { ...ALL, setUp: [] }, 5]);
  assert.deepEqual(
    covers.map(({ dimension, targets }) => [dimension, targets.length]),
    [[PRUNE, 2]],
  );
  const [{ targets }] = covers;
  // A visit and a lock each, and the lock of the list.
  assert.ok(targets.every(({ figure }) => figure === 2 * 32 + 1));
});
