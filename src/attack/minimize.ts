/**
 * The shortest program that still reaches what is demanded: operations are left out (ddmin, then one by one until none can
 * go), then what is left is made plainer: fewer rounds and vCPUs, values 0, spans whole, orders up.
 */
import { type GuestProgram, type Op, type ProgramSize, SHARES } from '../hostile/program.js';
import type { Evaluator, Target } from './evaluate.js';

/** `figure` of the dimension must not fall below `atLeast` under the target. */
export interface Demand {
  readonly target: Target;
  /** Index into dimensions.ts. */
  readonly dimension: number;
  readonly atLeast: number;
}

/** Does the program meet all demands at this size? */
export const meets = (
  evaluator: Evaluator,
  program: GuestProgram,
  size: ProgramSize,
  demands: readonly Demand[],
): boolean =>
  demands.every(({ target, dimension, atLeast }) => {
    const { figures } = evaluator.evaluate(program, target, size);
    return figures !== undefined && figures[dimension] >= atLeast;
  });

/** `holds(program)` must be true; the result is one that no single step of this file makes shorter or plainer. */
export function minimizeProgram(program: GuestProgram, holds: (program: GuestProgram) => boolean): GuestProgram {
  let best = program;
  const accept = (candidate: GuestProgram): boolean => {
    if (!holds(candidate)) return false;
    best = candidate;
    return true;
  };
  for (let before = ''; before !== JSON.stringify(best); ) {
    before = JSON.stringify(best);
    for (const part of ['setUp', 'round'] as const) shorten(best[part], (ops) => accept({ ...best, [part]: ops }));
    unroll(() => best, accept);
    for (const rounds of [0, 1, best.rounds >> 1, best.rounds - 1])
      if (rounds >= 0 && rounds < best.rounds && accept({ ...best, rounds })) break;
    for (let vcpus = 1; vcpus < best.vcpus; vcpus++) if (accept({ ...best, vcpus })) break;
    for (const part of ['setUp', 'round'] as const)
      for (let at = 0; at < best[part].length; at++)
        for (const plainer of plainerOps(best[part][at]))
          accept({ ...best, [part]: best[part].map((op, place) => (place === at ? plainer(op) : op)) });
    if (best.model === 'gicv2') accept({ ...best, model: 'gicv3' });
  }
  return best;
}

/** Rounds that run once are set-up. */
function unroll(best: () => GuestProgram, accept: (candidate: GuestProgram) => boolean): void {
  const { setUp, round, rounds } = best();
  if (rounds === 1 && round.length > 0) accept({ ...best(), setUp: [...setUp, ...round], round: [], rounds: 0 });
  if (round.length === 0 && rounds > 0) accept({ ...best(), rounds: 0 });
}

/** Delta debugging (Zeller and Hildebrandt): halves, quarters and so on are left out, single operations last. */
function shorten(ops: readonly Op[], accept: (ops: readonly Op[]) => boolean): void {
  let left = [...ops];
  for (let size = Math.max(1, left.length >> 1); left.length > 0; ) {
    let removed = false;
    for (let from = 0; from < left.length; ) {
      const without = [...left.slice(0, from), ...left.slice(from + size)];
      if (accept(without)) {
        left = without;
        removed = true;
      } else from += size;
    }
    // One more pass over single ones as long as one of them goes.
    if (size === 1 && !removed) return;
    size = Math.max(1, size >> 1);
  }
}

/** Changes that make an operation plainer; those that would change nothing are left out. */
function plainerOps(op: Op): ((op: Op) => Op)[] {
  const changes: ((op: Op) => Op)[] = [];
  if (op.slides) changes.push((from) => ({ ...from, slides: false }));
  if (op.order !== 'up') changes.push((from) => ({ ...from, order: 'up' }));
  if (op.value !== 0) changes.push((from) => ({ ...from, value: 0 }));
  if (op.vcpu !== 0) changes.push((from) => ({ ...from, vcpu: 0 }));
  const isWhole = op.from === 0 && op.to === SHARES;
  const isNothing = op.from === 0 && op.to === 0;
  if (!isWhole && !isNothing) {
    changes.push((from) => ({ ...from, from: 0, to: SHARES }));
    if (op.to - op.from < SHARES / 2) changes.push((from) => ({ ...from, from: 0, to: SHARES / 2 }));
  }
  return changes;
}
