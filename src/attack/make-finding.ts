/** A program of the archive → the finding that is kept: minimal, with what it reaches everywhere and the trace's hash. */
import { createHash } from 'node:crypto';
import type { GuestProgram } from '../hostile/program.js';
import type { Covering } from './cover.js';
import { reachedBy } from './cover.js';
import { dimensionIndex, dimensions } from './dimensions.js';
import { createEvaluator, type Target } from './evaluate.js';
import { type Finding, findingName } from './finding.js';
import { type Demand, meets, minimizeProgram } from './minimize.js';
import { traceOfProgram } from './program-trace.js';
import { largeLimits, type SearchSettings, smallLimits } from './search.js';

export interface FindingRequest {
  readonly settings: SearchSettings;
  readonly covering: Covering;
  /** Of each figure that the minimal program must reach. */
  readonly share: number;
  readonly commands: readonly string[];
}

/**
 * Most steps are tried at the small size, where they are cheap; what that leaves must do at the size that counts, and is
 * made minimal there.
 */
export function makeFinding({ settings, covering, share, commands }: FindingRequest): {
  finding: Finding;
  trace: Uint8Array;
} {
  const { attacker, small, large } = settings;
  const { dimension, program, targets } = covering;
  const atLarge = createEvaluator(attacker, largeLimits(settings));
  const atSmall = createEvaluator(attacker, smallLimits(settings));
  const demands = targets.map((target) => ({ target, dimension, atLeast: share * target.figure }));
  const figureOf = (target: Target): number => atSmall.evaluate(program, target, small).figures?.[dimension] ?? 0;
  const smallDemands: Demand[] = targets.map((target) => ({ target, dimension, atLeast: share * figureOf(target) }));
  const holds = (candidate: GuestProgram): boolean => meets(atLarge, candidate, large, demands);
  const shrunk = minimizeProgram(program, (candidate) => meets(atSmall, candidate, small, smallDemands));
  const minimal = minimizeProgram(holds(shrunk) ? shrunk : program, holds);
  const reached = reachedBy(atLarge, minimal, large, dimension, targets);
  const { id } = dimensions[dimension];
  const unnamed: Unhashed = {
    name: findingName(id, reached[0]),
    dimension: id,
    size: large,
    attacker,
    program: minimal,
    reached,
    commands,
  };
  const trace = traceOfFinding(unnamed);
  return { finding: { ...unnamed, traceSha256: createHash('sha256').update(trace).digest('hex') }, trace };
}

type Unhashed = Omit<Finding, 'traceSha256'>;

/** The bytes of NAME.vgt, for the flavour it was found on. */
export function traceOfFinding({ name, dimension, size, attacker, program, reached, commands }: Unhashed): Uint8Array {
  const { title } = dimensions[dimensionIndex(dimension)];
  return traceOfProgram({
    name,
    title: `Found by attack: ${title}`,
    program,
    size,
    attacker,
    flavour: reached[0].flavour,
    how: commands.join('; '),
  });
}
