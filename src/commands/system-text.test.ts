/** The block of `replay` about ITS, timers and doorbells, on generated traces. */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { run } from './test-run.js';

const folder = mkdtempSync(join(tmpdir(), 'vgic-replay-'));
after(() => rmSync(folder, { recursive: true }));

async function replay(workload: string, ...options: readonly string[]): Promise<{ out: string; json: string }> {
  const path = join(folder, `${workload}.vgt`);
  assert.equal((await run(['gen', workload, '--events', '2000', '-o', path])).code, 0);
  const text = await run(['replay', path, ...options]);
  const json = await run(['replay', path, ...options, '-r', 'json']);
  assert.deepEqual([text.code, json.code], [0, 0]);
  return { out: text.out, json: json.out };
}

type Cells = {
  exact: { cells: { exact: { strategy: { id: string }; systems: Record<string, Record<string, number>> } }[] };
};
const countsOf = (json: string, strategy: string, system: string): Record<string, number> => {
  const { exact } = JSON.parse(json) as Cells;
  return exact.cells.find((cell) => cell.exact.strategy.id === strategy)?.exact.systems[system] ?? {};
};

test('doorbell: every count that is not 0, those of the first strategy, and who differs', async () => {
  const { out, json } = await replay('doorbell');
  assert.match(out, /\ndoorbell \(under sort-on-flush; others differ: xen-old\)\n/);
  const block = out.slice(out.indexOf('\ndoorbell (')).replaceAll(/\s+/g, ' ');
  for (const [name, count] of Object.entries(countsOf(json, 'sort-on-flush', 'doorbell')))
    assert.equal(block.includes(` ${count} ${name}`), count !== 0, name);
});

test('its: a row an operation, with its calls and those that were refused', async () => {
  const { out, json } = await replay('its-churn', '-s', 'sort-on-flush');
  assert.match(out, /\nits \(under sort-on-flush\)\n +calls +refused +most in one call\n/);
  const counts = countsOf(json, 'sort-on-flush', 'its');
  const calls = counts['MAPTI calls'];
  assert.ok(calls > 10);
  const refused = calls - counts['MAPTI OK'];
  assert.match(out, new RegExp(`\\n {2}MAPTI +${calls} +${refused} +\\d+ [A-Za-z ]+\\n`));
});

test('what a flavour has no model for is told', async () => {
  assert.match((await replay('doorbell', '--flavour', 'xen-old')).out, /\n {2}[\d,]+ events not modelled\n/);
  assert.match((await replay('its-churn', '--flavour', 'xen-old')).out, /\n {2}[\d,]+ events without an ITS\n/);
  assert.match((await replay('timer-userspace', '--flavour', 'xen-old')).out, /[\d,]+\s+events\s+not\s+modelled[,\n]/);
});

test('no block without such events', async () => {
  assert.doesNotMatch((await replay('net')).out, /\n(its|timer|doorbell) \(/);
});
