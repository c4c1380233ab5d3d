import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { HistoryRun } from '../history/record.js';
import { viewHistory } from '../history/series.js';
import { createNoise, makeRun } from '../history/test-runs.js';
import type { ChartBlock } from './document.js';
import { renderHtml } from './html.js';
import { renderJson } from './json.js';
import { renderMarkdown } from './markdown.js';
import { createModel, type ReportModel } from './model.js';
import { makeCell } from './test-fixture.js';
import { trendSection } from './trend.js';

const bare = createModel({ name: 'vgic-replay', version: '0' }, [makeCell()]);
const withRuns = (runs: readonly HistoryRun[]): ReportModel => ({ ...bare, history: viewHistory(runs) });

/** Ten cells in five groups, two machines in turn; two groups grow slower, one counter moves twice. */
function manyRuns(nrRuns: number): HistoryRun[] {
  const noise = createNoise(1, 0.03);
  return Array.from({ length: nrRuns }, (_, at) => {
    const run = makeRun({ at, machine: at % 2 === 0 ? {} : { cpu: 'Another CPU' } });
    const cells = Array.from({ length: 10 }, (_, cell) => {
      const isSlower = cell < 4 && at >= nrRuns * 0.6;
      const moved = cell === 0 && at >= nrRuns * 0.2 && at < nrRuns * 0.8;
      return {
        cell: `trace-${cell >> 1}/kvm-6.1/${cell % 2 === 0 ? 'buckets' : 'fifo'}`,
        traceSha256: 'a'.repeat(64),
        counters: { 'flush/steps/sum': 1000 + cell, 'flush/steps/max': moved ? 45 : 30 },
        time: { estimate: (30 + cell) * noise() * (isSlower ? 1.15 : 1), low: null, high: null },
      };
    });
    return { ...run, cells };
  });
}
const runs = manyRuns(500);
const model = withRuns(runs);
const chartsIn = (from: ReportModel): ChartBlock[] =>
  trendSection(from)!.blocks.filter((block): block is ChartBlock => block.kind === 'chart');

test('without a history there is no section', () => {
  assert.equal(trendSection(bare), null);
  assert.doesNotMatch(renderHtml(bare), /id="trend"/);
});

test('500 runs of ten cells on two machines: exact and times apart, changes marked, under 200 kB', () => {
  const page = renderHtml(model);
  assert.equal(renderHtml(model), page);
  const section = /<section id="trend"[\s\S]*?<\/section>/.exec(page)![0];
  assert.ok(section.length < 200_000, `${section.length} bytes`);
  assert.match(section, /500 runs: 2 changes of exact counters, 8 changes of times\./);
  assert.match(section, /19 of 20 series never moved in 500 runs/);
  assert.match(renderMarkdown(model), /Changes, newest first/);
  const [steps, ...times] = chartsIn(model);
  assert.equal(steps.id, 'trend-steps-0');
  assert.equal(times.length, 5);
  assert.ok(steps.spec.form === 'trend');
  assert.deepEqual(steps.spec.marks, [
    { x: 101, label: '+50\u00a0%' },
    { x: 401, label: '−33\u00a0%' },
  ]);
  // Charts with changes come first.
  const nrMarks = times.map(({ spec }) => (spec.form === 'trend' ? spec.marks.length : -1));
  assert.ok(nrMarks[0] > 0 && nrMarks[1] > 0 && nrMarks[4] === 0, `${nrMarks}`);
});

test('what is drawn stands in the table of the chart, and every run is in one bin', () => {
  for (const { spec, table } of chartsIn(model)) {
    assert.ok(spec.form === 'trend');
    assert.equal(table.rows.length, 50);
    for (const [at, { points }] of spec.series.entries()) {
      assert.equal(points.length, table.rows.filter((row) => row[at + 1] !== null).length);
      assert.ok(points.every(([run]) => run >= 1 && run <= spec.runs));
    }
  }
});

test('the exact part of the report does not depend on the history', () => {
  assert.equal(renderJson(model), renderJson(bare));
});

test('few runs, one run, none: a section without a change', () => {
  for (const count of [0, 1, 3]) {
    const few = withRuns(runs.slice(0, count));
    assert.match(renderHtml(few), new RegExp(`${count} runs?: 0 changes of exact counters, 0 changes of times`));
  }
});
