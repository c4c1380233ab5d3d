/** The verb growth: what it prints, and that it fails. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { strategies } from '../strategy/index.js';
import { run } from './test-run.js';

test('a row a path, with slope and verdict, at the depths that were run', async () => {
  const { code, out, err } = await run(['growth', '-s', 'buckets', '--flavour', 'xen-new', '--lrs', '2']);
  assert.deepEqual([code, err], [0, '']);
  const [title, head, ...rows] = out.split('\n');
  assert.equal(title, 'xen-new, 2 list registers');
  assert.match(head, /^strategy +path +8 +64 +960 +slope +declared +reached +verdict$/);
  assert.ok(rows.some((row) => /^buckets +flush +7 +7 +7 +0\.00 +constant +100\s% +ok$/.test(row)));
  assert.ok(rows.some((row) => /^buckets +prune +49 +385 +5,761 +1\.00 +linear +100\s% +ok$/.test(row)));
});

test('narrow terminals get fewer depths, and whole lines', async () => {
  const { out } = await run(['growth', '-s', 'fifo', '--flavour', 'xen-new'], 80);
  assert.ok(out.split('\n').every((line) => line.length <= 80));
  assert.match(out.split('\n')[1], /^strategy +path .*verdict$/);
});

test('JSON has every depth', async () => {
  const { out } = await run(['growth', '-s', 'fifo', '--flavour', 'xen-new', '--json']);
  const { schema, results } = JSON.parse(out);
  assert.equal(schema, 'vgic-replay/growth/1');
  assert.deepEqual(results[0].curves[0].depths, [8, 16, 32, 64, 128, 256, 512, 960]);
});

test('a strategy that costs more than it declares ends in exit 3, named with its path', async () => {
  const strategy = strategies.find(({ id }) => id === 'fifo')!;
  const { worst } = strategy;
  const pending = { growth: 'constant', steps: () => Number.MAX_SAFE_INTEGER, why: 'a lie' };
  Object.assign(strategy, { worst: (...given: Parameters<typeof worst>) => ({ ...worst(...given), pending }) });
  try {
    const { code, out, err } = await run(['growth', '-s', 'fifo', '--flavour', 'xen-new']);
    assert.equal(code, 3);
    assert.match(out, /^fifo +pending .* NOT AS DECLARED$/m);
    assert.match(out, /^!! fifo, pending: grows with exponent 1\.00 under spi-/m);
    assert.match(err, /^vgic-replay: 3 of the paths are not as declared, the first: fifo, xen-new, pending: grows/);
  } finally {
    Object.assign(strategy, { worst });
  }
});

test('what cannot run is said', async () => {
  const { code, err } = await run(['growth', '-s', 'fifo', '--flavour', 'xen-old']);
  assert.deepEqual([code, err], [2, 'vgic-replay: fifo cannot run as xen-old\n']);
  assert.match((await run(['growth', '--lrs', '0'])).err, /--lrs must be a whole number from 1 to 64, not '0'/);
});
