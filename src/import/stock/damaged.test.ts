/** Whatever is damaged in a recording of stock tracepoints: a sound trace comes of it, or one line that refuses it. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { InputError } from '../../base/errors.js';
import { createGenerator, type Generator } from '../../base/rng.js';
import type { EventSink } from '../../trace/events.js';
import { HEADER } from '../../trace/fixtures.test.support.js';
import { createMemorySource, createMemoryTarget } from '../../trace/source.js';
import { validateTrace } from '../../trace/validate.js';
import { createTraceWriter } from '../../trace/writer.js';
import { createFtraceImporter } from '../ftrace/importer.js';
import { createPerfettoImporter } from '../perfetto/importer.js';
import type { ByteImporter } from '../two-passes.js';
import { packTrace, printPerf, printTraceCmd, readRecording, toPackets } from './recorders.test.support.js';

/** Events of the trace, or -1 if it was refused. */
function importSoundly(bytes: Uint8Array, create: (sink: EventSink) => ByteImporter, what: string): number {
  const target = createMemoryTarget();
  const writer = createTraceWriter(target, HEADER);
  const sink: EventSink = {
    event(kind, vcpu, intid, value, dt) {
      // As the command does.
      if (writer.ticks + (dt >>> 0) > Number.MAX_SAFE_INTEGER)
        throw new InputError('x', 'line 0', 'too late', 'correct it');
      writer.event(kind, vcpu, intid, value, dt >>> 0);
    },
  };
  try {
    const importer = create(sink);
    importer.push(bytes);
    writer.finish(importer.end());
  } catch (error) {
    assert.ok(error instanceof InputError, `${what}: ${error}`);
    assert.match(error.message, /^x: (byte|line) \d+: [^\n]+; [^\n]+$/);
    return -1;
  }
  const { problems } = validateTrace(createMemorySource(target.bytes()));
  assert.deepEqual(problems, [], what);
  return writer.events;
}

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
    const events = importSoundly(Buffer.from(text), (sink) => createFtraceImporter('x', sink), `round ${round}`);
    if (events > 0) imported++;
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
    if (importSoundly(bytes, (sink) => createPerfettoImporter('x', sink), `round ${round}`) > 0) imported++;
  }
  assert.ok(imported > 20);
});
