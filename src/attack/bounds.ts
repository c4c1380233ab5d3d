/** The declared worst case of a strategy (strategy.ts) for one guest program. */
import { flavourNamed } from '../gic/flavour/index.js';
import { MAX_NR_LR, NR_PRIVATE_IRQS } from '../gic/intid.js';
import { type GuestProgram, interruptsOn, type Op, type ProgramSize, programMachine } from '../hostile/program.js';
import { strategyNamed } from '../strategy/index.js';
import type { WorstCase, WorstCases, WorstSize } from '../strategy/strategy.js';
import { dimensions } from './dimensions.js';
import type { Target } from './evaluate.js';

/** What a target declares for each path. */
export function declaredBy({ flavour, strategy: spec }: Target): WorstCases {
  const { strategy, params } = strategyNamed(spec);
  return strategy.worst(flavourNamed(flavour), params);
}

/** The declared worst case behind a dimension, or undefined. */
export function worstCaseOf(target: Target, dimension: number): WorstCase | undefined {
  const path = dimensions[dimension].boundedBy;
  return path === undefined ? undefined : declaredBy(target)[path];
}

/** What the declared worst case depends on, for a program at a size. */
export function worstSizeOf(program: GuestProgram, size: ProgramSize, { flavour, strategy }: Target): WorstSize {
  const machine = programMachine(program, size, flavour, flavourNamed(flavour).isXen);
  const { spis, lpis } = interruptsOn(program, size, machine);
  const { nrVcpus, model } = machine;
  const k = strategyNamed(strategy).strategy.lrs === 'unlimited' ? MAX_NR_LR : machine.nrLr;
  // One vCPU has a bound of its own, which is no measure of how bad a guest can be.
  return { n: spis + lpis + privateRows(program, nrVcpus), k, lpis, vcpus: Math.max(2, nrVcpus), model, mapped: false };
}

/** Most steps of one call that `target` declares for the dimension; undefined: it declares nothing. */
export function boundOf(
  target: Target,
  dimension: number,
  program: GuestProgram,
  size: ProgramSize,
): number | undefined {
  return worstCaseOf(target, dimension)?.steps(worstSizeOf(program, size, target));
}

/** The same of the guest that has the worst interrupt controller. */
export function mostOf(
  target: Target,
  dimension: number,
  program: GuestProgram,
  size: ProgramSize,
): number | undefined {
  return worstCaseOf(target, dimension)?.steps({ ...worstSizeOf(program, size, target), model: undefined });
}

/** Private interrupts that a program can make pending: one row each for every vCPU that may have it. */
function privateRows({ setUp, round }: GuestProgram, vcpus: number): number {
  const rows = new Set<number>();
  const ofOp = ({ verb, value, vcpu }: Op): void => {
    const own = NR_PRIVATE_IRQS * (vcpu % vcpus);
    if (verb === 'pend-private') rows.add(own + (value & 31));
    if (verb !== 'sgi') return;
    const sgi = value & 15;
    if ((value & 16) !== 0) rows.add(sgi);
    else
      for (let base = 0; base < NR_PRIVATE_IRQS * vcpus; base += NR_PRIVATE_IRQS)
        if (base !== own) rows.add(base + sgi);
  };
  setUp.forEach(ofOp);
  round.forEach(ofOp);
  return rows.size;
}
