/** `convert`: parts of a recording are still what the machine did; wholes of parts are the whole; shared traces tell nothing. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { gunzipSync, gzipSync } from 'node:zlib';
import { createGenerator } from '../base/rng.js';
import { LOST } from '../trace/events.js';
import { HEADER, readTrace as readSource, writeTrace } from '../trace/fixtures.test.support.js';
import { decodeTrace } from '../trace/protobuf.js';
import { createMemorySource } from '../trace/source.js';
import { run } from './test-run.js';

const folder = mkdtempSync(join(tmpdir(), 'vgic-replay-'));
after(() => rmSync(folder, { recursive: true }));
const readTrace = (bytes: Uint8Array): ReturnType<typeof readSource> => readSource(createMemorySource(bytes));
const at = (name: string): string => join(folder, name);
const recorded = (name: string): string =>
  fileURLToPath(new URL(`../../../traces/recorded/${name}.vgt`, import.meta.url));
const CLI = fileURLToPath(new URL('../cli.js', import.meta.url));

async function convert(...args: readonly string[]): Promise<string> {
  const { code, out, err } = await run(['convert', ...args]);
  assert.equal(code, 0, `${args.join(' ')}: ${err}`);
  return out;
}

interface Verified {
  readonly entries: number;
  readonly identical: number;
  readonly folds: number;
  readonly lists: number;
}

/** Guest entries whose LRs were compared; the file must be sound, too. */
async function verify(path: string): Promise<Verified> {
  const validated = await run(['validate', path]);
  assert.equal(validated.code, 0, validated.err);
  const { code, out, err } = await run(['verify', path, '--json']);
  assert.equal(code, 0, err);
  const [record] = JSON.parse(out).records;
  assert.equal(record.foldsIdentical, record.folds);
  return { entries: record.entries, identical: record.identical, folds: record.folds, lists: record.lists };
}

/** The first events of a recording with SGIs between four vCPUs, small enough to be cut many times. */
const BASE = at('base.vgt');
const BASE_EVENTS = 9000;
await convert(recorded('bare-sgi-storm'), '--to', '14000', '-o', BASE);

test('a slice from the start verifies as the whole does', async () => {
  const all = await verify(BASE);
  assert.ok(all.entries > 100);
  assert.equal(all.identical, all.entries);
});

test('wherever a recording is cut, both parts hold what the machine did, and together all of it', async () => {
  const all = await verify(BASE);
  const random = createGenerator(42);
  for (let round = 0; round < 5; round++) {
    const cut = `${1000 + random.nextBelow(BASE_EVENTS)}`;
    await convert(BASE, '--to', cut, '-o', at('first.vgt'));
    await convert(BASE, '--from', cut, '-o', at('rest.vgt'));
    const parts = [await verify(at('first.vgt')), await verify(at('rest.vgt'))];
    for (const { entries, identical } of parts) assert.equal(identical, entries, `cut at ${cut}`);
    for (const field of ['entries', 'folds', 'lists'] as const)
      assert.equal(parts[0][field] + parts[1][field], all[field], `${field}, cut at ${cut}`);
  }
});

test('a slice by time: its events are those of that time, counted from its beginning', async () => {
  const out = await convert(BASE, '--from', '600ms', '--to', '700ms', '-o', at('time.vgt'));
  assert.match(out, /slice from 600ms to 700ms: \d+ events/);
  const { tick, header } = readTrace(readFileSync(at('time.vgt')));
  const whole = readTrace(readFileSync(BASE)).tick;
  const inside = whole.filter((time) => time >= 600_000 && time < 700_000).length;
  assert.ok(inside > 100);
  assert.ok(tick.filter((time) => time > 0).length <= inside);
  assert.ok(tick.every((time) => time <= 100_000));
  assert.match(
    header.provenance.how,
    /slice from 600ms to 700ms: \d+ events; before it \d+ events that make the state/,
  );
});

test('with --setup config what is not known is a gap, and the trace is L2', async () => {
  await convert(BASE, '--from', '8000', '--setup', 'config', '-o', at('config.vgt'));
  const { header, word } = readTrace(readFileSync(at('config.vgt')));
  assert.equal(header.fidelity, 2);
  assert.deepEqual(header.gaps[0].afterEvent, 0);
  assert.equal(word[0] & 127, LOST);
  assert.match(header.provenance.how, /was queued, active or in list registers there is not known/);
  assert.equal((await run(['validate', at('config.vgt')])).code, 0);
  assert.ok(statSync(at('config.vgt')).size < statSync(BASE).size);
  const { code, err } = await run(['replay', at('config.vgt'), '-s', 'fifo']);
  assert.equal(code, 0, err);
});

test('split by vCPU: without shared interrupts every part verifies, and together they are all entries', async () => {
  await convert(BASE, '--split', 'vcpu', '-o', at('parts'));
  const all = await verify(BASE);
  let entries = 0;
  for (const name of readdirSync(at('parts'))) {
    const part = await verify(at(join('parts', name)));
    assert.equal(part.identical, part.entries);
    entries += part.entries;
  }
  assert.equal(entries, all.entries);
  assert.deepEqual(readdirSync(at('parts')).length, 4);
});

test('parts of a machine that shares interrupts are L2, and say so', async () => {
  const small = at('fuzz.vgt');
  await convert(recorded('bare-gicv2-fuzz'), '--limit', '6000', '-o', small);
  for (const flags of [
    ['--vcpu', '1'],
    ['--intid', '0-40'],
  ]) {
    const out = await convert(small, ...flags, '-o', at('part.vgt'));
    assert.match(out, /L2 instead of L3/);
    assert.equal((await run(['validate', at('part.vgt')])).code, 0);
    assert.equal(readTrace(readFileSync(at('part.vgt'))).header.fidelity, 2);
  }
});

test('a redacted trace behaves as the original and tells nothing of its machine', async () => {
  const small = at('named.vgt');
  await convert(recorded('bare-device-spi'), '--limit', '12000', '-o', small, '--name', 'secret-name');
  await convert(small, '--redact', '-o', at('shared.vgt'));
  assert.deepEqual(await verify(at('shared.vgt')), await verify(small));
  const text = readFileSync(at('shared.vgt')).toString('latin1');
  for (const secret of ['secret-name', 'bare-', 'tinyvmm', 'qemu', 'Debian', '6.1.0-56', 'ftrace text', 'line '])
    assert.ok(!text.includes(secret), secret);
  const { tick } = readTrace(readFileSync(at('shared.vgt')));
  assert.ok(tick.every((time) => time % 1000 === 0));
});

test('interrupts are renumbered one to one', async () => {
  const lines = ['{"vgic-replay":1,"spis":96}', ...[90, 40, 90, 17].map((intid) => `{"op":"inject","intid":${intid}}`)];
  writeFileSync(at('irqs.jsonl'), lines.join('\n'));
  await convert(at('irqs.jsonl'), '--redact', 'intids', '-o', at('irqs.vgt'));
  const { word } = readTrace(readFileSync(at('irqs.vgt')));
  assert.deepEqual(
    word.map((each) => each >>> 15),
    [32, 33, 32, 17],
  );
  writeFileSync(at('raw.jsonl'), '{"op":"mmio-dist","offset":260,"data":1}\n');
  const { code, err } = await run(['convert', at('raw.jsonl'), '--redact', '-o', at('raw.vgt')]);
  assert.equal(code, 4);
  assert.match(err, /INTIDs cannot be renumbered: mmio-dist .*; use --redact texts,times\n$/);
  assert.equal(existsSync(at('raw.vgt')), false);
});

test('recompressed traces hold the same events', async () => {
  const bytesOf = (name: string): Uint8Array => readFileSync(at(name));
  await convert(BASE, '--block-encoding', 'plain', '-o', at('plain.vgt'));
  await convert(at('plain.vgt'), '-o', at('packed.vgt.gz'));
  await convert(at('packed.vgt.gz'), '-o', at('again.vgt'));
  assert.ok(bytesOf('plain.vgt').length > 2 * statSync(BASE).size);
  assert.ok(bytesOf('packed.vgt.gz').length < statSync(BASE).size);
  assert.deepEqual(decodeTrace(bytesOf('plain.vgt')).word, decodeTrace(readFileSync(BASE)).word);
  assert.deepEqual(bytesOf('again.vgt'), readFileSync(BASE));
  assert.deepEqual(gunzipSync(bytesOf('packed.vgt.gz')), readFileSync(BASE));
});

test('JSON lines and back are the same events', async () => {
  await convert(BASE, '--limit', '3000', '-o', at('short.vgt'));
  await convert(at('short.vgt'), '-o', at('short.jsonl.gz'));
  await convert(at('short.jsonl.gz'), '-o', at('back.vgt'));
  const [first, back] = ['short.vgt', 'back.vgt'].map((name) => readTrace(readFileSync(at(name))));
  assert.deepEqual([back.word, back.value, back.tick], [first.word, first.value, first.tick]);
  assert.deepEqual(back.header.machine, first.header.machine);
});

test('JSON lines and back: gaps, counts and history too', async () => {
  const header = {
    ...HEADER,
    gaps: [
      { afterEvent: 0, lost: 0, place: 'line 3' },
      { afterEvent: 1, lost: 9, place: 'line 7' },
    ],
    counts: { ...HEADER.counts, lostEvents: 9, unknownLines: 4, cutOff: 1 },
  };
  const losses = [0, 9].map((lost) => ({ kind: LOST, vcpu: 0, intid: 0, value: lost, dt: 5 }));
  writeFileSync(at('gaps.vgt'), writeTrace(losses, {}, header));
  await convert(at('gaps.vgt'), '--limit', '10', '-o', at('gaps.jsonl'));
  await convert(at('gaps.jsonl'), '-o', at('gaps-back.vgt'));
  const back = readTrace(readFileSync(at('gaps-back.vgt'))).header;
  assert.deepEqual(back.gaps, header.gaps);
  assert.deepEqual(back.counts, header.counts);
  assert.match(back.provenance.how, /slice from the start to the end/);
});

const RUN = (vcpu: number, tick: number): string =>
  `{"t":${tick},"op":"flush","vcpu":${vcpu}}\n{"t":${tick + 5},"op":"sync","vcpu":${vcpu}}\n`;
const FIRST_LINE = '{"vgic-replay":1,"vcpus":2}\n';

test('traces of one machine are merged by time, or one behind the other', async () => {
  writeFileSync(at('a.jsonl'), FIRST_LINE + RUN(0, 0) + RUN(0, 20));
  writeFileSync(at('b.jsonl'), FIRST_LINE + RUN(1, 3) + RUN(1, 30));
  await convert(at('a.jsonl'), at('b.jsonl'), '-o', at('both.vgt'));
  assert.deepEqual(readTrace(readFileSync(at('both.vgt'))).tick, [0, 3, 5, 8, 20, 25, 30, 35]);
  await convert(at('a.jsonl'), at('b.jsonl'), '--append', '-o', at('both.vgt'));
  assert.deepEqual(readTrace(readFileSync(at('both.vgt'))).tick, [0, 5, 20, 25, 28, 33, 55, 60]);
  // The parts of a trace are the trace.
  await convert(at('both.vgt'), '--split', 'vcpu', '-o', at('halves'));
  await convert(...readdirSync(at('halves')).map((name) => at(join('halves', name))), '-o', at('again2.vgt'));
  assert.deepEqual(readTrace(readFileSync(at('again2.vgt'))).word, readTrace(readFileSync(at('both.vgt'))).word);
});

test('traces that do not fit together are refused, and nothing is written', async () => {
  writeFileSync(at('c.jsonl'), '{"vgic-replay":1,"lrs":8}\n{"op":"flush"}\n');
  const refusals: [string[], RegExp][] = [
    [[at('a.jsonl'), at('c.jsonl')], /of different machines: nrLr is 4 and 8/],
    [
      [at('a.jsonl'), at('a.jsonl')],
      /event 1: flush of vCPU 0 while it is in the guest; the inputs do not fit together/,
    ],
  ];
  const damaged = readFileSync(BASE);
  damaged[damaged.length >> 1] ^= 1;
  writeFileSync(at('damaged.vgt'), damaged);
  refusals.push([[at('damaged.vgt')], /damaged\.vgt: byte \d+: wrong checksum/]);
  refusals.push([[at('missing.vgt')], /missing\.vgt: byte 0: cannot be read \(ENOENT\); check the path/]);
  for (const [paths, expected] of refusals) {
    const { code, err } = await run(['convert', ...paths, '-o', at('none.vgt')]);
    assert.equal(code, 4);
    assert.match(err, expected);
    assert.match(err, /^vgic-replay: [^\n]+\n$/);
    assert.deepEqual(
      readdirSync(folder).filter((name) => name.startsWith('none')),
      [],
    );
  }
});

test('gaps keep their places', async () => {
  const events = Array.from({ length: 10 }, (_, i) => ({
    kind: i % 3 === 2 ? LOST : 2,
    vcpu: 0,
    intid: i % 3 === 2 ? 0 : 40,
    value: 1,
    dt: 10,
  }));
  const gaps = [2, 5, 8].map((afterEvent) => ({ afterEvent, lost: afterEvent, place: `line ${afterEvent}` }));
  writeFileSync(at('gaps.vgt'), writeTrace(events, {}, { ...HEADER, gaps }));
  const placesOf = async (...flags: string[]): Promise<unknown> => {
    await convert(at('gaps.vgt'), ...flags, '-o', at('out.vgt'));
    assert.equal((await run(['validate', at('out.vgt')])).code, 0);
    return readTrace(readFileSync(at('out.vgt'))).header.gaps.map(({ afterEvent, lost }) => [afterEvent, lost]);
  };
  assert.deepEqual(await placesOf(), [
    [2, 2],
    [5, 5],
    [8, 8],
  ]);
  assert.deepEqual(await placesOf('--from', '4', '--to', '8'), [
    [2, 2],
    [5, 5],
  ]);
  assert.deepEqual(await placesOf('--from', '4', '--setup', 'config'), [
    [0, 0],
    [2, 5],
    [5, 8],
  ]);
});

test('pipes: JSON lines go out where they are asked for, and no other format is known', async () => {
  const piped = spawnSync(process.execPath, [CLI, 'convert', BASE, '--limit', '20', '--format', 'jsonl', '-o', '-']);
  assert.equal(piped.status, 0, piped.stderr.toString());
  const lines = piped.stdout.toString().trimEnd().split('\n');
  assert.equal(JSON.parse(lines[0])['vgic-replay'], 1);
  assert.ok('end' in JSON.parse(lines.at(-1)!));
  await convert(BASE, '--limit', '20', '--format', 'jsonl', '--split', 'vcpu', '-o', at('split-lines'));
  assert.ok(readdirSync(at('split-lines')).every((name) => name.endsWith('.jsonl')));
  const wrong = await run(['convert', BASE, '--format', 'json', '-o', at('x')]);
  assert.deepEqual([wrong.code, /--format json: one of vgt, jsonl/.test(wrong.err)], [2, true]);
});

test('pipes: gzip comes in as it is, a trace goes out', () => {
  const input = gzipSync(readFileSync(BASE));
  const { status, stdout, stderr } = spawnSync(process.execPath, [CLI, 'convert', '-', '--limit', '100', '-o', '-'], {
    input,
  });
  assert.equal(status, 0, stderr.toString());
  // And the ground truth of the hundredth.
  const { length } = readTrace(stdout).word;
  assert.ok(length >= 100 && length < 120);
  assert.match(stderr.toString(), new RegExp(`^standard output: ${length} events, L3`));
});

test('requests that cannot be meant are refused as such', async () => {
  const refusals: [string[], RegExp][] = [
    [['--from', 'noon'], /--from noon: give the index of an event, or a time with its unit/],
    [['--from', '20', '--to', '20'], /--to 20 is not behind --from 20/],
    [['--vcpu', '9'], /--vcpu 9: the machine has 4 vCPUs/],
    [['--vcpu', '3-1'], /--vcpu 3-1: give numbers/],
    [['--split', 'intid'], /--split intid: only vcpu/],
    [['--redact', 'names'], /--redact names: one of texts, intids, times/],
    [['--append'], /--append: name several traces/],
    [['--setup', 'none'], /--setup none: one of keep, config/],
    [['--block-encoding', 'zip'], /--block-encoding zip: one of smallest, plain/],
  ];
  for (const [flags, expected] of refusals) {
    const { code, err } = await run(['convert', BASE, ...flags, '-o', at('refused.vgt')]);
    assert.equal(code, 2, flags.join(' '));
    assert.match(err, expected);
  }
  const itself = await run(['convert', BASE, '-o', BASE]);
  assert.equal(itself.code, 2);
  const beyond = await run(['convert', BASE, '--from', '99999999', '-o', at('refused.vgt')]);
  assert.equal(beyond.code, 4);
  assert.match(beyond.err, /the trace ends before/);
  assert.deepEqual(
    readdirSync(folder).filter((name) => name.startsWith('refused')),
    [],
  );
});

test('no name of a trace leads out of the folder of --split, which standard output cannot be', async () => {
  const named = at('named.vgt');
  await convert(BASE, '--to', '20', '--name', '../up/../../a/b\\c', '-o', named);
  const before = readdirSync(folder).sort();
  const out = await convert(named, '--split', 'vcpu', '-o', at('inside'));
  assert.deepEqual(readdirSync(folder).sort(), [...before, 'inside'].sort());
  const files = readdirSync(at('inside'));
  assert.equal(files.length, 4);
  for (const file of files) {
    assert.match(file, /^[^/\\]+-vcpu[0-3]\.vgt$/);
    assert.ok(out.includes(join(at('inside'), file)));
  }
  const { code, err } = await run(['convert', BASE, '--split', 'vcpu', '-o', '-']);
  assert.equal(code, 2);
  assert.match(err, /--split writes several files: name a folder with --output/);
  assert.equal(existsSync('-'), false);
});

test('standard input can be one input, not two', async () => {
  const { code, err } = await run(['convert', '-', '-', '-o', at('twice.vgt')]);
  assert.equal(code, 2);
  assert.match(err, /standard input can be read once/);
});

test('"-" is standard output also where a folder of that name lies', () => {
  const beside = at('beside');
  mkdirSync(join(beside, '-'), { recursive: true });
  const { status, stdout, stderr } = spawnSync(process.execPath, [CLI, 'convert', BASE, '--to', '20', '-o', '-'], {
    cwd: beside,
  });
  assert.equal(status, 0, `${stderr}`);
  assert.equal(readTrace(stdout).tick.length, 20);
});
