/** The registers of distributor and redistributor: one row each (vgic-spec 2.1, 2.2, 2.5, E.4). */
import type { Frame } from '../conform/target.js';
import { isPrivate, NR_PRIVATE_IRQS } from '../gic/intid.js';
import { haltForActiveState } from './halt.js';
import type { Irq } from './irq.js';
import {
  readPendbaser,
  readPropbaser,
  writeInvallr,
  writeInvlpir,
  writeLpiEnable,
  writePendbaser,
  writePropbaser,
} from './its/lpi-registers.js';
import { findBankedIrq, hasV2Guest, type MachineState } from './machine-state.js';
import {
  addSgiSources,
  affinityOf,
  clearSgiSources,
  raiseSgi,
  readPending,
  writeActive,
  writeAffinity,
  writeConfig,
  writeDistEnable,
  writeEnable,
  writeGroup,
  writePending,
  writePriority,
  writeTargets,
} from './writes.js';

/** One access that has found its row. */
interface Access {
  readonly state: MachineState;
  /** Who makes it; its private interrupts are meant. */
  readonly vcpu: number;
  /** In bytes, from the start of the row. */
  readonly offset: number;
  readonly length: number;
}

interface Row {
  readonly offset: number;
  readonly bytes: number;
  readonly widths: readonly number[];
  /** The first interrupt that the bytes at `offset` of the row stand for; the access fails if there is none such. */
  readonly intidAt?: (offset: number) => number;
  /** `value`: the low 32 bits; `high`: bits 63:32 of a write of 8 bytes. */
  write(access: Access, value: number, high: number): void;
  /** Unsigned. */
  read(access: Access): number;
}

const WORD: readonly number[] = [4];
const BYTE_OR_WORD: readonly number[] = [1, 4];
const WORD_OR_LONG: readonly number[] = [4, 8];

const ignore = (): void => undefined;
const zero = (): number => 0;

const register = (offset: number, parts: Partial<Row>): Row => ({
  offset,
  bytes: 4,
  widths: WORD,
  write: ignore,
  read: zero,
  ...parts,
});

const razWi = (offset: number, bytes: number, widths = WORD): Row => register(offset, { bytes, widths });

/** Registers that hold a field for each interrupt. */
interface Bank {
  readonly offset: number;
  readonly bitsPerIrq: 1 | 2 | 8;
  readonly widths?: readonly number[];
  /** ISACTIVER and ICACTIVER. */
  readonly isActiveState?: boolean;
  write(state: MachineState, irq: Irq, field: number, writer: number): void;
  read(state: MachineState, irq: Irq): number;
}

/** A one in the word asks for `write`; a zero for nothing. */
const onOne =
  (write: (state: MachineState, irq: Irq, writer: number) => void): Bank['write'] =>
  (state, irq, field, writer) => {
    if (field === 1) write(state, irq, writer);
  };

const readEnabled = (_state: MachineState, irq: Irq): number => Number(irq.enabled);
const readPendingBit = (state: MachineState, irq: Irq): number => Number(readPending(state, irq));
const readActive = (_state: MachineState, irq: Irq): number => Number(irq.active);

const BANKS: readonly Bank[] = [
  {
    offset: 0x080,
    bitsPerIrq: 1,
    write: (state, irq, field) => writeGroup(state, irq, field === 1 ? 1 : 0, false),
    // Xen knows no groups and says that all are in group 1.
    read: (state, irq) => (state.flavour.isXen ? 1 : irq.group),
  },
  {
    offset: 0x100,
    bitsPerIrq: 1,
    write: onOne((state, irq) => writeEnable(state, irq, true, false)),
    read: readEnabled,
  },
  {
    offset: 0x180,
    bitsPerIrq: 1,
    write: onOne((state, irq) => writeEnable(state, irq, false, false)),
    read: readEnabled,
  },
  {
    offset: 0x200,
    bitsPerIrq: 1,
    write: onOne((state, irq, writer) => writePending(state, irq, writer, true, false)),
    read: readPendingBit,
  },
  {
    offset: 0x280,
    bitsPerIrq: 1,
    write: onOne((state, irq, writer) => writePending(state, irq, writer, false, false)),
    read: readPendingBit,
  },
  {
    offset: 0x300,
    bitsPerIrq: 1,
    isActiveState: true,
    write: onOne((state, irq, writer) => writeActive(state, irq, writer, true, false)),
    read: readActive,
  },
  {
    offset: 0x380,
    bitsPerIrq: 1,
    isActiveState: true,
    write: onOne((state, irq, writer) => writeActive(state, irq, writer, false, false)),
    read: readActive,
  },
  {
    offset: 0x400,
    bitsPerIrq: 8,
    widths: BYTE_OR_WORD,
    write: writePriority,
    read: (_state, irq) => irq.priority,
  },
  {
    offset: 0xc00,
    bitsPerIrq: 2,
    write: (state, irq, field) => writeConfig(state, irq, (field & 2) === 0),
    read: (_state, irq) => (irq.level ? 0 : 2),
  },
];

/** ITARGETSR, which only a GICv2 guest has. */
const TARGETS: Bank = {
  offset: 0x800,
  bitsPerIrq: 8,
  widths: BYTE_OR_WORD,
  write: writeTargets,
  read: (_state, irq) => irq.targets,
};

const NR_BANKED_INTIDS = 1024;

/** The row of a bank that begins at interrupt `first` and ends before `end`; below `first` it reads as zero. */
function bankRow(bank: Bank, base: number, first: number, end: number): Row {
  const { bitsPerIrq } = bank;
  const intidAt = (offset: number): number => Math.floor((offset * 8) / bitsPerIrq);
  const mask = 2 ** bitsPerIrq - 1;

  const forEachIrq = (access: Access, each: (irq: Irq, shift: number) => void): void => {
    const start = intidAt(access.offset);
    if (start < first) return;
    if (bank.isActiveState) haltForActiveState(access.state, start);
    for (let at = 0; at < (access.length * 8) / bitsPerIrq; at++) {
      const irq = findBankedIrq(access.state, access.vcpu, start + at);
      if (irq) each(irq, at * bitsPerIrq);
    }
  };
  return register(base + bank.offset, {
    bytes: (end * bitsPerIrq) / 8,
    widths: bank.widths ?? WORD,
    intidAt,
    write(access, value) {
      forEachIrq(access, (irq, shift) => bank.write(access.state, irq, (value >>> shift) & mask, access.vcpu));
    },
    read(access) {
      let value = 0;
      forEachIrq(access, (irq, shift) => {
        value |= bank.read(access.state, irq) << shift;
      });
      return value >>> 0;
    },
  });
}

/** GICD_SGIR of a GICv2 guest. */
function writeSgir({ state, vcpu }: Access, value: number): void {
  const filter = (value >>> 24) & 3;
  const list = (value >>> 16) & 0xff;
  if (filter === 3) return;
  for (const { index, privateIrqs } of state.vcpus) {
    const isTarget = [((list >> index) & 1) === 1, index !== vcpu, index === vcpu][filter];
    if (isTarget) raiseSgi(state, privateIrqs[value & 15], vcpu);
  }
}

/** CPENDSGIR and SPENDSGIR: one byte an SGI. */
const sgiPendRow = (offset: number, write: (state: MachineState, irq: Irq, sources: number) => void): Row =>
  bankRow({ offset, bitsPerIrq: 8, widths: BYTE_OR_WORD, write, read: (_state, irq) => irq.source }, 0, 0, 16);

const nrLines = ({ machine }: MachineState): number => Math.ceil((machine.nrSpis + NR_PRIVATE_IRQS) / 32) - 1;

const V2_DISTRIBUTOR: readonly Row[] = [
  register(0x000, {
    write: ({ state }, value) => writeDistEnable(state, (value & 1) === 1),
    read: ({ state }) => Number(state.distEnabled),
  }),
  register(0x004, { read: ({ state }) => nrLines(state) | ((state.machine.nrVcpus - 1) << 5) }),
  razWi(0x008, 4),
  ...[...BANKS, TARGETS].map((bank) => bankRow(bank, 0, 0, NR_BANKED_INTIDS)),
  register(0xf00, { write: writeSgir }),
  sgiPendRow(0xf10, clearSgiSources),
  sgiPendRow(0xf20, addSgiSources),
];

const CTLR_ENABLE_GRP1 = 1 << 1;
const CTLR_ARE = 1 << 4;
const CTLR_DS = 1 << 6;
const TYPER_LPIS = 1 << 17;
const TYPER_ID_BITS_SHIFT = 19;

/** Affinity routing and a single security state are fixed to 1. */
const readV3Ctlr = ({ state }: Access): number => CTLR_ARE | CTLR_DS | (state.distEnabled ? CTLR_ENABLE_GRP1 : 0);

function readV3Typer({ state }: Access): number {
  const ofLpis = state.machine.nrLpis > 0 ? TYPER_LPIS | (15 << TYPER_ID_BITS_SHIFT) : 9 << TYPER_ID_BITS_SHIFT;
  return nrLines(state) | ofLpis;
}

const isUpperWord = (offset: number): boolean => offset % 8 !== 0;

const IROUTER: Row = register(0x6000, {
  bytes: NR_BANKED_INTIDS * 8,
  widths: WORD_OR_LONG,
  intidAt: (offset) => Math.floor(offset / 8),
  write({ state, offset }, value) {
    const irq = findBankedIrq(state, 0, Math.floor(offset / 8));
    if (irq && !isUpperWord(offset)) writeAffinity(state, irq, value);
  },
  read({ state, offset }) {
    const intid = Math.floor(offset / 8);
    return isPrivate(intid) || isUpperWord(offset) ? 0 : (findBankedIrq(state, 0, intid)?.affinity ?? 0);
  },
});

const V3_DISTRIBUTOR: readonly Row[] = [
  register(0x000, {
    write: ({ state }, value) => writeDistEnable(state, (value & CTLR_ENABLE_GRP1) !== 0),
    read: readV3Ctlr,
  }),
  register(0x004, { read: readV3Typer }),
  razWi(0x008, 4),
  register(0x010, { read: () => 0xffffffff }),
  ...BANKS.map((bank) => bankRow(bank, 0, NR_PRIVATE_IRQS, NR_BANKED_INTIDS)),
  razWi(0x800, 0x400, BYTE_OR_WORD),
  razWi(0xd00, 0x80),
  razWi(0xe00, 0x100),
  IROUTER,
];

/** GICR_CTLR matters for its EnableLPIs bit. */
function writeRedistCtlr({ state, vcpu }: Access, value: number): void {
  if (state.machine.nrLpis === 0) return;
  writeLpiEnable(state, state.vcpus[vcpu], (value & 1) === 1);
}

const REDIST_TYPER_LAST = 1 << 4;

function readRedistTyper({ state, vcpu, offset, length }: Access): number {
  const { nrVcpus, nrLpis } = state.machine;
  const low = (vcpu << 8) | (vcpu === nrVcpus - 1 ? REDIST_TYPER_LAST : 0) | (nrLpis > 0 ? 1 : 0);
  if (isUpperWord(offset)) return affinityOf(vcpu);
  return length === 8 ? affinityOf(vcpu) * 2 ** 32 + low : low;
}

const SGI_FRAME = 0x10000;

const REDISTRIBUTOR: readonly Row[] = [
  register(0x000, { write: writeRedistCtlr, read: ({ state, vcpu }) => Number(state.vcpus[vcpu].lpisEnabled) }),
  razWi(0x004, 4),
  register(0x008, { bytes: 8, widths: WORD_OR_LONG, read: readRedistTyper }),
  razWi(0x010, 8),
  register(0x070, { bytes: 8, widths: WORD_OR_LONG, write: writePropbaser, read: readPropbaser }),
  register(0x078, { bytes: 8, widths: WORD_OR_LONG, write: writePendbaser, read: readPendbaser }),
  register(0x0a0, { bytes: 8, widths: WORD_OR_LONG, write: writeInvlpir }),
  register(0x0b0, { bytes: 8, widths: WORD_OR_LONG, write: writeInvallr }),
  // SYNCR: never busy, because nothing is left to do when a write has returned.
  razWi(0x0c0, 4),
  ...BANKS.map((bank) => bankRow(bank, SGI_FRAME, 0, NR_PRIVATE_IRQS)),
  razWi(SGI_FRAME + 0xd00, 4),
  razWi(SGI_FRAME + 0xe00, 4),
];

function rowsOf(state: MachineState, frame: Frame): readonly Row[] {
  if (hasV2Guest(state)) return frame === 'dist' ? V2_DISTRIBUTOR : [];
  return frame === 'dist' ? V3_DISTRIBUTOR : REDISTRIBUTOR;
}

/** The row of an access that is allowed: width, alignment, an interrupt of the machine. */
function findRow(state: MachineState, frame: Frame, offset: number, length: number): Row | undefined {
  const nrIntids = NR_PRIVATE_IRQS + state.machine.nrSpis;
  return rowsOf(state, frame).find((row) => {
    const at = offset - row.offset;
    const isInside = at >= 0 && at < row.bytes && offset % length === 0 && row.widths.includes(length);
    return isInside && (row.intidAt?.(at) ?? 0) < nrIntids;
  });
}

/** An access that is not allowed vanishes, in a Xen guest with a data abort: false. */
export function writeRegister(
  state: MachineState,
  vcpu: number,
  frame: Frame,
  offset: number,
  length: number,
  value: number,
  high = 0,
): boolean {
  const row = findRow(state, frame, offset, length);
  row?.write({ state, vcpu, offset: offset - row.offset, length }, value, high);
  return row !== undefined || !state.flavour.isXen;
}

/** Unsigned. An access that is not allowed reads as zero, in a Xen guest it is a data abort: -1. */
export function readRegister(state: MachineState, vcpu: number, frame: Frame, offset: number, length: number): number {
  const row = findRow(state, frame, offset, length);
  if (!row) return state.flavour.isXen ? -1 : 0;
  return row.read({ state, vcpu, offset: offset - row.offset, length });
}
