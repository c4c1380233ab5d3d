/** The sections of the threads in every format: nothing of a study is left out. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { renderHtml } from './html.js';
import { renderJson } from './json.js';
import { renderMarkdown } from './markdown.js';
import { renderStudy } from './terminal.js';
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
