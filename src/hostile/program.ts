/**
 * Guest programs that scale: a short list of operations on shares of `n` interrupts, done once and then in rounds. What a
 * hostile guest does is written like this (catalogue, vgic-spec 8.2), searched, shrunk and replayed at any size. A
 * program reacts to what a strategy presents only through the events that do (ACK of whatever is best, GUEST_DRAIN): the
 * same events for every strategy.
 */
import { MAX_SPIS, type Machine, NR_LPIS } from '../gic/intid.js';
import { synthesizeMachine } from '../workload/workload.js';

/** Shares are counted in parts of this many. */
export const SHARES = 64;
/** `value` of a retarget: the vCPU changes with every round. */
export const NEXT_VCPU = 255;
/** SPIs that KVM and Xen give a guest; larger sizes go on with LPIs (vgic-spec 8.1). */
export const MAX_PROGRAM_SPIS = 960;

export type Verb =
  // Register writes of the guest; each traps, so that its vCPU leaves the guest and enters again.
  | 'enable'
  | 'disable'
  | 'pend'
  | 'unpend'
  | 'activate'
  | 'deactivate'
  | 'priority'
  | 'target'
  | 'edge'
  | 'level'
  | 'group'
  | 'dist'
  | 'pend-private'
  | 'active-read'
  | 'sgi'
  // The same for LPIs: commands in the ITS queue, any number behind one CWRITER write.
  | 'int'
  | 'lpi-config'
  | 'lpi-move'
  | 'lpi-clear'
  | 'lpi-map'
  | 'lpi-unmap'
  | 'lpis-off'
  // A device.
  | 'raise'
  | 'lower'
  // The CPU interface; nothing traps, but a DIR may (kvm-7.2).
  | 'pmr'
  | 'eoi-mode'
  | 'groups'
  | 'ack'
  | 'ack-nested'
  | 'eoi'
  | 'drop'
  | 'dir'
  | 'drain'
  // Entry, exit (the host preempts the vCPU), and an exit to wait.
  | 'enter'
  | 'exit'
  | 'wfi';

/** What a verb works on, and what it needs of the attacker. */
export interface VerbInfo {
  readonly verb: Verb;
  /** `spi`, `lpi`, `irq` (both: SPIs, then LPIs) or nothing. */
  readonly on: 'spi' | 'lpi' | 'irq' | 'nothing';
  /** Capability that an attacker needs: attacker.ts. */
  readonly needs: 'mmio' | 'sgi' | 'lpis' | 'device' | 'cpu';
  /** Meaning of `value`. */
  readonly value: string;
}

const row = (verb: Verb, on: VerbInfo['on'], needs: VerbInfo['needs'], value = 'unused'): VerbInfo => ({
  verb,
  on,
  needs,
  value,
});

export const LADDER = 'priorities over the span, as priorityAt says';

export const VERBS: readonly VerbInfo[] = [
  row('enable', 'spi', 'mmio'),
  row('disable', 'spi', 'mmio'),
  row('pend', 'spi', 'mmio'),
  row('unpend', 'spi', 'mmio'),
  row('activate', 'spi', 'mmio'),
  row('deactivate', 'spi', 'mmio'),
  row('priority', 'spi', 'mmio', LADDER),
  row('target', 'spi', 'mmio', `vCPU, ${NEXT_VCPU}: another one each round`),
  row('edge', 'spi', 'mmio'),
  row('level', 'spi', 'mmio'),
  row('group', 'spi', 'mmio', 'bit 0: the group'),
  row('dist', 'nothing', 'mmio', 'bit 0: the distributor on or off'),
  row('pend-private', 'nothing', 'mmio', 'bits 4:0 the SGI or PPI whose ISPENDR0 bit is written'),
  row('active-read', 'spi', 'mmio'),
  row('sgi', 'nothing', 'sgi', 'bits 3:0 the SGI, sent to all other vCPUs; 16 to 31: SGI 0..15 to vCPU 0 alone'),
  row('int', 'lpi', 'lpis'),
  row('lpi-config', 'lpi', 'lpis', LADDER),
  row('lpi-move', 'lpi', 'lpis', `vCPU, ${NEXT_VCPU}: another one each round`),
  row('lpi-clear', 'lpi', 'lpis'),
  row('lpi-map', 'lpi', 'lpis', LADDER),
  row('lpi-unmap', 'lpi', 'lpis'),
  row('lpis-off', 'nothing', 'lpis'),
  row('raise', 'irq', 'device'),
  row('lower', 'irq', 'device'),
  row('pmr', 'nothing', 'cpu', 'the mask'),
  row('eoi-mode', 'nothing', 'cpu', 'bit 0: EOIs drop the priority alone'),
  row('groups', 'nothing', 'cpu', 'bits 1:0: the groups of the CPU interface that are on'),
  row('ack', 'nothing', 'cpu', 'how many, at most'),
  row('ack-nested', 'nothing', 'cpu', 'how many, at most; PMR and running priority decide'),
  row('eoi', 'irq', 'cpu'),
  row('drop', 'nothing', 'cpu', 'how many EOIs in EOImode 1'),
  row('dir', 'irq', 'cpu'),
  row('drain', 'nothing', 'cpu', 'how many, at most; 0: all'),
  row('enter', 'nothing', 'cpu'),
  row('exit', 'nothing', 'cpu'),
  row('wfi', 'nothing', 'cpu'),
];

export type SpanOrder = 'up' | 'down' | 'shuffled';
export const SPAN_ORDERS: readonly SpanOrder[] = ['up', 'down', 'shuffled'];

export interface Op {
  readonly verb: Verb;
  /** Which vCPU does it; taken modulo the machine's. */
  readonly vcpu: number;
  /** First and end of the span, in parts of SHARES of the interrupts; both equal: the one interrupt there. */
  readonly from: number;
  readonly to: number;
  readonly order: SpanOrder;
  readonly value: number;
  /** The span moves on by one interrupt each round. */
  readonly slides: boolean;
}

export interface GuestProgram {
  /** GICv2 for SGIs that keep their sender; Xen has no other. */
  readonly model: 'gicv3' | 'gicv2';
  readonly vcpus: number;
  readonly setUp: readonly Op[];
  readonly round: readonly Op[];
  readonly rounds: number;
}

/** At what size a program is run. */
export interface ProgramSize {
  /** Interrupts: SPIs up to MAX_PROGRAM_SPIS; LPIs as many, if the program uses any. */
  readonly n: number;
  readonly nrLr: number;
}

/** An operation; what is not given: vCPU 0, all interrupts in ascending order. */
export const doing = (verb: Verb, given: Partial<Omit<Op, 'verb'>> = {}): Op => ({
  verb,
  vcpu: 0,
  from: 0,
  to: SHARES,
  order: 'up',
  value: 0,
  slides: false,
  ...given,
});

const infoOf = new Map(VERBS.map((info) => [info.verb, info]));

export function verbInfo(verb: Verb): VerbInfo {
  const info = infoOf.get(verb);
  if (info === undefined) throw new RangeError(`no verb '${verb}'`);
  return info;
}

export const usesLpis = ({ setUp, round }: GuestProgram): boolean =>
  [...setUp, ...round].some(({ verb }) => verbInfo(verb).needs === 'lpis');

/** SPIs and LPIs that a program has at a size. */
export function interruptsAt(program: GuestProgram, { n }: ProgramSize): { spis: number; lpis: number } {
  const hasLpis = program.model === 'gicv3' && usesLpis(program);
  return { spis: Math.min(n, MAX_PROGRAM_SPIS), lpis: hasLpis ? Math.min(n, NR_LPIS) : 0 };
}

/** The same on a machine: one without an ITS has no LPIs, whatever the program asks for. */
export function interruptsOn(
  program: GuestProgram,
  size: ProgramSize,
  { nrLpis }: Machine,
): { spis: number; lpis: number } {
  const { spis, lpis } = interruptsAt(program, size);
  return { spis, lpis: nrLpis === 0 ? 0 : lpis };
}

/** The machine for a flavour: distributor on, nothing masked. Xen's is GICv2 without LPIs. */
export function programMachine(program: GuestProgram, size: ProgramSize, flavour: string, isXen: boolean): Machine {
  const { spis, lpis } = interruptsAt(program, size);
  const model = isXen ? 'gicv2' : program.model;
  const vcpus = model === 'gicv2' ? Math.min(8, program.vcpus) : program.vcpus;
  const nrSpis = Math.min(MAX_SPIS, Math.ceil(spis / 32) * 32);
  return {
    ...synthesizeMachine(vcpus, nrSpis, size.nrLr, model === 'gicv2' || lpis === 0 ? 0 : NR_LPIS),
    flavour,
    model,
  };
}

/** Levels of priority that a guest has (five bits). */
const LEVELS = 32;
const SCATTER = 2654435761;

/**
 * Priority byte of the i-th of `count` interrupts under a ladder: 0..31 that level for all; 32 more urgent first, 33 less
 * urgent first (vgic-spec appendix A "descending"), 34 scattered as there, 35 and more scattered otherwise.
 */
export function priorityAt(ladder: number, i: number, count: number): number {
  if (ladder < LEVELS) return ladder << 3;
  const rung = count <= 1 ? 0 : Math.floor(((LEVELS - 1) * i) / (count - 1));
  if (ladder === LEVELS) return rung << 3;
  if (ladder === LEVELS + 1) return (LEVELS - 1 - rung) << 3;
  const turn = ladder - LEVELS - 2;
  // i * 2654435761 stays below 2^53 for every size; bits 11:7 of it.
  return (Math.floor((i * SCATTER) / 2 ** (7 + turn)) % LEVELS) << 3;
}
