import { LPI_BASE, NR_LPIS } from '../gic/intid.js';
import type { EventSink } from '../trace/events.js';
import {
  type GuestProfile,
  LINUX_PRIORITY,
  type LinuxDevice,
  type LinuxVm,
  linuxMachine,
  linuxParams,
  runLinuxGuest,
} from './linux-guest.js';
import type { Workload, WorkloadParams } from './workload.js';

/** The recorded device's first LPI is its configuration interrupt; receive and transmit follow. */
const FIRST_QUEUE_LPI = LPI_BASE + 1;
/** Mean time between bursts, and between the receive and the transmit interrupt of one. */
const BURST = 5200;
const WITHIN_BURST = 510;

/**
 * Fitted to traces/recorded/virtio-pci-net.vgt from its first LPI to its last: entries by used LRs; events, acknowledges, MSIs,
 * SGIs and waits an entry.
 */
const PROFILE: GuestProfile = {
  tick: 2900,
  run: 630,
  host: 830,
  user: 730,
  waits: 33,
  users: 27,
  sgis: 12,
  split: 9,
  masked: 10,
};

/** `pairs` of queues, each a receive and a transmit LPI; queues are spread over the vCPUs. */
function createNet(pairs: number): LinuxDevice {
  const vcpuOf = ({ script }: LinuxVm, queue: number): number => (queue + 1) % script.machine.nrVcpus;
  const burst = (vm: LinuxVm, pair: number): void => {
    const raise = (queue: number): void => vm.raise(vcpuOf(vm, queue), FIRST_QUEUE_LPI + queue);
    raise(2 * pair);
    vm.after(vm.around(WITHIN_BURST), () => raise(2 * pair + 1));
    vm.after(vm.around(BURST), () => burst(vm, pair));
  };
  return {
    start(vm) {
      for (let queue = 0; queue < 2 * pairs; queue++)
        vm.script.mapLpi(vcpuOf(vm, queue), FIRST_QUEUE_LPI + queue, LINUX_PRIORITY);
      for (let pair = 0; pair < pairs; pair++) vm.after(vm.around(BURST), () => burst(vm, pair));
    },
  };
}

/** Bursts of receive and transmit MSIs of virtio-net over PCI, delivered as LPIs. */
export const net: Workload = {
  id: 'net',
  summary: 'Linux guest with a virtio-pci network card: bursts of receive and transmit LPIs, IPIs between the vCPUs',
  imitates: 'virtio-pci-net',
  params: [
    ...linuxParams(1_000_000, 2),
    { name: 'pairs', summary: 'pairs of receive and transmit queues', default: 1, min: 1, max: 256 },
  ],
  machine: (params) => linuxMachine(params, NR_LPIS),
  generate(params: WorkloadParams, sink: EventSink): void {
    runLinuxGuest(net.machine(params), params, PROFILE, createNet(params.pairs), sink);
  },
};
