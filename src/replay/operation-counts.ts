/** What a replay did, operation by operation: the input of the cost model (cost/). */
import * as Events from '../trace/events.js';
import { OPERATION_NAMES, type OperationName } from '../vgic/operations.js';
import type { Vgic } from '../vgic/vgic.js';

/** Operations by their names (vgic/operations.ts), events by kind as `event ACK`. */
export type OperationCounts = Readonly<Partial<Record<OperationName | `event ${string}`, number>>>;

/** Counts that are 0 are left out. */
export function operationCounts({ state: { cost } }: Vgic): OperationCounts {
  const counts: Partial<Record<OperationName | `event ${string}`, number>> = {};
  OPERATION_NAMES.forEach((name, at) => {
    if (cost.ops[at] > 0) counts[name] = cost.ops[at];
  });
  for (const { kind, name } of Events.KINDS) {
    if (kind < Events.FIRST_FACT && cost.events[kind] > 0) counts[`event ${name}`] = cost.events[kind];
  }
  return counts;
}
