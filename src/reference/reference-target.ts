/** The reference model as scenarios see it. */
import type { ConformTarget, Frame, IrqView, ItsTarget, KickView, LrWord, XenOldView } from '../conform/target.js';
import { type Machine, SPI_BASE, SPURIOUS_INTID } from '../gic/intid.js';
import { isPending } from './irq.js';
import type { ItsSwitches } from './its/its-state.js';
import { ReferenceVgic } from './reference-vgic.js';

const EINVAL = -22;

export class ReferenceTarget implements ConformTarget {
  readonly machine: Machine;
  readonly vgic: ReferenceVgic;

  /** `itsChanges`: see `createItsState`. */
  constructor(machine: Machine, itsChanges?: Partial<ItsSwitches>) {
    this.machine = machine;
    this.vgic = new ReferenceVgic(machine, itsChanges);
  }

  apply(kind: number, vcpu: number, intid: number, value: number): void {
    this.vgic.apply(kind, vcpu, intid, value);
  }

  inject(vcpu: number, intid: number, level: number): number {
    return this.vgic.inject(vcpu, intid, level) ? 0 : EINVAL;
  }

  write(vcpu: number, frame: Frame, offset: number, length: number, lo: number, hi: number): boolean {
    return this.vgic.write(vcpu, frame, offset, length, lo, hi);
  }

  read(vcpu: number, frame: Frame, offset: number, length: number): number {
    return this.vgic.read(vcpu, frame, offset, length);
  }

  acknowledge(vcpu: number): { readonly intid: number; readonly source: number } {
    const index = this.vgic.readIar(vcpu);
    if (index === -1) return { intid: SPURIOUS_INTID, source: 0 };
    const { intid, cpuid } = this.vgic.state.vcpus[vcpu].lrs[index];
    return { intid, source: cpuid };
  }

  deactivate(vcpu: number, intid: number, source: number): boolean {
    return this.vgic.writeDir(vcpu, intid, source);
  }

  lrs(vcpu: number): LrWord[] {
    return Array.from({ length: this.vgic.usedLrs(vcpu) }, (_, slot) => ({ slot, ...this.vgic.lr(vcpu, slot) }));
  }

  hcr(vcpu: number): number {
    return this.vgic.hcr(vcpu);
  }

  eoiCount(vcpu: number): number {
    return this.vgic.state.vcpus[vcpu].cpuInterface.eoiCount;
  }

  irq(vcpu: number, intid: number): IrqView | undefined {
    const irq = this.vgic.irq(vcpu, intid);
    return (
      irq && {
        enabled: irq.enabled,
        latch: irq.latch,
        line: irq.line,
        active: irq.active,
        pending: isPending(irq),
        level: irq.level,
        priority: irq.priority,
        group: irq.group,
        queuedOn: irq.queued,
        target: irq.target,
        hw: irq.hw,
        sources: irq.source,
        activeSource: irq.activeSource,
        onLr: irq.onLr,
        references: this.vgic.references(intid),
      }
    );
  }

  /** Interrupts of another machine. */
  xenOldIrq(): XenOldView | undefined {
    return undefined;
  }

  list(vcpu: number): number[] {
    return this.vgic.list(vcpu);
  }

  lrPending(): number[] {
    return [];
  }

  pendingTest(vcpu: number): boolean {
    return this.vgic.testPending(vcpu);
  }

  kicks(): KickView {
    const { vcpus, halts, broadcasts, activeSpis } = this.vgic.state;
    return {
      kicks: vcpus.map((vcpu) => vcpu.kicks),
      requestSet: vcpus.map((vcpu) => vcpu.requestSet),
      halts,
      processUpdate: vcpus.map((vcpu) => vcpu.processUpdate),
      broadcasts,
      activeSpis,
      unblocks: vcpus.map((vcpu) => vcpu.unblocks),
      ipis: vcpus.map((vcpu) => vcpu.ipis),
    };
  }

  ackNotified(intid: number): number {
    return this.vgic.notifications.filter((spi) => spi === intid - SPI_BASE).length;
  }

  takeLocks(): number {
    return this.vgic.takeLocks();
  }

  phys(vcpu: number, hostIrq: number): { readonly pending: boolean; readonly active: boolean } {
    const { pending, active } = this.vgic.hostIrq(vcpu, hostIrq);
    return { pending, active };
  }

  its(): ItsTarget | undefined {
    return this.vgic.its;
  }

  fatal(): string | undefined {
    return this.vgic.fatal;
  }
}
