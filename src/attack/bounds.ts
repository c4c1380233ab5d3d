/** The declared worst case of a strategy (strategy.ts) for one guest program. */
import { flavourNamed } from '../gic/flavour/index.js';
import { type GuestProgram, type Op, type ProgramSize, programMachine } from '../hostile/program.js';
import { strategyNamed } from '../strategy/index.js';
import type { WorstCase, WorstSize } from '../strategy/strategy.js';
import { dimensions } from './dimensions.js';
import { interruptsOn, type Target } from './evaluate.js';

/** The declared worst case behind a dimension, or undefined. */
export function worstCaseOf({ flavour, strategy: spec }: Target, dimension: number): WorstCase | undefined {
  const path = dimensions[dimension].boundedBy;
  if (path === undefined) return undefined;
  const { strategy, params } = strategyNamed(spec);
  return strategy.worst(flavourNamed(flavour), params)[path];
}

/** What the declared worst case depends on, for a program at a size. */
function worstSizeOf(program: GuestProgram, size: ProgramSize, flavour: string): WorstSize {
  const machine = programMachine(program, size, flavour, flavourNamed(flavour).isXen);
  const { spis, lpis } = interruptsOn(program, size, machine);
  const { nrVcpus, nrLr: k, model } = machine;
  // One vCPU has a bound of its own, which is no measure of how bad a guest can be.
  return { n: spis + lpis + sgiRows(program, nrVcpus), k, lpis, vcpus: Math.max(2, nrVcpus), model };
}

/** Most steps of one call that `target` declares for the dimension; undefined: it declares nothing. */
export function boundOf(
  target: Target,
  dimension: number,
  program: GuestProgram,
  size: ProgramSize,
): number | undefined {
  return worstCaseOf(target, dimension)?.steps(worstSizeOf(program, size, target.flavour));
}

/** SGIs that a program can make pending: one row each for every vCPU that receives it. */
function sgiRows({ setUp, round }: GuestProgram, vcpus: number): number {
  const rows = new Set<number>();
  const ofOp = ({ verb, value, vcpu }: Op): void => {
    if (verb !== 'sgi') return;
    const sgi = value & 15;
    if ((value & 16) !== 0) rows.add(sgi);
    else for (let receiver = 0; receiver < vcpus; receiver++) if (receiver !== vcpu % vcpus) rows.add(16 * receiver + sgi);
  };
  setUp.forEach(ofOp);
  round.forEach(ofOp);
  return rows.size;
}
