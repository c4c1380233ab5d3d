/** Events that are register accesses. */
import * as ev from './events.js';

/** Writes seen per interrupt. */
export const REGISTER_WRITES: readonly number[] = [
  ev.ENABLE,
  ev.PRIORITY,
  ev.PENDING,
  ev.ACTIVE,
  ev.CONFIG,
  ev.TARGET,
  ev.SGI,
  ev.GROUP,
  ev.GROUP_ONE,
  ev.DIST_ENABLE,
  ev.SGI_PEND,
];
/** As the guest made them, a word wide; reads may be narrower. */
export const WORD_ACCESSES: readonly number[] = [ev.MMIO_DIST, ev.MMIO_REDIST, ev.MMIO_DIST_READ, ev.MMIO_REDIST_READ];
export const RAW_ACCESSES: readonly number[] = [...WORD_ACCESSES, ev.MMIO_DIST_BYTE, ev.MMIO_REDIST_BYTE];
