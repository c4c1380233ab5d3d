/** `conform` as a user meets it: what it prints, its exit codes, and what it refuses. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { gzipSync } from 'node:zlib';
import { UserError } from '../base/errors.js';
import { CORE_FLAVOURS, fileOf, type WrittenScenario } from '../conform/test-scenarios.js';
import { XenOldReference } from '../reference/xen-old/xen-old-reference.js';
import { type ConformOptions, conformFiles } from './conform.js';
import { createTestTerminal, type Run, run } from './test-run.js';

const folder = mkdtempSync(join(tmpdir(), 'vgic-replay-'));
after(() => rmSync(folder, { recursive: true }));

function write(name: string, content: string | Uint8Array): string {
  const path = join(folder, name);
  writeFileSync(path, content);
  return path;
}

/** SPI 33 enabled and raised; `expected` list registers. */
const lrsOf = (id: string, lrs: readonly object[], flavours = ['xen-old']): WrittenScenario => ({
  id,
  flavours,
  steps: [
    { op: 'mmioWrite', vcpu: 0, reg: 'ISENABLER', offset: 4, len: 4, value: '0x2' },
    { op: 'inject', vcpu: null, intid: 33, level: 1 },
    { op: 'expectLrs', vcpu: 0, expect: { '*': { lrs, hcr: '0x0' } } },
  ],
});
const RIGHT = lrsOf('right', [{ raw: '0x10000021', slot: 0 }]);
const WRONG = lrsOf('wrong', [{ raw: '0x10000022', slot: 1 }]);
const ITS: WrittenScenario = {
  id: 'its',
  flavours: ['kvm-6.1', 'kvm-7.2'],
  config: { kind: 'its', vcpus: 2 },
  steps: [{ op: 'itsReset' }],
};

const right = write('right.json', fileOf([RIGHT]));
const wrong = write('wrong.json', fileOf([RIGHT, WRONG]));
const its = write('its.json.gz', gzipSync(fileOf([ITS])));

/** The command on the reference model of xen-old. */
function conform(paths: readonly string[], options: ConformOptions = {}): Run {
  const { terminal, printed } = createTestTerminal();
  try {
    conformFiles(paths, options, terminal, (machine) => new XenOldReference(machine));
    return { code: 0, ...printed() };
  } catch (error) {
    assert.ok(error instanceof UserError, String(error));
    const { out } = printed();
    return { code: error.exitCode, out, err: error.message };
  }
}

test('what holds is counted by flavour', () => {
  assert.deepEqual(conform([right]), {
    code: 0,
    out: 'flavour  passed  failed  not run\nxen-old       1       0        0\n',
    err: '',
  });
});

test('each difference is a line; the exit code is 5', () => {
  const { code, out, err } = conform([wrong]);
  assert.equal(code, 5);
  assert.deepEqual(out.split('\n'), [
    `${wrong}: wrong xen-old step 3 (expectLrs): lrs[0].raw: expected "0x10000022", got "0x10000021"`,
    `${wrong}: wrong xen-old step 3 (expectLrs): lrs[0].slot: expected 1, got 0`,
    '',
    'flavour  passed  failed  not run',
    'xen-old       1       1        0',
    '',
  ]);
  assert.equal(
    err,
    `${wrong}: 1 of 2 runs differ, the first: scenario wrong, xen-old, step 3, lrs[0].raw; check the scenario, or report it`,
  );
});

test('what needs an ITS is not run where there is none, which is neither passed nor failed', async () => {
  const everywhere = write('everywhere.json', fileOf([{ ...ITS, flavours: [...ITS.flavours, 'xen-old'] }]));
  const { code, out, err } = await run(['conform', everywhere]);
  assert.equal(code, 0);
  assert.equal(err, '');
  assert.deepEqual(out.trimEnd().split('\n'), [
    'flavour  passed  failed  not run',
    'kvm-6.1       1       0        0',
    'kvm-7.2       1       0        0',
    'xen-old       0       0        1',
    'not run, xen-old: 1: needs an ITS',
  ]);
});

test('--json holds every result and difference', () => {
  const { code, out } = conform([wrong, its], { json: true });
  assert.equal(code, 5);
  const { tool, ...record } = JSON.parse(out);
  assert.equal(tool.name, 'vgic-replay');
  const none = { passed: 0, failed: 0, notRun: 1, reasons: [{ reason: 'needs an ITS', scenarios: 1 }] };
  const result = (file: string, scenario: string, flavour: string): object => ({ file, scenario, flavour });
  assert.deepEqual(record, {
    schema: 'vgic-replay/conform/1',
    files: [
      { file: wrong, scenarios: 2 },
      { file: its, scenarios: 1 },
    ],
    flavours: [
      { flavour: 'kvm-6.1', ...none },
      { flavour: 'kvm-7.2', ...none },
      { flavour: 'xen-old', passed: 1, failed: 1, notRun: 0, reasons: [] },
    ],
    results: [
      { ...result(wrong, 'right', 'xen-old'), outcome: 'passed', reason: null, differences: [] },
      {
        ...result(wrong, 'wrong', 'xen-old'),
        outcome: 'failed',
        reason: null,
        differences: [
          { step: 3, op: 'expectLrs', field: 'lrs[0].raw', expected: '0x10000022', got: '0x10000021' },
          { step: 3, op: 'expectLrs', field: 'lrs[0].slot', expected: 1, got: 0 },
        ],
      },
      { ...result(its, 'its', 'kvm-6.1'), outcome: 'not-run', reason: 'needs an ITS', differences: [] },
      { ...result(its, 'its', 'kvm-7.2'), outcome: 'not-run', reason: 'needs an ITS', differences: [] },
    ],
  });
});

test('--flavour chooses; one that no scenario names is a wrong flag', async () => {
  const { code, out } = conform([wrong, its], { flavour: 'kvm-7.2' });
  assert.equal(code, 0);
  assert.match(out, /^kvm-7\.2 +0 +0 +1$/m);
  assert.doesNotMatch(out, /kvm-6\.1|xen-old/);
  for (const id of ['xen-new', 'kvm-7.2,xen-new']) {
    const refused = await run(['conform', right, its, '--flavour', id]);
    assert.equal(refused.code, 2);
    assert.equal(refused.out, '');
    assert.match(refused.err, /^vgic-replay: no scenario names flavour 'xen-new'; these files name kvm-6\.1, /);
  }
});

test('broken files are one line and exit 4, whatever stands beside them', async () => {
  const unknown = fileOf([{ ...RIGHT, steps: [{ op: 'flsh' }] }]);
  const broken: readonly (readonly [string, RegExp])[] = [
    [
      write('step.json', unknown),
      /step\.json: scenario right step 1 \(flsh\): unknown kind of step "flsh"; use one of/,
    ],
    [write('text.json', 'hello'), /text\.json: byte 0: not JSON/],
    [write('cut.json.gz', gzipSync(fileOf([RIGHT])).subarray(0, 40)), /cut\.json\.gz: byte 40: damaged gzip data/],
    [join(folder, 'none.json'), /none\.json: byte 0: cannot be opened \(ENOENT\)/],
    [folder, /is a directory/],
  ];
  for (const [path, expected] of broken) {
    for (const paths of [[path], [its, path]]) {
      const { code, out, err } = await run(['conform', ...paths]);
      assert.equal(code, 4, path);
      assert.equal(out, '', path);
      assert.match(err, /^vgic-replay: [^\n]+; [^\n]+\n$/);
      assert.match(err, expected);
    }
  }
});

test('standard input, packed or not; an error there names it', () => {
  const cli = fileURLToPath(new URL('../cli.js', import.meta.url));
  const pipe = (input: Uint8Array | string): { status: number | null; stdout: string; stderr: string } =>
    spawnSync(process.execPath, [cli, 'conform', '-'], { input, encoding: 'utf8' });
  for (const input of [fileOf([ITS]), readFileSync(its)]) {
    const { status, stdout } = pipe(input);
    assert.equal(status, 0);
    assert.match(stdout, /^kvm-7\.2 +1 +0 +0$/m);
  }
  const { status, stderr } = pipe('{}');
  assert.equal(status, 4);
  assert.match(stderr, /^vgic-replay: standard input: byte 0: "scenarios" is not a list with entries; /);
});

test('without a file, and by their name: the scenarios of the package', () => {
  const all = conform([], { flavour: 'xen-old' });
  const named = conform(['traces/conformance/random-public.json.gz'], { flavour: 'xen-old' });
  assert.match(all.out, /^xen-old +13 +0 +0$/m);
  assert.match(named.out, /^xen-old +6 +0 +0$/m);
});

for (const flavour of CORE_FLAVOURS) {
  test(`the shipped scenarios of ${flavour} hold on the core`, async () => {
    const { code, out } = await run(['conform', '--flavour', flavour]);
    assert.equal(code, 0, out);
    assert.match(out, new RegExp(`^${flavour.replace('.', '\\.')} +[1-9]\\d* +0 +\\d+$`, 'm'));
  });
}
