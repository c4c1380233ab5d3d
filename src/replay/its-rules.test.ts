/** The core's ITS and the rules of the specification that no shipped scenario shows. */
import { test } from 'node:test';
import { createCoreTarget } from '../conform/core-target.js';
import { createItsMachine, startIts } from '../reference/its/its-machine.js';
import { ITS_RULES } from '../reference/its/test-its-rules.js';

for (const { name, flavours, run } of ITS_RULES) {
  test(name, () => {
    for (const flavour of flavours) {
      const target = createCoreTarget(createItsMachine(flavour, 2));
      startIts(target);
      run(target);
    }
  });
}
