/** How a random guest begins: enables, priorities, triggers, routes and host interrupts of what it uses. */
import { isPrivate, isSgi, LPI_BASE } from '../../gic/intid.js';
import * as ev from '../../trace/events.js';
import type { Sequencer } from './sequencer.js';
import { type GuestMode, interfaceFor, mappingFor, range, type Stage } from './steps.js';

/** Of one interrupt. */
export interface SetUp {
  readonly enabled: boolean;
  readonly priority: number;
  readonly isLevel: boolean;
  readonly target: number;
  readonly isMapped: boolean;
}

export interface GuestSetUp {
  readonly mode: GuestMode;
  /** EOImode 1. */
  readonly isSplitEoi: boolean;
}

function addLpiSetUp(sequencer: Sequencer, { machine }: Stage, intid: number, setUp: SetUp): void {
  if (!setUp.enabled) return;
  const vcpu = setUp.target % machine.nrVcpus;
  sequencer.add({ kind: ev.LPI_MAP, vcpu, intid, value: (setUp.priority << 8) | (1 << 16) });
}

/** Enables, priorities, triggers, routes and host interrupts of the interrupts used, by vCPU 0. */
export function addSetUp(sequencer: Sequencer, stage: Stage, choices: readonly SetUp[]): void {
  const { machine, flavour } = stage;
  // Without a target an interrupt of Xen goes nowhere.
  const nrTargets = machine.nrVcpus + (flavour.isXen ? 0 : 1);
  [...stage.irqs, ...stage.lpis].forEach((intid, index) => {
    const setUp = choices[index % choices.length];
    if (intid >= LPI_BASE) {
      addLpiSetUp(sequencer, stage, intid, setUp);
      return;
    }
    for (const vcpu of isPrivate(intid) ? range(0, machine.nrVcpus) : [0]) {
      const add = (kind: number, value: number): void => sequencer.add({ kind, vcpu, intid, value });
      add(ev.PRIORITY, setUp.priority);
      if (setUp.isLevel && !isPrivate(intid)) add(ev.CONFIG, 1);
      if (!isPrivate(intid)) add(ev.TARGET, setUp.target % nrTargets);
      if (setUp.isMapped && stage.mappable.includes(intid)) add(ev.HW_MAP, mappingFor(intid, setUp.target));
      if (setUp.enabled && !isSgi(intid)) add(ev.ENABLE, 1);
    }
  });
}

const GROUPS_ON = 0b11;

export function addGuestSetUp(sequencer: Sequencer, { machine }: Stage, { mode, isSplitEoi }: GuestSetUp): void {
  if (mode !== 'rules') return;
  for (const vcpu of range(0, machine.nrVcpus))
    sequencer.add({ kind: ev.CPUIF, vcpu, intid: 0, value: interfaceFor(GROUPS_ON, isSplitEoi) });
}
