/** Whatever is damaged in a recording of stock tracepoints: a sound trace comes of it, or one line that refuses it. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createGenerator, type Generator } from '../../base/rng.js';
import { type EventSink, findKind } from '../../trace/events.js';
import { createFtraceImporter } from '../ftrace/importer.js';
import { createPerfettoImporter } from '../perfetto/importer.js';
import { importSoundly } from '../soundness.test.support.js';
import { packTrace, printPerf, printTraceCmd, readRecording, toPackets } from './recorders.test.support.js';

const EVENTS = readRecording('bare-gicv2-fuzz', 1200).slice(900);
/** Larger ones make time stamps whose silence fills the trace with events. */
const NUMBERS = [0, 1, 31, 32, 1019, 1020, 1023, 8192, 70000];
const LOST = [...NUMBERS, 2 ** 32, 1e20];

function damageText(text: string, random: Generator): string {
  return text
    .split('\n')
    .map((line) => {
      const chance = random.nextBelow(20);
      if (chance === 0) return line.slice(0, random.nextBelow(line.length + 1));
      if (chance === 1)
        return line.replace(/\d+/g, (digits) =>
          random.nextBelow(4) === 0 ? `${NUMBERS[random.nextBelow(NUMBERS.length)]}` : digits,
        );
      if (chance === 2) return `CPU:1 [LOST ${LOST[random.nextBelow(LOST.length)]} EVENTS]`;
      return line;
    })
    .join('\n');
}

test('text: numbers, ends and lines at random', () => {
  const random = createGenerator(5);
  let imported = 0;
  for (let round = 0; round < 30; round++) {
    const text = damageText(round % 2 === 0 ? printTraceCmd(EVENTS) : printPerf(EVENTS), random);
    const done = importSoundly(Buffer.from(text), (sink) => createFtraceImporter('x', sink), `round ${round}`);
    if (done !== undefined && done.events > 0) imported++;
  }
  assert.ok(imported > 15);
});

test('Perfetto: bytes at random', () => {
  const random = createGenerator(6);
  const sound = packTrace(toPackets(EVENTS, { round: 50 }));
  let imported = 0;
  for (let round = 0; round < 100; round++) {
    const bytes = sound.slice();
    for (let i = 0; i <= round % 3; i++) bytes[random.nextBelow(bytes.length)] = random.nextBelow(256);
    const done = importSoundly(bytes, (sink) => createPerfettoImporter('x', sink), `round ${round}`);
    if (done !== undefined && done.events > 0) imported++;
  }
  assert.ok(imported > 20);
});

test('an exit or entry that is missing in the middle is put in behind a gap; one before the first entry is not', () => {
  const lines = [
    'kvm_exit: IRQ: HSR_EC: 0x0000 (UNKNOWN), PC: 0x0',
    'kvm_entry: PC: 0x0',
    'kvm_entry: PC: 0x0',
    'kvm_exit: IRQ: HSR_EC: 0x0000 (UNKNOWN), PC: 0x0',
    'kvm_exit: IRQ: HSR_EC: 0x0000 (UNKNOWN), PC: 0x0',
  ];
  const text = lines.map((line, i) => `       CPU 0/KVM-11    [000]   100.00000${i}: ${line}\n`).join('');
  const events: string[] = [];
  const warnings: string[] = [];
  const sink: EventSink = { event: (kind) => void events.push(findKind(kind)?.name ?? '') };
  const importer = createFtraceImporter('x', sink, {
    onWarning: ({ place, what }) => warnings.push(`${place}: ${what}`),
  });
  importer.push(Buffer.from(text));
  const { gaps } = importer.end();
  const run = ['flush', 'guest-drain', 'sync'];
  assert.deepEqual(events, [...run.slice(0, 2), 'lost', 'sync', ...run, 'lost', ...run]);
  assert.deepEqual(
    gaps.map(({ afterEvent, place }) => [afterEvent, place]),
    [
      [2, 'line 3'],
      [7, 'line 5'],
    ],
  );
  assert.deepEqual(warnings, ['line 3: the sync of vCPU 0 is missing', 'line 5: the flush of vCPU 0 is missing']);
  assert.ok(importSoundly(Buffer.from(text), (target) => createFtraceImporter('x', target), 'runs'));
});
