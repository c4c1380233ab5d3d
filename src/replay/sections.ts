/**
 * Critical sections: how long the hypervisor works in one go with interrupts off (vgic-spec 1.23). A section's length is
 * counted in modelled steps: list nodes visited, comparisons, locks taken, list registers written. Most are a path of
 * vgic/counters.ts; those that a path shares with others have counters of their own there. An exit that comes as FOLD and
 * PRUNE events is counted in its parts alone, since other CPUs' steps lie between them.
 */
import * as Counters from '../vgic/counters.js';
import type { Vgic } from '../vgic/vgic.js';
import type { Metric } from './result.js';

export type SectionId =
  | 'append'
  | 'key-change'
  | 'flush'
  | 'fold'
  | 'prune'
  | 'exit'
  | 'pending-test'
  | 'dist-enable'
  | 'dist-enable-all'
  | 'lpis-off'
  | 'broadcast';

export interface Section {
  readonly id: SectionId;
  readonly title: string;
  /** False: the parts of it run with interrupts off, not the whole. */
  readonly isOneStretch: boolean;
  /** Its steps are in another section's too. */
  readonly isPartOf: SectionId | null;
}

/** A path, or a section counter. */
type Source = { readonly path: number } | { readonly counter: number };

const SECTIONS: readonly (Section & Source)[] = [
  {
    id: 'append',
    title: 'injection, SGI or register write that may queue',
    isOneStretch: true,
    isPartOf: null,
    path: Counters.PATH_INJECT,
  },
  {
    id: 'key-change',
    title: 'register write that changes the key of a queued interrupt',
    isOneStretch: true,
    isPartOf: null,
    counter: Counters.SECTION_KEY_CHANGE,
  },
  { id: 'flush', title: 'guest entry: flush', isOneStretch: true, isPartOf: null, path: Counters.PATH_FLUSH },
  {
    id: 'exit',
    title: 'guest exit: fold and prune',
    isOneStretch: true,
    isPartOf: null,
    counter: Counters.SECTION_EXIT,
  },
  { id: 'fold', title: 'fold', isOneStretch: true, isPartOf: 'exit', path: Counters.PATH_FOLD },
  { id: 'prune', title: 'prune', isOneStretch: true, isPartOf: 'exit', path: Counters.PATH_PRUNE },
  {
    id: 'pending-test',
    title: 'pending test of one vCPU, whoever asks',
    isOneStretch: true,
    isPartOf: null,
    path: Counters.PATH_PENDING,
  },
  {
    id: 'dist-enable',
    title: 'GICD_CTLR 0 to 1: pending test of one vCPU',
    isOneStretch: true,
    isPartOf: 'pending-test',
    counter: Counters.SECTION_DIST_ON,
  },
  {
    id: 'dist-enable-all',
    title: 'GICD_CTLR 0 to 1: pending tests of all vCPUs',
    isOneStretch: false,
    isPartOf: 'pending-test',
    counter: Counters.SECTION_DIST_ON_ALL,
  },
  {
    id: 'lpis-off',
    title: 'EnableLPIs 1 to 0: LPIs leave the list',
    isOneStretch: true,
    isPartOf: null,
    counter: Counters.SECTION_LPIS_OFF,
  },
  {
    id: 'broadcast',
    title: 'request to all vCPUs; a step is a vCPU asked',
    isOneStretch: false,
    isPartOf: null,
    counter: Counters.SECTION_BROADCAST,
  },
];

export interface SectionCost extends Metric {
  readonly section: Section;
  readonly calls: number;
}

/** All sections of a model, those that never ran included. */
export function criticalSections({ state: { cost } }: Vgic): SectionCost[] {
  return SECTIONS.map((source) => {
    const { id, title, isOneStretch, isPartOf } = source;
    const section = { id, title, isOneStretch, isPartOf };
    if ('path' in source) {
      const { path } = source;
      const at = path * Counters.NR_METRICS + Counters.METRIC_STEPS;
      const hist = cost.histogram(path, Counters.METRIC_STEPS);
      return { section, calls: cost.calls[path], sum: cost.sum[at], max: cost.max[at], hist };
    }
    const { counter } = source;
    const hist = cost.sectionHistogram(counter);
    return {
      section,
      calls: cost.sectionCalls[counter],
      sum: cost.sectionSum[counter],
      max: cost.sectionMax[counter],
      hist,
    };
  });
}

/**
 * A number that at least the share `p` of the calls did not exceed: the end of a bucket (2^b - 1), or the maximum if that is
 * less. null for a section that never ran.
 */
export function quantileAtMost({ hist, max }: Metric, p: number): number | null {
  const total = hist.reduce((sum, count) => sum + count, 0);
  if (total === 0) return null;
  let seen = 0;
  for (let bucket = 0; bucket < hist.length; bucket++) {
    seen += hist[bucket];
    if (seen >= p * total) return Math.min(2 ** bucket - 1, max);
  }
  return max;
}
