/** Does an import of damaged bytes end as it must: in a sound trace, or in one line that refuses them? */
import assert from 'node:assert/strict';
import { InputError } from '../base/errors.js';
import type { EventSink } from '../trace/events.js';
import { HEADER } from '../trace/fixtures.test.support.js';
import type { TraceHeader } from '../trace/header.js';
import { createMemorySource, createMemoryTarget } from '../trace/source.js';
import { validateTrace } from '../trace/validate.js';
import { createTraceWriter } from '../trace/writer.js';
import type { ByteImporter } from './two-passes.js';

export interface SoundImport {
  readonly header: TraceHeader;
  readonly events: number;
}

/** The trace, or undefined if it was refused. `create` makes an importer of a file "x". */
export function importSoundly(
  bytes: Uint8Array,
  create: (sink: EventSink) => ByteImporter,
  what: string,
): SoundImport | undefined {
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
  let header: TraceHeader;
  try {
    const importer = create(sink);
    importer.push(bytes);
    header = importer.end();
    writer.finish(header);
  } catch (error) {
    assert.ok(error instanceof InputError, `${what}: ${error}`);
    assert.match(error.message, /^x: (byte|line) \d+: [^\n]+; [^\n]+$/);
    return undefined;
  }
  const { problems } = validateTrace(createMemorySource(target.bytes()));
  assert.deepEqual(problems, [], what);
  return { header, events: writer.events };
}
