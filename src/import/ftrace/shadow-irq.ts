/** What the shadow of the kernel's vGIC knows of one interrupt. */

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

/** All that changes of an interrupt; Object.assign asks for the names each time, and takes several times as long. */
export function restoreIrq(irq: ShadowIrq, before: ShadowIrq): void {
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
