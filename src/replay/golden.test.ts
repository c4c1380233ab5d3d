import assert from 'node:assert/strict';
import { readdirSync } from 'node:fs';
import { test } from 'node:test';
import { lrHex } from '../gic/lr.js';
import { reference } from '../strategy/index.js';
import { FLUSH, wordKind, wordVcpu } from '../trace/events.js';
import { createVgic } from '../vgic/vgic.js';
import { createEngine } from './engine.js';
import { readGzip, readVgr1, tracesFolder } from './test-traces.js';

/** The F lines of one event file, as the typed-array core gives them. */
function flushLines(path: string): string[] {
  const { header, word, value } = readVgr1(path);
  const vgic = createVgic(header.machine, reference.create({}));
  const engine = createEngine(vgic);
  const { usedLrs, isV2Host } = vgic.state;
  const lines: string[] = [];
  word.forEach((w, event) => {
    engine.step(w, value[event]);
    if (wordKind(w) !== FLUSH) return;
    const vcpu = wordVcpu(w);
    const lrs = Array.from({ length: usedLrs[vcpu] }, (_, lr) =>
      lrHex(vgic.lrLo(vcpu, lr), vgic.lrHi(vcpu, lr), isV2Host),
    );
    lines.push(['F', event, vcpu, usedLrs[vcpu], ...lrs].join(' '));
  });
  return lines;
}

const files = readdirSync(new URL('golden/', tracesFolder)).filter((name) => name.endsWith('.bin.gz'));

test('all golden event files are here', () => assert.equal(files.length, 110));

for (const file of files) {
  test(`${file}: every LR word is what the compiled C code wrote`, () => {
    const dump = readGzip(`golden/${file.replace('.bin.', '.dump.')}`).toString('latin1');
    const expected = dump.split('\n').filter((line) => line.startsWith('F '));
    assert.ok(expected.length > 0);
    assert.deepEqual(flushLines(`golden/${file}`), expected);
  });
}
