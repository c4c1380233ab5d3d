/** `explore` as a user meets it: verdicts, schedules in columns, counterexamples that survive a file. */
import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { models } from '../explore/index.js';
import { tracesFolder } from '../replay/test-traces.js';
import { run } from './test-run.js';

const folder = mkdtempSync(join(tmpdir(), 'vgic-replay-'));
after(() => rmSync(folder, { recursive: true }));
const at = (name: string): string => join(folder, name);
const GOLDEN = fileURLToPath(new URL('golden/churn16-s01.bin.gz', tracesFolder));

const variants = models.flatMap((model) => model.variants.map((variant) => ({ model: model.id, ...variant })));

test('explore lists every variant with its verdict and counts, in the width of the terminal', async () => {
  for (const width of [80, 130]) {
    const { code, out, err } = await run(['explore'], width);
    assert.deepEqual([code, err], [0, '']);
    assert.deepEqual(
      out.split('\n').filter((line) => line.length > width),
      [],
    );
    for (const { id, expected } of variants) {
      const verdict = expected === null ? 'correct +exhausted' : 'broken +found';
      assert.match(out, new RegExp(`^ {2}${id} +${verdict} .*\\d`, 'm'));
    }
    assert.match(out, /^doorbell-lock: /m);
  }
});

test('a counterexample is a column a thread, a row a step, and a line that says what is wrong', async () => {
  const { code, out } = await run(['explore', 'doorbell-wake:p1-if']);
  assert.equal(code, 0);
  assert.equal(
    out.split('\n\n')[1],
    [
      'doorbell-wake:p1-if: P1, mb; wmb, wakes if task = I',
      '   vCPU                         handler',
      '1                               reads task: N (overtakes pend)',
      '2  task := I',
      '3  reads pend: 0',
      '4  schedule: task is I, sleeps',
      '5                               pend := 1',
      '6                               leaves task alone',
      'lost-wakeup: the vCPU sleeps with pend = 1, the handler is done, nobody is left to wake it',
      '',
    ].join('\n'),
  );
  const narrow = (await run(['explore', 'migrate:flushed-no-owner'], 80)).out;
  assert.deepEqual(
    narrow.split('\n').filter((line) => line.length > 80),
    [],
  );
  assert.match(narrow, /not-on-list: prune 0: unlinks LPI/);
  // A correct variant has nothing to show below its row.
  assert.equal((await run(['explore', 'migrate:flushed'])).out.trim().split('\n').length, 3);
});

test('--json has every variant, without clocks; --reduced says the same of all', async () => {
  const { out } = await run(['explore', '--json']);
  const again = ['explore', 'kick', '--json'];
  assert.equal((await run(again)).out, (await run(again)).out);
  const { schema, reduced, explorations } = JSON.parse(out);
  assert.deepEqual([schema, reduced, explorations.length], ['vgic-replay/explore/1', false, variants.length]);
  const other = JSON.parse((await run(['explore', '--json', '--reduced'])).out);
  assert.equal(other.reduced, true);
  type Said = { model: string; variant: string; verdict: string };
  const said = (each: Said[]): string[] => each.map(({ model, variant, verdict }) => `${model}:${variant} ${verdict}`);
  assert.deepEqual(said(other.explorations), said(explorations));
});

test('every counterexample survives a trace and fails again when it is taken step by step', async () => {
  for (const { model, id, expected } of variants) {
    if (expected === null) continue;
    const file = at(`${model}-${id}.vgt`);
    assert.equal((await run(['explore', `${model}:${id}`, '-o', file])).code, 0);
    const { code, out, err } = await run(['explore', '--schedule', file]);
    assert.deepEqual([code, err], [0, ''], file);
    assert.match(out, new RegExp(`^${expected}: `, 'm'));
    assert.match((await run(['validate', file])).out, /: sound: \d+ events in 1 blocks, L0/);
  }
});

/** The schedule of queue:retarget-no-retry by hand, as JSON lines. */
const STEPS = [
  [0, 0, 0],
  [0, 1, 1],
  [0, 2, 1],
  [0, 3, 0],
  [0, 4, 0],
  [1, 0, 0],
  [1, 1, 1],
  [1, 2, 0],
  [0, 5, 0],
  [0, 6, 0],
  [0, 10, 0],
  [0, 11, 0],
] as const;
const FAILURE = 'Counterexample: SPI is pending and enabled, on no list, and all threads are done';

function writeLines(name: string, steps: readonly (readonly number[])[], header: object = {}): string {
  const first = { 'vgic-replay': 1, name: 'queue-retarget-no-retry', title: FAILURE, vcpus: 2, ...header };
  const lines = steps.map(([vcpu, step, data]) => ({ op: 'schedule-step', vcpu, step, data }));
  writeFileSync(at(name), [first, ...lines].map((line) => `${JSON.stringify(line)}\n`).join(''));
  return at(name);
}

test('a schedule written by hand is taken; one that does not end in what it states is exit 5', async () => {
  const good = await run(['explore', '--schedule', writeLines('good.jsonl', STEPS)]);
  assert.deepEqual([good.code, good.err], [0, '']);
  const json = JSON.parse((await run(['explore', '--schedule', at('good.jsonl'), '--json'])).out);
  assert.deepEqual([json.variant, json.isAsStated, json.steps.length], ['retarget-no-retry', true, STEPS.length]);

  const cases: [string, RegExp][] = [
    [writeLines('short.jsonl', STEPS.slice(0, -1)), /nothing is wrong after its last step/],
    [writeLines('wrong.jsonl', [...STEPS.slice(0, 5), [1, 2, 0]]), /step 6: thread 1 cannot take step 2 here/],
    [writeLines('value.jsonl', [[0, 0, 1]]), /step 1: the value is 0, not 1/],
    [writeLines('title.jsonl', STEPS, { title: 'Counterexample: a deadlock' }), /it ends in SPI is pending/],
    // Under the correct variant the same steps lead on.
    [writeLines('other.jsonl', STEPS, { name: 'queue-retarget' }), /nothing is wrong after its last step/],
  ];
  for (const [file, expected] of cases) {
    const { code, err } = await run(['explore', '--schedule', file]);
    assert.equal(code, 5, file);
    assert.match(err, /^vgic-replay: [^\n]*: does not end in the failure it states: [^\n]+\n$/);
    assert.match(err, expected);
  }
});

test('a file that is broken or no schedule is exit 4 and one line', async () => {
  const whole = at('whole.vgt');
  await run(['explore', 'queue:retarget-no-retry', '-o', whole]);
  const bytes = readFileSync(whole);
  writeFileSync(at('cut.vgt'), bytes.subarray(0, bytes.length - 9));
  const flipped = Uint8Array.from(bytes);
  flipped[bytes.length >> 1] ^= 1;
  writeFileSync(at('flipped.vgt'), flipped);
  const inject = { op: 'inject', intid: 40 };
  writeLines('mixed.jsonl', STEPS.slice(0, 2));
  writeFileSync(at('mixed.jsonl'), `${readFileSync(at('mixed.jsonl'), 'utf8')}${JSON.stringify(inject)}\n`);
  const cases: [string, RegExp][] = [
    [at('cut.vgt'), /cut off/],
    [at('flipped.vgt'), /./],
    [at('absent.vgt'), /cannot be read/],
    [GOLDEN, /the trace "churn16-s01" is no schedule of a model/],
    [writeLines('empty.jsonl', []), /no step in it/],
    [at('mixed.jsonl'), /event 2: inject is no step of a schedule/],
  ];
  for (const [file, expected] of cases) {
    const { code, out, err } = await run(['explore', '--schedule', file]);
    assert.deepEqual([code, out], [4, ''], `${file}: ${err}`);
    assert.match(err, /^vgic-replay: [^\n]+\n$/);
    assert.match(err, expected);
  }
});
