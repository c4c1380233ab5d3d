/** What scenarios, golden files, recordings and the recorded random run give: nothing fails, and reports/fidelity.md says so. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { formatInteger } from '../src/base/number-format.js';
import { gatherEvidence } from '../src/commands/evidence.js';
import type { Baseline } from '../src/compare/baseline.js';
import type { DefectNote } from '../src/report/fidelity-page.js';
import { writeParts } from '../src/report/fidelity-page.js';

const read = (path: string): string => readFileSync(new URL(`../../${path}`, import.meta.url), 'utf8');
const page = read('reports/fidelity.md');
const evidence = gatherEvidence();
const { scenarios: defects } = JSON.parse(read('traces/conformance/defects.json')) as { scenarios: DefectNote[] };
const STALE = 'reports/fidelity.md is out of step: npm run fidelity';

test('the list of defects is that of traces/conformance', () => {
  const { defects: lines } = writeParts({ verify: [], evidence, defects });
  assert.ok(page.includes(lines.join('\n').trim()), STALE);
});

test('scenarios and golden files are run, and what fails is named', () => {
  const { flavours, scenarios, golden, itsImages } = evidence;
  assert.deepEqual(
    scenarios.map(({ flavour, failures }) => [flavour, failures]),
    flavours.map(({ id }) => [id, []]),
  );
  assert.ok(scenarios.every(({ passed }) => passed > 0));
  assert.ok(golden !== null && golden.lines > 10_000);
  assert.ok(itsImages?.every(({ configurations, mutants }) => configurations >= 10_000 && mutants >= 1_000_000));
  assert.deepEqual([golden.identical, golden.differing], [golden.lines, []]);
});

test('scenarios, golden lines and the random run are those of this checkout', () => {
  const cellsOf = (text: string, flavour: string): string[] =>
    text
      .split('\n')
      .find((line) => line.startsWith(`| ${flavour} | `))!
      .split(' | ');
  const fresh = writeParts({ verify: [], evidence, defects }).evidence;
  for (const { id } of evidence.flavours) {
    // The first columns after the name are those of recordings, checked below.
    const [here, there] = [page, fresh.join('\n')].map((text) => cellsOf(text, id).slice(4));
    assert.deepEqual(here, there, STALE);
  }
  for (const line of fresh.slice(-4)) assert.ok(page.includes(line), `${STALE}: ${line}`);
});

test('every recording of the baseline stands there with its entries', () => {
  const { cells } = JSON.parse(read('reports/baseline/exact.json')) as Baseline;
  for (const [cell, { entries, identical }] of Object.entries(cells)) {
    const [, trace] = /^(.+)\/[^/]+\/verify$/.exec(cell) ?? [];
    if (trace === undefined) continue;
    const figures = ` | ${formatInteger(Number(entries))} | ${formatInteger(Number(identical))} | `;
    assert.ok(
      page.split('\n').some((line) => line.startsWith(`| ${trace} | `) && line.includes(figures)),
      `${STALE}: ${trace}`,
    );
  }
});
