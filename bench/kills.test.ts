/** A few of the kills of `npm run kill-test`: nothing that was finished is lost, and the result stays what it is. */
import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { type Kill, killRuns } from './kills.js';

const TRACE = fileURLToPath(new URL('../../traces/golden/churn100-s01.bin.gz', import.meta.url));

test('runs killed at random moments are resumed to the result of an undisturbed one', {
  skip: !existsSync('/proc/self/task'),
}, async () => {
  const kills: Kill[] = [];
  const args = ['replay', TRACE, '--strategy', 'sort-on-flush,fifo,buckets'];
  const hash = await killRuns({ times: 2, seed: 55, args, jobs: 1, shards: 1 }, (kill) => kills.push(kill));
  assert.match(hash, /^[0-9a-f]{64}$/);
  assert.equal(kills.length, 2);
});
