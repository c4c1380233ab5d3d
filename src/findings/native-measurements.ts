/**
 * Measurements of the unmodified Linux 6.1 vgic, compiled for user space with gcc 12.2 -O2 on an x86-64 virtual machine
 * (AMD EPYC, two shared CPUs), as for traces/native-costs, which has its instruction counts. These are the times of one
 * flush: minima of many replays, good to 20 % for short lists and 40 % for long ones. Guest entry and exit
 * and accesses to list registers are in none of them. They are quoted, not counted by this project.
 */

export const NATIVE_MACHINE =
  'Linux 6.1.192 arch/arm64/kvm/vgic in user space, gcc 12.2 -O2, AMD EPYC VM: instructions exact, times ±20 % (short lists) to ±40 % (long ones)';

export const NOT_MEASURED =
  'No Arm core, no contention between CPUs, no retry path of a lock, no GICv4: the C code was run by one thread with a small working set.';

/** One flush with warm caches, every priority rewritten before it, 4 LRs, real locks. */
export const WARM_FLUSH: readonly { readonly depth: number; readonly ns: number }[] = [
  { depth: 1, ns: 20 },
  { depth: 4, ns: 32 },
  { depth: 16, ns: 585 },
  { depth: 100, ns: 6287 },
  { depth: 988, ns: 101_000 },
];

/** The same with 64 MiB touched in between: least and most of several rounds. */
export const COLD_FLUSH: readonly { readonly depth: number; readonly low: number; readonly high: number }[] = [
  { depth: 1, low: 2200, high: 3500 },
  { depth: 4, low: 3700, high: 4100 },
  { depth: 16, low: 6800, high: 8300 },
  { depth: 100, low: 25_000, high: 26_000 },
  { depth: 988, low: 184_000, high: 203_000 },
];
