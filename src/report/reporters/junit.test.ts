import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { createModel } from '../model.js';
import { makeCell } from '../test-fixture.js';
import { junit } from './junit.js';
import { makeCellComparison, makeComparison } from './test-comparison.js';
import { parseXml, type XmlElement } from './test-xml.js';

const TOOL = { name: 'vgic-replay', version: '0.1.0' };

/** Elements of junit-10.xsd that are written here: attributes (! = required), children. */
const SCHEMA: Readonly<Record<string, readonly [attributes: string, children: string]>> = {
  testsuites: ['name time tests failures errors', 'testsuite'],
  testsuite: ['name! tests! failures! errors! group time skipped timestamp hostname id package', 'testcase properties'],
  testcase: ['name! time classname group', 'skipped error failure system-out system-err'],
  skipped: ['type message', ''],
  error: ['type message', ''],
  failure: ['type message', ''],
  'system-out': ['', ''],
};

function assertValid({ name, attributes, children }: XmlElement): void {
  const [allowed, inner] = SCHEMA[name] ?? assert.fail(`element ${name}`);
  const words = allowed.split(' ');
  for (const word of words) if (word.endsWith('!')) assert.ok(word.slice(0, -1) in attributes, `${name} has ${word}`);
  const known = words.map((word) => word.replace('!', ''));
  for (const attribute of Object.keys(attributes))
    assert.ok(known.includes(attribute), `${name} may have ${attribute}`);
  for (const child of children) assert.ok(inner.split(' ').includes(child.name), `${child.name} in ${name}`);
  children.forEach(assertValid);
}

/** Tests, failures, errors and skipped must be what the cases say. */
function assertCounts(root: XmlElement): void {
  for (const suite of root.children) {
    const count = (kind: string): string =>
      String(suite.children.filter(({ children }) => children.some(({ name }) => name === kind)).length);
    const { tests, failures, errors, skipped } = suite.attributes;
    assert.deepEqual(
      [tests, failures, errors, skipped],
      [String(suite.children.length), count('failure'), count('error'), count('skipped')],
    );
  }
  for (const key of ['tests', 'failures', 'errors']) {
    const sum = root.children.reduce((total, { attributes }) => total + Number(attributes[key]), 0);
    assert.equal(root.attributes[key], String(sum));
  }
}

function parseChecked(text: string): XmlElement {
  const root = parseXml(text);
  assertValid(root);
  assertCounts(root);
  return root;
}

test('a suite a trace, a case a cell; a stopped host is a result, a broken word a failure', () => {
  const cells = [
    makeCell(),
    makeCell({ strategy: 'fifo', equivalence: { holds: false, firstViolation: 7 } }),
    makeCell({ trace: 'bare', stopped: { event: 9, kind: 'host-assertion', reason: 'BUG_ON' } }),
    makeCell({
      trace: 'bare',
      strategy: './mine.js',
      stopped: { event: 3, kind: 'strategy-fault', reason: 'a < b & "c"' },
    }),
  ];
  const { children } = parseChecked(junit.cells!(createModel(TOOL, cells)) as string);
  assert.deepEqual(
    children.map(({ attributes }) => attributes.name),
    ['linux-boot on kvm-6.1', 'bare on kvm-6.1'],
  );
  const outcomes = children.flatMap((suite) => suite.children.map(({ children: [outcome] }) => outcome));
  assert.deepEqual(
    outcomes.map(({ name }) => name),
    ['system-out', 'failure', 'system-out', 'error'],
  );
  assert.match(outcomes[1].attributes.message, /^event 7: declares '.*' and is not$/);
  assert.equal(outcomes[3].attributes.message, 'event 3: a < b & "c"');
  assert.match(outcomes[2].text, /BUG_ON\nvgic-replay/);
});

test('a regression fails, what is not known is skipped with its reason; the worst come first', () => {
  const [suite] = parseChecked(junit.comparison!(makeComparison()) as string).children;
  assert.equal(suite.attributes.name, 'main against .');
  assert.deepEqual(
    suite.children.map(({ children: [outcome] }) => [outcome.name, outcome.attributes.type]),
    [
      ['failure', 'regressed'],
      ['system-out', undefined],
      ['system-out', undefined],
      ['skipped', 'inconclusive'],
      ['skipped', 'unfit'],
      ['error', 'incomparable'],
      ['error', 'error'],
    ],
  );
  const [failure] = suite.children[0].children;
  assert.match(failure.text, /flush\/steps\/max: 12 to 15 \(\+25\u00a0%\), at event 3,100, vCPU 0/);
  assert.equal(suite.children[4].children[0].attributes.message, 'Because it is unfit.');
});

test('any text can stand in a name and a reason', () => {
  const text = fc.string({ unit: 'binary', maxLength: 40 });
  fc.assert(
    fc.property(text, text, (cell, reason) => {
      const root = parseChecked(junit.comparison!(makeComparison([makeCellComparison({ cell, reason })])) as string);
      const [testcase] = root.children[0].children;
      const kept = (value: string): string =>
        value.replace(/[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\u{10000}-\u{10ffff}]/gu, '\ufffd');
      assert.equal(testcase.attributes.name, kept(cell));
      assert.equal(testcase.children[0].attributes.message, kept(reason));
    }),
    { seed: 1, numRuns: 300 },
  );
});
