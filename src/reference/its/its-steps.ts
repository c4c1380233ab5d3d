/** The steps of a random ITS trace, and how a model is made to take them. */
import type { ConformTarget } from '../../conform/target.js';
import { SPURIOUS_INTID } from '../../gic/intid.js';
import * as ev from '../../trace/events.js';
import { GITS_CWRITER, itsOf, QUEUE, writeIts } from './its-machine.js';

/** A step of user space (6.9, 6.10). */
export type ControlName = 'save' | 'restore' | 'reset' | 'savePending';

export type ItsStep = { readonly label: string } & (
  | {
      readonly op: 'event';
      readonly kind: number;
      readonly vcpu: number;
      readonly intid: number;
      readonly value: number;
    }
  | { readonly op: 'command'; readonly words: readonly number[] }
  /** The same by events, whose result nobody sees. */
  | { readonly op: 'command-event'; readonly words: readonly number[] }
  /** Commands written to the queue at byte `start`, where the command behind the last of them is at byte `end`. */
  | {
      readonly op: 'queue';
      readonly start: number;
      readonly end: number;
      readonly commands: readonly (readonly number[])[];
    }
  | { readonly op: 'msi'; readonly device: number; readonly event: number }
  | { readonly op: 'control'; readonly name: ControlName }
  | { readonly op: 'memory'; readonly address: number; readonly value: bigint }
  | { readonly op: 'byte'; readonly address: number; readonly value: number }
  | { readonly op: 'its-register'; readonly offset: number; readonly value: number }
  /** 8 bytes. */
  | {
      readonly op: 'redist-long';
      readonly vcpu: number;
      readonly offset: number;
      readonly lo: number;
      readonly hi: number;
    }
  | { readonly op: 'acknowledge'; readonly vcpu: number }
);

/** The queue is one page. */
export const QUEUE_SIZE = 0x1000;
export const COMMAND_SIZE = 32;

const BY_RULES = 1;

function takeQueue(target: ConformTarget, start: number, end: number, commands: readonly (readonly number[])[]): void {
  commands.forEach((words, at) => {
    const address = QUEUE + ((start + at * COMMAND_SIZE) % QUEUE_SIZE);
    target.apply(ev.MEM_AT, 0, 0, address | 0);
    for (const word of words) target.apply(ev.MEM_WRITE, 0, 4, word);
  });
  writeIts(target, GITS_CWRITER, end);
}

/** An IAR read, and the EOI of what it returned. */
function takeAcknowledge(target: ConformTarget, vcpu: number): number {
  const { intid } = target.acknowledge(vcpu);
  if (intid !== SPURIOUS_INTID) target.apply(ev.EOI, vcpu, intid, BY_RULES);
  return intid;
}

function takeControl(target: ConformTarget, name: ControlName): number | undefined {
  const its = itsOf(target);
  if (name === 'reset') {
    its.reset();
    return undefined;
  }
  return its[name]();
}

/** Result of the call, if the step is one that answers. */
export function takeItsStep(target: ConformTarget, step: ItsStep): number | undefined {
  switch (step.op) {
    case 'event':
      target.apply(step.kind, step.vcpu, step.intid, step.value);
      return undefined;
    case 'command':
      return itsOf(target).command(step.words);
    case 'command-event':
      step.words.forEach((word, at) => {
        // Words that are not given are zero.
        if (word !== 0) target.apply(ev.ITS_WORD, 0, at, word | 0);
      });
      target.apply(ev.ITS_COMMAND, 0, 0, 0);
      return undefined;
    case 'queue':
      takeQueue(target, step.start, step.end, step.commands);
      return undefined;
    case 'msi':
      return itsOf(target).msi(step.device, step.event);
    case 'control':
      return takeControl(target, step.name);
    case 'memory':
      itsOf(target).writeMemory(step.address, step.value);
      return undefined;
    case 'byte':
      target.apply(ev.MEM_AT, 0, 0, step.address | 0);
      target.apply(ev.MEM_WRITE, 0, 1, step.value);
      return undefined;
    case 'its-register':
      writeIts(target, step.offset, step.value);
      return undefined;
    case 'redist-long':
      target.write(step.vcpu, 'redist', step.offset, 8, step.lo, step.hi);
      return undefined;
    case 'acknowledge':
      return takeAcknowledge(target, step.vcpu);
  }
}
