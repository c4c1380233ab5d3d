/** Real ftrace text, imported and replayed: what the kernel put into the list registers is what the model puts there. */
import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import { test } from 'node:test';
import { gunzipSync } from 'node:zlib';
import { HCR_UIE } from '../../gic/lr.js';
import { ReferenceVgic } from '../../reference/reference-vgic.js';
import * as K from '../../trace/events.js';
import type { TraceHeader } from '../../trace/header.js';
import { openTrace, type TraceReader } from '../../trace/reader.js';
import { createMemorySource } from '../../trace/source.js';
import { MAX_BLOCK_EVENTS } from '../../trace/wire.js';
import { createFtraceImporter, isFtrace } from './importer.js';

const TRACES = new URL('../../../../traces/', import.meta.url);

interface Columns {
  readonly word: number[];
  readonly value: number[];
  readonly dt: number[];
}

interface Imported {
  readonly header: TraceHeader;
  readonly events: Columns;
}

function importRaw(name: string, chunkBytes: number): Imported {
  const file = (part: string): URL => new URL(`raw/${name}/${part}`, TRACES);
  const text = gunzipSync(readFileSync(file('trace.txt.gz')));
  const events: Columns = { word: [], value: [], dt: [] };
  const sink: K.EventSink = {
    event(kind, vcpu, intid, value, dt) {
      events.word.push(K.packWord(kind, vcpu, intid) | 0);
      events.value.push(value | 0);
      events.dt.push(dt);
    },
  };
  const importer = createFtraceImporter(`${name}/trace.txt.gz`, sink, {
    meta: readFileSync(file('meta.json'), 'utf8'),
    ...(existsSync(file('guest-acks.tsv.gz'))
      ? { acks: gunzipSync(readFileSync(file('guest-acks.tsv.gz'))).toString('utf8') }
      : {}),
  });
  for (let from = 0; from < text.length; from += chunkBytes) importer.push(text.subarray(from, from + chunkBytes));
  return { header: importer.end(), events };
}

const openShipped = (name: string): TraceReader =>
  openTrace(createMemorySource(readFileSync(new URL(`recorded/${name}.vgt`, TRACES)), name));

function readShipped(name: string): Columns {
  const reader = openShipped(name);
  const block = K.createEventBlock(MAX_BLOCK_EVENTS);
  const events: Columns = { word: [], value: [], dt: [] };
  let tick = 0;
  while (reader.next(block)) {
    for (let i = 0; i < block.count; i++) {
      const dt = i === 0 ? block.firstTick - tick : block.dt[i] >>> 0;
      tick += dt;
      events.word.push(block.word[i]);
      events.value.push(block.value[i]);
      events.dt.push(dt);
    }
  }
  return events;
}

interface Agreement {
  flushes: number;
  lrs: number;
  uie: number;
  folds: number;
  foldLrs: number;
  divergences: number;
}

/** Replays every event on the reference model and compares each EXPECT_LRS and EXPECT_FOLD, without resynchronising. */
function replay({ machine }: TraceHeader, events: Columns): Agreement {
  const vgic = new ReferenceVgic(machine);
  const agreement: Agreement = { flushes: 0, lrs: 0, uie: 0, folds: 0, foldLrs: 0, divergences: 0 };
  let vcpu = -1;
  let isSame = true;
  let isFold = false;
  const settle = (): void => {
    if (vcpu < 0) return;
    vcpu = -1;
    if (isFold) {
      agreement.folds++;
      if (isSame) agreement.foldLrs++;
    } else {
      agreement.flushes++;
      if (isSame) agreement.lrs++;
    }
  };
  for (let i = 0; i < events.word.length; i++) {
    const kind = K.wordKind(events.word[i]);
    const intid = K.wordIntid(events.word[i]);
    const value = events.value[i];
    if (kind === K.EXPECT_LR_LO) isSame &&= (vgic.lr(vcpu, intid).lo | 0) === value;
    else if (kind === K.EXPECT_LR_HI) isSame &&= (vgic.lr(vcpu, intid).hi | 0) === value;
    else settle();
    if (kind === K.EXPECT_LRS || kind === K.EXPECT_FOLD) {
      vcpu = K.wordVcpu(events.word[i]);
      isFold = kind === K.EXPECT_FOLD;
      isSame = vgic.usedLrs(vcpu) === intid;
      if (!isFold && ((vgic.hcr(vcpu) ^ value) & HCR_UIE) === 0) agreement.uie++;
    } else if (kind < K.FIRST_EXPECT) vgic.apply(kind, K.wordVcpu(events.word[i]), intid, value);
  }
  settle();
  agreement.divergences = vgic.divergences;
  return agreement;
}

const CHUNK_BYTES = 1 << 16;
/** Each is asked more than one question. */
const floodBig = importRaw('bare-flood-big', 4099);
const sgiStorm = importRaw('bare-sgi-storm', CHUNK_BYTES);

test('bare-flood-big: one vCPU, 960 pending SPIs: every LR word of every entry', () => {
  const { header, events } = floodBig;
  assert.deepEqual(events, readShipped('bare-flood-big'));
  assert.equal(header.machine.nrSpis, 960);
  assert.equal(header.counts.decisionsFromRecording, 0, 'one vCPU needs no decision');
  assert.equal(header.counts.unknownLines, 0);
  assert.deepEqual(replay(header, events), {
    flushes: 5472,
    lrs: 5472,
    uie: 5472,
    folds: 3356,
    foldLrs: 3356,
    divergences: 0,
  });
});

test('bare-sgi-storm: four vCPUs racing on SGIs: every LR word of every entry', () => {
  const { header, events } = sgiStorm;
  assert.deepEqual(events, readShipped('bare-sgi-storm'));
  assert.equal(header.guestAccesses, 'recorded');
  assert.deepEqual(replay(header, events), {
    flushes: 8264,
    lrs: 8264,
    uie: 8264,
    folds: 3639,
    foldLrs: 3639,
    divergences: 0,
  });
});

test('bare-gicv2-fuzz: random GICv2 register writes of four vCPUs: 99.9 % of the entries', () => {
  const { header, events } = importRaw('bare-gicv2-fuzz', CHUNK_BYTES);
  assert.deepEqual(events, readShipped('bare-gicv2-fuzz'));
  assert.equal(header.machine.model, 'gicv2');
  assert.equal(header.guestAccesses, 'lr-state');
  const { flushes, lrs, uie, folds } = replay(header, events);
  assert.equal(flushes, 9791);
  assert.equal(folds, 9381);
  assert.equal(uie, flushes);
  // A sort that another CPU's ICPENDR changed while it ran has no sequential equivalent: one entry, and its successor.
  assert.equal(flushes - lrs, 2);
});

test('the ordering is what makes them agree: without the guest accesses and decisions nothing would', () => {
  const { header, events } = sgiStorm;
  assert.ok(header.counts.decisionsFromRecording > 0);
  // Control: the same events with every SGI moved to the next flush of anybody.
  const late: Columns = { word: [], value: [], dt: [] };
  let held: number[] = [];
  const copy = (i: number): void => {
    late.word.push(events.word[i]);
    late.value.push(events.value[i]);
    late.dt.push(0);
  };
  for (let i = 0; i < events.word.length; i++) {
    const kind = K.wordKind(events.word[i]);
    if (kind === K.SGI) {
      held.push(i);
      continue;
    }
    copy(i);
    if (kind === K.FLUSH) {
      for (const sgi of held) copy(sgi);
      held = [];
    }
  }
  const { flushes, lrs } = replay(header, late);
  assert.ok(flushes - lrs > 100, `${flushes - lrs} entries differ`);
});

test('chunk boundaries do not matter: what is shipped was imported in chunks of another size', () => {
  // That its events are the same is tested above.
  const shipped = openShipped('bare-flood-big').header;
  // What the verb adds to what the importer knows.
  const { importer, provenance } = shipped;
  const { licence, sourceSha256 } = provenance;
  const { header } = floodBig;
  assert.deepEqual({ ...header, importer, provenance: { ...header.provenance, licence, sourceSha256 } }, shipped);
});

test('real text is recognised from its beginning', () => {
  const text = gunzipSync(readFileSync(new URL('raw/bare-sgi-storm/trace.txt.gz', TRACES)));
  assert.equal(isFtrace(text.subarray(0, 65536)), true);
});
