/** One arch timer as its guest uses it: when it fires, what the TIMER events said of it (trace/events.ts, vgic-spec 5.1). */

export const VIRTUAL_TIMER = 0;
export const PHYSICAL_TIMER = 1;
/** PPI of each. */
export const TIMER_PPIS: readonly number[] = [27, 30];
/** Value of VCPU_PUT: inside WFI. */
export const IN_WFI = 1;
export const NEVER = Number.POSITIVE_INFINITY;

const ENABLED = 1;
const MASKED = 2;
const EXPIRED = 4;
/** Value of TIMER: the access trapped. */
export const TRAPPED = 8;

export interface VirtualTimer {
  /** Is its output high, as the events have it? */
  hasFired(): boolean;
  isArmed(): boolean;
  /** When it fires; never if it has, or is not armed. */
  firesAt(): number;
  /** The deadline is reached by `now`: says so once. */
  expire(now: number): boolean;
  mask(): void;
  arm(at: number): void;
  disarm(): void;
}

/** `tell` writes the TIMER event; `access`: bits of the value that say how the guest's accesses reach it. */
export function createVirtualTimer(tell: (bits: number) => void, firstAt: number, access: number): VirtualTimer {
  let deadline = firstAt;
  let hasFired = false;
  return {
    hasFired: () => hasFired,
    isArmed: () => deadline !== NEVER,
    firesAt: () => (hasFired ? NEVER : deadline),
    expire(now) {
      if (hasFired || now < deadline) return false;
      hasFired = true;
      tell(ENABLED | EXPIRED);
      return true;
    },
    mask: () => tell(ENABLED | MASKED | EXPIRED | access),
    arm(at) {
      deadline = at;
      hasFired = false;
      tell(ENABLED | access);
    },
    disarm() {
      deadline = NEVER;
      hasFired = false;
      tell(access);
    },
  };
}
