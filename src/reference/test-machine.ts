/** A machine and its reference model, driven in the tests by short verbs. */
import type { Machine } from '../gic/intid.js';
import { lrHex } from '../gic/lr.js';
import * as ev from '../trace/events.js';
import { ReferenceVgic } from './reference-vgic.js';

export const MACHINE: Machine = {
  flavour: 'kvm-6.1',
  model: 'gicv3',
  nrVcpus: 2,
  nrSpis: 64,
  nrLpis: 0,
  nrLr: 4,
  distEnabledAtStart: true,
  pmrAtStart: 0xf8,
};

/** Each verb is one event; `vcpu` comes last and defaults to 0. */
export class TestMachine {
  readonly vgic: ReferenceVgic;
  private readonly machine: Machine;

  constructor(changes: Partial<Machine> = {}) {
    this.machine = { ...MACHINE, ...changes };
    this.vgic = new ReferenceVgic(this.machine);
  }

  apply(kind: number, intid: number, value: number, vcpu = 0): void {
    this.vgic.apply(kind, vcpu, intid, value);
  }

  inject(intid: number, level = 1, vcpu = 0): void {
    this.apply(ev.INJECT, intid, level, vcpu);
  }

  enable(intid: number, vcpu = 0): void {
    this.apply(ev.ENABLE, intid, 1, vcpu);
  }

  disable(intid: number, vcpu = 0): void {
    this.apply(ev.ENABLE, intid, 0, vcpu);
  }

  setPriority(intid: number, priority: number, vcpu = 0): void {
    this.apply(ev.PRIORITY, intid, priority, vcpu);
  }

  /** The SPI becomes level-triggered. */
  makeLevel(intid: number): void {
    this.apply(ev.CONFIG, intid, 1);
  }

  /** Returns the words of the list registers in use. */
  flush(vcpu = 0): string[] {
    this.apply(ev.FLUSH, 0, 0, vcpu);
    return this.lrs(vcpu);
  }

  lrs(vcpu = 0): string[] {
    return Array.from({ length: this.vgic.usedLrs(vcpu) }, (_, index) => {
      const { lo, hi } = this.vgic.lr(vcpu, index);
      return lrHex(lo, hi, this.machine.model === 'gicv2');
    });
  }

  sync(vcpu = 0): void {
    this.apply(ev.SYNC, 0, 0, vcpu);
  }

  /** Returns the INTID acknowledged, 1023 if none. */
  ack(vcpu = 0): number {
    this.apply(ev.ACK, 0, 0, vcpu);
    return this.vgic.lastAck;
  }

  eoi(intid: number, vcpu = 0): void {
    this.apply(ev.EOI, intid, 0, vcpu);
  }

  list(vcpu = 0): number[] {
    return this.vgic.list(vcpu);
  }

  /** SGI `intid` from `vcpu` to the vCPUs of `mask`. */
  sendSgi(intid: number, mask: number, vcpu: number): void {
    this.apply(ev.SGI, intid, mask, vcpu);
  }
}
