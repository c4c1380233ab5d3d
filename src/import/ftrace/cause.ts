/** What the lines of one context announced: the vgic_queue lines that follow are its doing. */
import { LPI_BASE } from '../../gic/intid.js';
import { INJECT, LPI_CONFIG, LPI_MAP, LPI_MOVE, LPI_PENDING, SGI } from '../../trace/events.js';
import type { QueueOperation } from './operation.js';
import type { Remark } from './remarks.js';
import { type IrqFields, irqKey, type Step } from './step.js';

export type Cause =
  | { readonly kind: 'none' }
  /** `remark`: the fact that is to say which LPI it became; undefined if its line was broken. */
  | { readonly kind: 'msi'; readonly remark: Remark | undefined }
  /** A register write: its queueing steps, in order; `next` is the first that has not been seen. */
  | { readonly kind: 'steps'; readonly steps: readonly Step[]; next: number }
  /** `group`: number of this SGI. */
  | { readonly kind: 'sgi'; readonly intid: number; readonly sender: number; readonly group: number }
  | { readonly kind: 'lpi-config'; readonly intid: number };

export const NO_CAUSE: Cause = { kind: 'none' };

/** The event behind a vgic_queue line, or undefined if nothing that was announced explains it. */
export function findStep(cause: Cause, fields: IrqFields): Step | undefined {
  const { intid, target } = fields;
  if (cause.kind === 'steps') {
    const found = cause.steps.findIndex((step, i) => i >= cause.next && step.intid === intid);
    if (found < 0) return undefined;
    cause.next = found + 1;
    return cause.steps[found];
  }
  if (cause.kind === 'sgi' && cause.intid === intid && target >= 0) {
    const first = target & ~15;
    const key = irqKey(target, intid);
    return { kind: SGI, vcpu: cause.sender, intid: intid | (first << 5), value: 1 << (target - first), key };
  }
  if (intid < LPI_BASE) return undefined;
  if (cause.kind === 'msi') return lpiStep(INJECT, 0, intid, 1);
  if (cause.kind === 'lpi-config' && cause.intid === intid) {
    return lpiStep(LPI_CONFIG, 0, intid, fields.priority | fields.enabled);
  }
  // Nothing before it: the pending table was read.
  return lpiStep(LPI_PENDING, 0, intid, fields.latch);
}

/** The step of an lpi_config whose vgic_queue was followed by a pending-table read at once: MAPTI or MAPI. */
export const mapStep = ({ fields }: QueueOperation): Step =>
  lpiStep(LPI_MAP, Math.max(0, fields.target), fields.intid, (fields.priority << 8) | (fields.enabled << 16));

export const moveStep = (intid: number, vcpu: number): Step => lpiStep(LPI_MOVE, vcpu, intid, 0);

const lpiStep = (kind: number, vcpu: number, intid: number, value: number): Step => ({
  kind,
  vcpu,
  intid,
  value,
  key: irqKey(0, intid),
});
