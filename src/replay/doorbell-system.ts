/** GICv4 in a replay (vgic/doorbell): which events reach it. KVM only; Xen has no GICv4, so there they are only counted. */
import { GUEST_DRAIN, SYSTEM, VCPU_LOAD, VCPU_PUT, VLPI } from '../trace/events.js';
import { createDoorbell, type Doorbell, type DoorbellCounts, noDoorbellCounts } from '../vgic/doorbell/doorbell.js';
import type { Vgic } from '../vgic/vgic.js';
import { NOT_MODELLED, nameCounts, type System, type SystemKind } from './systems.js';

/** The switch of SYSTEM that says which GICv4 the host has. */
const SWITCH_GICV4 = 2;

const NAMES: Readonly<Record<keyof DoorbellCounts, string>> = {
  loads: 'loads',
  puts: 'puts',
  direct: 'vLPIs to a resident vPE',
  deferred: 'vLPIs to an absent vPE',
  coalesced: 'vLPIs that were pending already',
  taken: 'vLPIs taken',
  doorbells: 'doorbells',
  foundBlocked: 'doorbells of a blocked vCPU',
  foundAwake: 'doorbells of a vCPU awake',
  skipped: 'handlers that left it at the list',
  skippedBlocked: 'handlers that left it at the list of a blocked vCPU',
  spuriousWakeups: 'spurious wake-ups',
  masks: 'doorbell disables',
  unmasks: 'doorbell enables',
  readBacks: 'PendingLast reads',
  readBackOnes: 'PendingLast reads of 1',
  vpeLocks: 'vpe_lock acquisitions',
  handlerSteps: 'handler steps',
  maxHandlerSteps: 'handler steps max',
};

export const doorbellSystem: SystemKind = {
  name: 'doorbell',
  hears: [SYSTEM, VLPI],
  follows: [VCPU_LOAD, VCPU_PUT, GUEST_DRAIN],
  create: createDoorbellSystem,
};

function createDoorbellSystem(vgic: Vgic): System {
  const counts = noDoorbellCounts();
  const isModelled = !vgic.state.flavour.isXen;
  let notModelled = 0;
  let wasUsed = false;
  let isOn = false;
  let doorbell: Doorbell | undefined;

  function setVersion(version: number): void {
    wasUsed = true;
    isOn = version !== 0;
    doorbell = undefined;
    if (version !== 40 && version !== 41) return;
    if (isModelled) doorbell = createDoorbell(vgic, { version, handler: 'pending-last', notify: 'kick' }, counts);
    else notModelled++;
  }

  return {
    run(kind, vcpu, intid, value) {
      if (kind === SYSTEM) {
        if (intid === SWITCH_GICV4) setVersion(value);
      } else if (doorbell === undefined) {
        // A virtual LPI needs a host with GICv4. Without it, load and put are of the other systems alone.
        if (kind !== VLPI && (!isOn || kind === GUEST_DRAIN)) return;
        wasUsed = true;
        notModelled++;
      } else if (kind === VLPI) doorbell.deliver(vcpu, intid);
      else if (kind === VCPU_LOAD) doorbell.load(vcpu);
      else if (kind === VCPU_PUT) doorbell.put(vcpu, (value & 1) === 1);
      else if (value === 0) doorbell.drain(vcpu);
    },
    // Other switches of SYSTEM alone are no reason to print a row of zeros.
    counts: () =>
      wasUsed
        ? {
            ...nameCounts(NAMES, counts),
            'vCPUs asleep at the end': doorbell?.countAsleep() ?? 0,
            [NOT_MODELLED]: notModelled,
          }
        : {},
  };
}
