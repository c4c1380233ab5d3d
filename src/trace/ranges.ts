/** Do the fields of each event exist on the machine? A replay indexes its tables with them, so it asks first, always. */
import { InputError } from '../base/errors.js';
import {
  isLpi,
  LPI_BASE,
  LPI_END,
  type Machine,
  NR_PRIVATE_IRQS,
  NR_SGIS,
  SPI_BASE,
  SPI_END,
  SPURIOUS_INTID,
} from '../gic/intid.js';
import {
  type EventBlock,
  findKind,
  HW_MAP,
  hostIrqOfMap,
  INTID_MASK,
  INTID_SHIFT,
  ITS_COMMAND,
  ITS_CONTROL,
  ITS_MMIO,
  ITS_WORD,
  KIND_MASK,
  type KindInfo,
  MSI,
  VCPU_MASK,
  VCPU_SHIFT,
  wordIntid,
  wordKind,
  wordVcpu,
} from './events.js';

const NR_KINDS = KIND_MASK + 1;
const ANY_INTID = INTID_MASK + 1;
/** Sizes of the register frames in bytes: distributor; RD_base and SGI_base of a redistributor. */
const DIST_BYTES = 0x10000;
const REDIST_BYTES = 0x20000;
/** Control and translation frame of an ITS. */
const ITS_BYTES = 0x20000;
const REGISTER_BYTES = 4;
const MEM_BYTES: readonly number[] = [1, 2, 4];
/** How many there are of what the intid field numbers (events.ts). */
const NR_CHOICES = { timer: 4, 'system-switch': 3, 'vm-step': 4, 'its-word': 8, 'its-control': 4 } as const;
/** Kinds that only a machine with an ITS has. */
const NEEDS_ITS: ReadonlySet<number> = new Set([ITS_MMIO, ITS_WORD, ITS_COMMAND, MSI, ITS_CONTROL]);
/** Bits 12:5 of an SGI event, the first vCPU of its list, count in steps of 16. */
const SGI_SPEC_SINGLE_LIST = 32;
const SGI_SPEC_END = 1 << 14;
const SGI_SPEC_ODD_FIRST = 0xf << 5;

// Limits by machine, so that a replay asks about a thousand blocks at the cost of one table.
const limitsOf = new WeakMap<Machine, Int32Array>();

/**
 * Checks kind, vCPU and INTID (or what the kind keeps in its place) of every event of a block. Throws InputError with
 * `file` and the index of the first event that the machine cannot have: unknown kinds, SPIs beyond 32 + nrSpis, INTIDs
 * 1020 to 8191 and from 65536 on, LPIs without an ITS, vCPUs and LRs that do not exist, host interrupts beyond 1019.
 */
export function checkBlockRanges(block: EventBlock, machine: Machine, file: string): void {
  let limits = limitsOf.get(machine);
  if (limits === undefined) {
    limits = Int32Array.from({ length: NR_KINDS }, (_, kind) => quickLimit(findKind(kind), machine));
    limitsOf.set(machine, limits);
  }
  // A dictionary that is in order makes all events be in order; if not, an event shows it (or no event uses the entry).
  const { dictionary } = block;
  if (
    dictionary !== undefined &&
    findOutOfRange(dictionary.word, dictionary.value, dictionary.count, limits, machine) < 0
  )
    return;
  const event = findOutOfRange(block.word, block.value, block.count, limits, machine);
  if (event < 0) return;
  const problem = findRangeProblem(block.word[event], block.value[event], machine) ?? 'out of range';
  const remedy = 'the header describes another machine or the importer is at fault: import the recording again';
  throw new InputError(file, `event ${block.firstEvent + event}`, problem, remedy);
}

// Copies in this module: an imported constant is not folded into the loop, which then takes twice the time (Node 20).
const KIND_BITS_MASK: number = KIND_MASK;
const VCPU_BITS_MASK: number = VCPU_MASK;
const VCPU_AT: number = VCPU_SHIFT;
const INTID_AT: number = INTID_SHIFT;

/** Index of the first pair that is out of range, or -1. About 1 ns a pair. */
function findOutOfRange(
  word: Int32Array,
  value: Int32Array,
  count: number,
  limits: Int32Array,
  machine: Machine,
): number {
  const { nrVcpus } = machine;
  for (let at = 0; at < count; at++) {
    const packed = word[at];
    // Almost all end here; the rest has a limit that is not one number.
    if (packed >>> INTID_AT < limits[packed & KIND_BITS_MASK] && ((packed >>> VCPU_AT) & VCPU_BITS_MASK) < nrVcpus)
      continue;
    if (findRangeProblem(packed, value[at], machine) !== undefined) return at;
  }
  return -1;
}

/** Every intid field below the number is right without a further look. */
function quickLimit(info: KindInfo | undefined, machine: Machine): number {
  if (info === undefined || info.kind === HW_MAP) return 0;
  if (NEEDS_ITS.has(info.kind) && machine.nrLpis === 0) return 0;
  switch (info.intid) {
    case 'none':
    case 'list-position':
    case 'address':
    case 'step':
      return ANY_INTID;
    case 'timer':
    case 'system-switch':
    case 'vm-step':
      return NR_CHOICES[info.intid];
    case 'irq':
    case 'ack':
      return SPI_BASE + machine.nrSpis;
    case 'private':
      return NR_PRIVATE_IRQS;
    case 'sgi':
      return NR_SGIS;
    case 'sgi-spec':
      return SGI_SPEC_SINGLE_LIST;
    case 'hostirq':
      return SPI_END;
    case 'lr':
      return machine.nrLr;
    case 'count':
      return machine.nrLr + 1;
    case 'lpi-or-none':
      return 1;
    case 'lpi':
    case 'dist-offset':
    case 'redist-offset':
    case 'mem-bytes':
    case 'its-offset':
    case 'its-word':
    case 'its-control':
      return 0;
    case 'dist-byte':
      return DIST_BYTES;
    case 'redist-byte':
      return REDIST_BYTES;
  }
}

/** What is wrong with one event, in words, or undefined. */
export function findRangeProblem(word: number, value: number, machine: Machine): string | undefined {
  const info = findKind(wordKind(word));
  if (info === undefined) return `unknown event kind ${wordKind(word)}`;
  const vcpu = wordVcpu(word);
  if (vcpu >= machine.nrVcpus) return `${info.name} of vCPU ${vcpu}; the machine has ${machine.nrVcpus}`;
  if (NEEDS_ITS.has(info.kind) && machine.nrLpis === 0) return `${info.name}: the machine has no ITS`;
  const problem = findIntidProblem(info, wordIntid(word), machine);
  if (problem !== undefined) return `${info.name}: ${problem}`;
  if (info.kind === HW_MAP && hostIrqOfMap(value) >= SPI_END)
    return `${info.name}: no host interrupt ${hostIrqOfMap(value)}`;
  return undefined;
}

function findIntidProblem(info: KindInfo, intid: number, machine: Machine): string | undefined {
  switch (info.intid) {
    case 'none':
    case 'list-position':
    case 'address':
    case 'step':
      return undefined;
    case 'timer':
    case 'system-switch':
    case 'vm-step':
    case 'its-word':
    case 'its-control':
      return intid < NR_CHOICES[info.intid] ? undefined : `${intid} is not below ${NR_CHOICES[info.intid]}`;
    case 'mem-bytes':
      return MEM_BYTES.includes(intid) ? undefined : `${intid} bytes; one of ${MEM_BYTES.join(', ')}`;
    case 'its-offset':
      return findOffsetProblem(intid, ITS_BYTES);
    case 'ack':
      return intid === SPURIOUS_INTID ? undefined : findIrqProblem(intid, machine);
    case 'irq':
      return findIrqProblem(intid, machine);
    case 'lpi':
      return isLpi(intid) ? findIrqProblem(intid, machine) : `INTID ${intid} is no LPI`;
    case 'lpi-or-none':
      return intid === 0 ? undefined : isLpi(intid) ? findIrqProblem(intid, machine) : `INTID ${intid} is no LPI`;
    case 'private':
      return intid < NR_PRIVATE_IRQS ? undefined : `INTID ${intid} is not private`;
    case 'sgi':
      return intid < NR_SGIS ? undefined : `INTID ${intid} is no SGI`;
    case 'sgi-spec':
      return intid < SGI_SPEC_END && (intid & SGI_SPEC_ODD_FIRST) === 0
        ? undefined
        : `no target list begins like that (${intid})`;
    case 'hostirq':
      return intid < SPI_END ? undefined : `no host interrupt ${intid}`;
    case 'lr':
      return intid < machine.nrLr ? undefined : `LR ${intid}; the machine has ${machine.nrLr}`;
    case 'count':
      return intid <= machine.nrLr ? undefined : `${intid} LRs in use; the machine has ${machine.nrLr}`;
    case 'dist-offset':
      return findOffsetProblem(intid, DIST_BYTES);
    case 'redist-offset':
      return findOffsetProblem(intid, REDIST_BYTES);
    case 'dist-byte':
      return intid < DIST_BYTES ? undefined : noRegister(intid);
    case 'redist-byte':
      return intid < REDIST_BYTES ? undefined : noRegister(intid);
  }
}

function findIrqProblem(intid: number, machine: Machine): string | undefined {
  const end = SPI_BASE + machine.nrSpis;
  if (intid < end || (isLpi(intid) && machine.nrLpis > 0)) return undefined;
  const lpis = machine.nrLpis > 0 ? ` and ${LPI_BASE} to ${LPI_END - 1}` : '';
  return `no INTID ${intid}; the machine has 0 to ${end - 1}${lpis}`;
}

function findOffsetProblem(offset: number, end: number): string | undefined {
  if (offset < end && offset % REGISTER_BYTES === 0) return undefined;
  return `no 32-bit register at offset 0x${offset.toString(16)}`;
}

const noRegister = (offset: number): string => `no register at offset 0x${offset.toString(16)}`;
