import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { CellResult } from '../replay/result.js';
import { gatherFacts } from './facts.js';
import { fullKickTable, judgeKicks, kickSection, kickTable } from './kicks.js';
import type { ReportModel } from './model.js';
import { createModel } from './model.js';
import type { CellFigures } from './test-fixture.js';
import { makeCell } from './test-fixture.js';

const NONE = { requests: 0, wakeups: 0, ipis: 0, whileQueued: 0, ipisWhileQueued: 0, spurious: 0 };
const makeModel = (cells: readonly CellResult[]): ReportModel => ({
  ...createModel({ name: 'vgic-replay', version: '0' }, cells),
  kinds: { 'linux-boot': 'linux-guest', flood: 'attack' },
});
const judge = (...figures: CellFigures[]): string =>
  judgeKicks(gatherFacts(makeModel(figures.map(makeCell))))
    .map(({ text }) => text)
    .join('\n');
const words = (...figures: CellFigures[]): string =>
  kickSection(gatherFacts(makeModel(figures.map(makeCell))))!
    .blocks.flatMap((block) => (block.kind === 'text' ? [block.text] : []))
    .join('\n');

describe('is unblocking enough?', () => {
  it('says nothing if nobody was asked', () => assert.equal(judge({ kicks: NONE }), ''));
  it('shows nothing if no IPI was needed', () => {
    assert.match(
      judge({ kicks: { ...NONE, requests: 9 } }),
      /^Not shown by these traces: no request met a vCPU that was/,
    );
  });
  it('says yes if no IPI was for a queued interrupt', () => {
    assert.match(judge({ kicks: { ...NONE, requests: 9, ipis: 1 } }), /^On these traces, yes: none of 1 IPI to/);
  });
  it('says no and how often, by kind of trace', () => {
    assert.match(judge({}), /^No: 5 of 30 IPIs to running vCPUs \(16\.7\u00a0%\) on 1 ordinary-guest trace were for/);
    assert.match(
      judge({}, { trace: 'flood', kicks: { ipis: 1, ipisWhileQueued: 1 } }, { trace: 'x', kicks: NONE }),
      /^No: 5 of 30 IPIs .* and 1 of 1 \(100\u00a0%\) on 1 attack were for/,
    );
  });
});

describe('the section', () => {
  it('says that nobody was asked', () => assert.match(words({ kicks: NONE }), /^On these traces no vCPU was asked/));
  it('is left out without traces', () => assert.equal(kickSection(gatherFacts(makeModel([]))), null));
  it('tells what requests took', () => {
    const text = words({});
    assert.match(
      text,
      /On 1 ordinary-guest trace 16\.7\u00a0% of 120 requests woke .* and 25\.0\u00a0% took an IPI; the rest met/,
    );
    assert.match(text, /4 entries after a request had nothing pending/);
    assert.doesNotMatch(text, /agree/);
    assert.match(
      words({ kicks: { ...NONE, requests: 2, wakeups: 2 } }),
      /took an IPI\. No vCPU was called for nothing\./,
    );
    assert.doesNotMatch(words({ kicks: { broadcasts: 1 } }), /the rest/);
  });
  it('says whether the strategies agree', () => {
    assert.match(words({}, { strategy: 'buckets' }), /present the same interrupts agree in every count: /);
    assert.match(
      words({}, { strategy: 'buckets', kicks: { spurious: 0 } }),
      /agree in every count on 0 of 1 trace; on the others/,
    );
  });
  it('counts only those that mean to present the same', () => {
    const bound = { strategy: 'fifo', kicks: { spurious: 0 }, equivalence: { declared: 'bound' } } as const;
    assert.doesNotMatch(words({}, bound), /agree/);
    assert.match(words({}, { strategy: 'buckets' }, bound), /agree in every count: /);
  });
  it('shows the reference, and every strategy on demand', () => {
    const facts = gatherFacts(makeModel([makeCell(), makeCell({ strategy: 'fifo', kicks: { spurious: 0 } })]));
    assert.equal(kickTable(facts).rows.length, 1);
    assert.equal(fullKickTable(facts).rows.length, 2);
  });
  it('puts strategies with equal counts in one row', () => {
    const rows = (...strategies: [string, number][]): unknown[] =>
      fullKickTable(
        gatherFacts(makeModel(strategies.map(([strategy, spurious]) => makeCell({ strategy, kicks: { spurious } })))),
      ).rows.map(([, names]) => names);
    assert.deepEqual(rows(['sort-on-flush', 4]), ['sort-on-flush']);
    assert.deepEqual(rows(['sort-on-flush', 4], ['buckets', 4]), ['all 2']);
    assert.deepEqual(rows(['sort-on-flush', 4], ['buckets', 4], ['fifo', 1]), ['sort-on-flush and buckets', 'fifo']);
    assert.deepEqual(rows(['sort-on-flush', 4], ['buckets', 4], ['hybrid', 4], ['fifo', 1]), ['all but fifo', 'fifo']);
  });
});
