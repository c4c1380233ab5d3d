/** Register writes: first the effect on one interrupt (vgic-spec 2.2), then the banks of raw accesses (2.1, E.4). */
import { isPrivate, NO_VCPU } from '../gic/intid.js';
import { queueIrq, removeLpisFromList, testPending } from './delivery.js';
import { type Irq, isMappedLevel, isV2Sgi } from './irq.js';
import { findBankedIrq, hostSideOf, kickVcpu, type MachineState } from './machine-state.js';

export function writeEnable(state: MachineState, irq: Irq, isSet: boolean, isUser: boolean): void {
  if (!isSet) {
    irq.enabled = false;
    return;
  }
  if (isMappedLevel(irq) && !isUser) {
    const host = hostSideOf(state, irq);
    const wasHigh = irq.line;
    irq.line = host.line;
    if (!irq.active && wasHigh && !irq.line) host.active = false;
  }
  irq.enabled = true;
  queueIrq(state, irq);
}

/** `writer` is the vCPU whose bank user space accesses; only there do SGIs of a GICv2 guest take part. */
export function writePending(state: MachineState, irq: Irq, writer: number, isSet: boolean, isUser: boolean): void {
  const isV2 = isV2Sgi(state.machine, irq);
  if (isV2 && !isUser) return;
  if (isSet) {
    if (isV2) irq.source |= 1 << writer;
    irq.latch = true;
    if (irq.hw && !isUser) hostSideOf(state, irq).active = true;
    queueIrq(state, irq);
    return;
  }
  if (isV2) irq.source = 0;
  irq.latch = false;
  if (irq.hw && !isUser && !irq.active) hostSideOf(state, irq).active = false;
}

export function writeActive(state: MachineState, irq: Irq, writer: number, isSet: boolean, isUser: boolean): void {
  if (irq.hw && isUser) {
    // 2.6: ignored for a mapped interrupt, though what is active already is still offered for queueing.
    if (irq.active) queueIrq(state, irq);
    return;
  }
  irq.active = isSet;
  if (irq.hw) hostSideOf(state, irq).active = isSet;
  if (isSet && isV2Sgi(state.machine, irq)) irq.activeSource = isUser ? 0 : writer;
  if (isSet) queueIrq(state, irq);
}

export const writePriority = (irq: Irq, byte: number): void => {
  irq.priority = byte & 0xf8;
};

export const writeConfig = (irq: Irq, isLevel: boolean): void => {
  if (!isPrivate(irq.intid)) irq.level = isLevel;
};

export function writeGroup(state: MachineState, irq: Irq, group: 0 | 1): void {
  irq.group = group;
  queueIrq(state, irq);
}

/** The whole IGROUPR word that holds `intid` is written with one bit changed; all its interrupts are queued. */
export function writeGroupWord(state: MachineState, vcpu: number, intid: number, group: 0 | 1): void {
  const first = intid - (intid % 32);
  for (let each = first; each < first + 32; each++) {
    const irq = findBankedIrq(state, vcpu, each);
    if (irq) writeGroup(state, irq, each === intid ? group : irq.group);
  }
}

/** Routes an SPI to the vCPU of that index. Beyond the machine: GICv3 nowhere, GICv2 vCPU 0. */
export function writeTarget(state: MachineState, irq: Irq, vcpu: number): void {
  if (isPrivate(irq.intid)) return;
  const isThere = vcpu >= 0 && vcpu < state.machine.nrVcpus;
  irq.target = isThere ? vcpu : state.machine.model === 'gicv3' ? NO_VCPU : 0;
}

export function writeDistEnable(state: MachineState, enable: boolean): void {
  const wasEnabled = state.distEnabled;
  state.distEnabled = enable;
  if (wasEnabled || !enable) return;
  for (const vcpu of state.vcpus) if (testPending(state, vcpu)) kickVcpu(state, vcpu.index);
}

/** GICv2: `sources` leave the SGI's set of senders. */
export function clearSgiSources(irq: Irq, sources: number): void {
  irq.source &= ~sources;
  if (irq.source === 0) irq.latch = false;
}

/** GICv2: `sources` join the SGI's set of senders. */
export function addSgiSources(state: MachineState, irq: Irq, sources: number): void {
  irq.source |= sources;
  if (irq.source === 0) return;
  irq.latch = true;
  queueIrq(state, irq);
}

/** One SGI to one vCPU (2.4). */
export function raiseSgi(state: MachineState, irq: Irq, sender: number): void {
  irq.latch = true;
  if (isV2Sgi(state.machine, irq)) irq.source |= 1 << sender;
  queueIrq(state, irq);
}

/** GICD_SGIR of a GICv2 guest. */
function writeSgir(state: MachineState, sender: number, value: number): void {
  const filter = (value >>> 24) & 3;
  const list = (value >>> 16) & 0xff;
  if (filter === 3) return;
  for (const { index, privateIrqs } of state.vcpus) {
    const isTarget = [((list >> index) & 1) === 1, index !== sender, index === sender][filter];
    if (isTarget) raiseSgi(state, privateIrqs[value & 15], sender);
  }
}

interface Bank {
  readonly offset: number;
  readonly bitsPerIrq: 1 | 2 | 8;
  /** `field`: the bits of this interrupt in the word written. */
  readonly write: (state: MachineState, irq: Irq, field: number, writer: number) => void;
}

const onOne =
  (write: (state: MachineState, irq: Irq, writer: number) => void): Bank['write'] =>
  (state, irq, field, writer) => {
    if (field === 1) write(state, irq, writer);
  };

const BANKS: readonly Bank[] = [
  { offset: 0x080, bitsPerIrq: 1, write: (state, irq, field) => writeGroup(state, irq, field === 1 ? 1 : 0) },
  { offset: 0x100, bitsPerIrq: 1, write: onOne((state, irq) => writeEnable(state, irq, true, false)) },
  { offset: 0x180, bitsPerIrq: 1, write: onOne((state, irq) => writeEnable(state, irq, false, false)) },
  { offset: 0x200, bitsPerIrq: 1, write: onOne((state, irq, writer) => writePending(state, irq, writer, true, false)) },
  {
    offset: 0x280,
    bitsPerIrq: 1,
    write: onOne((state, irq, writer) => writePending(state, irq, writer, false, false)),
  },
  { offset: 0x300, bitsPerIrq: 1, write: onOne((state, irq, writer) => writeActive(state, irq, writer, true, false)) },
  { offset: 0x380, bitsPerIrq: 1, write: onOne((state, irq, writer) => writeActive(state, irq, writer, false, false)) },
  { offset: 0x400, bitsPerIrq: 8, write: (_state, irq, field) => writePriority(irq, field) },
  { offset: 0xc00, bitsPerIrq: 2, write: (_state, irq, field) => writeConfig(irq, (field & 2) === 0) },
];

/** Banks that only a GICv2 distributor has. */
const V2_BANKS: readonly Bank[] = [
  {
    offset: 0x800,
    bitsPerIrq: 8,
    write: (state, irq, field) => {
      if (isPrivate(irq.intid)) return;
      const first = state.vcpus.find((vcpu) => (field >> vcpu.index) & 1);
      irq.target = first ? first.index : 0;
    },
  },
];

const NR_BANKED_INTIDS = 1024;

/** The word's fields go to their interrupts in ascending order. Interrupts that do not exist are skipped. */
function writeBank(state: MachineState, banks: readonly Bank[], writer: number, offset: number, value: number): void {
  for (const bank of banks) {
    const firstBit = (offset - bank.offset) * 8;
    if (firstBit < 0 || firstBit >= NR_BANKED_INTIDS * bank.bitsPerIrq) continue;
    const firstIntid = firstBit / bank.bitsPerIrq;
    for (let each = 0; each < 32 / bank.bitsPerIrq; each++) {
      const irq = findBankedIrq(state, writer, firstIntid + each);
      const field = (value >>> (each * bank.bitsPerIrq)) & ((1 << bank.bitsPerIrq) - 1);
      if (irq) bank.write(state, irq, field, writer);
    }
    return;
  }
}

/** CPENDSGIR and SPENDSGIR: one byte an SGI. */
function writeSgiPendWord(state: MachineState, writer: number, offset: number, value: number): void {
  const isSet = offset >= 0xf20;
  const first = offset - (isSet ? 0xf20 : 0xf10);
  for (let each = 0; each < 4; each++) {
    const irq = state.vcpus[writer].privateIrqs[first + each];
    const sources = (value >>> (each * 8)) & 0xff;
    if (isSet) addSgiSources(state, irq, sources);
    else clearSgiSources(irq, sources);
  }
}

function writeRouter(state: MachineState, offset: number, value: number): void {
  const intid = (offset - 0x6000) / 8;
  const irq = findBankedIrq(state, 0, intid);
  // A fraction: the upper word, which is ignored.
  if (!irq || isPrivate(intid)) return;
  const affinity = value & 0xffffff;
  const target = state.vcpus.find(({ index }) => ((index & 15) | ((index >> 4) << 8)) === affinity);
  irq.target = target ? target.index : NO_VCPU;
}

/** A 32-bit write by `writer` to the distributor. Unaligned and unknown offsets are ignored. */
export function writeDistributor(state: MachineState, writer: number, offset: number, value: number): void {
  if (offset % 4 !== 0) return;
  const isV3 = state.machine.model === 'gicv3';
  if (offset === 0) writeDistEnable(state, ((value >>> (isV3 ? 1 : 0)) & 1) === 1);
  else if (isV3 && offset >= 0x6000) writeRouter(state, offset, value);
  else if (!isV3 && offset === 0xf00) writeSgir(state, writer, value);
  else if (!isV3 && offset >= 0xf10 && offset < 0xf30) writeSgiPendWord(state, writer, offset, value);
  else if (!isV3) writeBank(state, [...BANKS, ...V2_BANKS], writer, offset, value);
  else if (!isPrivateWord(offset)) writeBank(state, BANKS, writer, offset, value);
}

/** Does the word at this offset of a bank belong to INTIDs below 32? */
function isPrivateWord(offset: number): boolean {
  return BANKS.some(({ offset: first, bitsPerIrq }) => offset >= first && offset < first + 4 * bitsPerIrq);
}

const SGI_FRAME = 0x10000;

/** A 32-bit write to the redistributor of `vcpu`. GICR_CTLR matters for its EnableLPIs bit, the SGI frame for its banks. */
export function writeRedistributor(state: MachineState, vcpu: number, offset: number, value: number): void {
  if (state.machine.model !== 'gicv3' || offset % 4 !== 0) return;
  if (offset >= SGI_FRAME) {
    if (isPrivateWord(offset - SGI_FRAME)) writeBank(state, BANKS, vcpu, offset - SGI_FRAME, value);
    return;
  }
  if (offset !== 0 || state.machine.nrLpis === 0) return;
  const each = state.vcpus[vcpu];
  const enable = (value & 1) === 1;
  // Pending tables lie in guest memory: what enabling reads from them comes as LPI_PENDING events.
  if (each.lpisEnabled && !enable) removeLpisFromList(state, each);
  each.lpisEnabled = enable;
}
