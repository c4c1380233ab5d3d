import type { EventSink } from '../trace/events.js';
import {
  type GuestProfile,
  LINUX_PRIORITY,
  type LinuxDevice,
  linuxMachine,
  linuxParams,
  runLinuxGuest,
} from './linux-guest.js';
import type { Workload, WorkloadParams } from './workload.js';

/** The SPI of the recorded virtio-mmio device. */
const DISK_SPI = 79;
/** Mean time between a request and its completion, in us. */
const SERVICE = 11_200;

/** Of 100 completions: those behind which the handling vCPU notifies the device of a request. */
const NOTIFIES = 42;

/**
 * Fitted to traces/recorded/virtio-mmio-blk.vgt from the first to the last raise of SPI 79: entries by used LRs; events,
 * acknowledges, completions, SGIs and waits an entry.
 */
const PROFILE: GuestProfile = {
  tick: 4400,
  run: 2070,
  host: 1720,
  user: 330,
  waits: 28,
  users: 38,
  sgis: 1,
  split: 8,
  masked: 19,
};

/** Each request in flight completes on its own; the guest sends the next when it has handled the completion. */
function createDisk(requests: number): LinuxDevice {
  return {
    start({ script, after, around, raise }) {
      script.prioritize(0, DISK_SPI, LINUX_PRIORITY);
      script.enable(0, DISK_SPI, true);
      for (let request = 0; request < requests; request++) after(around(SERVICE), () => raise(0, DISK_SPI));
    },
    handle(vm, intid) {
      if (intid !== DISK_SPI) return undefined;
      vm.after(vm.around(SERVICE), () => vm.raise(0, DISK_SPI));
      // InterruptStatus is read, InterruptACK written (each in user space); the waiting thread is woken elsewhere.
      const notifies = vm.rng.nextBelow(100) < NOTIFIES;
      return notifies ? ['user', 'user', 'sgi', 'eoi', 'user'] : ['user', 'user', 'sgi', 'eoi'];
    },
  };
}

/** One completion interrupt a request, as an edge SPI of virtio over MMIO. */
export const disk: Workload = {
  id: 'disk',
  summary: 'Linux guest with a virtio-mmio disk: an edge SPI a completion, two exits to user space in its handler',
  imitates: 'virtio-mmio-blk',
  params: [
    ...linuxParams(1_000_000, 2),
    { name: 'requests', summary: 'requests in flight', default: 4, min: 1, max: 256 },
  ],
  machine: (params) => linuxMachine(params),
  generate(params: WorkloadParams, sink: EventSink): void {
    runLinuxGuest(disk.machine(params), params, PROFILE, createDisk(params.requests), sink);
  },
};
