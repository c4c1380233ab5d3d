/** What the progress of a search says. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { cellIndex } from '../attack/archive.js';
import { defaultAttacker } from '../attack/attacker.js';
import { dimensionIndex } from '../attack/dimensions.js';
import { startSearch } from '../attack/search.js';
import { doing, type GuestProgram } from '../hostile/program.js';
import { describeShares } from './attack-text.js';

test('the least share is that of the cell which is furthest from what is declared, empty ones first', () => {
  const state = startSearch({
    seed: 1,
    attacker: defaultAttacker,
    targets: [{ flavour: 'kvm-6.1', strategy: 'fifo' }],
    small: { n: 16, nrLr: 4 },
    large: { n: 40, nrLr: 4 },
    work: 1000,
  });
  assert.equal(describeShares(state), 'fifo 0.0 %');
  const program: GuestProgram = { model: 'gicv3', vcpus: 1, setUp: [doing('pend')], round: [], rounds: 0 };
  // All of a pending test that visits and locks 40.
  state.large[cellIndex(0, dimensionIndex('pending-steps'))] = { program, figure: 81, score: 81 };
  assert.equal(describeShares(state), 'fifo 0.0 %');
  for (const path of ['inject', 'rekey', 'flush', 'fold', 'prune'])
    state.large[cellIndex(0, dimensionIndex(`${path}-steps`))] = { program, figure: 1e6, score: 1e6 };
  assert.equal(describeShares(state), 'fifo 100.0 %');
});
