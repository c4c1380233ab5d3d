/** How far a run is: a bar, on a terminal alone. */
import type { Unit } from '../run/unit.js';
import type { Terminal } from './terminal.js';

export interface UnitProgress {
  done(unit: Unit): void;
  stop(): void;
}

const BAR_WIDTH = 20;

/** `finished`: ids of units that an earlier run has done. The time left goes by the cost of units. */
export async function startProgress(
  terminal: Terminal,
  units: readonly Unit[],
  finished: ReadonlySet<string>,
): Promise<UnitProgress> {
  if (!terminal.isErrTty || units.length === 0) return { done() {}, stop() {} };
  const total = units.reduce((sum, { cost }) => sum + cost, 0);
  let nrDone = finished.size;
  let cost = units.filter(({ id }) => finished.has(id)).reduce((sum, unit) => sum + unit.cost, 0);
  const { SingleBar } = await import('cli-progress');
  const bar = new SingleBar({
    format: (options, { progress, eta }) => {
      const filled = Math.round(progress * BAR_WIDTH);
      const full = options.barCompleteString?.slice(0, filled) ?? '';
      const rest = options.barIncompleteString?.slice(0, BAR_WIDTH - filled) ?? '';
      return `${full}${rest} ${Math.floor(100 * progress)} % | ${nrDone} of ${units.length} units | ETA ${eta} s`;
    },
    barsize: BAR_WIDTH,
    clearOnComplete: true,
    linewrap: null,
  });
  bar.start(total, cost);
  return {
    done(unit) {
      nrDone += 1;
      cost += unit.cost;
      bar.update(cost);
    },
    stop: () => bar.stop(),
  };
}
