import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { CellResult, HostStopped } from '../replay/result.js';
import { renderCsv } from './csv.js';
import { gatherFacts } from './facts.js';
import { renderMarkdown } from './markdown.js';
import type { ReportModel } from './model.js';
import { createModel } from './model.js';
import { makeCell, makeSweep } from './test-fixture.js';
import { writeVerdicts } from './verdict.js';
import { describeRun } from './verdict-flavour.js';
import { judgeWorth } from './worth.js';

const makeModel = (cells: readonly CellResult[]): ReportModel => ({
  ...createModel({ name: 'vgic-replay', version: '0' }, cells),
  kinds: { 'linux-boot': 'linux-guest', flood: 'attack' },
});
const say = (model: ReportModel, topic: RegExp): string =>
  writeVerdicts(model, gatherFacts(model))
    .filter((verdict) => topic.test(verdict.topic))
    .map(({ text }) => text)
    .join('\n');

describe('replayed as', () => {
  it('names every flavour in the head, and where the traces come from if elsewhere', () => {
    const head = (cells: readonly CellResult[]): string => describeRun(gatherFacts(makeModel(cells)));
    assert.equal(head([makeCell()]), 'Replayed as kvm-6.1: 1 trace, 1 strategy, 1 cell');
    assert.equal(
      head([makeCell({ flavour: 'kvm-7.2', madeFor: 'kvm-6.1' })]),
      'Replayed as kvm-7.2, recorded on kvm-6.1: 1 trace, 1 strategy, 1 cell',
    );
    assert.equal(
      head([makeCell(), makeCell({ trace: 'x', flavour: 'xen-new' })]),
      'Replayed as kvm-6.1 and xen-new: 2 traces, 1 strategy, 2 cells',
    );
    assert.equal(head([]), '0 traces, 0 strategies, 0 cells');
  });
  it('keeps one trace under two flavours apart', () => {
    const cells = [makeCell(), makeCell({ flavour: 'kvm-7.2', madeFor: 'kvm-6.1' })];
    const { traces } = gatherFacts(makeModel(cells));
    assert.deepEqual(
      traces.map(({ label }) => label),
      ['linux-boot (kvm-6.1)', 'linux-boot (kvm-7.2)'],
    );
  });
  it('warns of another hypervisor, with what its guest did not find', () => {
    const foreign = { flavour: 'kvm-7.2', madeFor: 'kvm-6.1' };
    assert.equal(say(makeModel([makeCell()]), /another hypervisor/), '');
    assert.match(
      say(makeModel([makeCell(foreign)]), /another hypervisor/),
      /^1 trace was recorded on kvm-6\.1 and replayed as kvm-7\.2\. .*: sort-on-flush presented each interrupt that the guest acknowledged \(900 acknowledges\)\. List registers are not compared/,
    );
    assert.match(
      say(makeModel([makeCell({ ...foreign, divergences: 7 }), makeCell({ ...foreign, trace: 'x' })]), /another/),
      /^2 traces were recorded .*: 7 of its acknowledges and ends were of an interrupt that sort-on-flush had not presented \(1,800 acknowledges went through\)/,
    );
  });
  it('stands in every row of the CSV', () => {
    const [head, row] = renderCsv(makeModel([makeCell({ flavour: 'kvm-7.2', madeFor: 'kvm-6.1' })])).split('\r\n');
    const at = (name: string): string => row.split(',')[head.split(',').indexOf(name)];
    assert.deepEqual([at('flavour'), at('made_for'), at('stopped_at_event')], ['kvm-7.2', 'kvm-6.1', '']);
  });
});

describe('a host that stops', () => {
  const stopped: HostStopped = { event: 120, kind: 'host-deadlock', reason: 'one interrupt is locked twice' };
  const paths = { flush: { calls: 1, visits: [5000, 5000] } } as const;
  const attack = [
    makeCell({ trace: 'flood', flavour: 'xen-new', stopped, paths }),
    makeCell({ trace: 'flood', flavour: 'xen-new', strategy: 'buckets' }),
  ];
  it('comes first and says where, how, and that its figures end', () => {
    const model = makeModel(attack);
    const [first] = writeVerdicts(model, gatherFacts(model));
    assert.equal(first.tone, 'fail');
    assert.match(
      first.text,
      /^xen-new stops for good on flood at event 120 of 1,000 under sort-on-flush: a CPU waits for ever .*locked twice\)\. Every guest .* The figures of this cell end there/,
    );
    assert.equal(say(makeModel([makeCell()]), /stops the host/), '');
  });
  it('names three places, counts the rest, and joins the strategies of one place', () => {
    const many = ['a', 'b', 'c', 'd', 'e'].flatMap((trace) => [
      makeCell({ trace, stopped: { ...stopped, kind: 'host-assertion' } }),
      makeCell({ trace, strategy: 'hybrid', stopped: { ...stopped, kind: 'host-assertion' } }),
    ]);
    const text = say(makeModel(many), /stops the host/);
    assert.match(text, /on a at .* under sort-on-flush and hybrid: an assertion of the hypervisor fails/);
    assert.match(text, /And at 2 other places\. .*these 10 cells end there/);
  });
  it('is compared with nothing', () => {
    const model = makeModel([...attack, makeCell({ trace: 'flood', flavour: 'xen-new', strategy: 'sort-on-insert' })]);
    const facts = gatherFacts(model);
    assert.equal(facts.traces[0].reference, null);
    assert.deepEqual(judgeWorth(facts.traces[0], facts), {
      answer: 'host stopped',
      reason: 'the hypervisor stopped for good under sort-on-flush',
    });
    assert.match(say(model, /how long can a guest/), /^For ever: on flood the host stops under sort-on-flush/);
    assert.doesNotMatch(say(model, /./), /5,000/);
  });
  it('in the depth sweep weighs the same, and is said once for all LRs', () => {
    const stop = { depth: 769, strategy: 'sort-on-flush', reason: 'one interrupt is locked twice' };
    const sweeps = [4, 16].map((nrLr) => ({ ...makeSweep(nrLr), flavour: 'xen-new', stop }));
    const model = { ...makeModel([makeCell({ flavour: 'xen-new' })]), sweeps };
    const [first] = writeVerdicts(model, gatherFacts(model));
    assert.equal(first.tone, 'fail');
    assert.match(
      first.text,
      /^In the made-up depth sweep xen-new stops for good with 769 entries under sort-on-flush: [^.]*\. Every guest .* is worse\.$/,
    );
    assert.match(renderMarkdown(model), /The curves end where the host stops: xen-new stops for good with 769/);
  });
  it('stands in tables, CSV and Markdown, also if no cell went through', () => {
    const alone = makeModel([attack[0]]);
    assert.match(renderMarkdown(alone), /\*\*120\*\*/);
    assert.match(renderCsv(alone), /,120,vgic-replay/);
    assert.match(renderMarkdown(makeModel(attack)), /host stopped/);
  });
});
