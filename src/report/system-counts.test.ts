import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { CellResult } from '../replay/result.js';
import type { Table } from './document.js';
import { gatherFacts } from './facts.js';
import { renderMarkdown } from './markdown.js';
import { createModel } from './model.js';
import { readSystems, systemTable } from './system-counts.js';
import { makeCell } from './test-fixture.js';

const run = (label: string, doorbells: number, extra: Record<string, number> = {}) => ({
  label,
  systems: { doorbell: { doorbells, puts: 0, loads: 7, ...extra } },
});

test('a reading is that of the first strategy, without zeros, and names those that counted something else', () => {
  const [reading, ...rest] = readSystems([
    run('a', 4),
    run('b', 4, { ghosts: 0 }),
    run('c', 5),
    { label: 'd', systems: {} },
  ]);
  assert.deepEqual(rest, []);
  assert.deepEqual([reading.system, reading.label], ['doorbell', 'a']);
  assert.deepEqual(reading.counts, [
    ['doorbells', 4],
    ['loads', 7],
  ]);
  assert.deepEqual(
    reading.others.map(({ label }) => label),
    ['c', 'd'],
  );
});

const tableOf = (cells: readonly CellResult[]): Table | null =>
  systemTable(gatherFacts(createModel({ name: 'vgic-replay', version: '0' }, cells)).traces);

test('no run with a system: no reading and no table', () => {
  assert.deepEqual(readSystems([{ label: 'a', systems: {} }]), []);
  assert.equal(tableOf([makeCell()]), null);
});

test('the table has a row a count, and one more for strategies that counted something else', () => {
  const cells = [
    makeCell({ strategy: 'sort-on-flush', systems: run('', 4).systems }),
    makeCell({ strategy: 'hybrid', systems: run('', 4).systems }),
    makeCell({ strategy: 'xen-old', systems: { doorbell: { 'events not modelled': 3, loads: 7 } } }),
  ];
  assert.deepEqual(tableOf(cells)?.rows, [
    ['linux-boot', 'doorbell', 'doorbells', 'all but xen-old', 4],
    ['linux-boot', 'doorbell', 'doorbells', 'xen-old', 0],
    ['linux-boot', 'doorbell', 'loads', 'all', 7],
    ['linux-boot', 'doorbell', 'events not modelled', 'all but xen-old', 0],
    ['linux-boot', 'doorbell', 'events not modelled', 'xen-old', 3],
  ]);
  assert.match(renderMarkdown(createModel({ name: 'vgic-replay', version: '0' }, cells)), /events not modelled/);
});
