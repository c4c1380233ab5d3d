/** Test support: a model that records what it is told and answers what a test says. */
import type { Machine } from '../gic/intid.js';
import { findKind } from '../trace/events.js';
import type { ConformTarget, IrqView, KickView, LrWord, XenOldView } from './target.js';

export interface Answers {
  readonly returns: number;
  readonly read: number;
  readonly acknowledged: { readonly intid: number; readonly source: number };
  readonly trapped: boolean;
  readonly lrs: readonly LrWord[];
  readonly hcr: number;
  readonly eoiCount: number;
  readonly irq: IrqView | undefined;
  readonly xenOldIrq: XenOldView | undefined;
  readonly list: readonly number[];
  readonly lrPending: readonly number[];
  readonly pendingTest: boolean;
  readonly kicks: KickView;
  readonly ackNotified: number;
  readonly locks: number;
  readonly phys: { readonly pending: boolean; readonly active: boolean };
  /** Event name after which the host has stopped. */
  readonly fatalAfter: string | undefined;
}

export const QUIET: Answers = {
  returns: 0,
  read: 0,
  acknowledged: { intid: 1023, source: 0 },
  trapped: false,
  lrs: [],
  hcr: 1,
  eoiCount: 0,
  irq: undefined,
  xenOldIrq: undefined,
  list: [],
  lrPending: [],
  pendingTest: false,
  kicks: {
    kicks: [0, 0],
    requestSet: [false, false],
    halts: 0,
    processUpdate: [false, false],
    broadcasts: 0,
    activeSpis: 0,
    unblocks: [0, 0],
    ipis: [0, 0],
  },
  ackNotified: 0,
  locks: 0,
  phys: { pending: false, active: false },
  fatalAfter: undefined,
};

/** `calls`: what was told since the preparations, as "flush 0 0 0" or "write 0 dist 0x100 4 0x1 0x0". */
export interface ScriptedTarget extends ConformTarget {
  readonly calls: string[];
  /** What was told before the first step. */
  preparations(): readonly string[];
}

export function createScriptedTarget(machine: Machine, answers: Partial<Answers> = {}): ScriptedTarget {
  const say: Answers = { ...QUIET, ...answers };
  const calls: string[] = [];
  let prepared: readonly string[] | undefined;
  let isStopped = false;
  const hex = (value: number): string => `0x${value.toString(16)}`;
  return {
    machine,
    calls,
    preparations: () => prepared ?? [],
    apply(kind, vcpu, intid, value) {
      const name = findKind(kind)?.name ?? `kind ${kind}`;
      calls.push(`${name} ${vcpu} ${intid} ${hex(value)}`);
      if (name === say.fatalAfter) isStopped = true;
    },
    inject(vcpu, intid, level) {
      calls.push(`inject ${vcpu} ${intid} ${level}`);
      return say.returns;
    },
    write(vcpu, frame, offset, length, lo, hi) {
      calls.push(`write ${vcpu} ${frame} ${hex(offset)} ${length} ${hex(lo)} ${hex(hi)}`);
      return true;
    },
    read(vcpu, frame, offset, length) {
      calls.push(`read ${vcpu} ${frame} ${hex(offset)} ${length}`);
      return say.read;
    },
    acknowledge(vcpu) {
      calls.push(`acknowledge ${vcpu}`);
      return say.acknowledged;
    },
    deactivate(vcpu, intid, source) {
      calls.push(`deactivate ${vcpu} ${intid} ${source}`);
      return say.trapped;
    },
    lrs: () => [...say.lrs],
    hcr: () => say.hcr,
    eoiCount: () => say.eoiCount,
    irq: () => say.irq,
    xenOldIrq: () => say.xenOldIrq,
    list: () => [...say.list],
    lrPending: () => [...say.lrPending],
    pendingTest: () => say.pendingTest,
    kicks: () => say.kicks,
    ackNotified: () => say.ackNotified,
    takeLocks() {
      // The first reading ends the preparations.
      prepared ??= calls.splice(0);
      return say.locks;
    },
    phys(vcpu, hostIrq) {
      calls.push(`phys ${vcpu} ${hostIrq}`);
      return say.phys;
    },
    its: () => undefined,
    fatal: () => (isStopped ? 'host-deadlock' : undefined),
  };
}
