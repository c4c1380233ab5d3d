import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { reference } from '../strategy/index.js';
import { METRIC_COMPARISONS, METRIC_LR_WRITES, NR_METRICS, PATH_FLUSH, PATH_FOLD } from '../vgic/counters.js';
import { createVgic } from '../vgic/vgic.js';
import { createEngine } from './engine.js';
import { readVgr1, tracesFolder } from './test-traces.js';

const table = readFileSync(new URL('native-costs/native-costs.tsv', tracesFolder), 'utf8').trim().split('\n');
const columns = table[0].split('\t');

for (const line of table.slice(1)) {
  const cells = line.split('\t');
  const cell = (name: string): number => Number(cells[columns.indexOf(name)]);
  if (cells[columns.indexOf('locks')] !== 'lock') continue;
  test(`${cells[0]}: flushes, sorts, comparisons and populated LRs are those of the compiled C code`, () => {
    const { header, word, value } = readVgr1(`native-costs/${cells[0]}-nlr4.bin.gz`);
    const vgic = createVgic(header.machine, reference.create({}));
    createEngine(vgic).run(word, value, word.length);
    const { cost } = vgic.state;
    assert.deepEqual(
      {
        flushes: cost.calls[PATH_FLUSH],
        syncs: cost.calls[PATH_FOLD],
        sorts: cost.sorts,
        comparisons: cost.sum[PATH_FLUSH * NR_METRICS + METRIC_COMPARISONS],
        populates: cost.sum[PATH_FLUSH * NR_METRICS + METRIC_LR_WRITES],
      },
      {
        flushes: cell('flushes'),
        syncs: cell('syncs'),
        sorts: cell('sorts'),
        comparisons: cell('comparisons'),
        populates: cell('populates'),
      },
    );
  });
}
