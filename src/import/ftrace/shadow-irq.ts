/** An interrupt as the importer knows it while it reads (shadow.ts), and the order of the sort (vgic-spec 1.13). */

export interface ShadowIrq {
  readonly key: number;
  readonly intid: number;
  line: number;
  latch: number;
  active: number;
  enabled: number;
  priority: number;
  group: number;
  level: number;
  hw: number;
  hostIrq: number;
  source: number;
  activeSource: number;
  target: number;
  queued: number;
  mapped: boolean;
}

const countBits = (word: number): number => {
  let bits = 0;
  for (let rest = word; rest !== 0; rest &= rest - 1) bits++;
  return bits;
};

export const isPending = (irq: ShadowIrq): boolean => irq.latch === 1 || (irq.level === 1 && irq.line === 1);
export const weightOf = (irq: ShadowIrq): number =>
  irq.source !== 0 ? countBits(irq.source) + irq.active : isPending(irq) || irq.active === 1 ? 1 : 0;

export function compareIrqs(a: ShadowIrq, b: ShadowIrq): number {
  if (a.active + b.active > 0) return b.active - a.active;
  const first = a.enabled === 1 && isPending(a) ? 1 : 0;
  const second = b.enabled === 1 && isPending(b) ? 1 : 0;
  return first + second < 2 ? second - first : a.priority - b.priority;
}

/** All that changes of an interrupt; Object.assign asks for the names each time, and takes several times as long. */
export function restore(irq: ShadowIrq, before: ShadowIrq): void {
  irq.line = before.line;
  irq.latch = before.latch;
  irq.active = before.active;
  irq.enabled = before.enabled;
  irq.priority = before.priority;
  irq.group = before.group;
  irq.level = before.level;
  irq.hw = before.hw;
  irq.hostIrq = before.hostIrq;
  irq.source = before.source;
  irq.activeSource = before.activeSource;
  irq.target = before.target;
  irq.queued = before.queued;
  irq.mapped = before.mapped;
}
