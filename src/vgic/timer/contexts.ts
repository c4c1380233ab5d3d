/** The arch timers of a vCPU: numbers, PPIs and the output level. vgic-spec 5.1. */

export const VIRTUAL_TIMER = 0;
export const PHYSICAL_TIMER = 1;
export const EL2_VIRTUAL_TIMER = 2;
export const EL2_PHYSICAL_TIMER = 3;
export const NR_TIMERS = 4;

/** PPI of each timer. The host interrupt behind a direct one has the same number here (conformance P48). */
export const TIMER_PPIS: readonly number[] = [27, 30, 28, 26];

/** Hardware state of a timer, as the TIMER event gives it (trace/events.ts). */
export const TIMER_ENABLE = 1;
export const TIMER_IMASK = 2;
export const TIMER_ISTATUS = 4;
/** Not state: the guest's access trapped, so the timer is emulated. */
export const TIMER_TRAPPED = 8;
export const TIMER_STATE = TIMER_ENABLE | TIMER_IMASK | TIMER_ISTATUS;

/** Output level: enabled, not masked, deadline reached. It falls only when the guest masks, disables or re-arms. */
export const isLevelHigh = (bits: number): boolean => (bits & TIMER_STATE) === (TIMER_ENABLE | TIMER_ISTATUS);
/** Enabled and not masked: it will fire, or has. */
export const canFire = (bits: number): boolean => (bits & (TIMER_ENABLE | TIMER_IMASK)) === TIMER_ENABLE;
