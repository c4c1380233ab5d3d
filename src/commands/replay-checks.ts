/** What every replay must show before its figures count: a sound trace, and strategies that are what they declare. */
import { FidelityError, InputError } from '../base/errors.js';
import type { CellResult } from '../replay/result.js';
import type { OpenInput } from './inputs.js';

/** No strategy promises anything for events that cannot follow one another (two entries without an exit): exit 4. */
export function requireSoundTrace(path: string, input: OpenInput): void {
  const [problem] = input.validate().problems;
  if (problem === undefined) return;
  const remedy = 'no strategy can be judged by it: see "vgic-replay validate", correct it or import it again';
  throw new InputError(path === '-' ? 'standard input' : path, problem.place, problem.what, remedy);
}

/** A declared class that does not hold, and an exception, are faults of the strategy: exit 5. */
export function requireClasses(cells: readonly CellResult[]): void {
  for (const { exact } of cells) {
    const { stopped, trace, strategy } = exact;
    if (stopped?.kind === 'strategy-fault')
      throw new FidelityError(
        `${trace.name}: event ${stopped.event}: ${stopped.reason}; correct ${strategy.outside?.file ?? 'it'}, then try "vgic-replay contract" on it`,
      );
    const { declared, holds, firstViolation } = exact.equivalence;
    if (holds) continue;
    throw new FidelityError(
      `${trace.name}: event ${firstViolation}: strategy ${strategy.id} declares '${declared}' and is not; ${strategy.outside === undefined ? 'report it with the trace' : `correct ${strategy.outside.file}`}`,
    );
  }
}
