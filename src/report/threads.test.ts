/** The sections of the threads in every format: nothing of a study is left out. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { renderHtml } from './html.js';
import { renderJson } from './json.js';
import { renderMarkdown } from './markdown.js';
import { renderStudy, renderTerminal } from './terminal.js';
import { makeFullModel, makeStudy } from './test-fixture.js';
import { threadSections } from './threads.js';

const study = makeStudy();
const SAID = [
  study.title,
  study.thread,
  study.question,
  ...study.answer,
  study.chart!.finding,
  'Crossings by ramp',
  '1,200',
  '0.00583',
  '4,322',
  ...study.limits,
];

const formats: readonly (readonly [string, string])[] = [
  ['HTML', renderHtml(makeFullModel()).replaceAll('<wbr>', '')],
  ['Markdown', renderMarkdown(makeFullModel()).replaceAll('\\', '')],
  ['text', renderStudy(study, { colour: false, width: 200 })],
];
for (const [name, text] of formats) {
  test(`${name} says question, answer, chart, tables and limits`, () => {
    for (const said of SAID) assert.ok(text.includes(said), `${name}: ${said}`);
  });
}

test('the verdict has the first sentence of every thread, in the page with a link to the section', () => {
  const model = makeFullModel();
  const page = renderHtml(model).replaceAll('<wbr>', '');
  const link = `<a href="#thread-${study.id}">${study.topic}</a></h3><p>`;
  assert.ok(page.includes(link), link);
  assert.ok(page.includes(`<section id="thread-${study.id}"`));
  const text = renderTerminal(model, { colour: false, width: 400 });
  assert.ok(text.includes(`  ${study.topic}\n    ${study.answer[0]}\n`), text);
});

test('a long table is folded, but not the first where no chart shows the answer', () => {
  const rows = Array.from({ length: 15 }, (_, index) => [index]);
  const table = { caption: 'Laps', columns: ['lap'], rowHeads: 1, rows };
  const kindsOf = (chart: typeof study.chart): string[] =>
    threadSections([{ ...study, chart, tables: [table, table, { ...table, rows: rows.slice(1) }] }], 1)[0]
      .blocks.map(({ kind }) => kind)
      .filter((kind) => kind === 'table' || kind === 'details');
  assert.deepEqual(kindsOf(study.chart), ['details', 'details', 'table', 'table']);
  assert.deepEqual(kindsOf(null), ['table', 'details', 'table', 'table']);
});

test('an axis within a decade is linear and says nothing of a logarithm', () => {
  const axisOf = (xs: number[]): string => {
    const [{ blocks }] = threadSections([{ ...study, chart: { ...study.chart!, xs } }], 1);
    const chart = blocks.find((block) => block.kind === 'chart');
    assert.ok(chart?.kind === 'chart' && chart.spec.form === 'curves');
    return `${chart.spec.xScale} ${chart.spec.xAxis}`;
  };
  const name = study.chart!.xAxis;
  assert.equal(axisOf([5, 6, 7, 8]), `linear ${name}`);
  assert.equal(axisOf([1, 4, 10]), `log10 ${name} (logarithmic)`);
});

test('the JSON record holds the study as it is, under the exact part', () => {
  assert.deepEqual(JSON.parse(renderJson(makeFullModel())).exact.studies, [study]);
});

test('the command names the seed of the report', () => {
  assert.match(JSON.stringify(threadSections([study], 7)), /vgic-replay study ferry --seed 7/);
  assert.match(JSON.stringify(threadSections([study], null)), /vgic-replay study ferry"/);
});

test('hostile text of a study is text in the page', () => {
  assert.ok(!renderHtml(makeFullModel()).includes('<b>slow</b>'));
});

test('text keeps to the width, and a column of numbers is aligned right', () => {
  const lines = renderStudy(study, { colour: false, width: 60 }).split('\n');
  assert.ok(lines.filter((line) => !/^(ramp|one|two)\b/.test(line)).every((line) => [...line].length <= 60));
  const head = lines.find((line) => line.startsWith('ramp'))!;
  const row = lines.find((line) => line.startsWith('one ') && line.includes('1,200'))!;
  assert.equal(row.indexOf('1,200') + '1,200'.length, head.indexOf('crossings') + 'crossings'.length);
});
