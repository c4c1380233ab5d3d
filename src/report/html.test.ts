import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { describe, it } from 'node:test';
import { formatInteger } from '../base/number-format.js';
import type { CellResult } from '../replay/result.js';
import { METRIC_NAMES, PATH_NAMES } from '../replay/result.js';
import { mergeBins } from './charts.js';
import { gatherFacts } from './facts.js';
import { renderHtml } from './html.js';
import { escapeHtml, html } from './html-template.js';
import type { ReportModel } from './model.js';
import { createModel } from './model.js';
import { makeCell, makeFullModel, makeTimeline, STRATEGIES } from './test-fixture.js';
import { makeMeasured } from './test-measured.js';
import { writeVerdicts } from './verdict.js';

const TOOL = { name: 'vgic-replay', version: '0' };
const PAGE = renderHtml(makeFullModel());

/** Text of all table cells, entities resolved. */
const tableCells = (page: string): Set<string> =>
  new Set([...page.matchAll(/<t[dh][^>]*>(?:<code[^>]*>)?([^<]*)/g)].map(([, text]) => text.replaceAll('&amp;', '&')));

describe('the page', () => {
  it('is the same bytes twice, and for the cells in another order', () => {
    const model = makeFullModel();
    assert.equal(renderHtml(model), PAGE);
    assert.equal(renderHtml({ ...model, cells: [...model.cells].reverse() }), PAGE);
  });
  it('shows every count of every cell', () => {
    const cells = tableCells(PAGE);
    for (const { exact } of makeFullModel().cells) {
      for (const path of PATH_NAMES) {
        if (exact.paths[path].calls === 0) continue;
        for (const metric of METRIC_NAMES) {
          assert.ok(cells.has(formatInteger(exact.paths[path][metric].sum)), `${exact.trace.name} ${path} ${metric}`);
          assert.ok(cells.has(formatInteger(exact.paths[path][metric].max)));
        }
      }
      assert.ok(cells.has(exact.command), exact.command);
      assert.ok(cells.has(exact.trace.sha256));
    }
  });
  it('prints every verdict before anything else', () => {
    const model = makeFullModel();
    const first = PAGE.indexOf('<figure');
    for (const { text } of writeVerdicts(model, gatherFacts(model))) {
      const place = PAGE.indexOf(escapeHtml(text));
      assert.ok(place > 0 && place < first, text);
    }
  });
  it('names nothing to load and forbids loading by its policy', () => {
    assert.doesNotMatch(PAGE, /<(?:link|img|iframe|object|embed|base)\b|\bsrc=|url\((?!#)|@import|https?:/i);
    const policy = /http-equiv="Content-Security-Policy" content="([^"]*)"/.exec(PAGE)![1].replaceAll('&#39;', "'");
    assert.match(policy, /^default-src 'none'; /);
    for (const [tag, directive] of [
      ['style', 'style-src'],
      ['script', 'script-src'],
    ]) {
      const [source, ...others] = [...PAGE.matchAll(new RegExp(`<${tag}>([\\s\\S]*?)</${tag}>`, 'g'))].map(
        ([, text]) => text,
      );
      assert.equal(others.length, 0);
      const hash = createHash('sha256').update(source).digest('base64');
      assert.ok(policy.includes(`${directive} 'sha256-${hash}'`));
    }
    assert.doesNotMatch(PAGE, / style="| on[a-z]+="/);
  });
  it('every chart has a title, a text alternative and its table', () => {
    const figures = [...PAGE.matchAll(/<figure[\s\S]*?<\/figure>/g)].map(([text]) => text);
    assert.equal(figures.length, 10);
    for (const figure of figures) {
      assert.match(figure, /<figcaption><h3>[^<]+<\/h3><p>[^<]+<\/p>/);
      assert.equal(figure.match(/role="img" aria-label="[^"]+\. [^"]+"/g)?.length, 2);
      assert.match(figure, /<details><summary>Table of this chart<\/summary>.*<table><caption>/s);
      assert.doesNotMatch(figure, /NaN|Infinity|undefined/);
    }
  });
  it('has unique ids, and every link leads to one', () => {
    const ids = [...PAGE.matchAll(/ id="([^"]+)"/g)].map(([, id]) => id);
    assert.equal(new Set(ids).size, ids.length);
    const targets = [...PAGE.matchAll(/(?:href="#|url\(#)([^")]+)/g)].map(([, id]) => id);
    assert.ok(targets.length > 10);
    for (const target of targets) assert.ok(ids.includes(target), target);
  });
  it('every table has a caption and scoped heads', () => {
    const tables = [...PAGE.matchAll(/<table>[\s\S]*?<\/table>/g)].map(([text]) => text);
    assert.ok(tables.length > 20);
    for (const table of tables) {
      assert.match(table, /^<table><caption><span>[^<]+</);
      assert.doesNotMatch(table, /<th(?![^>]* scope=)[ >]/);
      assert.match(table, /<th scope="row">/);
    }
  });
});

describe('hostile names', () => {
  const NAME = '</script><script>alert(1)</script><img src=x onerror=alert(2)>"\'&\u0000\u202e';
  it('stay text in tables, charts, labels and commands', () => {
    const cells = STRATEGIES.slice(0, 2).map((strategy) => makeCell({ trace: NAME, title: NAME, strategy }));
    const model: ReportModel = {
      ...createModel(TOOL, cells),
      kinds: { [NAME]: 'attack' },
      title: NAME,
      command: NAME,
      timelines: [{ ...makeTimeline(10), trace: NAME }],
    };
    const page = renderHtml(model);
    assert.equal(page.match(/<script/g)?.length, 1);
    assert.doesNotMatch(page, /<img|[^\P{Cc}\n]|\p{Bidi_Control}/u);
    assert.ok(page.includes('&lt;img src=x onerror=alert(2)&gt;'));
  });
  it('a trace called __proto__ is a trace like any other', () => {
    const model = createModel(TOOL, [makeCell({ trace: '__proto__' })]);
    assert.equal(gatherFacts(model).traces[0].kind, 'other');
    assert.ok(renderHtml(model).includes('__proto__'));
  });
  it('the template escapes strings and keeps its own markup', () => {
    assert.equal(
      html`<b>${'<i>&"'}</b>${html`<u>${1}</u>`}${[null, false, 'x']}`.text,
      '<b>&lt;i&gt;&amp;&quot;</b><u>1</u>x',
    );
  });
});

describe('sizes', () => {
  it('500 cells stay under 2 MB', () => {
    const strategies = [...STRATEGIES, 'hybrid:threshold=32', 'heap', 'xen-old'];
    const cells: CellResult[] = [];
    for (let trace = 0; trace < 50; trace++) {
      for (const strategy of strategies) {
        const path = {
          calls: 123_456,
          visits: [1_234_567, 960],
          comparisons: [2_345_678, 5540],
          locks: [12_345_678, 12_045],
          lrWrites: [493_824, 4],
        } as const;
        cells.push(
          makeCell({
            trace: `recording-number-${trace}`,
            strategy,
            paths: { inject: path, rekey: path, flush: path, fold: path, prune: path, pending: path },
            measured: makeMeasured(10, 1.1),
          }),
        );
      }
    }
    const full = makeFullModel();
    const page = renderHtml({
      ...full,
      cells,
      timelines: [makeTimeline(10_000)],
      kinds: { 'recording-number-3': 'attack', 'recording-number-4': 'linux-guest' },
    });
    assert.equal(cells.length, 500);
    assert.ok(Buffer.byteLength(page) < 2_000_000, `${Buffer.byteLength(page)} bytes`);
  });
  it('a timeline without bins is drawn without numbers that are none', () => {
    const page = renderHtml({ ...createModel(TOOL, [makeCell()]), timelines: [makeTimeline(0)] });
    assert.match(page, /No flush falls into/);
    assert.doesNotMatch(page, /NaN|Infinity/);
  });
  it('an empty report is a page too', () => {
    const page = renderHtml(createModel(TOOL, []));
    assert.match(page, /This report has no results/);
    assert.doesNotMatch(page, /NaN|undefined/);
  });
});

describe('times', () => {
  it('stand in their own section after the exact ones, and change nothing else', () => {
    const model = makeFullModel();
    const measured = {
      ...model,
      cells: model.cells.map((cell) => ({
        ...cell,
        measured: makeMeasured(12.5, cell.exact.strategy.id === 'sort-on-flush' ? null : 1.25),
      })),
    };
    const page = renderHtml(measured);
    const section = /<section id="measured"[\s\S]*?<\/section>\n/.exec(page)![0];
    assert.ok(section.includes('AMD EPYC'));
    assert.ok(!page.replace(section, '').includes('AMD EPYC'));
    const link = /<li><a href="#measured">[^<]*<\/a><\/li>/;
    assert.equal(page.replace(section, '').replace(link, ''), PAGE);
  });
});

describe('timeline bins', () => {
  it('merging keeps extremes, samples and sums', () => {
    const { bins } = makeTimeline(1000);
    const { bins: merged, factor } = mergeBins(bins, 160);
    assert.ok(merged.length <= 160);
    assert.equal(factor, 7);
    const filled = bins.filter(({ samples }) => samples > 0);
    const add = (pick: (bin: (typeof bins)[number]) => number): [number, number] => [
      filled.reduce((sum, bin) => sum + pick(bin), 0),
      merged.reduce((sum, bin) => sum + pick(bin), 0),
    ];
    assert.equal(...add(({ samples }) => samples));
    assert.equal(...add(({ sum }) => sum));
    assert.equal(Math.max(...merged.map(({ max }) => max)), Math.max(...filled.map(({ max }) => max)));
  });
});
