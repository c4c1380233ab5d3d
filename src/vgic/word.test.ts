/** The questions without branches give the oracle's answers, for every combination of the fields they read. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  ACTIVE,
  ENABLED,
  LATCH,
  QUEUED_SHIFT,
  staysHere,
  TARGET_SHIFT,
  targetField,
  targetOf,
  targetOracle,
  WIRE,
  wantsList,
} from './word.js';

/** Everything that is not asked: must not matter. */
const OTHERS = ~(ENABLED | LATCH | WIRE | ACTIVE | (0x7f << TARGET_SHIFT) | (0x7f << QUEUED_SHIFT)) & 0x7fffffff;
const TARGETS = [-1, 0, 1, 63, 125];

function forEachWord(check: (word: number, distEnabled: number) => void): void {
  for (let flags = 0; flags < 16; flags++) {
    const word = (flags & 1 && ENABLED) | (flags & 2 && LATCH) | (flags & 4 && WIRE) | (flags & 8 && ACTIVE);
    for (const target of TARGETS) {
      for (const others of [0, OTHERS]) {
        for (const distEnabled of [0, 1]) check(word | ((target + 1) << TARGET_SHIFT) | others, distEnabled);
      }
    }
  }
}

test('a queued row stays exactly if the oracle sends it to the list that it is on', () => {
  let stays = 0;
  forEachWord((word, distEnabled) => {
    for (const vcpu of [0, 1, 63, 125]) {
      const queued = word | ((vcpu + 1) << QUEUED_SHIFT);
      const expected = targetOracle(queued, distEnabled === 1) === vcpu ? 1 : 0;
      assert.equal(staysHere(queued, targetField(vcpu), distEnabled), expected, `${queued.toString(16)} on ${vcpu}`);
      stays += expected;
    }
  });
  assert.ok(stays > 0);
});

test('a row on no list wants its target exactly if the oracle sends it anywhere', () => {
  let wanted = 0;
  forEachWord((word, distEnabled) => {
    const goes = targetOracle(word, distEnabled === 1) >= 0;
    assert.equal(wantsList(word, distEnabled) !== 0 && targetOf(word) >= 0, goes, word.toString(16));
    if (goes) wanted++;
  });
  assert.ok(wanted > 0);
});
