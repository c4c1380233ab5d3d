/** The typed-array core as scenarios see it. */
import type { Machine } from '../gic/intid.js';
import type { ConformTarget } from './target.js';

export function createCoreTarget(machine: Machine): ConformTarget {
  throw new Error(`no core for ${machine.flavour} yet`);
}
