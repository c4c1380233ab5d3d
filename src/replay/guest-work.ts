/**
 * Which events are the guest's work: whose time the hypervisor's work for it takes (vgic-spec 8.2, end), and how many guest
 * instructions it takes at least. One table; kinds that it does not name are the host's, and no instruction.
 */
import * as K from '../trace/events.js';
import { ACTOR_COMMAND, ACTOR_HOST } from '../vgic/counters.js';

/** `vcpu`: the event's vCPU does it; `vcpu-or-user`: it does, or user space if bit 1 of the value is set; `command`: an ITS command. */
type By = 'vcpu' | 'vcpu-or-user' | 'command';

interface GuestWork {
  readonly by: By;
  readonly instructions: number;
}

/** An instruction that is one access: a load, a store, a system register read or written, WFI. */
const ACCESS: GuestWork = { by: 'vcpu', instructions: 1 };
const ACCESS_OR_USER: GuestWork = { by: 'vcpu-or-user', instructions: 1 };
/**
 * An ITS command is four doublewords in memory. The write to GITS_CWRITER that starts it is an event of its own where the
 * trace has the queue, and starts up to 32,767 commands, so it is not counted here.
 */
const COMMAND: GuestWork = { by: 'command', instructions: 4 };
/** Their instructions depend on what was presented: `instructionsOfLrState`, and two a interrupt that a drain takes. */
const COUNTED_ELSEWHERE: GuestWork = { by: 'vcpu', instructions: 0 };

const WORK: readonly (readonly [work: GuestWork, kinds: readonly number[]])[] = [
  [ACCESS, [K.ACK, K.EOI, K.PRIORITY_DROP, K.DEACTIVATE, K.PMR, K.CPUIF, K.SGI, K.WFI]],
  [ACCESS, [K.PRIORITY, K.CONFIG, K.TARGET, K.GROUP, K.DIST_ENABLE, K.SGI_PEND, K.LPI_FLUSH]],
  [ACCESS_OR_USER, [K.ENABLE, K.PENDING, K.ACTIVE, K.GROUP_ONE]],
  [ACCESS, [K.MMIO_DIST, K.MMIO_REDIST, K.MMIO_DIST_BYTE, K.MMIO_REDIST_BYTE, K.MMIO_DIST_READ, K.MMIO_REDIST_READ]],
  [ACCESS, [K.MEM_WRITE, K.ITS_MMIO, K.GUEST_BPR, K.GUEST_CTLR, K.GUEST_IGRPEN]],
  [COMMAND, [K.LPI_MAP, K.LPI_UNMAP, K.LPI_CONFIG, K.LPI_MOVE, K.LPI_CLEAR, K.ITS_COMMAND]],
  // What an EnableLPIs or a MAPTI reads: the instruction was that.
  [{ by: 'command', instructions: 0 }, [K.LPI_PENDING]],
  [COUNTED_ELSEWHERE, [K.GUEST_DRAIN, K.GUEST_LR_STATE]],
];

const NR_KINDS = K.KIND_MASK + 1;
const USER = 2;
const BY_CODES: readonly By[] = ['vcpu', 'vcpu-or-user', 'command'];
/** Place in BY_CODES + 1; 0: the host. */
const byOfKind = new Uint8Array(NR_KINDS);
const instructionsOfKind = new Uint8Array(NR_KINDS);
for (const [{ by, instructions }, kinds] of WORK) {
  for (const kind of kinds) {
    byOfKind[kind] = 1 + BY_CODES.indexOf(by);
    instructionsOfKind[kind] = instructions;
  }
}

/** The vCPU that does it, ACTOR_HOST or ACTOR_COMMAND. */
export function actorOf(kind: number, vcpu: number, value: number): number {
  const by = byOfKind[kind];
  if (by === 0) return ACTOR_HOST;
  if (by === 3) return ACTOR_COMMAND;
  return by === 2 && (value & USER) !== 0 ? ACTOR_HOST : vcpu;
}

/** Guest instructions of an event, but for GUEST_DRAIN and GUEST_LR_STATE. */
export const instructionsOf = (kind: number, value: number): number =>
  byOfKind[kind] === 2 && (value & USER) !== 0 ? 0 : instructionsOfKind[kind];

const PENDING = 1;
const ACTIVE = 2;

/** Acknowledges and ends that take a list register from one state to another; bit 0 pending, bit 1 active. */
export function instructionsOfLrState(before: number, after: number): number {
  const acks = (before & ~after & PENDING) !== 0 ? 1 : 0;
  const wereActive = acks + ((before & ACTIVE) !== 0 ? 1 : 0);
  return acks + Math.max(0, wereActive - ((after & ACTIVE) !== 0 ? 1 : 0));
}
