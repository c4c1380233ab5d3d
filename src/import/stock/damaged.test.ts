/** Whatever is damaged in a recording of stock tracepoints: a sound trace comes of it, or one line that refuses it. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createGenerator, type Generator } from '../../base/rng.js';
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
