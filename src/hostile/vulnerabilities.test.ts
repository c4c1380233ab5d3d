/** Every published vulnerability that can be shown is: the flavour or variant with the defect has it, the others do not. */
import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { test } from 'node:test';
import { exploreVariant, modelNamed, variantNamed } from '../explore/index.js';
import { defectiveFlavours, flavourNamed } from '../gic/flavour/index.js';
import { importJsonLines } from '../import/json-lines.js';
import { createModel, referenceFor } from '../replay/create-model.js';
import { createEngine } from '../replay/engine.js';
import { tracesFolder } from '../replay/test-traces.js';
import { HostStop } from '../vgic/host-stop.js';
import { slotOf } from '../vgic/state.js';
import { ACTIVE } from '../vgic/word.js';
import { createColumnSink } from '../workload/column-sink.js';
import { type ShownByTrace, vulnerabilities } from './vulnerabilities.js';

const folder = new URL('vulnerabilities/', tracesFolder);

/** What the trace shows on a flavour with the guest model of the trace, or its first. */
function show({ file, watch }: ShownByTrace, id: string): string {
  const sink = createColumnSink();
  const made = importJsonLines(readFileSync(new URL(file, folder), 'utf8'), file, sink).machine;
  const { guestModels } = flavourNamed(id);
  const machine = { ...made, flavour: id, model: guestModels.includes(made.model) ? made.model : guestModels[0] };
  const vgic = createModel(machine, referenceFor(machine));
  const engine = createEngine(vgic);
  const { word, value, count } = sink.block;
  try {
    engine.run(word, value, count);
  } catch (error) {
    if (!(error instanceof HostStop)) throw error;
    return error.kind;
  }
  if (watch === 'active') {
    const spis = Array.from({ length: machine.nrSpis }, (_, at) => 32 + at);
    return `SPIs ${spis.filter((spi) => (vgic.state.word[slotOf(vgic.state, 0, spi)] & ACTIVE) !== 0).join(', ')}`;
  }
  if (watch === 'stop') return 'goes on';
  const results = Object.keys(engine.systemCounts().its).filter((name) => /^restore (OK|-E[A-Z]+)$/.test(name));
  return results.join(', ');
}

for (const { id, showing } of vulnerabilities) {
  if (showing.by === 'trace') {
    test(`${id}: ${showing.defective} has it`, () =>
      assert.equal(show(showing, showing.defective), showing.shows.defective));
    for (const fixed of showing.fixed)
      test(`${id}: ${fixed} has it not`, () => assert.equal(show(showing, fixed), showing.shows.fixed));
  } else if (showing.by === 'interleaving') {
    test(`${id}: an interleaving of ${showing.model}:${showing.broken} has it, none of ${showing.right}`, () => {
      const model = modelNamed(showing.model);
      const explore = (variant: string): number | null => exploreVariant(model, variantNamed(model, variant)).failing;
      assert.ok((explore(showing.broken) ?? 0) > 0);
      assert.equal(explore(showing.right), 0);
    });
  }
}

test('every file is one of them, and every defective flavour has one', () => {
  const shown = vulnerabilities.flatMap(({ showing }) => (showing.by === 'trace' ? [showing] : []));
  assert.deepEqual(
    readdirSync(folder)
      .filter((name) => name.endsWith('.jsonl'))
      .sort(),
    shown.map(({ file }) => file).sort(),
  );
  for (const { id } of defectiveFlavours)
    assert.ok(
      shown.some(({ defective }) => defective === id),
      id,
    );
});

test('README.md of the folder has a row for each', () => {
  const text = readFileSync(new URL('README.md', folder), 'utf8');
  const rows = text
    .split('\n')
    .filter((line) => /^\| [^-]/.test(line))
    .map((line) => line.split(' | '));
  assert.deepEqual(
    rows.slice(1).map(([id, matter]) => [id.slice(2), matter]),
    vulnerabilities.map(({ id, matter }) => [id, matter]),
  );
});
