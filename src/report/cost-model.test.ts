import assert from 'node:assert/strict';
import { test } from 'node:test';
import { FITTED } from '../cost/fitted.js';
import { costModelSection } from './cost-model.js';
import type { Table } from './document.js';
import { gatherFacts } from './facts.js';
import { createModel } from './model.js';
import { makeCell } from './test-fixture.js';

const cell = (strategy: string) => makeCell({ strategy, paths: { flush: { calls: 10, visits: [40, 4] } } });
const facts = gatherFacts(createModel({ name: 'vgic-replay', version: '0' }, [cell('sort-on-flush'), cell('fifo')]));

function tablesOf(): Table[] {
  const section = costModelSection(facts);
  assert.ok(section !== null);
  return section.blocks.flatMap((block) => {
    if (block.kind === 'table') return [block.table];
    return block.kind === 'details'
      ? block.blocks.flatMap((inner) => (inner.kind === 'table' ? [inner.table] : []))
      : [];
  });
}

test('a row a trace, a column a strategy, whole instructions a guest entry', () => {
  const [predicted] = tablesOf();
  assert.deepEqual(
    predicted.columns.map(({ head }) => head),
    ['trace', 'sort-on-flush', 'fifo'],
  );
  assert.equal(predicted.rows.length, 1);
  for (const value of predicted.rows[0].slice(1)) assert.ok(typeof value === 'number' && value > 0);
});

test('every residual and every weight stands in a table', () => {
  const [, noop, lock, weights] = tablesOf();
  assert.equal(
    2 * FITTED.residuals.length,
    [noop, lock].flatMap(({ rows }) => rows.flatMap((row) => row.slice(1))).length,
  );
  assert.equal(weights.rows.length, Object.keys(FITTED.weights.noop).length);
});

test('all of it is called predicted', () => {
  const section = costModelSection(facts);
  assert.match(JSON.stringify(section?.blocks[0]), /predicted, not counted/);
  assert.match(tablesOf()[0].caption, /^Predicted/);
});

test('without traces there is no section', () => {
  assert.equal(costModelSection(gatherFacts(createModel({ name: 'vgic-replay', version: '0' }, []))), null);
});
