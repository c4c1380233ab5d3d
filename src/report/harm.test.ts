/** Sections, instructions and harm in the report: figures of the cells, strategies that agree in one row. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Harm, SectionFigures } from '../replay/result.js';
import { describeBars, drawBars } from './bars.js';
import { amplificationTable, criticalSection, sectionTable } from './critical-sections.js';
import { renderHarmCsv, renderSectionsCsv } from './csv.js';
import { gatherFacts } from './facts.js';
import { harmSection, harmTable } from './harm.js';
import { renderHtml } from './html.js';
import { renderMarkdown } from './markdown.js';
import { createModel } from './model.js';
import { makeCell, makeMetric } from './test-fixture.js';

const TOOL = { name: 'vgic-replay', version: '0' };

const section = (id: SectionFigures['id'], payer: SectionFigures['payer'], most: number): SectionFigures => ({
  id,
  payer,
  calls: 10,
  steps: makeMetric(10, most + 9, most),
  locks: makeMetric(10, 9, 5),
});

const LOST: Harm = {
  inversions: { entries: 7, interrupts: 31 },
  delay: { calls: 12, sum: 30, max: 9, hist: [8, 0, 0, 3, 1] },
  waiting: { atEnd: 2, longest: 11, longestPassed: 6 },
  lost: 3,
};

function makeModel(lost: { readonly reference: number; readonly fifo: number }, origin = 'recorded') {
  const flush = section('flush', 'own', 500);
  const amplification = { steps: 900, guestInstructions: 300, worstWindow: { steps: 77, vcpu: 0, event: 41 } };
  return createModel(TOOL, [
    makeCell({
      origin,
      sections: [section('append', 'host', 3), flush, section('prune', 'own', 20)],
      amplification,
      harm: { ...LOST, lost: lost.reference },
    }),
    makeCell({
      origin,
      strategy: 'fifo',
      sections: [section('append', 'host', 3), section('flush', 'own', 90)],
      harm: LOST,
    }),
    makeCell({
      origin,
      strategy: 'buckets',
      sections: [section('append', 'host', 3), flush],
      amplification,
      harm: { ...LOST, lost: lost.fifo },
    }),
  ]);
}

test('a row a section and payer; strategies that agree share it; parts of another section are left out', () => {
  const [trace] = gatherFacts(makeModel({ reference: 3, fifo: 3 })).traces;
  const { rows } = sectionTable(trace);
  assert.deepEqual(
    rows.map((row) => row.slice(0, 8)),
    [
      ['append', 'host', 'all 3', 'off', 10, 3, 3, 5],
      ['flush', 'itself', 'sort-on-flush and buckets', 'off', 10, 500, 500, 5],
      ['flush', 'itself', 'fifo', 'off', 10, 90, 90, 5],
    ],
  );
});

test('steps an instruction; none where the guest did nothing', () => {
  const { rows } = amplificationTable(gatherFacts(makeModel({ reference: 3, fifo: 3 })));
  assert.deepEqual(rows, [
    ['linux-boot', 'sort-on-flush and buckets', 300, 900, '3', 77, 41],
    ['linux-boot', 'fifo', 0, 0, null, null, null],
  ]);
});

test('harm: every figure, and who is to blame for what is lost', () => {
  const alike = gatherFacts(makeModel({ reference: 3, fifo: 3 }));
  assert.deepEqual(harmTable(alike).rows, [['linux-boot', 'all 3', 7, 31, 6, 12, 9, 9, 11, 2, 3]]);
  const words = (lost: { reference: number; fifo: number }, origin?: string): string =>
    JSON.stringify(harmSection(gatherFacts(makeModel(lost, origin))));
  assert.match(
    words({ reference: 3, fifo: 3 }),
    /flavour’s doing: sort-on-flush and every other strategy lose the same/,
  );
  assert.match(words({ reference: 0, fifo: 3 }), /the strategy is to blame/);
  assert.match(words({ reference: 3, fifo: 3 }), /A recorded guest acknowledges what it got/);
  assert.doesNotMatch(words({ reference: 3, fifo: 3 }, 'synthetic'), /A recorded guest/);
});

test('without figures there is no section', () => {
  const facts = gatherFacts(createModel(TOOL, [makeCell()]));
  assert.equal(criticalSection(facts), null);
  assert.equal(harmSection(facts), null);
});

test('bars: one a bucket, high for many; their words say the counts', () => {
  assert.equal(drawBars([1, 0, 3, 255]), '▂·▃█');
  assert.equal(describeBars([1, 0, 3, 1255]), '0: 1, 2–3: 3, 4–7: 1,255');
  assert.equal(drawBars([]), '');
});

test('the page shows a histogram on hover, Markdown as it is, CSV in numbers', () => {
  const model = makeModel({ reference: 3, fifo: 3 });
  assert.match(renderHtml(model), /<span role="img" title="1: 9, 256–511: 1">·█·+▃<\/span>/);
  assert.match(renderMarkdown(model), /\| `·█·+▃` \|/);
  const sections = renderSectionsCsv(model).split('\r\n');
  assert.equal(sections.length, 1 + 7 + 1);
  assert.match(sections[2], /,sort-on-flush,flush,own,off,10,509,500,500,9,5,5$/);
  const harm = renderHarmCsv(model).split('\r\n');
  assert.match(harm[1], /,sort-on-flush,900,300,77,7,31,12,30,9,9,11,6,2,3$/);
});
