import assert from 'node:assert/strict';
import { test } from 'node:test';
import { findSimilar } from './similar.js';

test('a slip of the hand is recognised, another word is not', () => {
  const words = ['deep', 'disk', 'timer', 'timer-userspace', 'its-churn'];
  const cases: readonly (readonly [string, string | undefined])[] = [
    ['dep', 'deep'],
    ['deeep', 'deep'],
    ['dsik', 'disk'],
    ['timr', 'timer'],
    ['itschurn', 'its-churn'],
    ['timer-userspcae', 'timer-userspace'],
    ['', undefined],
    ['d', undefined],
    ['mapped', undefined],
  ];
  for (const [word, expected] of cases) assert.equal(findSimilar(word, words), expected, word);
});
