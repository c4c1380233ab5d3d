/** Carries out the steps of a scenario on a model, one handler a kind, and reads back whatever the step may expect. */
import type { Flavour } from '../gic/flavour/index.js';
import { NR_PRIVATE_IRQS } from '../gic/intid.js';
import {
  CPUIF,
  CURRENT,
  EOI,
  FLUSH,
  HW_MAP,
  HW_MAP_SW_RESAMPLE,
  INJECT,
  LPI_FLUSH,
  LPI_MAP,
  LPI_MOVE,
  LPI_UNMAP,
  PHYS_ACTIVE,
  PHYS_PENDING,
  RUNNING,
  SGI,
  SYNC,
} from '../trace/events.js';
import { decodeLr } from './lr-fields.js';
import { createItsSteps, prepareIts } from './perform-its.js';
import { locateRegister } from './registers.js';
import type { Step } from './scenario.js';
import type { ConformTarget, IrqView, ItsTarget } from './target.js';

/** Fields of a step as the model shows them; a field that does not exist there is undefined. */
export type Observed = Readonly<Record<string, unknown>>;

const EINVAL = -22;
const NOTHING: Observed = {};

interface CpuInterface {
  pmr: number;
  grp0: number;
  grp1: number;
  eoiMode: number;
}

const count = (value: unknown, fallback = 0): number => Number(value ?? fallback);
const wide = (value: unknown): bigint => BigInt(value as string | number);
const orNull = (vcpu: number): number | null => (vcpu < 0 ? null : vcpu);

/** Affinity of vCPU n: Aff0 = n mod 16, Aff1 = n / 16 mod 256, Aff2 = n / 4096 (vgic-spec 2.4). */
const AFF0_COUNT = 16;
/** What the vCPU field of an SGI event holds. */
const MAX_FIRST_VCPU = 0xff;

/** ICC_SGI1R and ICC_SGI0R as an SGI event; undefined: it names no vCPU that an event can name. */
function decodeSgi(value: bigint, isGroup0Only: boolean): { spec: number; list: number } | undefined {
  const bits = (low: number, width: number): number => Number((value >> BigInt(low)) & ((1n << BigInt(width)) - 1n));
  const isBroadcast = bits(40, 1) === 1;
  const first = isBroadcast ? 0 : AFF0_COUNT * (bits(16, 8) + 256 * (bits(32, 8) + 256 * bits(48, 8)));
  if (first > MAX_FIRST_VCPU) return undefined;
  const spec = bits(24, 4) | (isBroadcast ? 1 << 4 : 0) | (first << 5) | (isGroup0Only ? 1 << 13 : 0);
  return { spec, list: isBroadcast ? 0 : bits(0, 16) };
}

const viewIrq = (irq: IrqView | undefined): Observed =>
  irq === undefined
    ? { exists: false }
    : {
        exists: true,
        enabled: irq.enabled,
        pendingLatch: irq.latch,
        lineLevel: irq.line,
        active: irq.active,
        isPending: irq.pending,
        config: irq.level ? 'level' : 'edge',
        priority: irq.priority,
        group: irq.group,
        onListOf: orNull(irq.queuedOn),
        target: orNull(irq.target),
        hw: irq.hw,
        sources: irq.sources,
        activeSource: irq.activeSource,
        onLr: irq.onLr,
        references: irq.references,
      };

/**
 * Brings the model into the start state of scenarios and returns what carries out a step. `its`: that of the model, for a
 * scenario that needs it.
 */
export function createPerformer(
  target: ConformTarget,
  flavour: Flavour,
  its: ItsTarget | undefined,
): (step: Step) => Observed {
  const { nrVcpus, model } = target.machine;
  const isV3Guest = model === 'gicv3';
  const isXenOld = flavour.structure === 'two-lists';
  const vcpus = Array.from({ length: nrVcpus }, (_, vcpu) => vcpu);
  const interfaces = vcpus.map((): CpuInterface => ({ pmr: 0xf8, grp0: isV3Guest ? 0 : 1, grp1: 1, eoiMode: 0 }));
  /** vCPU that a host PPI was mapped for; scenarios do not say whose they mean. */
  const ownerOfHostPpi = new Map<number, number>();

  const apply: ConformTarget['apply'] = (kind, vcpu, intid, value) => target.apply(kind, vcpu, intid, value);
  const tellInterface = (vcpu: number): void => {
    const { pmr, grp0, grp1, eoiMode } = interfaces[vcpu];
    target.apply(CPUIF, vcpu, 0, pmr | (grp0 << 8) | (grp1 << 9) | (eoiMode << 10));
  };
  /** Host PPIs are banked in the model and not in scenarios: the state is that of all banks. */
  const tellHost = (kind: number, hostIrq: number, value: number): void => {
    for (const vcpu of hostIrq < NR_PRIVATE_IRQS ? vcpus : [0]) target.apply(kind, vcpu, hostIrq, value);
  };
  const isVcpuSet = (set: readonly boolean[]): number[] => set.map(Number);

  const handlers: Readonly<Record<string, (args: Step['args']) => Observed>> = {
    mmioWrite({ vcpu, reg, offset, len, value }) {
      const { frame, offset: at } = locateRegister(reg as string, count(offset), isV3Guest);
      const bits = wide(value);
      const [lo, hi] = [Number(bits & 0xffffffffn), Number(bits >> 32n)];
      target.write(count(vcpu), frame, at, count(len), lo, hi);
      return NOTHING;
    },
    mmioRead({ vcpu, reg, offset, len }) {
      const { frame, offset: at } = locateRegister(reg as string, count(offset), isV3Guest);
      const value = target.read(count(vcpu), frame, at, count(len));
      return { value: value < 0 ? undefined : value };
    },
    sysregWrite({ vcpu, reg, value }) {
      const sgi = decodeSgi(wide(value), reg === 'SGI0R');
      if (sgi !== undefined) target.apply(SGI, count(vcpu), sgi.spec, sgi.list);
      return NOTHING;
    },
    inject({ vcpu, intid, level }) {
      const hasVcpu = vcpu !== undefined && vcpu !== null;
      if (!hasVcpu && count(intid) < NR_PRIVATE_IRQS) return { returns: EINVAL };
      return { returns: target.inject(count(vcpu), count(intid), count(level)) };
    },
    setCpuif({ vcpu, ...changes }) {
      const changed = Object.entries(changes).map(([name, value]) => [name, count(value)]);
      Object.assign(interfaces[count(vcpu)], Object.fromEntries(changed));
      tellInterface(count(vcpu));
      return NOTHING;
    },
    mapHw({ vcpu, intid, hwIntid, swResample }) {
      ownerOfHostPpi.set(count(hwIntid), count(vcpu));
      const flag = count(swResample) !== 0 ? HW_MAP_SW_RESAMPLE : 0;
      target.apply(HW_MAP, count(vcpu), count(intid), count(hwIntid) | flag);
      return NOTHING;
    },
    physLine({ hwIntid, level }) {
      tellHost(PHYS_PENDING, count(hwIntid), count(level));
      return NOTHING;
    },
    physActive({ hwIntid, value }) {
      tellHost(PHYS_ACTIVE, count(hwIntid), count(value));
      return NOTHING;
    },
    expectPhys: ({ hwIntid }) => ({ ...target.phys(ownerOfHostPpi.get(count(hwIntid)) ?? 0, count(hwIntid)) }),
    lpiMap({ intid, vcpu, priority, enabled }) {
      target.apply(LPI_MAP, count(vcpu), count(intid), (count(priority) << 8) | (count(enabled) << 16));
      return NOTHING;
    },
    lpiTrigger({ intid }) {
      target.apply(INJECT, 0, count(intid), 1);
      return NOTHING;
    },
    lpiMove({ intid, vcpu }) {
      target.apply(LPI_MOVE, count(vcpu), count(intid), 0);
      return NOTHING;
    },
    lpiUnmap({ intid }) {
      target.apply(LPI_UNMAP, 0, count(intid), 0);
      return NOTHING;
    },
    lpisDisable({ vcpu }) {
      target.apply(LPI_FLUSH, count(vcpu), 0, 0);
      return NOTHING;
    },
    flush({ vcpu }) {
      target.apply(FLUSH, count(vcpu), 0, 0);
      return NOTHING;
    },
    sync({ vcpu }) {
      target.apply(SYNC, count(vcpu), 0, 0);
      return NOTHING;
    },
    guestAck: ({ vcpu }) => ({ ...target.acknowledge(count(vcpu)) }),
    guestEoi({ vcpu, intid, source }) {
      target.apply(EOI, count(vcpu), count(intid), 1 | (count(source) << 8));
      return NOTHING;
    },
    guestDir: ({ vcpu, intid, source }) => ({
      trapped: target.deactivate(count(vcpu), count(intid), count(source)),
    }),
    expectLrs: ({ vcpu }) => ({
      lrs: target.lrs(count(vcpu)).map((word) => decodeLr(word, model)),
      hcr: target.hcr(count(vcpu)) >>> 0,
      eoiCount: target.eoiCount(count(vcpu)),
    }),
    expectIrq({ vcpu, intid }) {
      if (!isXenOld) return viewIrq(target.irq(count(vcpu), count(intid)));
      const irq = target.xenOldIrq(count(vcpu), count(intid));
      return { exists: irq !== undefined, ...irq };
    },
    expectLpi: ({ lpi }) => viewIrq(target.irq(0, count(lpi))),
    expectApList: ({ vcpu }) => ({
      list: target.list(count(vcpu)),
      inflight: target.list(count(vcpu)),
      lrPending: target.lrPending(count(vcpu)),
    }),
    expectPendingIrq({ vcpu }) {
      if (isXenOld) target.apply(CURRENT, count(vcpu), 0, 0);
      return { value: target.pendingTest(count(vcpu)) };
    },
    expectKicks() {
      const { requestSet, processUpdate, ...counters } = target.kicks();
      return { ...counters, requestSet: isVcpuSet(requestSet), processUpdate: isVcpuSet(processUpdate) };
    },
    expectAckNotified: ({ intid }) => ({ count: target.ackNotified(count(intid)) }),
    expectLockAcquisitions: () => ({ count: target.takeLocks() }),
    setVcpuRunning({ vcpu, running }) {
      target.apply(RUNNING, count(vcpu), 0, count(running));
      return NOTHING;
    },
    setCurrentVcpu({ vcpu }) {
      target.apply(CURRENT, count(vcpu), 0, 0);
      return NOTHING;
    },
    expectFatal: () => ({ kind: target.fatal() }),
    ...(its === undefined ? {} : createItsSteps(its, apply)),
  };

  vcpus.forEach(tellInterface);
  if (its !== undefined) prepareIts(apply, nrVcpus);
  if (flavour.isXen) {
    for (const vcpu of vcpus) target.apply(RUNNING, vcpu, 0, 0);
    target.apply(CURRENT, 0, 0, 0);
  }
  // The preparations are no steps of the scenario.
  target.takeLocks();
  return ({ op, args }) => handlers[op](args);
}
