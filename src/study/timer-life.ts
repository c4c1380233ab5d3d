/**
 * All orders in which a VM of a few vCPUs can be put together and run, counted: vgic-spec 5.4. The machine's states form a
 * graph of a few hundred nodes; sequences are paths in it, so that all of a length are counted without a walk along each.
 */
import {
  createLifeMachine,
  HARM_HOST,
  HARMS,
  type LifeMachine,
  type LifeOptions,
  type LifeStep,
} from './timer-life-machine.js';

export interface LifeCount {
  /** Sequences of 1 to `maxLength` steps; those with a vgic accepted after a run; those in which something went wrong. */
  readonly sequences: number;
  readonly late: number;
  readonly harmful: number;
  /** Of the harmful ones: by harm, in the order of HARMS. */
  readonly byHarm: readonly number[];
  readonly harmsHost: number;
  /** The first of the shortest ones, in the order of `lifeSteps`. */
  readonly shortest: readonly LifeStep[] | null;
  /** By harm: the first of the shortest ones. */
  readonly shortestByHarm: readonly (readonly LifeStep[] | null)[];
  /** Harmful sequences of each length, 1 first. */
  readonly harmfulByLength: readonly number[];
  readonly sequencesByLength: readonly number[];
  /** States of the machine that were reached. */
  readonly states: number;
}

/** `splits`: the creation of a vCPU is two steps, between which others come. */
export function lifeSteps(nrVcpus: number, splits: boolean): LifeStep[] {
  const kinds = splits ? (['begin', 'finish'] as const) : (['create'] as const);
  const vcpus = Array.from({ length: nrVcpus }, (_, vcpu) => vcpu);
  const each = (kind: LifeStep['kind']): LifeStep[] => vcpus.map((vcpu) => ({ kind, vcpu }));
  return [
    ...kinds.flatMap(each),
    { kind: 'vgic', vcpu: 0 },
    { kind: 'init', vcpu: 0 },
    ...each('run'),
    ...each('fire'),
    ...each('again'),
  ];
}

interface Node {
  /** One of the shortest ways to it. */
  readonly path: readonly LifeStep[];
  readonly isLate: boolean;
  readonly edges: { readonly step: LifeStep; readonly harm: number; readonly to: number }[];
}

function replay(machine: LifeMachine, path: readonly LifeStep[]): void {
  machine.reset();
  for (const step of path) machine.apply(step);
}

/** States within `maxLength` steps of the start, nearest first. */
function exploreStates(machine: LifeMachine, steps: readonly LifeStep[], maxLength: number): Node[] {
  machine.reset();
  const nodes: Node[] = [{ path: [], isLate: false, edges: [] }];
  const places = new Map<string, number>([[machine.key(), 0]]);
  for (let at = 0; at < nodes.length; at++) {
    const { path, edges } = nodes[at];
    if (path.length === maxLength) continue;
    replay(machine, path);
    for (const step of steps.filter(machine.isPossible)) {
      replay(machine, path);
      const harm = machine.apply(step);
      const key = machine.key();
      let to = places.get(key);
      if (to === undefined) {
        to = nodes.length;
        places.set(key, to);
        nodes.push({ path: [...path, step], isLate: machine.hasLateVgic(), edges: [] });
      }
      edges.push({ step, harm, to });
    }
  }
  return nodes;
}

/** The first of the shortest sequences that show a harm of `mask`. */
function findShortest(nodes: readonly Node[], mask: number): LifeStep[] | null {
  // Nodes lie in the order of their distance.
  for (const { path, edges } of nodes) {
    const edge = edges.find(({ harm }) => (harm & mask) !== 0);
    if (edge !== undefined) return [...path, edge.step];
  }
  return null;
}

const ALL_HARMS = HARMS.reduce((mask, { bit }) => mask | bit, 0);

export function countLives(options: LifeOptions & { readonly splits: boolean; readonly maxLength: number }): LifeCount {
  const { maxLength, nrVcpus, splits } = options;
  const nodes = exploreStates(createLifeMachine(options), lifeSteps(nrVcpus, splits), maxLength);
  const nrSets = ALL_HARMS + 1;
  // ways[node * nrSets + harms seen]: sequences of the present length that end there. Below 2^53 up to length 13.
  let ways = new Float64Array(nodes.length * nrSets);
  ways[0] = 1;
  const byHarm = HARMS.map(() => 0);
  const sequencesByLength: number[] = [];
  const harmfulByLength: number[] = [];
  let late = 0;
  for (let length = 1; length <= maxLength; length++) {
    const next = new Float64Array(ways.length);
    for (let at = 0; at < nodes.length; at++)
      for (let seen = 0; seen < nrSets; seen++) {
        const count = ways[at * nrSets + seen];
        if (count > 0) for (const { harm, to } of nodes[at].edges) next[to * nrSets + (seen | harm)] += count;
      }
    ways = next;
    let all = 0;
    let harmful = 0;
    for (let place = 0; place < ways.length; place++) {
      const count = ways[place];
      if (count === 0) continue;
      const seen = place % nrSets;
      all += count;
      if (seen !== 0) harmful += count;
      if (nodes[(place - seen) / nrSets].isLate) late += count;
      HARMS.forEach(({ bit }, harm) => {
        if ((seen & bit) !== 0) byHarm[harm] += count;
      });
    }
    sequencesByLength.push(all);
    harmfulByLength.push(harmful);
  }
  const sum = (counts: readonly number[]): number => counts.reduce((total, count) => total + count, 0);
  return {
    sequences: sum(sequencesByLength),
    late,
    harmful: sum(harmfulByLength),
    byHarm,
    harmsHost: byHarm[HARMS.findIndex(({ bit }) => bit === HARM_HOST)],
    shortest: findShortest(nodes, ALL_HARMS),
    shortestByHarm: HARMS.map(({ bit }) => findShortest(nodes, bit)),
    sequencesByLength,
    harmfulByLength,
    states: nodes.length,
  };
}

const STEP_NAMES: Readonly<Record<LifeStep['kind'], (vcpu: number) => string>> = {
  create: (vcpu) => `create vCPU ${vcpu}`,
  begin: (vcpu) => `begin vCPU ${vcpu}`,
  finish: (vcpu) => `finish vCPU ${vcpu}`,
  vgic: () => 'create vgic',
  init: () => 'initialise',
  run: (vcpu) => `first run ${vcpu}`,
  fire: (vcpu) => `timer ${vcpu} fires`,
  again: (vcpu) => `guest ${vcpu} runs`,
};

export const describeSteps = (steps: readonly LifeStep[]): string =>
  steps.map(({ kind, vcpu }) => STEP_NAMES[kind](vcpu)).join(', ');
