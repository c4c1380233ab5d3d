import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { describe, it } from 'node:test';
import { Ajv2020 } from 'ajv/dist/2020.js';
import { METRIC_NAMES, PATH_NAMES } from '../replay/result.js';
import { csvField, renderCsv, renderMeasuredCsv } from './csv.js';
import { canonicalJson, hashExactPart, renderJson } from './json.js';
import { renderMarkdown } from './markdown.js';
import { escapeMarkdown } from './markdown-document.js';
import type { ReportModel } from './model.js';
import { createModel } from './model.js';
import { renderTerminal } from './terminal.js';
import { makeCell, makeFullModel } from './test-fixture.js';
import { makeMeasured } from './test-measured.js';
import { wrapText } from './wrap-text.js';

const readSchema = (name: string): object =>
  JSON.parse(readFileSync(new URL(`../../../reports/${name}.schema.json`, import.meta.url), 'utf8'));

const ajv = new Ajv2020({ allErrors: true });
const isCell = ajv.compile(readSchema('cell'));
const isReport = ajv.compile(readSchema('report'));

/** The same cells in another order, as workers might deliver them. */
const reverseCells = (model: ReportModel): ReportModel => ({ ...model, cells: [...model.cells].reverse() });

const withMeasured = (model: ReportModel): ReportModel => ({
  ...model,
  cells: model.cells.map((cell, index) => ({
    ...cell,
    measured: makeMeasured(12.5 + index, index % 3 === 0 ? null : 0.9),
  })),
  measuredOn: { cpu: 'AMD EPYC', node: 'v20.20.2', os: 'linux x64', notes: ['Two cores, shared.'] },
});

describe('JSON', () => {
  it('fits its schemas, with and without the measured part', () => {
    for (const model of [
      makeFullModel(),
      withMeasured(makeFullModel()),
      createModel({ name: 'x', version: '1' }, []),
    ]) {
      assert.ok(isReport(JSON.parse(renderJson(model))), ajv.errorsText(isReport.errors));
      for (const cell of model.cells)
        assert.ok(isCell(JSON.parse(JSON.stringify(cell))), ajv.errorsText(isCell.errors));
    }
  });
  it('the schemas refuse what is wrong', () => {
    const cell = makeCell();
    assert.equal(isCell({ ...cell, extra: 1 }), false);
    assert.equal(isCell({ ...cell, schema: 'vgic-replay/cell/2' }), false);
    assert.equal(isCell({ ...cell, exact: { ...cell.exact, lrDigest: 'xyz' } }), false);
    const { rekey: _dropped, ...paths } = cell.exact.paths;
    assert.equal(isCell({ ...cell, exact: { ...cell.exact, paths } }), false);
  });
  it('sorts keys and refuses what JSON cannot hold', () => {
    assert.equal(canonicalJson({ b: 1, a: [{ d: null, c: 'x' }], e: undefined }), '{"a":[{"c":"x","d":null}],"b":1}');
    assert.equal(canonicalJson(JSON.parse('{"__proto__":1,"a":2}')), '{"__proto__":1,"a":2}');
    assert.throws(() => canonicalJson({ a: Number.NaN }), RangeError);
    assert.throws(() => canonicalJson({ a: () => 1 }), TypeError);
  });
  it('does not depend on the order of the cells', () => {
    const model = makeFullModel();
    for (const render of [renderJson, renderCsv, renderMarkdown])
      assert.equal(render(reverseCells(model)), render(model));
  });
  it('hashes the exact part alone', () => {
    const model = makeFullModel();
    assert.equal(hashExactPart(withMeasured(model)), hashExactPart(model));
    const changed = { ...model, cells: [...model.cells.slice(1), makeCell({ trace: 'other' })] };
    assert.notEqual(hashExactPart(changed), hashExactPart(model));
    const { exact, measured } = JSON.parse(renderJson(withMeasured(model)));
    assert.doesNotMatch(JSON.stringify(exact), /nsPerEvent|EPYC/);
    assert.equal(measured.cells.length, model.cells.length);
  });
});

/** A CSV reader for the test: fields by RFC 4180. */
function parseCsv(text: string): string[][] {
  const rows: string[][] = [[]];
  for (const [, quoted, plain, end] of text.matchAll(/(?:"((?:[^"]|"")*)"|([^",\r\n]*))(,|\r\n)/g)) {
    rows.at(-1)!.push(quoted === undefined ? plain : quoted.replaceAll('""', '"'));
    if (end === '\r\n') rows.push([]);
  }
  rows.pop();
  return rows;
}

describe('CSV', () => {
  it('has one row per cell and path with every count', () => {
    const model = makeFullModel();
    const [head, ...rows] = parseCsv(renderCsv(model));
    assert.equal(rows.length, model.cells.length * PATH_NAMES.length);
    const at = (name: string): number => head.indexOf(name);
    for (const { exact } of model.cells) {
      for (const path of PATH_NAMES) {
        const row = rows.find(
          (fields) =>
            fields[at('trace')] === exact.trace.name &&
            fields[at('strategy')] === exact.strategy.id &&
            fields[at('path')] === path,
        )!;
        assert.equal(Number(row[at('calls')]), exact.paths[path].calls);
        for (const metric of METRIC_NAMES) {
          assert.equal(Number(row[at(`${metric}_sum`)]), exact.paths[path][metric].sum);
          assert.equal(Number(row[at(`${metric}_max`)]), exact.paths[path][metric].max);
        }
      }
    }
  });
  it('quotes, and disarms formulas', () => {
    assert.equal(csvField('a"b,c'), '"a""b,c"');
    assert.equal(csvField('=HYPERLINK("x")'), '"\'=HYPERLINK(""x"")"');
    assert.equal(csvField(-5), '-5');
    assert.equal(csvField(null), '');
    const [, row] = parseCsv(
      renderCsv(createModel({ name: 'x', version: '1' }, [makeCell({ trace: '@cmd\r\nnext,"q"' })])),
    );
    assert.equal(row[0], '\'@cmd\r\nnext,"q"');
  });
  it('keeps times in their own file', () => {
    assert.equal(renderMeasuredCsv(makeFullModel()), null);
    assert.equal(renderCsv(withMeasured(makeFullModel())), renderCsv(makeFullModel()));
    const [head, first] = parseCsv(renderMeasuredCsv(withMeasured(makeFullModel()))!);
    assert.equal(first.length, head.length);
  });
});

describe('Markdown', () => {
  it('escapes what would be markup', () => {
    const text = escapeMarkdown('a|b <img src=x> [l](http://x) @you `c` *d* #1\n## e');
    assert.doesNotMatch(text, /<|(?<!\\)[|[\]`*]|@|:\/\/|\n/);
  });
  it('keeps tables whole whatever the names hold', () => {
    const model = createModel({ name: 'x', version: '1' }, [makeCell({ trace: 'a|b`c\nd</details>', title: '| | |' })]);
    const lines = renderMarkdown(model).split('\n');
    lines.forEach((line, index) => {
      if (!/^\| (--|-)/.test(line)) return;
      const columns = (row: string): number => row.replaceAll(/\\\|/g, '').split('|').length;
      assert.equal(columns(lines[index - 1]), columns(line));
      for (let row = index + 1; lines[row].startsWith('|'); row++)
        assert.equal(columns(lines[row]), columns(line), lines[row]);
    });
    const count = (pattern: RegExp): number => lines.filter((line) => pattern.test(line)).length;
    assert.equal(count(/^<details>/), count(/^<\/details>/));
  });
});

describe('terminal', () => {
  it('no line is longer than the terminal, at any width', () => {
    const model = makeFullModel();
    for (const width of [40, 60, 72, 80, 100, 132, 200]) {
      for (const line of renderTerminal(model, { colour: false, width }).split('\n')) {
        assert.ok([...line].length <= width, `width ${width}: ${[...line].length} ${line}`);
      }
    }
  });
  it('shows every trace, every strategy and both longest calls', () => {
    const model = makeFullModel();
    const text = renderTerminal(model, { colour: false, width: 140 });
    for (const { exact } of model.cells) {
      assert.ok(text.includes(exact.trace.name));
      assert.ok(text.includes(exact.strategy.id));
    }
    assert.match(text, /bare-flood-big +attack.* 20,954 +1,923 /);
  });
  it('colour adds escape codes and changes no letter', () => {
    const model = makeFullModel();
    const plain = renderTerminal(model, { colour: false, width: 100 });
    const coloured = renderTerminal(model, { colour: true, width: 100 });
    // biome-ignore lint/complexity/useRegexLiterals: a literal may not hold a control character
    const codes = new RegExp('\\u001b\\[[0-9;]*m', 'g');
    const trim = (text: string): string => text.replace(/ +$/gm, '');
    assert.doesNotMatch(plain, codes);
    assert.match(coloured, codes);
    assert.equal(trim(coloured.replace(codes, '')), trim(plain));
  });
  it('lets no control character of a name through', () => {
    const model = createModel({ name: 'x', version: '1' }, [makeCell({ trace: 'a\u001b[2Jb\u202e' })]);
    assert.doesNotMatch(renderTerminal(model, { colour: false, width: 80 }), /[^\P{Cc}\n]|\u202e/u);
  });
  it('wraps at blanks and breaks what is too long', () => {
    assert.deepEqual(wrapText('aa bb cc', 5), ['aa bb', 'cc']);
    assert.deepEqual(wrapText('abcdefgh ij', 4), ['abcd', 'efgh', 'ij']);
    assert.deepEqual(wrapText('', 4), []);
  });
});
