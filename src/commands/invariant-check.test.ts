import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { readManifest } from './shipped.js';
import { run } from './test-run.js';

const folder = mkdtempSync(join(tmpdir(), 'vgic-invariants-'));
after(() => rmSync(folder, { recursive: true }));

/** Recordings of both guest models. */
const RECORDED = ['gicv2-linux', 'bare-sgi-storm'];
const NR_EVENTS = '20000';
const files = RECORDED.map((name) => join(folder, `${name}.vgt`));

before(async () => {
  for (const [at, recorded] of RECORDED.entries()) {
    const file = readManifest().find(({ name }) => name === recorded)?.file;
    const { code, err } = await run(['convert', `traces/${file}`, '--to', NR_EVENTS, '-o', files[at]]);
    assert.equal(code, 0, err);
  }
});

test('replay --check passes the beginnings of recordings, as their own flavour and as others', async () => {
  for (const [at, flavour] of ['kvm-6.1', 'kvm-7.2'].entries()) {
    const { code, err } = await run(['replay', files[at], '--check', '--flavour', flavour]);
    assert.equal(code, 0, err);
  }
});

test('verify --check passes the beginning of a recording', async () => {
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
