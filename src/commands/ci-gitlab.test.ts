/** The GitLab job: GitLab's schema, and what its script does with a fake npx and curl. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, test } from 'node:test';
import { Ajv } from 'ajv';
import { parse } from 'yaml';
import { createShell, findSyntaxError, type Shell } from './test-shell.js';

const ROOT = new URL('../../../', import.meta.url);
const TEXT = readFileSync(new URL('examples/ci/gitlab-ci.yml', ROOT), 'utf8');
const isValid = new Ajv({ strict: false, validateFormats: false }).compile(
  JSON.parse(readFileSync(new URL('src/commands/fixtures/gitlab-ci.schema.json', ROOT), 'utf8')),
);
const job = (parse(TEXT) as { 'vgic-check': { script: string[]; variables: Record<string, string> } })['vgic-check'];
const SCRIPT = job.script.join('\n');

let shell: Shell;
beforeEach(() => {
  shell = createShell();
});
afterEach(() => shell.remove());

test("the job follows GitLab's schema, which refuses a damaged one", () => {
  assert.ok(isValid(parse(TEXT)), JSON.stringify(isValid.errors));
  assert.equal(isValid(parse(TEXT.replace('when: always', 'when: sometimes'))), false);
  assert.equal(isValid(parse(TEXT.replace('junit:', 'junitt:'))), false);
  assert.equal(findSyntaxError(SCRIPT), '');
});

const FAKE_NPX = `for word in "$@"; do case "$word" in md=*) echo '# report' > "\${word#md=}" ;; junit=*) echo '<testsuites/>' > "\${word#junit=}" ;; esac; done
exit "\${FAKE_CODE:-0}"`;

function runJob(curl: string, env: Readonly<Record<string, string>> = {}) {
  shell.fake('npx', FAKE_NPX);
  shell.fake('curl', curl);
  return shell.run(SCRIPT, {
    ...job.variables,
    CI_API_V4_URL: 'https://gitlab.example/api/v4',
    CI_PROJECT_ID: '5',
    CI_JOB_URL: 'https://gitlab.example/job/1',
    ...env,
  });
}
const MERGE_REQUEST = { CI_MERGE_REQUEST_IID: '8', VGIC_NOTE_TOKEN: 'secret' };
const NOTES = 'https://gitlab.example/api/v4/projects/5/merge_requests/8/notes';

test('the exit code of check is that of the job, and the reports are where the artifacts are taken from', () => {
  for (const code of [0, 3, 4, 7]) assert.equal(runJob('', { FAKE_CODE: `${code}` }).code, code);
  const [first] = shell.calls('npx');
  assert.deepEqual(first.slice(0, 6), ['--yes', '--package', 'vgic-replay@latest', '--', 'vgic-replay', 'check']);
  assert.deepEqual(first.slice(6), [
    ...['table', 'md=vgic-report/report.md', 'json=vgic-report/report.json', 'junit=vgic-report/junit.xml'].flatMap(
      (reporter) => ['--reporter', reporter],
    ),
    ...['--', 'traces/*.vgt'],
  ]);
  assert.match(readFileSync(join(shell.folder, 'vgic-report/junit.xml'), 'utf8'), /testsuites/);
  assert.deepEqual(shell.calls('curl'), []);
});

test('options of the variable are words', () => {
  runJob('', { VGIC_OPTIONS: '--strategy fifo,buckets --strict' });
  assert.deepEqual(shell.calls('npx')[0].slice(6, 9), ['--strategy', 'fifo,buckets', '--strict']);
});

test('a note is made, then found again and changed', () => {
  assert.equal(runJob(`echo '[{"id":1,"body":"hello"}]'`, { ...MERGE_REQUEST, FAKE_CODE: '3' }).code, 3);
  const [list, make] = shell.calls('curl');
  assert.equal(list.at(-1), `${NOTES}?per_page=100&sort=asc`);
  assert.ok(list.includes('PRIVATE-TOKEN: secret') && list.includes('--fail'));
  assert.equal(make.at(-1), NOTES);
  assert.equal(make[make.indexOf('--request') + 1], 'POST');
  assert.match(
    readFileSync(join(shell.folder, 'vgic-report/note.md'), 'utf8'),
    /^<!-- vgic-replay check -->\n# report\n\n\[Job and whole report\]\(https:\/\/gitlab.example\/job\/1\)\n$/,
  );
  const notes = JSON.stringify([
    { id: 1, body: 'see <!-- vgic-replay check -->' },
    { id: 42, body: '<!-- vgic-replay check -->\nold' },
  ]);
  assert.equal(runJob(`echo '${notes}'`, MERGE_REQUEST).code, 0);
  const change = shell.calls('curl').at(-1)!;
  assert.equal(change.at(-1), `${NOTES}/42`);
  assert.equal(change[change.indexOf('--request') + 1], 'PUT');
});

test('what keeps a note from being written does not change the result', () => {
  for (const curl of ['exit 22', 'echo "<html>"', `case "$*" in *POST*) exit 22 ;; *) echo '[]' ;; esac`]) {
    const { code, out } = runJob(curl, { ...MERGE_REQUEST, FAKE_CODE: '3' });
    assert.equal(code, 3);
    assert.match(out, /cannot be (read|written)/);
  }
  assert.equal(runJob('exit 22', { CI_MERGE_REQUEST_IID: '8' }).code, 0);
});
