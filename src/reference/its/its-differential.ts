/** A model of the ITS against the reference on one random trace, compared after every step. */
import { createGenerator, type Generator } from '../../base/rng.js';
import type { ConformTarget } from '../../conform/target.js';
import type { Machine } from '../../gic/intid.js';
import { ItsTraceGenerator } from './arbitrary-its.js';
import { compareIts, createWatch, type Difference, findDifference, type Watch, watchMapped } from './compare-its.js';
import { pick } from './draw.js';
import { createItsMachine, startIts } from './its-machine.js';
import { type ItsStep, takeItsStep } from './its-steps.js';

export type CreateItsTarget = (machine: Machine) => ConformTarget;

/** Where the two parted. */
export interface ItsDifference extends Difference {
  readonly seed: number;
  readonly machine: Machine;
  /** All steps from the start (`startIts`); the last one showed it. None: the start did. */
  readonly steps: readonly ItsStep[];
}

export interface ItsRun {
  readonly difference: ItsDifference | undefined;
  readonly nrSteps: number;
  /** How often each call gave each result, by "save 0", "MAPTI 68100" (hex for error codes of the ITS). */
  readonly results: ReadonlyMap<string, number>;
}

export const ITS_FLAVOURS: readonly string[] = ['kvm-6.1', 'kvm-7.2', 'kvm-6.19'];
const MAX_VCPUS = 4;
const MAX_LRS = 4;

export const drawItsMachine = (random: Generator, flavours: readonly string[]): Machine =>
  createItsMachine(pick(random, flavours), 1 + random.nextBelow(MAX_VCPUS), 1 + random.nextBelow(MAX_LRS));

/** Kinds of steps after which guest memory is compared as well; others cannot have written any. */
const WRITERS: ReadonlySet<ItsStep['op']> = new Set(['command', 'command-event', 'queue', 'control', 'its-register']);

const nameOf = ({ label }: ItsStep): string => label.split(' ', 1)[0];
const resultName = (result: number): string => (result > 0x10000 ? result.toString(16) : String(result));

/** Both models of one machine, after the same steps. */
class Pair {
  readonly reference: ConformTarget;
  /** Of the last step, as the reference answered. */
  result: number | undefined;
  private readonly core: ConformTarget;
  private readonly watch: Watch;

  constructor(createCore: CreateItsTarget, createReference: CreateItsTarget, machine: Machine) {
    this.core = createCore(machine);
    this.reference = createReference(machine);
    this.watch = createWatch(machine.nrVcpus);
    for (const target of [this.core, this.reference]) startIts(target);
  }

  compare(withMemory: boolean): Difference | undefined {
    return compareIts(this.core, this.reference, this.watch, withMemory);
  }

  /** Both take the step; in what they differ then. `isLast`: look at everything. */
  take(step: ItsStep, isLast: boolean): Difference | undefined {
    const { core, reference, watch } = this;
    this.result = takeItsStep(reference, step);
    const difference = findDifference(() => 'result', takeItsStep(core, step), this.result);
    if (difference) return difference;
    if (step.op === 'memory' || step.op === 'byte') watch.words.add(step.address - (step.address % 8));
    watchMapped(watch, reference);
    return this.compare(isLast || WRITERS.has(step.op));
  }
}

/**
 * Runs `nrSteps` random steps of `seed` on both models, until they differ. The machine is drawn from `flavours` too; it has
 * NR_LPIS LPIs and its distributor is enabled. What the steps are depends on the seed and the reference alone.
 */
export function runItsDifferential(
  createCore: CreateItsTarget,
  createReference: CreateItsTarget,
  seed: number,
  nrSteps: number,
  flavours: readonly string[] = ITS_FLAVOURS,
): ItsRun {
  const random = createGenerator(seed);
  const machine = drawItsMachine(random, flavours);
  const pair = new Pair(createCore, createReference, machine);
  const generator = new ItsTraceGenerator(random, pair.reference);
  const results = new Map<string, number>();
  const steps: ItsStep[] = [];
  let found = pair.compare(true);
  while (!found && steps.length < nrSteps) {
    const step = generator.next();
    steps.push(step);
    found = pair.take(step, steps.length === nrSteps);
    if (pair.result === undefined) continue;
    const name = `${nameOf(step)} ${resultName(pair.result)}`;
    results.set(name, (results.get(name) ?? 0) + 1);
  }
  return { difference: found && { ...found, seed, machine, steps }, nrSteps: steps.length, results };
}

/**
 * Takes steps out of a difference's trace as long as the two models still differ; what is left can be read. It may be
 * another difference, of which the specification says nothing: such as commands while a BASER is not valid, which whole
 * traces leave out.
 */
export function shrinkItsDifference(
  createCore: CreateItsTarget,
  createReference: CreateItsTarget,
  difference: ItsDifference,
): ItsDifference {
  const findIn = (steps: readonly ItsStep[]): ItsDifference | undefined => {
    const pair = new Pair(createCore, createReference, difference.machine);
    for (const [at, step] of steps.entries()) {
      const found = pair.take(step, at === steps.length - 1);
      if (found) return { ...difference, ...found, steps: steps.slice(0, at + 1) };
    }
    return undefined;
  };
  let shortest = difference;
  for (let size = difference.steps.length; size >= 1; size = Math.floor(size / 2)) {
    for (let start = shortest.steps.length - size; start >= 0; start -= size) {
      const kept = [...shortest.steps.slice(0, start), ...shortest.steps.slice(start + size)];
      shortest = findIn(kept) ?? shortest;
    }
  }
  return shortest;
}
