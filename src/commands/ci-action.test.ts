/** action.yml and the sample workflow: what GitHub's own parser says of them, and what the shell of each step does. */
import assert from 'node:assert/strict';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { register } from 'node:module';
import { join } from 'node:path';
import { afterEach, beforeEach, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { parse } from 'yaml';
import { createShell, findSyntaxError, type Shell } from './test-shell.js';

// The parser is made for bundlers: Node wants to be told that a .json it imports is JSON.
const JSON_HOOK = `import { readFileSync } from 'node:fs';
export const load = async (url, context, next) => url.endsWith('.json')
  ? { format: 'module', shortCircuit: true, source: 'export default ' + readFileSync(new URL(url), 'utf8') }
  : next(url, context);`;
register(`data:text/javascript,${encodeURIComponent(JSON_HOOK)}`);
const { parseAction } = await import('@actions/workflow-parser/actions/action-parser');
const { NoOperationTraceWriter, parseWorkflow } = await import('@actions/workflow-parser');

const ROOT = new URL('../../../', import.meta.url);
const ACTION = readFileSync(new URL('action.yml', ROOT), 'utf8');
const WORKFLOW = readFileSync(new URL('examples/ci/github.yml', ROOT), 'utf8');
const PLAIN = readFileSync(new URL('examples/ci/github-npx.yml', ROOT), 'utf8');
interface Step {
  readonly id?: string;
  readonly if?: string;
  readonly run?: string;
  readonly uses?: string;
  readonly env?: Readonly<Record<string, string>>;
}
const action = parse(ACTION) as {
  inputs: Record<string, { description: string; default: string }>;
  runs: { steps: Step[] };
};
const stepNamed = (id: string): Step => action.runs.steps.find((step) => step.id === id)!;

const errorsOf = (kind: 'action' | 'workflow', content: string): string[] => {
  const parser = kind === 'action' ? parseAction : parseWorkflow;
  const { context } = parser({ name: `${kind}.yml`, content }, new NoOperationTraceWriter());
  return context.errors.getErrors().map(({ message }) => message);
};

let shell: Shell;
beforeEach(() => {
  shell = createShell();
});
afterEach(() => shell.remove());

test("GitHub's parser takes the action and the sample workflow, and sees what is wrong in damaged ones", () => {
  assert.deepEqual(errorsOf('action', ACTION), []);
  assert.deepEqual(errorsOf('workflow', WORKFLOW), []);
  assert.match(errorsOf('action', ACTION.replace('shell: bash', 'shel: bash'))[0], /Unexpected value 'shel'/);
  assert.match(errorsOf('action', ACTION.replace('github.run_id', 'github.run_id +'))[0], /Unexpected symbol/);
  assert.match(errorsOf('workflow', WORKFLOW.replace('runs-on', 'run-on'))[0], /Unexpected value 'run-on'/);
});

test('every input is used and declared, has a description, and none gets into the text of a script', () => {
  const used = new Set([...ACTION.matchAll(/inputs\.([a-z-]+)/g)].map(([, name]) => name));
  assert.deepEqual([...used].sort(), Object.keys(action.inputs).sort());
  for (const { description } of Object.values(action.inputs)) assert.ok(description.length > 10);
  for (const { run = '' } of action.runs.steps) assert.doesNotMatch(run, /\$\{\{/);
  const given = (parse(WORKFLOW) as { jobs: { check: { steps: { with?: object }[] } } }).jobs.check.steps.at(-1)?.with;
  assert.deepEqual(Object.keys(given ?? {}), ['traces']);
  assert.ok(WORKFLOW.trimEnd().split('\n').length <= 11);
});

test('without an owner: the action of the repository itself, a copy of it, or none', () => {
  const step = 'OWNER/vgic-replay@v0';
  const guide = readFileSync(new URL('examples/ci/README.md', ROOT), 'utf8');
  assert.ok(WORKFLOW.includes(`uses: ${step}\n`) && guide.includes(`\`${step}\``), 'the placeholder is explained');
  for (const local of ['./', './.github/actions/vgic-replay']) {
    assert.deepEqual(errorsOf('workflow', WORKFLOW.replace(step, local)), []);
    assert.ok(guide.includes(`\`uses: ${local}\``), local);
  }
  // A copy of the file works alone.
  assert.doesNotMatch(ACTION, /github\.action_path|GITHUB_ACTION_PATH|uses: \.\//);
  const { files } = JSON.parse(readFileSync(new URL('package.json', ROOT), 'utf8')) as { files: string[] };
  assert.ok(files.includes('action.yml'));
  assert.deepEqual(errorsOf('workflow', PLAIN), []);
  // A job that is run again finds the artifact of its first attempt.
  const uploads = [ACTION, PLAIN].map((text) => text.split('actions/upload-artifact@')[1]);
  for (const upload of uploads) assert.match(upload, /overwrite: true/);
});

test('bash reads every script', () => {
  for (const { run } of action.runs.steps) if (run !== undefined) assert.equal(findSyntaxError(run), '');
  assert.match(findSyntaxError('if true; then'), /unexpected end of file|syntax error/);
});

test('upload, comment and result come after a failed check too', () => {
  const after = action.runs.steps.slice(action.runs.steps.indexOf(stepNamed('check')) + 1);
  assert.equal(after.length, 3);
  for (const step of after) assert.match(step.if!, /^always\(\)/);
});

/** Writes the report files that the options name, as check does, and ends with $FAKE_CODE. */
const FAKE_NPX = `for word in "$@"; do case "$word" in md=*) echo '# report' > "\${word#md=}" ;; json=*) echo '{}' > "\${word#json=}" ;; esac; done
exit "\${FAKE_CODE:-0}"`;

function check(env: Readonly<Record<string, string>>, npx = FAKE_NPX) {
  shell.fake('npx', npx);
  shell.fake('npm', '');
  const output = join(shell.folder, 'output');
  writeFileSync(output, '');
  const defaults = {
    TRACES: '',
    STRATEGIES: '',
    BASELINE: '',
    BASE: '',
    STRICT: 'false',
    NAME: 'vgic-replay',
    VERSION: 'latest',
    RUNNER_TEMP: shell.folder,
    GITHUB_OUTPUT: output,
  };
  const result = shell.run(stepNamed('check').run!, { ...defaults, ...env });
  const outputs = Object.fromEntries(
    readFileSync(output, 'utf8')
      .trim()
      .split('\n')
      .map((line) => line.split('=')),
  ) as Record<string, string | undefined>;
  return { ...result, outputs };
}

test('check: inputs become arguments, and each exit code is an output, not a failed step', () => {
  for (const name of ['a.vgt', 'b c.vgt', '--accept.vgt']) writeFileSync(join(shell.folder, name), '');
  const report = join(shell.folder, 'night-report');
  const { code, outputs, err } = check({
    TRACES: '*.vgt $(touch pwned)',
    STRATEGIES: 'fifo,hybrid:threshold=32',
    BASELINE: 'my baseline.json',
    STRICT: 'true',
    NAME: 'night',
    VERSION: '1.2.3',
    FAKE_CODE: '3',
  });
  assert.equal(code, 0, err);
  assert.deepEqual(outputs, { report, 'exit-code': '3' });
  assert.deepEqual(shell.calls('npx'), [
    [
      ...['--yes', '--package', 'vgic-replay@1.2.3', '--', 'vgic-replay', 'check'],
      ...['--strategy', 'fifo,hybrid:threshold=32', '--baseline', 'my baseline.json', '--strict'],
      ...['--reporter', 'github', '--reporter', `md=${report}/report.md`, '--reporter', `json=${report}/report.json`],
      ...['--', '--accept.vgt', 'a.vgt', 'b c.vgt', '$(touch', 'pwned)'],
    ],
  ]);
  for (const exit of ['0', '4', '7']) assert.equal(check({ FAKE_CODE: exit }).outputs['exit-code'], exit);
});

test('check: where the program comes from', () => {
  const first = (version: string): string[] => {
    check({ VERSION: version });
    return shell.calls('npx').at(-1)!.slice(0, 4);
  };
  assert.deepEqual(first('latest').slice(1, 3), ['--package', 'vgic-replay@latest']);
  assert.deepEqual(first('./vgic-replay-1.0.0.tgz').slice(1, 3), ['--package', './vgic-replay-1.0.0.tgz']);
  assert.deepEqual(first('https://example.org/p.tgz').slice(1, 3), ['--package', 'https://example.org/p.tgz']);
  assert.deepEqual(shell.calls('npm'), []);
  assert.deepEqual(first('project').slice(0, 3), ['--no-install', 'vgic-replay', 'check']);
  assert.deepEqual(shell.calls('npm'), [['ci']]);
});

test('check: a base that is not there is fetched; one that is there is not', () => {
  const known = 'a'.repeat(40);
  const fetched = 'b'.repeat(40);
  shell.fake(
    'git',
    `case "$*" in *FETCH_HEAD) echo ${fetched} ;; rev-parse*--verify*main*) echo ${known} ;; fetch*) ;; *) exit 1 ;; esac`,
  );
  shell.fake('node', '');
  const baseOf = (base: string): string => {
    assert.equal(check({ BASE: base, VERSION: 'checkout' }).code, 0);
    const call = shell.calls('node').at(-1)!;
    assert.deepEqual(call.slice(0, 2), ['dist/src/cli.js', 'check']);
    return call[call.indexOf('--base') + 1];
  };
  assert.equal(baseOf('main'), known);
  assert.equal(shell.calls('git').length, 1);
  assert.equal(baseOf('feature'), fetched);
  assert.deepEqual(shell.calls('git')[2], ['fetch', '--quiet', '--depth=1', 'origin', 'feature']);
});

test('check: a base of a strategy file needs no fork', () => {
  shell.fake('git', `echo ${'a'.repeat(40)}`);
  for (const strategies of ['./mine.js', 'fifo,./mine.mjs:n=3', './a.cjs,fifo']) {
    const { code, out } = check({ BASE: 'main', STRATEGIES: strategies, VERSION: 'latest' });
    assert.equal(code, 0, out);
    const call = shell.calls('npx').at(-1)!;
    assert.equal(call[call.indexOf('--base') + 1], 'a'.repeat(40));
    assert.equal(call[call.indexOf('--strategy') + 1], strategies);
  }
  assert.equal(check({ BASE: 'main', STRATEGIES: 'fifo,json', VERSION: 'latest' }).code, 2);
});

test('check: a base of another repository than that of the program, or one that git takes for an option, ends at once', () => {
  for (const [base, version] of [
    ['main', 'latest'],
    ['main', 'project'],
    ['--upload-pack=touch pwned', 'checkout'],
  ]) {
    const { code, out } = check({ BASE: base, VERSION: version });
    assert.equal(code, 2);
    assert.match(out, /^::error::base: /);
  }
  assert.deepEqual([...shell.calls('npx'), ...shell.calls('npm')], []);
});

/** npx that runs the program of this checkout, whatever package it is told. */
const REAL_NPX = `while [ "$1" != vgic-replay ]; do shift; done; shift; exec '${process.execPath}' '${fileURLToPath(new URL('../cli.js', import.meta.url))}' "$@"`;

test('the real check takes what the script gives it, and ends as it expects', () => {
  mkdirSync(join(shell.folder, 'traces'));
  const events = ['{"vgic-replay":1,"vcpus":1,"spis":64}', '{"op":"inject","intid":40}', '{"op":"flush"}', ''];
  writeFileSync(join(shell.folder, 'traces/my trace.jsonl'), events.join('\n'));
  const env = { TRACES: 'traces/*.jsonl', STRATEGIES: 'fifo', BASELINE: 'base.json', STRICT: 'true' };
  shell.fake('npx', REAL_NPX);
  const begin = `npx vgic-replay check traces/*.jsonl --strategy fifo --baseline base.json --baseline-missing create`;
  const begun = shell.run(begin, {});
  assert.equal(begun.code, 0, begun.err);
  // As if one step had been enough before.
  const baseline = join(shell.folder, 'base.json');
  const accepted = readFileSync(baseline, 'utf8');
  writeFileSync(baseline, accepted.replace('"inject/steps/max":1,', '"inject/steps/max":0,'));
  const moved = check(env, REAL_NPX);
  assert.equal(moved.outputs['exit-code'], '3', moved.err);
  assert.match(moved.out, /^::error title=regressed%3A my trace\.jsonl\/kvm-6\.1\/fifo::.*inject\/steps\/max/);
  const folder = moved.outputs.report!;
  assert.match(readFileSync(join(folder, 'report.md'), 'utf8'), /^# base\.json against this build\n/);
  assert.equal((JSON.parse(readFileSync(join(folder, 'report.json'), 'utf8')) as { exitCode: number }).exitCode, 3);
});

test('the workflow without the action: its script is what the real check takes, and ends with its exit code', () => {
  const { check: job } = (parse(PLAIN) as { jobs: { check: { env: Record<string, string>; steps: Step[] } } }).jobs;
  const script = job.steps.find(({ run }) => run !== undefined)!.run!;
  mkdirSync(join(shell.folder, 'traces'));
  writeFileSync(join(shell.folder, 'traces/a.vgt'), '{"vgic-replay":1}\n{"op":"inject","intid":40}\n{"op":"flush"}\n');
  shell.fake('npx', REAL_NPX);
  const missing = shell.run(script, job.env);
  assert.equal(missing.code, 4, missing.err);
  assert.match(missing.err, /--baseline-missing create/);
  const calls = shell.calls('npx');
  assert.deepEqual(calls[0].slice(0, 5), ['--yes', '--package', 'vgic-replay@latest', '--', 'vgic-replay']);
  assert.equal(calls[0].at(-1), 'traces/a.vgt');
});

test('check: a name that would not be safe in a comment or file name ends at once', () => {
  for (const name of ['', 'a b', '../x', 'x"y', '--><b>']) {
    const { code, out } = check({ NAME: name });
    assert.equal(code, 2);
    assert.match(out, /^::error::name: /);
  }
  assert.deepEqual(shell.calls('npx'), []);
});

function comment(gh: string, report: string | null, env: Readonly<Record<string, string>> = {}) {
  shell.fake('gh', gh);
  const folder = join(shell.folder, 'report');
  mkdirSync(folder, { recursive: true });
  if (report !== null) writeFileSync(join(folder, 'report.md'), report);
  const result = shell.run(stepNamed('comment').run!, {
    GH_TOKEN: 'secret',
    CODE: '3',
    REPORT: folder,
    NAME: 'vgic-replay',
    REPOSITORY: 'a/b',
    PULL_REQUEST: '17',
    RUN_URL: 'https://github.example/run/1',
    RUNNER_TEMP: shell.folder,
    ...env,
  });
  return { ...result, body: readFileSync(join(shell.folder, 'vgic-replay-comment.md'), 'utf8') };
}

test('comment: the first time it is made, then the same one is changed', () => {
  const { code, body } = comment('', '# All cells\n');
  assert.equal(code, 0);
  assert.match(
    body,
    /^<!-- vgic-replay check: vgic-replay -->\n### vgic-replay: Regression\n\n# All cells\n\n\[Run and whole report\]\(https/,
  );
  const [list, make] = shell.calls('gh');
  assert.deepEqual(list.slice(0, 3), ['api', '--paginate', 'repos/a/b/issues/17/comments?per_page=100']);
  assert.equal(list[4], '.[] | select(.body | startswith("<!-- vgic-replay check: vgic-replay -->")) | .id');
  const field = `body=@${join(shell.folder, 'vgic-replay-comment.md')}`;
  assert.deepEqual(make, ['api', '--silent', '--method', 'POST', 'repos/a/b/issues/17/comments', '--field', field]);

  comment(`case "$*" in *--paginate*) printf '%s\\n' 501 502 ;; esac`, '# All cells\n');
  const change = shell.calls('gh').at(-1);
  assert.deepEqual(change, ['api', '--silent', '--method', 'PATCH', 'repos/a/b/issues/comments/501', '--field', field]);
});

test('comment: each exit code has its words; without a report it says so', () => {
  for (const [code, words] of [
    ['0', 'No regression'],
    ['3', 'Regression'],
    ['5', 'A declared or recorded fact does not hold'],
    ['6', 'A budget was exceeded'],
    ['7', 'Undecided'],
    ['1', 'The check could not run'],
    ['', 'The check could not run'],
  ])
    assert.match(comment('', '# x\n', { CODE: code }).body, new RegExp(`\n### vgic-replay: ${words}\n`));
  shell.remove();
  shell = createShell();
  assert.match(comment('', null, { CODE: '' }).body, /There is no report \(exit code none\)/);
});

test('comment: a long report ends at a whole line and stays below the limit of GitHub', () => {
  const { body } = comment('', 'ä line of the report\n'.repeat(9000));
  assert.ok(Buffer.byteLength(body) < 65_536);
  assert.doesNotMatch(body, /\ufffd/);
  assert.match(body, /ä line of the report\n\nCut here: the whole report is kept with the run\.\n/);
});

test('comment: a token that may not write, as that of a fork, is a warning', () => {
  for (const gh of [
    'exit 1',
    'case "$*" in *POST*) exit 1 ;; esac',
    `case "$*" in *PATCH*) exit 1 ;; *) echo 9 ;; esac`,
  ]) {
    const { code, out } = comment(gh, '# x\n');
    assert.equal(code, 0);
    assert.match(out, /^::warning::no comment on the pull request: /);
  }
});

test('result: a regression fails the job unless it is told not to; a check that could not run always does', () => {
  const result = (code: string, fail: string) => shell.run(stepNamed('result').run!, { CODE: code, FAIL: fail });
  for (const [code, fail, exit] of [
    ['0', 'true', 0],
    ['3', 'true', 3],
    ['3', 'false', 0],
    ['6', 'false', 0],
    ['7', 'false', 7],
    ['4', 'false', 4],
    ['5', 'false', 5],
    ['1', 'false', 1],
    ['', 'true', 1],
    ['', 'false', 1],
    ['130', 'true', 130],
  ] as const)
    assert.equal(result(code, fail).code, exit, `${code} ${fail}`);
  assert.match(result('3', 'false').out, /^::warning::/);
  assert.match(result('3', 'true').out, /^::error::/);
});
