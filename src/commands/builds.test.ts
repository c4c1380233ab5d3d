/** The plain build of the core (`--conditions=plain`) fills the same list registers as the counted one. */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { COUNTED } from '#counting';
import { createReplays } from '../replay/replays.js';
import { readVgr1, tracesFolder } from '../replay/test-traces.js';
import type { Sample } from '../stats/sample.js';
import { strategies, strategyNamed } from '../strategy/index.js';
import { createEventBlock } from '../trace/events.js';

const CELL = fileURLToPath(new URL('timed-cell.js', import.meta.url));

function digestOfPlainBuild(file: string, strategy: string): string {
  const args = ['--conditions=plain', CELL, fileURLToPath(new URL(file, tracesFolder)), strategy, '-', '--quick'];
  return (JSON.parse(execFileSync(process.execPath, args, { encoding: 'utf8' })) as Sample).digest;
}

function digestOfCountedBuild(file: string, strategy: string): string {
  const { header, word, value } = readVgr1(file);
  const block = { ...createEventBlock(), word, value, count: word.length };
  const replays = createReplays(header.machine, strategyNamed(strategy), block);
  replays.run();
  return replays.digest();
}

test('this process runs the counted build', () => assert.equal(COUNTED, true));

const files = [
  'golden/deep100-s01.bin.gz',
  'golden/sgi_v2-s01.bin.gz',
  'golden/lpi-s01.bin.gz',
  'golden/hw-s01.bin.gz',
  'golden/mmio-s01.bin.gz',
];
// One process a cell: every strategy meets one file, every file one strategy.
strategies.forEach(({ id }, i) => {
  const file = files[i % files.length];
  test(`${id} on ${file}: plain and counted build have one LR digest`, () => {
    assert.equal(digestOfPlainBuild(file, id), digestOfCountedBuild(file, id));
  });
});
