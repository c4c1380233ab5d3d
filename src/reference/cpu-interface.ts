/** The guest's CPU interface (vgic-spec 1.16): what an IAR, EOIR or DIR does to list registers. */
import type { Machine } from '../gic/intid.js';
import type { ListRegister } from './list-register.js';

/** Running priority while nothing is active: less urgent than any priority. */
const IDLE_PRIORITY = 256;
const EOI_COUNT_MASK = 0x1f;
/** Five priority bits leave no room for a binary point below these. */
const LEAST_BPR0 = 2;
const LEAST_BPR1 = 3;

export interface CpuInterface {
  pmr: number;
  isGroup0On: boolean;
  isGroup1On: boolean;
  /** EOImode 1: EOIR drops the priority, DIR deactivates. */
  isSplitEoi: boolean;
  /** CBPR: group 1 uses BPR0 too. */
  isBprCommon: boolean;
  bpr0: number;
  bpr1: number;
  /** Group priorities of the active nest. */
  running: number[];
  eoiCount: number;
}

export const createCpuInterface = ({ pmrAtStart, model }: Machine): CpuInterface => ({
  pmr: pmrAtStart,
  isGroup0On: model !== 'gicv3',
  isGroup1On: true,
  isSplitEoi: false,
  isBprCommon: false,
  bpr0: 0,
  bpr1: 0,
  running: [],
  eoiCount: 0,
});

const bit = (value: number, position: number): boolean => ((value >>> position) & 1) === 1;

/** A CPUIF event's value. */
export function programCpuInterface(cpu: CpuInterface, value: number): void {
  cpu.pmr = value & 0xff;
  cpu.isGroup0On = bit(value, 8);
  cpu.isGroup1On = bit(value, 9);
  cpu.isSplitEoi = bit(value, 10);
  cpu.isBprCommon = bit(value, 11);
  cpu.bpr0 = (value >>> 12) & 7;
  cpu.bpr1 = (value >>> 15) & 7;
}

export const runningPriority = (cpu: CpuInterface): number => Math.min(IDLE_PRIORITY, ...cpu.running);

function groupPriority(cpu: CpuInterface, lr: ListRegister): number {
  const usesBpr0 = lr.group === 0 || cpu.isBprCommon;
  const lowest = usesBpr0 ? Math.max(cpu.bpr0, LEAST_BPR0) + 1 : Math.max(cpu.bpr1, LEAST_BPR1);
  return lr.priority & (0xff << lowest) & 0xff;
}

const isGroupOn = (cpu: CpuInterface, lr: ListRegister): boolean => (lr.group === 1 ? cpu.isGroup1On : cpu.isGroup0On);

/** Slot of the most urgent list register in state pending that `isEligible`; the lowest among equals; -1: none. */
export function findMostUrgent(lrs: readonly ListRegister[], isEligible: (lr: ListRegister) => boolean): number {
  let best = -1;
  lrs.forEach((lr, slot) => {
    const isCandidate = lr.pending && !lr.active && isEligible(lr);
    if (isCandidate && (best === -1 || lr.priority < lrs[best].priority)) best = slot;
  });
  return best;
}

export function acknowledgeLr(lr: ListRegister): void {
  lr.pending = false;
  lr.active = true;
}

/** IAR: the slot acknowledged, or -1. */
export function readIar(cpu: CpuInterface, lrs: readonly ListRegister[]): number {
  const slot = findMostUrgent(lrs, (lr) => isGroupOn(cpu, lr));
  if (slot === -1) return -1;
  const lr = lrs[slot];
  if (lr.priority >= cpu.pmr || groupPriority(cpu, lr) >= runningPriority(cpu)) return -1;
  cpu.running.push(groupPriority(cpu, lr));
  acknowledgeLr(lr);
  return slot;
}

/** EOIR drops the most urgent running priority, whatever INTID is written. */
export function dropPriority(cpu: CpuInterface): void {
  const most = runningPriority(cpu);
  cpu.running = cpu.running.filter((priority) => priority !== most);
}

export function countMissedEoi(cpu: CpuInterface): void {
  cpu.eoiCount = (cpu.eoiCount + 1) & EOI_COUNT_MASK;
}
