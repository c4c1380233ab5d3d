import assert from 'node:assert/strict';
import { test } from 'node:test';
import { machineFacts, measureTimer, watchDisturbance } from './machine-facts.js';

test('the fingerprint is of what stays the same, not of the load', () => {
  const [first, second] = [machineFacts(), machineFacts()];
  assert.match(first.fingerprint, /^[0-9a-f]{12}$/);
  assert.equal(first.fingerprint, second.fingerprint);
  assert.equal(first.node, process.version);
  process.execArgv.push('--max-old-space-size=512');
  try {
    assert.notEqual(machineFacts().fingerprint, first.fingerprint);
    assert.ok(machineFacts().flags.includes('--max-old-space-size=512'));
  } finally {
    process.execArgv.pop();
  }
});

test('the clock has a step and a price, and a stretch of time a share of steal', () => {
  const since = watchDisturbance();
  const { granularityNs, overheadNs } = measureTimer();
  assert.ok(granularityNs > 0 && overheadNs > 0);
  const { steal, throttled } = since();
  assert.ok(steal === 'unknown' || (steal >= 0 && steal <= 1));
  assert.ok(throttled === 'unknown' || throttled >= 0);
});
