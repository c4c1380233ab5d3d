/** What a register write does to one interrupt (vgic-spec 2.2, 2.4, 2.6), locks included (E.3). */
import { isPrivate, NO_VCPU } from '../gic/intid.js';
import { type Irq, isMappedLevel, isPending, isV2Sgi } from './irq.js';
import { kickVcpu } from './kicks.js';
import {
  countCall,
  countLocks,
  findBankedIrq,
  hasV2Guest,
  hostSideOf,
  isHostHigh,
  type MachineState,
} from './machine-state.js';
import { queueIrq, testPending } from './queue.js';

const AFF0_COUNT = 16;

export function writeEnable(state: MachineState, irq: Irq, isSet: boolean, isUser: boolean): void {
  // Xen passes over what is already as wanted; to clear the enable bit once more makes no difference to anybody.
  const isSkipped = state.flavour.isXen && irq.enabled;
  if (!isSet || isSkipped) {
    countLocks(state, 1);
    irq.enabled = isSet;
    return;
  }
  if (isMappedLevel(irq) && !isUser && !state.flavour.isXen) {
    const host = hostSideOf(state, irq);
    const wasHigh = irq.line;
    irq.line = isHostHigh(host);
    if (!irq.active && wasHigh && !irq.line) host.active = false;
  }
  irq.enabled = true;
  queueIrq(state, irq);
}

/** KVM. `writer` is the vCPU whose bank user space accesses; only there do SGIs of a GICv2 guest take part. */
function writePendingKvm(state: MachineState, irq: Irq, writer: number, isSet: boolean, isUser: boolean): void {
  const isV2 = isV2Sgi(state.machine, irq);
  if (isV2 && !isUser) return;
  if (isSet) {
    if (isV2) irq.source |= 1 << writer;
    irq.latch = true;
    if (irq.hw && !isUser) hostSideOf(state, irq).active = true;
    queueIrq(state, irq);
    return;
  }
  countLocks(state, 1);
  if (isV2) irq.source = 0;
  irq.latch = false;
  if (!irq.hw || isUser) return;
  const host = hostSideOf(state, irq);
  host.pending = false;
  if (!irq.active) host.active = false;
}

/** Xen: an SGI gets a latch without a sender, which is fatal later. */
function writePendingXen(state: MachineState, irq: Irq, isSet: boolean): void {
  irq.latch = isSet;
  if (isSet) queueIrq(state, irq);
  else countLocks(state, 1);
  if (!irq.hw) return;
  const host = hostSideOf(state, irq);
  if (isSet) {
    host.active = true;
  } else if (!isPending(irq)) {
    host.pending = false;
    if (!irq.active) host.active = false;
  }
}

export function writePending(state: MachineState, irq: Irq, writer: number, isSet: boolean, isUser: boolean): void {
  if (state.flavour.isXen) writePendingXen(state, irq, isSet);
  else writePendingKvm(state, irq, writer, isSet, isUser);
}

/** ISPENDR and ICPENDR as they read. */
export const readPending = (state: MachineState, irq: Irq): boolean =>
  isMappedLevel(irq) && !state.flavour.isXen ? isHostHigh(hostSideOf(state, irq)) : isPending(irq);

/** Xen ignores these writes. */
export function writeActive(state: MachineState, irq: Irq, writer: number, isSet: boolean, isUser: boolean): void {
  if (state.flavour.isXen) return;
  if (irq.hw && isUser) {
    // 2.6: ignored for a mapped interrupt, though what is active already is still offered for queueing.
    if (irq.active) queueIrq(state, irq);
    else countLocks(state, 1);
    return;
  }
  irq.active = isSet;
  if (irq.hw) hostSideOf(state, irq).active = isSet;
  if (isSet && isV2Sgi(state.machine, irq)) irq.activeSource = isUser ? 0 : writer;
  if (isSet) queueIrq(state, irq);
  else countLocks(state, 1);
}

export function writePriority(state: MachineState, irq: Irq, byte: number): void {
  countLocks(state, 1);
  irq.priority = byte & 0xf8;
}

export function writeConfig(state: MachineState, irq: Irq, isLevel: boolean): void {
  if (isPrivate(irq.intid)) return;
  countLocks(state, 1);
  irq.level = isLevel;
}

/** Xen models no groups: its IGROUPR ignores writes. */
export function writeGroup(state: MachineState, irq: Irq, group: 0 | 1, isUser: boolean): void {
  if (state.flavour.isXen) return;
  irq.group = group;
  if (isUser) countLocks(state, 1);
  else queueIrq(state, irq);
}

/** The whole IGROUPR word that holds `intid` is written with one bit changed; all its interrupts are queued. */
export function writeGroupWord(state: MachineState, vcpu: number, intid: number, group: 0 | 1): void {
  const first = intid - (intid % 32);
  for (let each = first; each < first + 32; each++) {
    const irq = findBankedIrq(state, vcpu, each);
    if (irq) writeGroup(state, irq, each === intid ? group : irq.group, false);
  }
}

/** ITARGETSR of a GICv2 guest: the lowest vCPU named that exists; none: vCPU 0, with Xen nobody. */
export function writeTargets(state: MachineState, irq: Irq, byte: number): void {
  if (isPrivate(irq.intid)) return;
  countLocks(state, 1);
  irq.targets = byte & (2 ** state.machine.nrVcpus - 1) & 0xff;
  const first = state.vcpus.find(({ index }) => ((irq.targets >> index) & 1) === 1);
  irq.target = first ? first.index : state.flavour.isXen ? NO_VCPU : 0;
}

/** LEVEL_INFO of user space (2.6): only a one queues. */
export function writeLineLevel(state: MachineState, irq: Irq, level: boolean): void {
  irq.line = level;
  if (level) queueIrq(state, irq);
  else countLocks(state, 1);
}

export const affinityOf = (vcpu: number): number =>
  (vcpu % AFF0_COUNT) | ((Math.floor(vcpu / AFF0_COUNT) & 0xff) << 8) | (Math.floor(vcpu / (AFF0_COUNT * 256)) << 16);

/** The low word of IROUTER of a GICv3 guest; no such vCPU: nobody. */
export function writeAffinity(state: MachineState, irq: Irq, word: number): void {
  if (isPrivate(irq.intid)) return;
  countLocks(state, 1);
  irq.affinity = word & 0xffffff;
  const target = state.vcpus.find(({ index }) => affinityOf(index) === irq.affinity);
  irq.target = target ? target.index : NO_VCPU;
}

/** Routes an SPI to the vCPU of that index, through the register that the guest has. */
export function writeTarget(state: MachineState, irq: Irq, vcpu: number): void {
  const isThere = vcpu >= 0 && vcpu < state.machine.nrVcpus;
  if (!hasV2Guest(state)) writeAffinity(state, irq, affinityOf(isThere ? vcpu : state.machine.nrVcpus));
  else writeTargets(state, irq, isThere ? 1 << vcpu : 0);
}

export function writeDistEnable(state: MachineState, enable: boolean): void {
  const wasEnabled = state.distEnabled;
  state.distEnabled = enable;
  if (wasEnabled || !enable) return;
  for (const vcpu of state.vcpus) if (testPending(state, vcpu)) kickVcpu(state, vcpu.index);
}

/** GICv2: `sources` leave the SGI's set of senders. */
export function clearSgiSources(state: MachineState, irq: Irq, sources: number): void {
  countLocks(state, 1);
  irq.source &= ~sources;
  if (irq.source === 0) irq.latch = false;
}

/** GICv2: `sources` join the SGI's set of senders. */
export function addSgiSources(state: MachineState, irq: Irq, sources: number): void {
  irq.source |= sources;
  if (irq.source === 0) {
    countLocks(state, 1);
    return;
  }
  irq.latch = true;
  queueIrq(state, irq);
}

/** One SGI to one vCPU (2.4). */
export function raiseSgi(state: MachineState, irq: Irq, sender: number): void {
  irq.latch = true;
  if (isV2Sgi(state.machine, irq)) irq.source |= 1 << sender;
  queueIrq(state, irq);
}

/**
 * An SGI event: to the vCPUs of a list that begins at some vCPU, or to all but the sender. What comes through ICC_SGI0R
 * reaches group 0 only.
 */
export function sendSgi(state: MachineState, sender: number, spec: number, list: number): void {
  const isAllButSelf = ((spec >>> 4) & 1) === 1;
  const first = (spec >>> 5) & 0xff;
  const isGroup0Only = ((spec >>> 13) & 1) === 1;
  for (const { index, privateIrqs } of state.vcpus) {
    const isListed = index >= first && index < first + AFF0_COUNT && ((list >>> (index - first)) & 1) === 1;
    if (isAllButSelf ? index === sender : !isListed) continue;
    const irq = privateIrqs[spec & 15];
    // Refused after a look at it, as an injection can be.
    if (isGroup0Only && irq.group === 1) countCall(state, 'inject', (cost) => void cost.locks++);
    else raiseSgi(state, irq, sender);
  }
}
