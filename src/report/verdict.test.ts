import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { CellResult } from '../replay/result.js';
import { gatherFacts } from './facts.js';
import type { ReportModel } from './model.js';
import { createModel } from './model.js';
import type { CellFigures } from './test-fixture.js';
import { makeCell, makeFullModel, makeSweep, makeVerify } from './test-fixture.js';
import { summariseVerdict, writeVerdicts } from './verdict.js';
import type { Worth } from './worth.js';
import { judgeWorth } from './worth.js';

const TOOL = { name: 'vgic-replay', version: '0' };

const makeModel = (cells: readonly CellResult[], more: Partial<ReportModel> = {}): ReportModel => ({
  ...createModel(TOOL, cells),
  kinds: { 'linux-boot': 'linux-guest', 'ipi-4': 'linux-guest', 'bare-flood': 'attack', 'bare-churn': 'attack' },
  ...more,
});

/** All verdict sentences; with `topic`, the one whose topic matches. */
function say(model: ReportModel, topic = /./): string {
  return writeVerdicts(model, gatherFacts(model))
    .filter((verdict) => topic.test(verdict.topic))
    .map(({ text }) => text)
    .join('\n');
}

/** One trace under both strategies, with that many steps (as visits) in flush and inject. */
function makePair(
  trace: string,
  flush: readonly [number, number],
  insert: readonly [number, number],
  more: CellFigures = {},
): CellResult[] {
  const paths = ([sum, max]: readonly [number, number]): CellFigures['paths'] => ({
    flush: { calls: 10, visits: [sum, max] },
    inject: { calls: 10, comparisons: [10, 1] },
  });
  return [
    makeCell({ trace, strategy: 'sort-on-flush', ...more, paths: paths(flush) }),
    makeCell({ trace, strategy: 'sort-on-insert', ...more, paths: paths(insert) }),
  ];
}

describe('overflow on ordinary guests', () => {
  it('says never only if it never happened', () => {
    const fits = makeModel([
      makeCell({
        depthAtFlush: [
          [1, 90],
          [4, 10],
        ],
      }),
    ]);
    assert.match(
      say(fits, /outgrow/),
      /the only Linux-guest recording \(linux-boot\).* never outgrew .* each of 100 flushes .*deepest list: 4 entries against 4 LRs/,
    );
    const overflows = makeModel([
      makeCell({
        depthAtFlush: [
          [1, 99],
          [5, 1],
        ],
      }),
      makeCell({ trace: 'ipi-4' }),
    ]);
    const text = say(overflows, /outgrow/);
    assert.doesNotMatch(text, /never/);
    assert.match(text, /on 1 of 2 Linux-guest recordings, at 1 of 110 flushes/);
    assert.match(text, /deepest list held 5 entries against 4 LRs \(linux-boot\)/);
  });
  it('counts against the LRs of the machine, not against four', () => {
    const model = makeModel([makeCell({ nrLr: 16, depthAtFlush: [[16, 10]] })]);
    assert.match(say(model, /outgrow/), /never outgrew/);
  });
  it('does not call synthetic traces recordings, nor undeclared traces guests', () => {
    assert.match(say(makeModel([makeCell({ origin: 'synthetic' })]), /outgrow/), /Linux-guest trace \(/);
    assert.match(say(makeModel([makeCell({ trace: 'unknown' })]), /outgrow/), /not answered/);
  });
});

describe('worth it on ordinary guests', () => {
  const ordinary = (flush: readonly [number, number], insert: readonly [number, number]): string =>
    say(makeModel(makePair('linux-boot', flush, insert)), /worth it/);
  it('turns with the figures', () => {
    assert.match(ordinary([1000, 100], [2000, 100]), /not worth it/);
    assert.match(ordinary([2000, 100], [1000, 100]), /the cheaper of the two/);
    assert.match(ordinary([1000, 100], [1000, 100]), /hardly matters/);
    assert.match(ordinary([1000, 100], [1000, 100]), /exactly as many comparisons/);
  });
  it('compares only traces on which both ran', () => {
    const cells = [
      ...makePair('linux-boot', [1000, 100], [1000, 100]),
      makeCell({ trace: 'ipi-4', paths: { flush: { calls: 9, visits: [9_000_000, 9] } } }),
    ];
    assert.match(
      say(makeModel(cells), /worth it/),
      /\(1,010 against 1,010, on 1 trace\).* longest single call there goes from 100 to 100 steps/,
    );
    assert.match(say(makeModel([makeCell()]), /worth it/), /Not answered/);
  });
});

describe('under attack', () => {
  it('names the figures, the path and the best candidate, and no bound as candidate', () => {
    const cells = [
      ...makePair('bare-flood', [9000, 5000], [3000, 700]),
      makeCell({ trace: 'bare-flood', strategy: 'buckets', paths: { prune: { calls: 5, locks: [50, 40] } } }),
      makeCell({
        trace: 'bare-flood',
        strategy: 'fifo',
        paths: { flush: { calls: 5, locks: [5, 2] } },
        equivalence: { declared: 'bound' },
      }),
    ];
    const text = say(makeModel(cells), /how long/);
    assert.match(
      text,
      /5,000 steps under sort-on-flush \(flush\), 700 steps under sort-on-insert \(flush\) and 40 steps under buckets \(prune\)/,
    );
    assert.match(text, /Of 3 candidates buckets has the shortest/);
    assert.match(text, /no candidate: 2 steps under fifo \(flush\)/);
  });
  it('admits it when nothing shortens the longest call', () => {
    const text = say(makeModel(makePair('bare-flood', [900, 50], [3000, 700])), /how long/);
    assert.match(text, /None of the 2 candidates shortens it/);
  });
  it('warns when the best candidate presents other interrupts', () => {
    const cells = [
      ...makePair('bare-flood', [900, 50], [900, 50]),
      makeCell({
        trace: 'bare-flood',
        strategy: 'lazy',
        equivalence: { declared: 'deviating', deviating: 4, flushes: 10 },
      }),
    ];
    assert.match(
      say(makeModel(cells), /how long/),
      /lazy has the shortest: .*presents other interrupts at 4 of 10 flushes/,
    );
  });
  it('takes the attack with the longest call, and only declared attacks', () => {
    const cells = [
      ...makePair('bare-flood', [900, 50], [900, 50]),
      ...makePair('bare-churn', [900, 80], [900, 80]),
      ...makePair('undeclared', [900, 800], [900, 800]),
    ];
    assert.match(say(makeModel(cells), /how long/), /^On bare-churn/);
    assert.match(say(makeModel(makePair('linux-boot', [1, 1], [1, 1])), /how long/), /Not answered/);
  });
  it('says who pays only if the injection grows', () => {
    const grows = makePair('bare-flood', [900, 50], [900, 50]);
    const insert = makeCell({
      trace: 'bare-flood',
      strategy: 'sort-on-insert',
      paths: { inject: { calls: 3, visits: [300, 200] } },
    });
    assert.match(say(makeModel([grows[0], insert]), /who pays/), /grows from 1 to 200 steps .*injecting side pays/s);
    const shrinks = makeCell({ trace: 'bare-flood', strategy: 'sort-on-insert', paths: { inject: { calls: 3 } } });
    const text = say(makeModel([grows[0], shrinks]), /who pays/);
    assert.match(text, /does not grow/);
    assert.doesNotMatch(text, /injecting side pays/);
  });
});

describe('the summary', () => {
  const summary = (cells: readonly CellResult[]): string => summariseVerdict(gatherFacts(makeModel(cells)));
  it('turns with the figures', () => {
    assert.match(summary(makePair('linux-boot', [1000, 10], [1500, 10])), /50\u00a0% more steps than sort-on-flush/);
    assert.match(summary(makePair('linux-boot', [1500, 10], [1000, 10])), /33\u00a0% fewer steps than/);
    assert.match(summary(makePair('linux-boot', [1000, 10], [1000, 10])), /costs about what/);
    assert.match(
      summary(makePair('bare-flood', [1000, 100], [1000, 300])),
      /sort-on-insert makes the longest call with interrupts off 3 times as long\.$/,
    );
    assert.match(summary(makePair('bare-flood', [1000, 100], [1000, 100])), /leaves the longest call/);
    assert.equal(summary([makeCell()]), '');
  });
  it('names a better candidate only if there is one', () => {
    const pair = makePair('bare-flood', [1000, 100], [1000, 50]);
    const better = makeCell({
      trace: 'bare-flood',
      strategy: 'buckets',
      paths: { flush: { calls: 1, visits: [5, 5] } },
    });
    assert.match(summary([...pair, better]), /, buckets makes it 20 times shorter/);
    assert.doesNotMatch(summary(pair), /, .*, /);
  });
});

const judge = (model: ReportModel): Worth => {
  const facts = gatherFacts(model);
  return judgeWorth(facts.traces[0], facts);
};

describe('the answer per trace', () => {
  const answer = (flush: readonly [number, number], insert: readonly [number, number]): string => {
    const model = makeModel(makePair('linux-boot', flush, insert));
    return judge(model).answer;
  };
  it('follows the rule', () => {
    assert.equal(answer([1000, 100], [500, 100]), 'yes');
    assert.equal(answer([1000, 100], [1000, 10]), 'yes');
    assert.equal(answer([1000, 100], [2000, 100]), 'no');
    assert.equal(answer([1000, 100], [1000, 300]), 'no');
    assert.equal(answer([1000, 100], [2000, 10]), 'trade');
    assert.equal(answer([1000, 100], [500, 300]), 'trade');
    assert.equal(answer([1000, 100], [1010, 101]), 'no difference');
    assert.equal(judge(makeModel([makeCell()])).answer, 'not run');
  });
});

describe('fewer than four LRs nearly always', () => {
  const claim = (used: readonly number[], more: CellFigures = {}): string =>
    say(makeModel([makeCell({ usedLrs: used, ...more })]), /Fewer than 4/);
  it('is granted from 99 % and refused below', () => {
    assert.match(claim([10, 80, 9, 0, 1]), /^True .* 99 of 100 guest entries/);
    assert.match(claim([10, 80, 8, 0, 2]), /^Not true .* 98 of 100/);
    assert.match(claim([0, 1, 0, 0, 0, 0, 0, 0, 99]), /^Not true .* 1 of 100/);
  });
  it('is not checked on traces without LR contents or not recorded', () => {
    assert.match(claim([10], { fidelity: 1 }), /Not checked/);
    assert.match(claim([10], { origin: 'synthetic' }), /Not checked/);
  });
});

describe('depth sweep', () => {
  it('names the crossover, or who is never the dearer', () => {
    const model = { ...makeFullModel(), sweeps: [makeSweep(4)] };
    assert.match(say(model, /depth/), /With 4 LRs.* sort-on-insert is the cheaper from about 1\d\d entries on\./);
    const swapped = { ...model, reference: 'sort-on-insert', challenger: 'sort-on-flush' };
    assert.match(say(swapped, /depth/), /sort-on-insert is the cheaper from about 1\d\d entries on\./);
    const flat = { ...model, challenger: 'fifo' };
    assert.match(say(flat, /depth/), /never change places from depth 1 to 988: fifo is never the dearer/);
  });
  it('is silent about strategies that were not swept', () => {
    assert.equal(say({ ...makeFullModel(), challenger: 'unknown' }, /Against list depth/), '');
  });
});

describe('trust', () => {
  it('puts a faulty model first and says so', () => {
    const faulty = makeVerify('linux-boot', {
      identical: 990,
      causes: { 'cross-cpu-window': 3, 'unrecorded-input': 2, 'model-fault': 5 },
      explained: 5,
      unexplained: 5,
    });
    const model = makeModel([makeCell()], { verify: [faulty] });
    const [first] = writeVerdicts(model, gatherFacts(model));
    assert.equal(first.tone, 'fail');
    assert.match(
      first.text,
      /^Not everywhere\. .* 990 of 1,000 .*Missed: 5 unexplained, so by faults of the model, 3 where CPUs raced.* and 2 after inputs it does not contain/,
    );
  });
  it('says yes only of compared flushes', () => {
    assert.match(
      say(makeModel([makeCell()], { verify: [makeVerify('a')] }), /real thing/),
      /^Yes, .* 1,000 of 1,000 .*\(100\u00a0%\).* Nothing about order/,
    );
    assert.match(
      say(makeModel([makeCell()], { verify: [makeVerify('a', { entries: 0, identical: 0 })] }), /real thing/),
      /^Not checked\. No recording was compared/,
    );
    assert.match(say(makeModel([makeCell()]), /real thing/), /^Not checked/);
    assert.match(
      say(makeModel([makeCell()], { verify: [makeVerify('a', { decisionsFromRecording: 82 })] }), /real thing/),
      /82 decisions about order were taken/,
    );
  });
  it('names broken classes, divergences, losses and low fidelity', () => {
    const broken = makeCell({ equivalence: { holds: false, firstViolation: 4711, deviating: 3 } });
    assert.match(
      say(makeModel([broken]), /Same interrupts/),
      /^No: .*sort-on-flush on linux-boot \(first at event 4,711\)/,
    );
    assert.match(
      say(makeModel([makeCell({ strategy: 'buckets' })]), /Same interrupts/),
      /^Every strategy kept .* 10 compared flushes/,
    );
    assert.match(say(makeModel([makeCell()]), /Same interrupts/), /^No flush was compared/);
    assert.match(say(makeModel([makeCell({ divergences: 7 })]), /Limits/), /sort-on-flush 7/);
    assert.match(
      say(makeModel([makeCell({ lostEvents: 5, gaps: 1 })]), /Limits/),
      /1 trace lost events .*\(5 known to be lost\): linux-boot/,
    );
    assert.match(say(makeModel([makeCell({ fidelity: 1 })]), /Limits/), /below L3/);
    assert.equal(say(makeModel([makeCell()]), /Limits/), '');
  });
});

it('a report without results says so', () => {
  assert.match(say(makeModel([])), /no results/);
});

it('one cell given twice is refused in one line', () => {
  assert.throws(
    () => gatherFacts(makeModel([makeCell(), makeCell()])),
    /^UserError: two results for trace linux-boot|two results for trace linux-boot/,
  );
});
