/** Row 15 of vgic-spec 8.2: a timer that is always due. */
import type { Machine } from '../../gic/intid.js';
import { ENABLE, type EventSink, FLUSH, GUEST_DRAIN, PRIORITY, SYNC, TIMER, VCPU_LOAD } from '../../trace/events.js';
import { LINUX_PRIORITY } from '../../workload/linux-guest.js';
import { createPen } from '../../workload/stage.js';
import { createVirtualTimer, TIMER_PPIS, VIRTUAL_TIMER } from '../../workload/timer-state.js';
import { synthesizeMachine, type WorkloadParams } from '../../workload/workload.js';
import { type HostileWorkload, lrs, other, v2 } from '../hostile-workload.js';

export const timerInPast: HostileWorkload = {
  id: 'attack:timer-in-past',
  row: 15,
  summary:
    'sets its timer to a time that has passed as soon as the last one was handled: the vCPU never stays in the guest',
  hurts: "the vCPU's own time: a host interrupt, an exit, an injection, flush, fold and prune for each",
  bound: 'CPU speed',
  flavours: ['kvm-6.1', 'kvm-7.2', 'kvm-6.19', 'xen-new'],
  systems: ['timer'],
  params: [other('n', 'times that it is due', 1000, 1, 10_000_000), lrs, v2],
  machine(params): Machine {
    const machine = synthesizeMachine(1, 32, params.lrs, 0);
    return params.v2 === 1 ? { ...machine, model: 'gicv2' } : machine;
  },
  generate({ n }: WorkloadParams, sink: EventSink): void {
    const { write } = createPen(sink, () => 1);
    const timer = createVirtualTimer((bits) => write(TIMER, 0, VIRTUAL_TIMER, bits), 0, 0);
    const ppi = TIMER_PPIS[VIRTUAL_TIMER];
    write(PRIORITY, 0, ppi, LINUX_PRIORITY);
    write(ENABLE, 0, ppi, 1);
    write(VCPU_LOAD, 0, 0, 0);
    write(FLUSH, 0, 0, 0);
    timer.arm(0);
    for (let time = 0; time < n; time++) {
      timer.expire(0);
      write(SYNC, 0, 0, 0);
      write(FLUSH, 0, 0, 0);
      // Re-armed before the EOI, as a handler does: due again when the interrupt has ended.
      timer.arm(0);
      write(GUEST_DRAIN, 0, 0, 0);
    }
    write(SYNC, 0, 0, 0);
  },
};
