/** Save and restore of random configurations, and restore of images that were changed (vgic-spec 6.8-6.10). */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createGenerator } from '../../base/rng.js';
import { MUTATIONS } from '../../study/its-images.js';
import { createItsMachine } from '../../study/its-machine.js';
import { checkMutants, checkRoundTrip } from './test-image-runs.js';

const CONFIGURATIONS = 300;
const MUTANTS_AN_IMAGE = 5;

for (const flavour of ['kvm-6.1', 'kvm-7.2']) {
  test(`${flavour}: what is restored is what was saved, and a changed image does what the text says`, () => {
    const machine = createItsMachine(flavour, 4);
    const rng = createGenerator(6);
    const results = new Map<string, Set<string>>();
    for (let done = 0; done < CONFIGURATIONS; done++) {
      const image = checkRoundTrip(machine, rng);
      checkMutants(machine, image, rng, MUTANTS_AN_IMAGE, ({ mutation, result }) => {
        results.set(mutation, (results.get(mutation) ?? new Set()).add(result));
      });
    }
    assert.deepEqual([...results.keys()].sort(), [...MUTATIONS].sort());
    const [always, sometimes] = [(kind: string) => [...results.get(kind)!], (kind: string) => results.get(kind)!];
    // A changed entry behind an earlier stop is never read, so that no kind of change fails every time.
    assert.deepEqual(always('event: LPI below 8192'), ['-EINVAL']);
    assert.ok(sometimes('event: LPI above 65535').has('OK'));
    assert.ok(sometimes('device: ITT outside the memory').has('-EFAULT'));
    assert.ok(sometimes('collection: listed twice').has('-EEXIST'));
  });
}
