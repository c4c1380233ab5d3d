/** A model of the ITS against the reference on one random trace, compared after every step. */
import { createGenerator, type Generator } from '../../base/rng.js';
import type { ConformTarget } from '../../conform/target.js';
import type { Machine } from '../../gic/intid.js';
import { ItsTraceGenerator } from './arbitrary-its.js';
import { compareIts, createWatch, type Difference, findDifference, watchMapped } from './compare-its.js';
import { pick } from './draw.js';
import { createItsMachine, startIts } from './its-machine.js';
import { type ItsStep, takeItsStep } from './its-steps.js';

export type CreateItsTarget = (machine: Machine) => ConformTarget;

/** Where the two parted. */
export interface ItsDifference extends Difference {
  readonly seed: number;
  readonly machine: Machine;
  /** Counted from 1; 0: already the start. */
  readonly step: number;
  /** The last steps before it and, last of all, the step itself. */
  readonly history: readonly string[];
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
const HISTORY = 25;

export const drawItsMachine = (random: Generator, flavours: readonly string[]): Machine =>
  createItsMachine(pick(random, flavours), 1 + random.nextBelow(MAX_VCPUS), 1 + random.nextBelow(MAX_LRS));

/** Kinds of steps after which guest memory is compared as well; others cannot have written any. */
const WRITERS: ReadonlySet<ItsStep['op']> = new Set(['command', 'command-event', 'queue', 'control', 'its-register']);

const nameOf = ({ label }: ItsStep): string => label.split(' ', 1)[0];
const resultName = (result: number): string => (result > 0x10000 ? result.toString(16) : String(result));

/**
 * Runs `steps` random steps of `seed` on both models, until they differ. The machine is drawn from `flavours` too; it has
 * NR_LPIS LPIs and its distributor is enabled. What the steps are depends on the seed and the reference alone.
 */
export function runItsDifferential(
  createCore: CreateItsTarget,
  createReference: CreateItsTarget,
  seed: number,
  steps: number,
  flavours: readonly string[] = ITS_FLAVOURS,
): ItsRun {
  const random = createGenerator(seed);
  const machine = drawItsMachine(random, flavours);
  const core = createCore(machine);
  const reference = createReference(machine);
  for (const target of [core, reference]) startIts(target);
  const generator = new ItsTraceGenerator(random, reference);
  const watch = createWatch(machine.nrVcpus);
  const results = new Map<string, number>();
  const history: string[] = [];
  const end = (step: number, found: Difference | undefined): ItsRun => ({
    difference: found && { ...found, seed, machine, step, history: [...history] },
    nrSteps: step,
    results,
  });

  const atStart = compareIts(core, reference, watch);
  if (atStart) return end(0, atStart);
  for (let at = 1; at <= steps; at++) {
    const step = generator.next();
    history.push(step.label);
    if (history.length > HISTORY) history.shift();
    const result = takeItsStep(reference, step);
    const difference = findDifference(() => 'result', takeItsStep(core, step), result);
    if (difference) return end(at, difference);
    if (result !== undefined) {
      const name = `${nameOf(step)} ${resultName(result)}`;
      results.set(name, (results.get(name) ?? 0) + 1);
    }
    if (step.op === 'memory' || step.op === 'byte') watch.words.add(step.address - (step.address % 8));
    watchMapped(watch, reference);
    const found = compareIts(core, reference, watch, WRITERS.has(step.op) || at === steps);
    if (found) return end(at, found);
  }
  return end(steps, undefined);
}
