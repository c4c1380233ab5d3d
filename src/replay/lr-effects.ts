/** Which events can change which fields of a list register: what may explain a difference, and what may not. */
import * as K from '../trace/events.js';

/**
 * What a step on an interrupt can change in the LRs: presence, order and state; priority; group; kind of deactivation.
 * A race explains a difference only if another CPU's step could have made it.
 */
export const PRESENCE = 1;
export const PRIORITY_BITS = 2;
export const GROUP_BIT = 4;
export const DEACTIVATION = 8;
export const NR_EFFECTS = 4;

/** Effects that an event of `kind` can have. */
export function effectsOf(kind: number): number {
  switch (kind) {
    case K.INJECT:
    case K.ENABLE:
    case K.PENDING:
    case K.ACTIVE:
    case K.TARGET:
    case K.LINE_LEVEL:
    case K.LPI_MAP:
    case K.LPI_UNMAP:
    case K.LPI_MOVE:
    case K.LPI_CLEAR:
    case K.LPI_PENDING:
      return PRESENCE;
    case K.SGI:
    case K.SGI_PEND:
      // More senders ask for a maintenance interrupt.
      return PRESENCE | DEACTIVATION;
    case K.PRIORITY:
    case K.LPI_CONFIG:
      return PRESENCE | PRIORITY_BITS;
    case K.CONFIG:
      return PRESENCE | DEACTIVATION;
    case K.GROUP:
    case K.GROUP_ONE:
      return PRESENCE | GROUP_BIT;
    default:
      return 0;
  }
}
