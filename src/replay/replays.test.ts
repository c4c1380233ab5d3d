/** A replay after a reset is the first one over again, for the systems beside the core too. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { reference, strategyNamed } from '../strategy/index.js';
import { digestHex } from '../vgic/digest.js';
import { generateColumns, workloads } from '../workload/index.js';
import { resolveParams } from '../workload/workload.js';
import { createModel } from './create-model.js';
import { createEngine } from './engine.js';
import { createReplays } from './replays.js';

for (const workload of workloads) {
  test(`${workload.id}: replayed, reset and replayed again`, () => {
    const params = resolveParams(workload, { events: 3000, seed: 2 });
    const block = generateColumns(workload, params);
    const machine = workload.machine(params);
    const replays = createReplays(machine, strategyNamed(reference.id), block);
    replays.run();
    const once = replays.digest();
    replays.reset();
    replays.run();

    // The digest runs on over both, so the expectation does too: two models that know nothing of each other.
    const [first, second] = [0, 1].map(() => createModel(machine, strategyNamed(reference.id)));
    const engine = createEngine(first);
    engine.run(block.word, block.value, block.count);
    assert.equal(digestHex(engine.digest()), once);
    const fresh = createEngine(second);
    fresh.run(block.word, block.value, block.count);
    assert.deepEqual(replays.systemCounts(), fresh.systemCounts());
    assert.deepEqual(Array.from(replays.vgic.state.word), Array.from(second.state.word));
  });
}
