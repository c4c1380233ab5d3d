/** Holds what a strategy declares of its longest calls against what a replay counts. */

import type { ChosenStrategy } from '../strategy/index.js';
import { METRIC_STEPS, NR_METRICS } from '../vgic/counters.js';
import type { Vgic } from '../vgic/vgic.js';
import { PATH_NAMES, type PathName } from './result.js';

/** A call that was longer than the strategy declares. */
export interface WorstBreach {
  readonly path: PathName;
  readonly steps: number;
  readonly declared: number;
  /** Most interrupts that were queued so far. */
  readonly n: number;
}

export interface WorstWatch {
  /** After an event: the first call so far that was longer than declared, or null. */
  after(): WorstBreach | null;
  /** The longest call of a path so far, and what is declared for as many interrupts as were queued. */
  longest(path: PathName): { readonly steps: number; readonly declared: number };
}

/** Counted build only. */
export function createWorstWatch({ state }: Vgic, { strategy, params }: ChosenStrategy): WorstWatch {
  const { cost, queuedRows, machine, flavour } = state;
  const worst = strategy.worst(flavour, params);
  const seen = new Float64Array(PATH_NAMES.length);
  let most = 0;
  let breach: WorstBreach | null = null;

  const declared = (path: PathName): number =>
    worst[path].steps({ n: most, k: machine.nrLr, vcpus: machine.nrVcpus, model: machine.model });
  const counted = (path: number): number => cost.max[path * NR_METRICS + METRIC_STEPS];

  return {
    after() {
      let queued = 0;
      for (let vcpu = 0; vcpu < queuedRows.length; vcpu++) queued += queuedRows[vcpu];
      if (queued > most) most = queued;
      for (let path = 0; path < seen.length; path++) {
        const steps = counted(path);
        if (steps === seen[path]) continue;
        seen[path] = steps;
        const bound = declared(PATH_NAMES[path]);
        if (steps > bound) breach ??= { path: PATH_NAMES[path], steps, declared: bound, n: most };
      }
      return breach;
    },
    longest: (path) => ({ steps: counted(PATH_NAMES.indexOf(path)), declared: declared(path) }),
  };
}
