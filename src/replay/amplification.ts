/**
 * How much work of the host one instruction of the guest is worth: all steps over all guest instructions (guest-work.ts), and
 * the most steps that one of them caused on its vCPU before the next one.
 *
 * A window holds one instruction that the guest was left for: exit, access, entry. Accesses without an exit between them share
 * the exit in front of the first and the entry behind the last. An exit and entry without an access between them were no
 * instruction's doing; they are in the total alone, as are injections and what the host does for devices.
 *
 * Where a trace tells one register write as several events, one an interrupt, each counts as an instruction: the factor is
 * then a lower bound.
 */

import { LR_STATE } from '../gic/lr.js';
import * as K from '../trace/events.js';
import type { Its } from '../vgic/its/its.js';
import type { Vgic } from '../vgic/vgic.js';
import { actorOf, instructionsOf, instructionsOfLrState } from './guest-work.js';
import { itsSystem } from './its-system.js';
import type { Amplification } from './result.js';

export interface AmplificationMeter {
  before(word: number, value: number): void;
  after(word: number, value: number, event: number): void;
  result(): Amplification;
}

export function createAmplificationMeter(vgic: Vgic): AmplificationMeter {
  const { cost, nrVcpus, nrLr, usedLrs, lrHi } = vgic.state;
  /** Steps of the window that each vCPU is in; is its instruction in it? */
  const steps = new Float64Array(nrVcpus);
  const isTaken = new Uint8Array(nrVcpus);
  let guestInstructions = 0;
  let worst = { steps: 0, vcpu: 0, event: 0 };
  /** Asked for once an event has made it. */
  let its: Its | undefined;
  /** State of the list register that a GUEST_LR_STATE is about to change. */
  let lrState = 0;
  let stepsBefore = 0;
  let acksBefore = 0;

  /** Paths and lookups as the core counts them, and what the ITS does beside them. */
  const stepsSoFar = (): number => (its === undefined ? cost.totalSteps : cost.totalSteps + its.costs.work());

  function instructionsFor(kind: number, value: number): number {
    if (kind === K.GUEST_DRAIN) return 2 * (cost.acks - acksBefore);
    if (kind === K.GUEST_LR_STATE) return instructionsOfLrState(lrState, value & 3);
    return instructionsOf(kind, value);
  }

  function open(vcpu: number): void {
    steps[vcpu] = 0;
    isTaken[vcpu] = 0;
  }

  function addTo(vcpu: number, kind: number, instructions: number, work: number, event: number): void {
    if (kind === K.SYNC || kind === K.FOLD || (isTaken[vcpu] === 1 && instructions > 0)) open(vcpu);
    if (instructions > 0) isTaken[vcpu] = 1;
    steps[vcpu] += work;
    if (isTaken[vcpu] === 1 && steps[vcpu] > worst.steps) worst = { steps: steps[vcpu], vcpu, event };
    if (kind === K.FLUSH) open(vcpu);
  }

  return {
    before(word, value) {
      if (K.wordKind(word) !== K.GUEST_LR_STATE) return;
      const vcpu = K.wordVcpu(word);
      const lr = K.wordIntid(word);
      // One that is not in use stays as it is.
      lrState = lr < usedLrs[vcpu] ? (lrHi[vcpu * nrLr + lr] & LR_STATE) >>> 30 : value & 3;
    },
    after(word, value, event) {
      const kind = K.wordKind(word);
      if (its === undefined && kind >= K.MEM_AT && itsSystem.hears.includes(kind)) its = vgic.its();
      const instructions = instructionsFor(kind, value);
      guestInstructions += instructions;
      const total = stepsSoFar();
      const isRun = kind === K.FLUSH || kind === K.SYNC || kind === K.FOLD || kind === K.PRUNE;
      const vcpu = isRun ? K.wordVcpu(word) : actorOf(kind, K.wordVcpu(word), value);
      if (vcpu >= 0 && vcpu < nrVcpus) addTo(vcpu, kind, instructions, total - stepsBefore, event);
      stepsBefore = total;
      acksBefore = cost.acks;
    },
    result: () => ({ steps: stepsSoFar(), guestInstructions, worstWindow: worst.steps > 0 ? worst : null }),
  };
}
