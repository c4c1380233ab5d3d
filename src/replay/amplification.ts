/**
 * How much work of the host one instruction of the guest is worth: all steps over all guest instructions (guest-work.ts), and
 * the most steps that lie between two instructions of one vCPU.
 *
 * A window holds one instruction, the exit that it caused, if there was one, and what follows on its vCPU up to the next
 * instruction or the exit that the next one caused: exit, access, entry. A guest that is written without its exits, several
 * accesses on end, has smaller windows than it would have on a machine. Injections and what the host does for devices are in
 * the total and in no window.
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
  after(event: number): void;
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
  let kind = 0;
  let vcpu = 0;
  let actor = -1;
  let instructions = 0;
  let stepsBefore = 0;
  let acksBefore = 0;

  /** Paths and lookups as the core counts them, and what the ITS does beside them. */
  const stepsSoFar = (): number => cost.totalSteps + (its?.costs.work() ?? 0);

  const lrStateOf = (lr: number): number => (lr < usedLrs[vcpu] ? (lrHi[vcpu * nrLr + lr] & LR_STATE) >>> 30 : 0);

  function open(v: number): void {
    steps[v] = 0;
    isTaken[v] = 0;
  }

  return {
    before(word, value) {
      kind = K.wordKind(word);
      vcpu = K.wordVcpu(word);
      actor = actorOf(kind, vcpu, value);
      instructions = instructionsOf(kind, value);
      if (kind === K.GUEST_LR_STATE && K.wordIntid(word) < usedLrs[vcpu])
        instructions = instructionsOfLrState(lrStateOf(K.wordIntid(word)), value & 3);
      stepsBefore = stepsSoFar();
      acksBefore = cost.acks;
    },
    after(event) {
      if (its === undefined && itsSystem.hears.includes(kind)) its = vgic.its();
      if (kind === K.GUEST_DRAIN) instructions = 2 * (cost.acks - acksBefore);
      guestInstructions += instructions;
      const isExit = kind === K.SYNC || kind === K.FOLD;
      const isRun = isExit || kind === K.PRUNE || kind === K.FLUSH;
      const v = isRun ? vcpu : actor;
      if (v < 0 || v >= nrVcpus) return;
      if (isTaken[v] === 1 && (isExit || instructions > 0)) open(v);
      if (instructions > 0) isTaken[v] = 1;
      steps[v] += stepsSoFar() - stepsBefore;
      if (steps[v] > worst.steps) worst = { steps: steps[v], vcpu: v, event };
    },
    result: () => ({ steps: stepsSoFar(), guestInstructions, worstWindow: worst.steps > 0 ? worst : null }),
  };
}
