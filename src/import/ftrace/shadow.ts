/**
 * What the importer knows of the vGIC while it reads: the state the recording's lines speak of, kept only to tell
 * which order of concurrent steps the recorded outcome allows. It follows vgic-spec 1.4-1.20 (kvm-6.1) for whole
 * steps, is compared with the fields of every line, and can be rolled back. It writes no event.
 */
import { LPI_BASE, NR_PRIVATE_IRQS, NR_SGIS } from '../../gic/intid.js';
import * as K from '../../trace/events.js';
import type { PhysSample } from './operation.js';
import { restoreIrq, type ShadowIrq } from './shadow-irq.js';
import { type IrqFields, intidOfKey, irqKey, ownerOfKey, type Step } from './step.js';
import type { FtraceSurvey } from './survey.js';

const NONE = -1;
const PRIORITY_MASK = 0xf8;
const LPI_PRIORITY_MASK = 0xfc;

export interface FlushOutcome {
  /** Interrupts in LR order, as they were just before they were populated. */
  readonly populated: readonly ShadowIrq[];
  /** Depth if the list was sorted, else -1. */
  readonly sortCount: number;
  readonly listBefore: readonly number[];
  readonly listAfter: readonly number[];
  readonly underflow: boolean;
}

export interface FoldedLr {
  readonly intid: number;
  readonly pending: boolean;
  readonly active: boolean;
  readonly cpuid: number;
}

export interface ShadowRemoval {
  readonly key: number;
  readonly to: number;
}

const countBits = (word: number): number => {
  let bits = 0;
  for (let rest = word; rest !== 0; rest &= rest - 1) bits++;
  return bits;
};

const isPending = (irq: ShadowIrq): boolean => irq.latch === 1 || (irq.level === 1 && irq.line === 1);
const weightOf = (irq: ShadowIrq): number =>
  irq.source !== 0 ? countBits(irq.source) + irq.active : isPending(irq) || irq.active === 1 ? 1 : 0;

function compareIrqs(a: ShadowIrq, b: ShadowIrq): number {
  if (a.active + b.active > 0) return b.active - a.active;
  const first = a.enabled === 1 && isPending(a) ? 1 : 0;
  const second = b.enabled === 1 && isPending(b) ? 1 : 0;
  return first + second < 2 ? second - first : a.priority - b.priority;
}

export class Shadow {
  readonly #survey: FtraceSurvey;
  readonly #irqs = new Map<number, ShadowIrq>();
  readonly #lists: ShadowIrq[][];
  /** Host lines by vCPU and INTID, as last sampled. */
  readonly #physical = new Map<number, number>();
  #distEnabled = false;
  #undo: (() => void)[] | null = null;

  constructor(survey: FtraceSurvey) {
    this.#survey = survey;
    this.#lists = Array.from({ length: survey.nrVcpus }, () => []);
  }

  /** Runs `probe` and takes back everything it changed. */
  attempt<T>(probe: () => T): T {
    const outer = this.#undo;
    const undo: (() => void)[] = [];
    this.#undo = undo;
    try {
      return probe();
    } finally {
      this.#undo = null;
      for (let i = undo.length - 1; i >= 0; i--) undo[i]();
      this.#undo = outer;
    }
  }

  /** The interrupt of a key; undefined if the machine has none (an LPI that is not mapped). */
  irq(key: number): ShadowIrq | undefined {
    const known = this.#irqs.get(key);
    if (known !== undefined || key < 0) return known;
    const intid = intidOfKey(key);
    if (intid >= LPI_BASE) return undefined;
    const isPrivate = intid < NR_PRIVATE_IRQS;
    const irq: ShadowIrq = {
      key,
      intid,
      line: 0,
      latch: 0,
      active: 0,
      enabled: intid < NR_SGIS ? 1 : 0,
      priority: 0,
      group: this.#survey.model === 'gicv3' ? 1 : 0,
      level: isPrivate && intid >= NR_SGIS ? 1 : 0,
      hw: 0,
      hostIrq: 0,
      source: 0,
      activeSource: 0,
      target: Math.max(0, ownerOfKey(key)),
      queued: NONE,
      mapped: true,
    };
    this.#irqs.set(key, irq);
    return irq;
  }

  listLength(vcpu: number): number {
    return this.#lists[vcpu].length;
  }

  /** Is the interrupt on this list now? */
  isListed(key: number, vcpu: number): boolean {
    return this.#irqs.get(key)?.queued === vcpu;
  }

  /** Would this step leave the interrupt as it is? (Injections and quiet steps only.) */
  isRedundant(step: Step): boolean {
    const irq = this.irq(step.key);
    if (irq === undefined) return true;
    if (step.kind === K.PENDING) return irq.latch === (step.value & 1);
    if (step.kind === K.LINE_LEVEL) return irq.line === step.value;
    if (irq.level === 1) return irq.line === step.value;
    return step.value === 0;
  }

  /** Takes over what the recording printed. */
  adopt(key: number, fields: IrqFields): void {
    const irq = this.irq(key);
    if (irq === undefined) return;
    const { line, latch, active, enabled, priority, group, level, source } = fields;
    Object.assign(irq, { line, latch, active, enabled, priority, group, level, source });
    if (fields.target >= NONE) irq.target = fields.target;
  }

  /** The recording put this interrupt at the end of a list (-1: did not). */
  enqueue(key: number, vcpu: number): void {
    const irq = this.irq(key);
    if (irq === undefined || vcpu < 0 || irq.queued !== NONE) return;
    irq.queued = vcpu;
    this.#lists[vcpu] = [...this.#lists[vcpu], irq];
  }

  /** Takes an interrupt that was only appended for comparison off its list again. */
  dequeue(key: number): void {
    const irq = this.#irqs.get(key);
    if (irq === undefined || irq.queued === NONE) return;
    this.#replaceList(
      irq.queued,
      this.#lists[irq.queued].filter((entry) => entry !== irq),
    );
    this.#touch(irq).queued = NONE;
  }

  /** All that can be compared of one interrupt, as text. */
  describe(key: number): string {
    const irq = this.#irqs.get(key);
    return irq === undefined ? '' : Object.values(irq).join(' ');
  }

  #touch(irq: ShadowIrq): ShadowIrq {
    const undo = this.#undo;
    if (undo !== null) {
      const before = { ...irq };
      undo.push(() => restoreIrq(irq, before));
    }
    return irq;
  }

  #replaceList(vcpu: number, list: ShadowIrq[]): void {
    const before = this.#lists[vcpu];
    this.#undo?.push(() => {
      this.#lists[vcpu] = before;
    });
    this.#lists[vcpu] = list;
  }

  #oracle(irq: ShadowIrq): number {
    if (irq.active === 1) return irq.queued !== NONE ? irq.queued : irq.target;
    return irq.enabled === 1 && isPending(irq) && this.#distEnabled ? irq.target : NONE;
  }

  /** Queues the interrupt if it belongs on a list; returns that vCPU, or -1 if nothing was appended. */
  #queue(irq: ShadowIrq): number {
    const vcpu = this.#oracle(irq);
    if (vcpu < 0 || vcpu >= this.#lists.length || irq.queued !== NONE) return NONE;
    this.#touch(irq).queued = vcpu;
    this.#replaceList(vcpu, [...this.#lists[vcpu], irq]);
    return vcpu;
  }

  /** Runs one step; returns the vCPU on whose list it put its interrupt, or -1. */
  apply(step: Step): number {
    const { kind, value } = step;
    if (kind === K.DIST_ENABLE) {
      const before = this.#distEnabled;
      this.#undo?.push(() => {
        this.#distEnabled = before;
      });
      this.#distEnabled = value === 1;
      return NONE;
    }
    if (kind === K.PHYS_LINE) {
      this.sample(step.vcpu, [{ intid: step.intid, level: value }]);
      return NONE;
    }
    if (kind === K.LPI_FLUSH) {
      this.#flushLpis(step.vcpu);
      return NONE;
    }
    if (kind === K.LPI_MAP) return this.#mapLpi(step);
    const known = this.irq(step.key);
    return known === undefined ? NONE : this.#change(this.#touch(known), step);
  }

  #change(irq: ShadowIrq, { kind, value, vcpu }: Step): number {
    const bit = value & 1;
    switch (kind) {
      case K.INJECT:
        if (irq.level === 1) {
          if (irq.line === bit) return NONE;
          irq.line = bit;
        } else {
          if (bit === 0) return NONE;
          irq.latch = 1;
        }
        return this.#queue(irq);
      case K.SGI:
        irq.latch = 1;
        if (this.#survey.model !== 'gicv3') irq.source |= 1 << vcpu;
        return this.#queue(irq);
      case K.ENABLE:
        if (bit === 1 && irq.hw === 1 && irq.level === 1 && (value & 2) === 0) irq.line = this.#lineOf(irq);
        irq.enabled = bit;
        return bit === 1 ? this.#queue(irq) : NONE;
      case K.PRIORITY:
        irq.priority = value & PRIORITY_MASK;
        return NONE;
      case K.PENDING:
        irq.latch = bit;
        return bit === 1 ? this.#queue(irq) : NONE;
      case K.ACTIVE:
        irq.active = bit;
        if (bit === 1 && this.#survey.model !== 'gicv3' && irq.intid < NR_SGIS) irq.activeSource = vcpu;
        return bit === 1 ? this.#queue(irq) : NONE;
      case K.CONFIG:
        irq.level = bit;
        return NONE;
      case K.TARGET:
        if (value < this.#lists.length) irq.target = value;
        else irq.target = this.#survey.model === 'gicv3' ? NONE : 0;
        return NONE;
      case K.GROUP_ONE:
        irq.group = bit;
        return this.#queue(irq);
      case K.LINE_LEVEL:
        irq.line = bit;
        return bit === 1 ? this.#queue(irq) : NONE;
      case K.SGI_PEND:
        return this.#changeSources(irq, value);
      case K.HW_MAP:
        irq.hw = 1;
        irq.hostIrq = value;
        return NONE;
      case K.HW_UNMAP:
        irq.hw = 0;
        return NONE;
      case K.LPI_UNMAP:
        irq.mapped = false;
        if (irq.queued === NONE) this.#forget(irq);
        return NONE;
      case K.LPI_CONFIG:
        irq.priority = value & LPI_PRIORITY_MASK;
        irq.enabled = bit;
        return this.#queue(irq);
      case K.LPI_MOVE:
        irq.target = vcpu;
        return NONE;
      case K.LPI_CLEAR:
        irq.latch = 0;
        return NONE;
      case K.LPI_PENDING:
        irq.latch = bit;
        return this.#queue(irq);
      default:
        return NONE;
    }
  }

  #changeSources(irq: ShadowIrq, value: number): number {
    if (value < 0) {
      irq.source |= value & 0xff;
      if (irq.source === 0) return NONE;
      irq.latch = 1;
      return this.#queue(irq);
    }
    irq.source &= ~value;
    if (irq.source === 0) irq.latch = 0;
    return NONE;
  }

  #mapLpi(step: Step): number {
    const known = this.#irqs.get(step.key);
    if (known !== undefined) {
      this.#touch(known).mapped = true;
      return NONE;
    }
    const irq: ShadowIrq = {
      key: step.key,
      intid: step.intid,
      line: 0,
      latch: 0,
      active: 0,
      enabled: (step.value >>> 16) & 1,
      priority: (step.value >>> 8) & LPI_PRIORITY_MASK,
      group: 1,
      level: 0,
      hw: 0,
      hostIrq: 0,
      source: 0,
      activeSource: 0,
      target: step.vcpu,
      queued: NONE,
      mapped: true,
    };
    this.#irqs.set(step.key, irq);
    this.#undo?.push(() => this.#irqs.delete(step.key));
    return NONE;
  }

  #forget(irq: ShadowIrq): void {
    if (irq.intid < LPI_BASE || irq.mapped) return;
    this.#irqs.delete(irq.key);
    this.#undo?.push(() => this.#irqs.set(irq.key, irq));
  }

  #flushLpis(vcpu: number): void {
    const kept: ShadowIrq[] = [];
    for (const irq of this.#lists[vcpu]) {
      if (irq.intid < LPI_BASE) {
        kept.push(irq);
        continue;
      }
      this.#touch(irq).latch = 0;
      irq.queued = NONE;
      this.#forget(irq);
    }
    this.#replaceList(vcpu, kept);
  }

  #physicalKey(vcpu: number, intid: number): number {
    return intid < NR_PRIVATE_IRQS ? irqKey(vcpu, intid) : irqKey(0, intid);
  }

  #lineOf(irq: ShadowIrq): number {
    return this.#physical.get(this.#physicalKey(Math.max(0, irq.target), irq.hostIrq)) ?? 0;
  }

  /** The host line of a mapped interrupt as last sampled; -1 before the first sample. */
  lastSample(vcpu: number, intid: number): number {
    return this.#physical.get(this.#physicalKey(vcpu, intid)) ?? NONE;
  }

  sample(vcpu: number, samples: readonly PhysSample[]): void {
    for (const { intid, level } of samples) {
      const key = this.#physicalKey(vcpu, intid);
      const before = this.#physical.get(key);
      this.#undo?.push(() => {
        if (before === undefined) this.#physical.delete(key);
        else this.#physical.set(key, before);
      });
      this.#physical.set(key, level);
    }
  }

  /** Guest entry (vgic-spec 1.11). */
  flush(vcpu: number): FlushOutcome {
    const { nrLr } = this.#survey;
    let list = this.#lists[vcpu];
    const listBefore = list.map((irq) => irq.intid);
    let depth = 0;
    let isMulti = false;
    for (const irq of list) {
      const weight = weightOf(irq);
      depth += weight;
      if (weight > 1) isMulti = true;
    }
    const sorts = list.length > 0 && (depth > nrLr || isMulti);
    if (sorts) {
      list = list.toSorted(compareIrqs);
      this.#replaceList(vcpu, list);
    }
    const populated: ShadowIrq[] = [];
    let floor = 0xff;
    let underflow = false;
    for (let i = 0; i < list.length; i++) {
      const irq = list[i];
      if (isMulti && irq.priority > floor) break;
      if (this.#oracle(irq) === vcpu) {
        populated.push({ ...irq });
        this.#populate(this.#touch(irq));
        if (irq.source !== 0) floor = irq.priority;
      }
      if (populated.length === nrLr) {
        underflow = i !== list.length - 1;
        break;
      }
    }
    const listAfter = list.map((irq) => irq.intid);
    return { populated, sortCount: sorts ? depth : NONE, listBefore, listAfter, underflow };
  }

  #populate(irq: ShadowIrq): void {
    const allowPending = !(irq.active === 1 && (irq.hw === 1 || irq.level === 1 || weightOf(irq) > 1));
    if (!allowPending || !isPending(irq)) return;
    if (irq.level === 0) irq.latch = 0;
    if (irq.source !== 0) {
      irq.source &= irq.source - 1;
      if (irq.source !== 0) irq.latch = 1;
    }
    if (irq.hw === 1 && irq.level === 1) irq.line = 0;
  }

  /** First half of a guest exit (1.18) with the LRs that the recording read back. */
  fold(vcpu: number, lrs: readonly FoldedLr[]): void {
    for (const lr of lrs) {
      const known = this.irq(irqKey(vcpu, lr.intid));
      if (known === undefined) continue;
      const irq = this.#touch(known);
      const wasActive = irq.active === 1;
      const isV2Sgi = this.#survey.model !== 'gicv3' && irq.intid < NR_SGIS;
      irq.active = lr.active ? 1 : 0;
      if (isV2Sgi && lr.active) irq.activeSource = lr.cpuid;
      if (irq.level === 0 && lr.pending) {
        irq.latch = 1;
        if (isV2Sgi) irq.source |= 1 << lr.cpuid;
      }
      if (irq.level === 1 && !lr.pending && !lr.active) irq.latch = 0;
      if (irq.hw === 1 && irq.level === 1 && (lr.pending || (wasActive && !lr.active && irq.line === 1))) {
        irq.line = this.#lineOf(irq);
      }
    }
  }

  /** Second half of a guest exit (1.20): what left the list, in order. `held` stays for a later part. */
  prune(vcpu: number, held: readonly { readonly key: number }[] = []): ShadowRemoval[] {
    const removals: ShadowRemoval[] = [];
    const kept: ShadowIrq[] = [];
    for (const irq of this.#lists[vcpu]) {
      const target = this.#oracle(irq);
      if (target === vcpu || held.some(({ key }) => key === irq.key)) {
        kept.push(irq);
        continue;
      }
      removals.push({ key: irq.key, to: target });
      this.#touch(irq).queued = target;
      if (target === NONE) this.#forget(irq);
      else this.#replaceList(target, [...this.#lists[target], irq]);
    }
    if (removals.length > 0) this.#replaceList(vcpu, kept);
    return removals;
  }
}
