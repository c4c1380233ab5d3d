/** A workload and its parameters as one word, `deep:depth=988,churn=4`: command line, benchmarks and provenance. */
import { UsageError } from '../base/errors.js';
import { findSimilar } from '../base/similar.js';
import { parseParam, resolveParams, type Workload, type WorkloadParams } from './workload.js';

export interface ChosenWorkload {
  readonly workload: Workload;
  readonly params: WorkloadParams;
}

/** The workload of that id. Throws UsageError with the choices. */
export function findWorkload(id: string, workloads: readonly Workload[]): Workload {
  const found = workloads.find((workload) => workload.id === id);
  if (found !== undefined) return found;
  const ids = workloads.map((workload) => workload.id);
  const similar = findSimilar(id, ids);
  const guess = similar === undefined ? '' : ` (Did you mean ${similar}?)`;
  throw new UsageError(`unknown workload '${id}'${guess}; one of: ${ids.join(', ')}`);
}

/**
 * Parses `id` or `id:param=number,…`; `options` are parameters that were given apart from it. Throws UsageError for an
 * unknown workload or parameter, for a value that is no whole number in range, and for a parameter given twice.
 */
export function parseWorkload(
  spec: string,
  workloads: readonly Workload[],
  options: readonly (readonly [name: string, text: string])[] = [],
): ChosenWorkload {
  const [id, tail] = splitOnce(spec, ':', familyLength(spec));
  const workload = findWorkload(id, workloads);
  const given: Record<string, number> = {};
  const written = tail === '' ? [] : tail.split(',').map((assignment) => splitOnce(assignment, '='));
  for (const [name, text] of [...written, ...options]) {
    if (Object.hasOwn(given, name)) throw new UsageError(`workload '${id}': ${name} is given twice`);
    given[name] = parseParam(workload, name, text);
  }
  return { workload, params: resolveParams(workload, given) };
}

/** The command that makes the same bytes again, with every parameter; the output's name does not matter. */
export function commandFor({ id, params: known }: Workload, params: WorkloadParams): string {
  const given = known.filter(({ name }) => name !== 'seed').map(({ name }) => `${name}=${params[name]}`);
  const seed = params.seed === undefined ? '' : ` --seed ${params.seed}`;
  return `vgic-replay gen ${id}:${given.join(',')}${seed} -o ${fileNameFor(id)}`;
}

/** Without its family: a colon is no part of a file name everywhere. */
export const fileNameFor = (id: string): string => `${id.slice(familyLength(id))}.vgt`;

/** Ids of a family have its name in front: `attack:never-ack`. */
export const ATTACK_FAMILY = 'attack:';

const familyLength = (spec: string): number => (spec.startsWith(ATTACK_FAMILY) ? ATTACK_FAMILY.length : 0);

function splitOnce(text: string, separator: string, from = 0): [string, string] {
  const at = text.indexOf(separator, from);
  return at < 0 ? [text, ''] : [text.slice(0, at), text.slice(at + 1)];
}
