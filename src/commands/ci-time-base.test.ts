/** Which commit .ci/run times against, in real repositories: a fork of a branch, a push of several commits, shallow clones. */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { createShell } from './test-shell.js';

const SCRIPT = fileURLToPath(new URL('../../../.ci/time-base', import.meta.url));
const folder = mkdtempSync(join(tmpdir(), 'vgic-time-base-'));
const shell = createShell();
after(() => {
  rmSync(folder, { recursive: true, force: true });
  shell.remove();
});
const ORIGIN = join(folder, 'origin');

const git = (where: string, ...args: string[]): string =>
  execFileSync('git', ['-C', where, '-c', 'user.name=a', '-c', 'user.email=a@example.org', ...args], {
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'ignore'],
  }).trim();
const commit = (message: string, where = ORIGIN): string => {
  git(where, 'commit', '-q', '--allow-empty', '-m', message);
  return git(where, 'rev-parse', 'HEAD');
};
const baseIn = (where: string, env: Readonly<Record<string, string>> = {}): readonly [string, string] => {
  const { code, out, err } = shell.run(`cd '${where}'; bash '${SCRIPT}'`, env);
  assert.equal(code, 0, err);
  return [out.trim(), err.trim()];
};

/** main: first, second, third; feature, from second: one, two. */
const ids: Record<string, string> = {};
before(() => {
  execFileSync('git', ['init', '-q', '-b', 'main', ORIGIN]);
  git(ORIGIN, 'config', 'uploadpack.allowAnySHA1InWant', 'true');
  for (const name of ['first', 'second']) ids[name] = commit(name);
  git(ORIGIN, 'checkout', '-q', '-b', 'feature');
  for (const name of ['one', 'two']) ids[name] = commit(name);
  git(ORIGIN, 'checkout', '-q', 'main');
  ids.third = commit('third');
  git(ORIGIN, 'checkout', '-q', 'feature');
});

test('without a word from the engine: the parent; the first commit has none', () => {
  assert.deepEqual(baseIn(ORIGIN), [ids.one, '']);
  const fresh = join(folder, 'fresh');
  execFileSync('git', ['init', '-q', fresh]);
  assert.deepEqual(baseIn(fresh), ['', 'there is no git checkout here']);
  commit('alone', fresh);
  assert.deepEqual(baseIn(fresh), ['', 'the first commit has no parent']);
});

test('a merge request: where it left its target, whatever happened there since; a push: what was there before', () => {
  const clone = join(folder, 'whole');
  git(folder, 'clone', '-q', ORIGIN, clone);
  assert.deepEqual(baseIn(clone, { GITHUB_BASE_REF: 'main' }), [ids.second, '']);
  assert.deepEqual(baseIn(clone, { CI_MERGE_REQUEST_DIFF_BASE_SHA: ids.second }), [ids.second, '']);
  assert.deepEqual(baseIn(clone, { CI_COMMIT_BEFORE_SHA: ids.first }), [ids.first, '']);
  const event = join(folder, 'event.json');
  writeFileSync(event, JSON.stringify({ before: ids.second }));
  assert.deepEqual(baseIn(clone, { GITHUB_EVENT_NAME: 'push', GITHUB_EVENT_PATH: event }), [ids.second, '']);
  // A new branch, and a rewritten one.
  for (const before of ['0'.repeat(40), ids.third])
    assert.deepEqual(baseIn(clone, { CI_COMMIT_BEFORE_SHA: before }), [ids.one, '']);
});

test('a shallow clone fetches what it lacks while its remote answers, and says so where none does', () => {
  const shallow = (name: string): string => {
    const clone = join(folder, name);
    git(folder, 'clone', '-q', '--depth=1', '-b', 'feature', pathToFileURL(ORIGIN).href, clone);
    assert.throws(() => git(clone, 'rev-parse', '--verify', 'HEAD^'));
    return clone;
  };
  assert.deepEqual(baseIn(shallow('parent')), [ids.one, '']);
  assert.deepEqual(baseIn(shallow('github'), { GITHUB_BASE_REF: 'main' }), [ids.second, '']);
  assert.deepEqual(baseIn(shallow('gitlab'), { CI_MERGE_REQUEST_DIFF_BASE_SHA: ids.second }), [ids.second, '']);
  const cut = shallow('cut');
  renameSync(ORIGIN, `${ORIGIN}-away`);
  try {
    const named: Readonly<Record<string, string>>[] = [{}, { GITHUB_BASE_REF: 'main' }];
    for (const env of named)
      assert.deepEqual(baseIn(cut, env), [
        '',
        'the parent commit is not in this shallow clone, and no remote gives it',
      ]);
  } finally {
    renameSync(`${ORIGIN}-away`, ORIGIN);
  }
});

test('an accepted slowdown is the base of what came after it, and not of what came before', () => {
  const clone = join(folder, 'accepting');
  git(folder, 'clone', '-q', ORIGIN, clone);
  const accepted = commit('slower\n\nTime-accepted: it is worth it', clone);
  assert.deepEqual(baseIn(clone, { GITHUB_BASE_REF: 'main' }), [accepted, '']);
  commit('later', clone);
  assert.deepEqual(baseIn(clone, { GITHUB_BASE_REF: 'main' }), [accepted, '']);
  assert.deepEqual(baseIn(clone), [accepted, '']);
});
