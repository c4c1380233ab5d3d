/** The guest's CPU interface as one word a vCPU: the layout of the CPUIF event (trace/events.ts), without the PMR. */

export const CONTROL_GROUP0 = 1 << 8;
export const CONTROL_GROUP1 = 1 << 9;
export const CONTROL_EOIMODE = 1 << 10;
export const CONTROL_CBPR = 1 << 11;
export const CONTROL_BPR0_SHIFT = 12;
export const CONTROL_BPR1_SHIFT = 15;

/** KVM and Xen guests have 5 bits of preemption: 32 group priorities, one APR bit each. */
const PREEMPTION_MASK = 0xf8;

/** Group priority of an interrupt: the bits of its priority that decide preemption (vgic-spec 1.16; IHI 0069, 4.8.3). */
export function groupPriority(control: number, group: number, priority: number): number {
  const useBpr0 = group === 0 || (control & CONTROL_CBPR) !== 0;
  // BPR0 = n: bits 7 to n + 1 are the group priority; BPR1 = n: bits 7 to n.
  const lowest = useBpr0 ? ((control >>> CONTROL_BPR0_SHIFT) & 7) + 1 : (control >>> CONTROL_BPR1_SHIFT) & 7;
  return priority & PREEMPTION_MASK & (0xff << lowest);
}

/** Most urgent active group priority, 256 when idle. */
export const runningPriority = (apr: number): number => (apr === 0 ? 256 : (31 - Math.clz32(apr & -apr)) << 3);
