/** Lines that were lost or damaged in a recording with the vgic probes: what stays is sound, and what is missing is said. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { gunzipSync } from 'node:zlib';
import { InputError } from '../../base/errors.js';
import { createGenerator, type Generator } from '../../base/rng.js';
import * as K from '../../trace/events.js';
import type { TraceHeader } from '../../trace/header.js';
import { importSoundly } from '../soundness.test.support.js';
import { createFtraceImporter } from './importer.js';

const RAW = new URL('../../../../traces/raw/', import.meta.url);
const read = (name: string): string => gunzipSync(readFileSync(new URL(name, RAW))).toString('utf8');

interface Recording {
  readonly lines: readonly string[];
  readonly meta: string;
  readonly acks?: string;
}

const recordings: readonly Recording[] = ['bare-gicv2-fuzz', 'bare-sgi-storm'].map((name) => ({
  lines: read(`${name}/trace.txt.gz`).split('\n', 12_000),
  meta: readFileSync(new URL(`${name}/meta.json`, RAW), 'utf8'),
  ...(name === 'bare-sgi-storm' ? { acks: read(`${name}/guest-acks.tsv.gz`).slice(0, 100_000) } : {}),
}));

const NUMBERS = ['0', '1', '5', '16', '32', '126', '1019', '1020', '1023', '8192', '70000', '0xffffffffffffffff', '-1'];
/** One damage a line in so many, from bad to slight. */
const RATES = [5, 30, 200, 1000];
const LINES = 500;

/** A part of the recording with lines left out, cut, doubled, exchanged, said to be lost, and with other numbers in them. */
function damage({ lines }: Recording, random: Generator): string {
  const from = random.nextBelow(2) === 0 ? 0 : random.nextBelow(lines.length - LINES);
  const rate = RATES[random.nextBelow(RATES.length)];
  const out: string[] = [];
  for (const line of lines.slice(from, from + LINES)) {
    const at = random.nextBelow(line.length + 1);
    const kind = random.nextBelow(rate) === 0 ? random.nextBelow(8) : -1;
    if (kind === 0) continue;
    if (kind === 1) out.push(line.slice(0, at));
    else if (kind === 2)
      out.push(line.replace(/0x[\da-f]+|\d+/g, (old) => (random.nextBelow(4) === 0 ? pick(NUMBERS, random) : old)));
    else if (kind === 3) out.push(line, line);
    else if (kind === 4) out.splice(out.length - 1, 0, line);
    else if (kind === 5) out.splice(out.length - random.nextBelow(30), 30);
    else if (kind === 6) out.push(`CPU:${random.nextBelow(4)} [LOST ${random.nextBelow(100)} EVENTS]`, line);
    else if (kind === 7)
      out.push(`${line.slice(0, at)}${String.fromCharCode(random.nextBelow(256))}${line.slice(at + 1)}`);
    else out.push(line);
  }
  return out.join('\n');
}

const pick = <T>(list: readonly T[], random: Generator): T => list[random.nextBelow(list.length)];

test('whatever is damaged, the trace is sound or refused in one line', () => {
  const random = createGenerator(11);
  let imported = 0;
  let withGaps = 0;
  for (let round = 0; round < 70; round++) {
    const recording = recordings[round % recordings.length];
    const { meta, acks } = recording;
    const options = { ...(round % 3 === 0 ? {} : { meta }), ...(acks === undefined ? {} : { acks }) };
    const text = damage(recording, random);
    const create = (sink: K.EventSink) => createFtraceImporter('x', sink, options);
    const done = importSoundly(Buffer.from(text), create, `round ${round}`);
    if (done === undefined) continue;
    imported++;
    if (done.header.gaps.length > 0) withGaps++;
  }
  assert.ok(imported > 60, `${imported} imported`);
  assert.ok(withGaps > 35, `${withGaps} with gaps`);
});

test('rows of guest accesses damaged at random do no harm either', () => {
  const random = createGenerator(12);
  const [, { lines, meta, acks = '' }] = recordings;
  const text = Buffer.from(lines.slice(0, 2500).join('\n'));
  for (let round = 0; round < 6; round++) {
    const damaged = acks.slice(0, 20_000).replace(/0x[\da-f]+|[\d.]+/g, (old) => {
      const chance = random.nextBelow(30);
      return chance === 0 ? pick(NUMBERS, random) : chance === 1 ? 'x' : old;
    });
    const create = (sink: K.EventSink) => createFtraceImporter('x', sink, { meta, acks: damaged });
    assert.ok(importSoundly(text, create, `round ${round}`));
  }
});

interface Imported {
  readonly header: TraceHeader;
  /** `kind vcpu intid`. */
  readonly events: string[];
  readonly ticks: number[];
  readonly warnings: string[];
}

function importLines(lines: readonly string[]): Imported {
  const events: string[] = [];
  const ticks: number[] = [];
  const warnings: string[] = [];
  let tick = 0;
  const sink: K.EventSink = {
    event(kind, vcpu, intid, _value, dt) {
      tick += dt;
      ticks.push(tick);
      events.push(`${K.findKind(kind)?.name} ${vcpu} ${intid}`);
    },
  };
  const importer = createFtraceImporter('x', sink, {
    meta: recordings[0].meta,
    onWarning: ({ place, what }) => warnings.push(`${place}: ${what}`),
  });
  importer.push(Buffer.from(`${lines.join('\n')}\n`));
  return { header: importer.end(), events, ticks, warnings };
}

const whole = recordings[0].lines.slice(0, 2500);
const lineOf = (pattern: RegExp, from: number): number => whole.findIndex((line, i) => i >= from && pattern.test(line));

test('lost events stand between what was recorded before and behind them, and move no time', () => {
  const at = lineOf(/kvm_entry/, 1500) + 1;
  const { header, events, ticks } = importLines([...whole.slice(0, at), 'CPU:9 [LOST 7 EVENTS]', ...whole.slice(at)]);
  const [gap] = header.gaps;
  assert.deepEqual([header.gaps.length, gap.lost, gap.place], [1, 7, `line ${at + 1}`]);
  assert.equal(events[gap.afterEvent], 'lost 0 0');
  const sound = importLines(whole);
  events.splice(gap.afterEvent, 1);
  ticks.splice(gap.afterEvent, 1);
  assert.deepEqual(events, sound.events);
  assert.deepEqual(ticks, sound.ticks);
  // Events are not lines: the share of them that lies before the gap is about that of the lines.
  assert.ok(
    Math.abs(gap.afterEvent / events.length - at / whole.length) < 0.2,
    `${gap.afterEvent} of ${events.length}`,
  );
});

test('an exit or an entry that no line shows is put in behind a gap that says so', () => {
  const exit = lineOf(/vgic_sync: .* vcpu=2/, 1500);
  const entry = lineOf(/vgic_flush: .* vcpu=2/, exit);
  for (const [line, missing] of [
    [exit, 'sync'],
    [entry, 'flush'],
  ] as const) {
    const { header, events, warnings } = importLines(whole.toSpliced(line, 1));
    assert.equal(header.gaps.length, 1, missing);
    const { afterEvent, lost, place } = header.gaps[0];
    assert.deepEqual(events.slice(afterEvent, afterEvent + 2), ['lost 0 0', `${missing} 2 0`]);
    assert.equal(lost, 0, 'nobody knows how many');
    assert.match(place, /^line \d+$/);
    assert.ok(warnings.includes(`${place}: the ${missing} of vCPU 2 is missing`), warnings.join('\n'));
    // Where the source says itself that events were lost, there is no second gap.
    const owned = importLines(whole.toSpliced(line, 1, 'CPU:1 [LOST 3 EVENTS]', 'CPU:2 [LOST 1 EVENTS]'));
    assert.deepEqual(
      owned.header.gaps.map(({ lost: known }) => known),
      [3, 1],
    );
    assert.ok(owned.events.includes(`${missing} 2 0`));
  }
});

test('a recording that begins while guests run begins with their entries', () => {
  const { header, events } = importLines(whole.slice(lineOf(/kvm_entry/, 1500) + 1));
  assert.ok(header.gaps.length >= 1 && header.gaps.length <= header.machine.nrVcpus);
  assert.ok(events.indexOf('flush 0 0') < events.indexOf('sync 0 0'));
});

test('list registers of a broken or lost line are no ground truth', () => {
  const flush = lineOf(/lr_flush: .* vcpu=1/, 1500);
  const count = ({ events }: Imported): number => events.filter((event) => event.startsWith('expect-lrs 1')).length;
  const sound = count(importLines(whole));
  const cut = whole[flush].slice(0, whole[flush].indexOf('lr0=') + 6);
  assert.equal(count(importLines(whole.toSpliced(flush, 1))), sound - 1, 'left out');
  assert.equal(count(importLines(whole.toSpliced(flush, 1, cut))), sound - 1, 'cut off');
});

test('a meta.json whose fields are of another kind is refused by the name of the field', () => {
  for (const [meta, message] of [
    ['[]', /line 1: not the JSON object/],
    ['{"name":5}', /name: is no text; give it as a text, or leave it out/],
    ['{"description":"\\ud800"}', /description: is no text/],
    ['{"host":null}', /host: is no object/],
    ['{"host":{"kernel":[1]}}', /host\.kernel: is no text/],
    ['{"trace":{"clock":7}}', /trace\.clock: is no text/],
    ['{"threads":{"1":null}}', /threads\.1: is no object/],
  ] as const)
    assert.throws(
      () => createFtraceImporter('x', { event() {} }, { meta }),
      (error) => error instanceof InputError && message.test(error.message),
      meta,
    );
  for (const meta of ['{}', '{"vcpus":1e9}', '{"threads":{"x":{"vcpu":-1}}}', '{"host":{"list_registers":"4"}}'])
    assert.ok(importSoundly(Buffer.from(whole.join('\n')), (sink) => createFtraceImporter('x', sink, { meta }), meta));
});
