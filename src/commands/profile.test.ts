/** `profile` as a user runs it; what it says is asserted, how long anything took is not. */
import assert from 'node:assert/strict';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { type CpuProfile, selfTimes } from '../stats/cpu-profile.js';
import { run } from './test-run.js';

const folder = mkdtempSync(join(tmpdir(), 'vgic-replay-'));
after(() => rmSync(folder, { recursive: true }));
const TRACE = 'traces/recorded/bare-flood-big.vgt';

test('a profile says in words where the time is, and both files of it can be read', async () => {
  const out = join(folder, 'made', 'here');
  const { code, out: text, err } = await run(['profile', TRACE, '--seconds', '0.3', '-o', out, '-s', 'buckets'], 400);
  assert.equal(code, 0, err);
  assert.match(text, /bare-flood-big.vgt, buckets, kvm-6.1\nThe largest share is that of \S+ \(src\/\S+\.ts\): \d/);
  assert.match(text, /The model itself \(vgic\/\) takes \d+\.\d %, the strategy \d+\.\d %/);
  const profile = JSON.parse(readFileSync(join(out, 'profile.cpuprofile'), 'utf8')) as CpuProfile;
  // Without inlining the functions of the model are there under their own files.
  const files = selfTimes(profile).map(({ url }) => url);
  assert.ok(
    files.some((url) => url.includes('/src/vgic/')),
    files.join(', '),
  );
  const speedscope = JSON.parse(readFileSync(join(out, 'profile.speedscope.json'), 'utf8')) as {
    profiles: { samples: unknown[] }[];
  };
  assert.equal(speedscope.profiles[0].samples.length, profile.samples.length);
});

test('what cannot be profiled is refused before anything is made', async () => {
  writeFileSync(join(folder, 'file'), '');
  const out = join(folder, 'none');
  const cases: [string[], number, RegExp][] = [
    [['-'], 2, /cannot read this input; name a file/],
    [[TRACE, '-s', 'fifo,buckets'], 2, /takes one strategy, not 2/],
    [[TRACE, '--seconds', '0'], 2, /--seconds must be a number from 0\.1 to 600, not '0'/],
    [[TRACE, '--clinic', 'flame,fire'], 2, /clinic has no 'fire'; one of: flame, doctor, bubbleprof, heapprofiler/],
    [[TRACE, '-o', join(folder, 'file', 'below')], 4, /cannot be made \(E/],
    [['no-such.vgt'], 4, /no-such\.vgt/],
  ];
  for (const [args, expected, message] of cases) {
    const { code, err } = await run(['profile', ...(args.includes('-o') ? args : [...args, '-o', out])]);
    assert.equal(code, expected, `${args.join(' ')}: ${err}`);
    assert.match(err, message);
    assert.match(err, /^[^\n]+\n$/);
  }
  assert.equal(existsSync(out), false);
});
