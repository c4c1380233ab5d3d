import assert from 'node:assert/strict';
import { test } from 'node:test';
import { readManifest } from './shipped.js';
import { run } from './test-run.js';

/** Small recordings of both guest models. */
const SMALL = ['gicv2-linux', 'bare-sgi-storm'];
const files = readManifest()
  .filter(({ name }) => SMALL.includes(name))
  .map(({ file }) => `traces/${file}`);

test('replay --check passes the small recordings, as their own flavour and as others', async () => {
  assert.equal(files.length, SMALL.length);
  for (const [at, flavour] of ['kvm-6.1', 'kvm-7.2'].entries()) {
    const { code, err } = await run(['replay', files[at], '--check', '--flavour', flavour]);
    assert.equal(code, 0, err);
  }
});

test('verify --check passes a recording', async () => {
  const { code, err } = await run(['verify', files[0], '--check', '--show', '0']);
  assert.equal(code, 0, err);
});

test('--check has nothing to say of a vGIC without ap_lists, and does not go with --dump-lrs', async () => {
  const xenOld = await run(['replay', files[0], '--check', '--flavour', 'xen-old']);
  assert.equal(xenOld.code, 2);
  assert.match(xenOld.err, /--check knows the invariants of an ap_list, which xen-old has not\n$/);
  const dump = await run(['replay', files[0], '--check', '--dump-lrs', '-']);
  assert.equal(dump.code, 2);
});
