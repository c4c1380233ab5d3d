/** `verify` of recordings that show MSIs: what it prints, and when it fails. */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { run } from './test-run.js';

const folder = mkdtempSync(join(tmpdir(), 'vgic-replay-verify-'));
after(() => rmSync(folder, { recursive: true }));

const VALID = 0x80000000;
type Fields = Readonly<Record<string, unknown>>;
const command = (words: readonly number[]): Fields[] =>
  words.map((data, index) => ({ op: 'guest-its-word', index, data }));
/** Device 2 with event 5 → LPI 8200 in collection 1 on vCPU 0. */
const MAPPED = [
  ...command([0x08, 2, 6, 0, 0x40b00000, VALID]),
  ...command([0x09, 0, 0, 0, 1, VALID]),
  ...command([0x0a, 2, 5, 8200, 1]),
];
const ask = (lpi: number): Fields => ({ op: 'msi-cached', device: 2, event: 5, lpi });
const translate = (lpi: number): Fields => ({ op: 'its-trigger', device: 2, event: 5, lpi });

/** A recording without a guest entry. */
function writeRecording(name: string, events: readonly Fields[]): string {
  const header = { 'vgic-replay': 1, lpis: true, fidelity: 3, name };
  const lines = [header, ...events.map((event, t) => ({ t, ...event }))].map((line) => JSON.stringify(line));
  const path = join(folder, `${name}.jsonl`);
  writeFileSync(path, lines.join('\n'));
  return path;
}

test('MSIs as recorded: counted in text and in JSON', async () => {
  const path = writeRecording('sound', [...MAPPED, ask(0), translate(8200), ask(8200)]);
  const { code, out, err } = await run(['verify', path]);
  assert.deepEqual([code, err], [0, '']);
  assert.match(out, /^ {2}MSIs +2 of 2 hits and misses, 2 of 2 LPIs as recorded$/m);
  const { records } = JSON.parse((await run(['verify', path, '--json'])).out);
  assert.deepEqual(records[0].its.prediction, {
    outcomesAgree: 2,
    lpis: 2,
    lpisAgree: 2,
    differences: 0,
    mismatches: [],
  });
});

test('a wrong answer is shown and fails with exit 5: outcome, LPI, or an LPI where there was none', async () => {
  const cases: readonly (readonly [string, readonly Fields[], RegExp])[] = [
    ['hit', [ask(0), translate(8200), ask(0)], /event 19: cache of MSI 5 of device 2: recorded a miss, model LPI 8200/],
    ['lpi', [ask(0), translate(8201)], /event 18: translation of MSI 5 of device 2: recorded LPI 8201, model LPI 8200/],
    ['drop', [translate(0)], /event 17: translation of MSI 5 of device 2: recorded no LPI, model LPI 8200/],
  ];
  for (const [name, events, shown] of cases) {
    const { code, out, err } = await run(['verify', writeRecording(name, [...MAPPED, ...events])]);
    assert.equal(code, 5, name);
    assert.match(out, shown);
    assert.match(
      err,
      /^vgic-replay: \S+: 1 of what the recording shows of MSIs differs from [^\n]*; report it[^\n]*\n$/,
    );
  }
});

test('without commands MSIs are only counted, and a trace without MSIs says nothing of them', async () => {
  const counted = await run(['verify', writeRecording('no-commands', [ask(8200), ask(0), translate(8200)])]);
  assert.equal(counted.code, 0);
  assert.match(counted.out, /^ {2}MSIs +1 hits, 1 misses, 1 translations; without [^\n]*nothing is predicted$/m);
  const silent = await run(['verify', writeRecording('no-msis', MAPPED)]);
  assert.equal(silent.code, 0);
  assert.doesNotMatch(silent.out, /MSIs/);
});
