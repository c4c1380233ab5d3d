/**
 * All states that a mapped interrupt can come into by any order of steps, found one by one, and what sequences of steps lead
 * to them. Two sequences that end in one state go on alike, so the states stand for sequences of any length; how many
 * sequences of a given length there are is counted along the edges.
 */
import { assert } from '../base/errors.js';
import type { Action, Actor, MappedMachine, Moment, Outcome } from './mapped-machine.js';

interface Edge {
  /** Place in the list of actions. */
  readonly action: number;
  readonly to: number;
  readonly isSpurious: boolean;
}

interface State extends Outcome {
  readonly moment: Moment;
  readonly edges: Edge[];
  /** State and action of the shortest sequence that ends here; -1: the start. */
  readonly from: number;
  readonly by: number;
}

export interface MappedGraph {
  readonly actions: readonly Action[];
  /** In the order of their shortest sequence; the first is the start. */
  readonly states: readonly State[];
  /** Steps after which another host interrupt is not as it was at the start. */
  readonly touchedElsewhere: number;
}

const MAX_STATES = 50_000;

/** `isAllowed`: which of the machine's actions may be taken. */
export function exploreMapped(machine: MappedMachine, isAllowed: (action: Action) => boolean): MappedGraph {
  const actions = machine.actions.filter(isAllowed);
  const states: State[] = [];
  const known = new Map<string, number>();
  let touchedElsewhere = 0;

  /** Number of the state that the machine is in. */
  function numberOf(from: number, by: number): number {
    const moment = machine.save();
    const key = machine.keyOf(moment);
    const number = known.get(key);
    if (number !== undefined) return number;
    assert(states.length < MAX_STATES, 'a mapped interrupt has few states');
    known.set(key, states.length);
    states.push({ moment, edges: [], from, by, ...machine.settle() });
    return states.length - 1;
  }

  numberOf(-1, -1);
  // The list grows while it is walked.
  for (let at = 0; at < states.length; at++) {
    const { moment, edges } = states[at];
    actions.forEach((action, index) => {
      machine.restore(moment);
      if (!action.isPossible()) return;
      const isSpurious = action.perform();
      if (!machine.isRestUntouched()) touchedElsewhere++;
      edges.push({ action: index, to: numberOf(at, index), isSpurious });
    });
  }
  return { actions, states, touchedElsewhere };
}

export interface SequenceCounts {
  readonly all: number;
  /** That end with a request which never reaches the guest. */
  readonly lost: number;
  /** In which the guest gets an interrupt that nobody asked for. */
  readonly spurious: number;
  /** That end with the host interrupt active for good. */
  readonly stuck: number;
}

/** Of the sequences of 1 to `length` steps. */
export function countSequences({ states }: MappedGraph, length: number): SequenceCounts {
  const total = { all: 0, lost: 0, spurious: 0, stuck: 0 };
  // Sequences that end in each state: without a spurious interrupt so far, and with one.
  let clean = new Float64Array(states.length);
  let spoilt = new Float64Array(states.length);
  clean[0] = 1;
  for (let step = 1; step <= length; step++) {
    const nextClean = new Float64Array(states.length);
    const nextSpoilt = new Float64Array(states.length);
    states.forEach(({ edges }, at) => {
      for (const { to, isSpurious } of edges) {
        nextSpoilt[to] += spoilt[at];
        if (isSpurious) nextSpoilt[to] += clean[at];
        else nextClean[to] += clean[at];
      }
    });
    [clean, spoilt] = [nextClean, nextSpoilt];
    states.forEach(({ isLost, isStuck }, at) => {
      const here = clean[at] + spoilt[at];
      total.all += here;
      total.spurious += spoilt[at];
      if (isLost) total.lost += here;
      if (isStuck) total.stuck += here;
    });
  }
  return total;
}

/** Names of the steps of the shortest sequence that ends in such a state, or undefined. */
export function shortestTo(graph: MappedGraph, isWanted: (outcome: Outcome) => boolean): string[] | undefined {
  let at = graph.states.findIndex(isWanted);
  if (at < 0) return undefined;
  const names: string[] = [];
  for (; graph.states[at].from >= 0; at = graph.states[at].from) names.unshift(graph.actions[graph.states[at].by].name);
  return names;
}

const MAX_HOST_INTERRUPTS = 8;

/**
 * The smallest n for which no sequence, however long, makes the host take more interrupts than the device has raised plus n
 * for each step of the guest; undefined: it is not bounded by a small one.
 */
export function hostInterruptsPerGuestStep(graph: MappedGraph): number | undefined {
  for (let n = 0; n <= MAX_HOST_INTERRUPTS; n++) if (isBounded(graph, n)) return n;
  return undefined;
}

/** Longest paths by relaxation: none may be worth more than nothing, in the end or on the way. */
function isBounded({ actions, states }: MappedGraph, n: number): boolean {
  const worth: Readonly<Record<Actor, number>> = { device: 0, host: 1, hypervisor: 0, guest: -n };
  const worthOf = actions.map(({ name, by }) => (name === 'the device raises' ? -1 : worth[by]));
  const best = new Float64Array(states.length).fill(Number.NEGATIVE_INFINITY);
  best[0] = 0;
  for (let hasChanged = true; hasChanged; ) {
    hasChanged = false;
    for (let at = 0; at < states.length; at++) {
      if (best[at] === Number.NEGATIVE_INFINITY) continue;
      for (const { action, to } of states[at].edges) {
        const value = best[at] + worthOf[action];
        if (value > 0) return false;
        if (value <= best[to]) continue;
        best[to] = value;
        hasChanged = true;
      }
    }
  }
  return true;
}
