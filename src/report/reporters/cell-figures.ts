/** One cell as formats without structure see it: its name, whether it is sound, its exact figures by name, all of them better when smaller. */
import { type CellResult, PATH_NAMES } from '../../replay/result.js';

/** "trace/flavour/strategy", as in a comparison; with the trace's hash where two traces of one name were replayed. */
export function nameCells(cells: readonly CellResult[]): Map<CellResult, string> {
  const plain = ({ exact: { trace, strategy } }: CellResult): string =>
    `${trace.name}/${trace.machine.flavour}/${strategy.id}`;
  const count = new Map<string, number>();
  for (const cell of cells) count.set(plain(cell), (count.get(plain(cell)) ?? 0) + 1);
  return new Map(
    cells.map((cell) => {
      const name = plain(cell);
      return [cell, count.get(name) === 1 ? name : `${cell.exact.trace.sha256.slice(0, HASH_DIGITS)}:${name}`];
    }),
  );
}

const HASH_DIGITS = 12;

export interface Figure {
  /** Kebab-case: "flush-max-steps". */
  readonly id: string;
  readonly unit: 'steps' | 'entries' | 'interrupts';
  readonly value: number;
}

/** Steps of the whole replay, of each path that ran and of its longest call; depth; harm to the guest. */
export function figuresOf({ exact }: CellResult): Figure[] {
  const { paths, amplification, depthAtFlush, harm } = exact;
  const ofPaths = PATH_NAMES.filter((path) => paths[path].calls > 0).flatMap((path): Figure[] => [
    { id: `${path}-steps`, unit: 'steps', value: paths[path].steps.sum },
    { id: `${path}-max-steps`, unit: 'steps', value: paths[path].steps.max },
  ]);
  return [
    { id: 'steps', unit: 'steps', value: amplification.steps },
    ...ofPaths,
    { id: 'max-depth', unit: 'interrupts', value: depthAtFlush.at(-1)?.[0] ?? 0 },
    { id: 'inverted-entries', unit: 'entries', value: harm.inversions.entries },
    { id: 'longest-wait', unit: 'entries', value: harm.waiting.longest },
    { id: 'lost', unit: 'interrupts', value: harm.lost },
  ];
}

/**
 * 'ok'; 'stopped': the hypervisor stopped for good, which is a result, not a fault of the run; 'failed': the declared
 * class of the strategy does not hold; 'error': the strategy threw.
 */
export interface CellStatus {
  readonly status: 'ok' | 'stopped' | 'failed' | 'error';
  /** One sentence; empty if there is nothing to say. */
  readonly reason: string;
}

export function statusOf({ exact: { stopped, equivalence } }: CellResult): CellStatus {
  if (stopped?.kind === 'strategy-fault')
    return { status: 'error', reason: `event ${stopped.event}: ${stopped.reason}` };
  if (!equivalence.holds)
    return {
      status: 'failed',
      reason: `event ${equivalence.firstViolation}: declares '${equivalence.declared}' and is not`,
    };
  if (stopped !== null)
    return { status: 'stopped', reason: `the hypervisor stops at event ${stopped.event}: ${stopped.reason}` };
  return { status: 'ok', reason: '' };
}
