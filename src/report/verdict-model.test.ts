/** Every case of "Is the model the real thing?", and the fidelity section that carries its evidence. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { Evidence } from './evidence.js';
import { gatherFacts } from './facts.js';
import { evidenceTable, fidelitySection } from './fidelity.js';
import { renderMarkdown } from './markdown.js';
import type { ReportModel } from './model.js';
import { createModel } from './model.js';
import type { CellFigures } from './test-fixture.js';
import { makeCell, makeEvidence, makeVerify } from './test-fixture.js';
import { writeVerdicts } from './verdict.js';
import type { Verdict } from './verdict-trust.js';
import { judgeModel } from './verdict-trust.js';

const makeModel = (more: Partial<ReportModel> = {}, figures: CellFigures = {}): ReportModel => ({
  ...createModel({ name: 'vgic-replay', version: '0' }, [makeCell(figures)]),
  ...more,
});
const judge = (model: ReportModel): Verdict => judgeModel(model, gatherFacts(model));
const withEvidence = (figures: Partial<Evidence>): ReportModel =>
  makeModel({ verify: [makeVerify('a')], evidence: makeEvidence(figures) });
const failing = (flavour: string, failed: number): Evidence['scenarios'] => [
  { flavour, passed: 3, failed, notRun: 0, reasons: [], failures: ['P01, step 3 (expectLrs), hcr'] },
];

describe('is the model the real thing?', () => {
  it('says yes on what was checked, of the flavours replayed alone', () => {
    const { text, tone } = judge(withEvidence({}));
    assert.equal(tone, 'plain');
    assert.match(text, /^Yes, as far as it was checked\. Recordings: on 1 .*1,000 of 1,000/);
    assert.match(text, /Scenarios: 80 of 80 of kvm-6\.1 passed, 20 not run\./);
    assert.match(text, /Golden lines: all 39,000 are those of the compiled C code\./);
    assert.match(text, /Random events: 0 differences from a second model in 2,000,000 of kvm-6\.1\./);
    assert.doesNotMatch(text, /xen-new/);
  });
  it('does not mention what was not measured', () => {
    const { text } = judge(withEvidence({ golden: null, fuzz: null, scenarios: [] }));
    assert.doesNotMatch(text, /Golden|Random|Scenarios/);
  });
  it('says for another flavour what there is for it', () => {
    const model = makeModel({ evidence: makeEvidence() }, { flavour: 'xen-new', madeFor: 'kvm-6.1' });
    const { text, tone } = judge(model);
    assert.equal(tone, 'plain');
    assert.match(text, /^In part\. No list registers recorded on xen-new are here.* 27 of 27 of xen-new passed\.$/);
  });
  it('is a failure, first of all, whatever fails, of any flavour', () => {
    const cases: [Partial<Evidence>, RegExp][] = [
      [{ scenarios: failing('kvm-6.1', 1) }, /^Not everywhere\. Scenarios: 1 of 4 of kvm-6\.1 failed\. Recordings/],
      [{ scenarios: failing('xen-new', 2) }, /^Not everywhere\. Scenarios: 2 of 5 of xen-new failed\./],
      [
        { golden: { flavour: 'kvm-6.1', files: 1, lines: 10, identical: 7, differing: ['x.bin.gz'] } },
        /^Not everywhere\. Golden lines: 3 of 10 of kvm-6\.1 differ/,
      ],
      [
        { fuzz: [{ ...makeEvidence().fuzz![0], flavour: 'xen-new', differences: 1 }] },
        /^Not everywhere\. Random events: 1 difference from a second model in 2,000,000 of xen-new\./,
      ],
    ];
    for (const [figures, sentence] of cases) {
      const model = withEvidence(figures);
      const [first] = writeVerdicts(model, gatherFacts(model));
      assert.equal(first.tone, 'fail');
      assert.match(first.text, sentence);
    }
  });
  it('claims nothing of nothing', () => {
    const nothing = makeEvidence({
      scenarios: [{ flavour: 'kvm-6.1', passed: 0, failed: 0, notRun: 4, reasons: [], failures: [] }],
      golden: { flavour: 'kvm-6.1', files: 0, lines: 0, identical: 0, differing: [] },
      fuzz: null,
    });
    const { text, tone } = judge(makeModel({ evidence: nothing }));
    assert.equal(tone, 'warn');
    assert.match(text, /^Not checked\. No recording was compared/);
  });
});

describe('the fidelity section', () => {
  it('has a row a flavour, and no figure where nothing was measured', () => {
    const model = withEvidence({ golden: null, fuzz: null });
    const { rows } = evidenceTable(model, model.evidence!);
    assert.deepEqual(rows, [
      ['kvm-6.1', 1000, 1000, 0, 80, 0, 20, null, null, null, null, 'Linux 6.1'],
      ['xen-new', null, null, null, 27, 0, 0, null, null, null, null, 'Xen, new vGIC'],
    ]);
    const text = renderMarkdown(model);
    assert.match(text, /not shipped with the package/);
    assert.match(text, /random events\*\*: Not recorded\./);
    assert.match(text, /Not run: kvm-6\.1 20 \\\(needs an ITS\\\)\./);
  });
  it('says date, seed and version of the recorded random run', () => {
    assert.match(renderMarkdown(withEvidence({})), /kvm-6\.1 on 2026-11-26 with version 0\.1\.0, seed 1, 500 machines/);
  });
  it('puts failures before everything but the verdict', () => {
    const model = withEvidence({ scenarios: failing('xen-new', 1) });
    const [verdict, failures] = fidelitySection(model, gatherFacts(model))!.blocks;
    assert.equal(verdict.kind, 'verdicts');
    assert.ok(failures.kind === 'table');
    assert.equal(failures.table.caption, 'What failed');
    assert.deepEqual(failures.table.rows, [[{ alarm: 'scenario' }, 'xen-new', 'P01, step 3 (expectLrs), hcr']]);
    assert.match(renderMarkdown(model), /\*\*Alarm\. Is the model the real thing\?\*\*/);
  });
});
