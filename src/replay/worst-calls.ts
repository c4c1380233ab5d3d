/** Where the longest call of each path is: the first that took so many steps. Counted build only. */
import { wordVcpu } from '../trace/events.js';
import { METRIC_STEPS, NR_METRICS } from '../vgic/counters.js';
import type { Vgic } from '../vgic/vgic.js';
import { type CallPlace, PATH_NAMES, type PathName } from './result.js';

export interface WorstCalls {
  /** After an event. */
  after(word: number, event: number): void;
  places(): Record<PathName, CallPlace | null>;
}

export function createWorstCalls({ state: { cost } }: Vgic): WorstCalls {
  const seen = new Float64Array(PATH_NAMES.length);
  const eventOf = new Float64Array(PATH_NAMES.length).fill(-1);
  const vcpuOf = new Int32Array(PATH_NAMES.length);
  return {
    after(word, event) {
      for (let path = 0; path < seen.length; path++) {
        const steps = cost.max[path * NR_METRICS + METRIC_STEPS];
        if (steps === seen[path]) continue;
        seen[path] = steps;
        eventOf[path] = event;
        vcpuOf[path] = wordVcpu(word);
      }
    },
    places() {
      const place = (path: number): CallPlace | null =>
        eventOf[path] < 0 ? null : { event: eventOf[path], vcpu: vcpuOf[path] };
      return Object.fromEntries(PATH_NAMES.map((name, path) => [name, place(path)])) as Record<
        PathName,
        CallPlace | null
      >;
    },
  };
}
