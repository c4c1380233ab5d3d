import assert from 'node:assert/strict';
import { test } from 'node:test';
import { crc32, crc32ByTable } from './crc32.js';

test('the check value of CRC-32, whole and in parts, by both ways', () => {
  const bytes = new TextEncoder().encode('123456789');
  for (const sum of [crc32, crc32ByTable]) {
    assert.equal(sum(bytes), 0xcbf43926);
    assert.equal(sum(bytes.subarray(4), sum(bytes.subarray(0, 4))), 0xcbf43926);
    assert.equal(sum(new Uint8Array(0)), 0);
  }
});
