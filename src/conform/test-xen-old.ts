/** Test support: random events that both models of xen-old take, and their comparison. */
import assert from 'node:assert/strict';
import fc from 'fast-check';
import { isPrivate, LPI_BASE, type Machine } from '../gic/intid.js';
import { type ScenarioEvent, scenarios } from '../reference/arbitrary.js';
import { XenOldReference } from '../reference/xen-old/xen-old-reference.js';
import * as ev from '../trace/events.js';
import { createCoreTarget } from './core-target.js';
import type { ConformTarget, XenOldView } from './target.js';

const USER = 1 << 1;
const SGIS_USED = [0, 1, 7, 15];

/** Where an event may be followed by one of the kinds that only Xen and the rules of the CPU interface know. */
interface Extra {
  readonly kind: number;
  readonly vcpu: number;
  readonly value: number;
}

const extras: fc.Arbitrary<readonly (Extra | undefined)[]> = fc.array(
  fc.option(
    fc.record({
      kind: fc.constantFrom(ev.CURRENT, ev.CURRENT, ev.RUNNING, ev.CPUIF),
      vcpu: fc.nat(3),
      value: fc.constantFrom(0x3f8, 0x3f8, 0x380, 0x7f8, 0x1f8, 0x301),
    }),
    { freq: 3, nil: undefined },
  ),
  { minLength: 50, maxLength: 100 },
);

/** Guest accesses as the CPU interface rules them, by position: `1` is bit 0 of EOI and DEACTIVATE, `4` bit 2 of ACK. */
const byTheRules = ({ kind, vcpu, intid, value }: ScenarioEvent): ScenarioEvent => {
  const bits = kind === ev.ACK ? 4 : kind === ev.EOI || kind === ev.DEACTIVATE ? 1 : 0;
  return { kind, vcpu, intid, value: value | bits };
};

/** Both models are asked only what both say: no LPIs, no user space, no mapped private interrupts. */
function isShared({ kind, intid }: ScenarioEvent): boolean {
  if (intid >= LPI_BASE && kind !== ev.MMIO_DIST && kind !== ev.MMIO_REDIST) return false;
  if (kind === ev.LINE_LEVEL || kind === ev.LPI_FLUSH || kind === ev.PHYS_LINE) return false;
  return !(kind === ev.HW_MAP && isPrivate(intid));
}

const ITARGETSR = 0x800;
const ITARGETSR_END = 0xc00;
const SGIR = 0xf00;

/** The event without what only one of the models takes. */
function shared(event: ScenarioEvent, nrVcpus: number): ScenarioEvent {
  const { kind, intid, value } = event;
  if (kind === ev.ENABLE || kind === ev.PENDING || kind === ev.ACTIVE || kind === ev.GROUP_ONE)
    return { ...event, value: value & ~USER };
  // A mask names vCPUs that exist: what becomes of others is not agreed.
  if (kind === ev.MMIO_DIST && intid >= ITARGETSR && intid < ITARGETSR_END)
    return { ...event, value: value & (((1 << nrVcpus) - 1) * 0x01010101) };
  // Reserved bits stay clear.
  if (kind === ev.MMIO_DIST && intid === SGIR) return { ...event, value: value & 0x03ff000f };
  return event;
}

export interface XenOldRun {
  readonly machine: Machine;
  readonly events: readonly ScenarioEvent[];
}

/** Random machines of Xen's default vGIC with events that both models take; `maxSteps`: reference/arbitrary.ts. */
export const xenOldRuns = (maxSteps?: number): fc.Arbitrary<XenOldRun> =>
  fc
    .tuple(scenarios(maxSteps === undefined ? {} : { maxSteps }), extras, fc.boolean())
    .map(([{ machine, events: raw }, inserted, isRuled]) => {
      const { nrVcpus } = machine;
      const events: ScenarioEvent[] = [];
      for (const intid of SGIS_USED)
        for (let vcpu = 0; vcpu < nrVcpus; vcpu++) events.push({ kind: ev.ENABLE, vcpu, intid, value: 1 });
      raw.forEach((event, at) => {
        if (isShared(event)) {
          // The sender of an SGI is current; the reference is told.
          if (event.kind === ev.SGI) events.push({ kind: ev.CURRENT, vcpu: event.vcpu, intid: 0, value: 0 });
          events.push(isRuled ? byTheRules(shared(event, nrVcpus)) : shared(event, nrVcpus));
        }
        const extra = inserted[at % inserted.length];
        if (extra !== undefined) events.push({ ...extra, vcpu: extra.vcpu % nrVcpus, intid: 0 });
      });
      return { machine: { ...machine, flavour: 'xen-old', nrLpis: 0, distEnabledAtStart: false }, events };
    });

/** Lists, list registers and HCR of one vCPU. */
const viewVcpu = (target: ConformTarget, vcpu: number): string =>
  JSON.stringify([
    target.list(vcpu),
    target.lrPending(vcpu),
    target.lrs(vcpu).map(({ slot, lo, hi }) => [slot, lo >>> 0, hi >>> 0]),
    target.hcr(vcpu),
  ]);

const WATCHED = [...SGIS_USED, 25, 26, 27, ...Array.from({ length: 16 }, (_, n) => 32 + n)];
const viewIrqs = (target: ConformTarget, vcpu: number): string =>
  JSON.stringify(WATCHED.map((intid) => target.xenOldIrq(vcpu, intid)));

const FIELDS = Object.keys({
  queued: true,
  active: true,
  visible: true,
  enabled: true,
  migrating: true,
  prioritySnapshot: true,
  inInflight: true,
  inLrPending: true,
} satisfies Record<keyof XenOldView, true>) as (keyof XenOldView)[];

/** Printed they are only where they differ: that takes longer than to run both models. */
const areSameIrqs = (one: ConformTarget, other: ConformTarget, vcpu: number): boolean =>
  WATCHED.every((intid) => {
    const [a, b] = [one.xenOldIrq(vcpu, intid), other.xenOldIrq(vcpu, intid)];
    return a === b || (a !== undefined && b !== undefined && FIELDS.every((field) => a[field] === b[field]));
  });

/**
 * Compares the two models after every event: the vCPU concerned; all vCPUs and the status of the interrupts every
 * `fullEvery` events and at the end, so that no difference outlives the run. Throws at the first one; returns the number of
 * events.
 */
export function compareXenOld({ machine, events }: XenOldRun, fullEvery = 1): number {
  const ours = createCoreTarget(machine);
  const plain = new XenOldReference(machine);
  const compareAll = (place: string): void => {
    for (let vcpu = 0; vcpu < machine.nrVcpus; vcpu++) {
      assert.equal(viewVcpu(ours, vcpu), viewVcpu(plain, vcpu), `${place}: vCPU ${vcpu}`);
      if (!areSameIrqs(ours, plain, vcpu))
        assert.equal(viewIrqs(ours, vcpu), viewIrqs(plain, vcpu), `${place}: interrupts of vCPU ${vcpu}`);
    }
    const { unblocks, ipis } = ours.kicks();
    const { unblocks: plainUnblocks, ipis: plainIpis } = plain.kicks();
    assert.deepEqual({ unblocks, ipis }, { unblocks: plainUnblocks, ipis: plainIpis }, place);
  };
  events.forEach(({ kind, vcpu, intid, value }, at) => {
    const place = `event ${at} ${ev.findKind(kind)?.name} ${vcpu} ${intid} ${value}`;
    if (kind === ev.PENDING_QUERY || kind === ev.WFI) {
      plain.apply(ev.CURRENT, vcpu, 0, 0);
      assert.equal(ours.pendingTest(vcpu), plain.pendingTest(vcpu), place);
    } else {
      ours.apply(kind, vcpu, intid, value);
      plain.apply(kind, vcpu, intid, value);
    }
    assert.equal(viewVcpu(ours, vcpu), viewVcpu(plain, vcpu), place);
    if ((at + 1) % fullEvery === 0) compareAll(place);
  });
  compareAll('at the end');
  return events.length;
}
