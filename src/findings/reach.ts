/** The longest stretch of work that a guest reaches under each strategy and flavour, and what the strategy declares. */
import { growthCurves, SUBJECTS } from '../attack/growth.js';
import { NR_LPIS } from '../gic/intid.js';
import { sectionNamed } from '../replay/sections.js';
import type { ChosenStrategy } from '../strategy/index.js';
import type { Growth } from '../strategy/strategy.js';
import type { Catalogue } from './catalogue.js';

/** SPIs that KVM and Xen give a guest (vgic-spec 8.1): what a guest without an ITS queues at most. */
export const SPIS = 960;
/** Ends before the depth that takes more: the page is made in minutes. */
const MAX_WORK = 5e6;
const DEPTHS = { spi: [240, 480, SPIS], lpi: [2048, 8192, NR_LPIS] };
const NR_LR = 4;

/** The longest call of one section. */
export interface Longest {
  readonly flavour: string;
  readonly strategy: string;
  /** As attack/growth.ts has it. */
  readonly subject: string;
  /** At `SPIS`; what guest made it, and what the strategy declares there. */
  readonly steps: number;
  readonly guest: string | null;
  readonly bound: number | null;
  /** With LPIs, at the deepest that was affordable; null: the flavour has none. */
  readonly deep: { readonly depth: number; readonly steps: number; readonly guest: string | null } | null;
  readonly growth: Growth;
  readonly slope: number | null;
}

export interface Stop {
  readonly flavour: string;
  readonly strategy: string;
  readonly guest: string;
  readonly depth: number;
  readonly reason: string;
}

export interface Reach {
  readonly nrLr: number;
  readonly spis: number;
  readonly longest: readonly Longest[];
  /** Hosts that stopped for good. */
  readonly stops: readonly Stop[];
}

export const REACH_FLAVOURS = ['kvm-6.1', 'kvm-7.2', 'xen-new', 'xen-old'] as const;

/** `swept`: one parameter of a strategy swept, for the figure alone: SPIs only. */
export function gatherReach(
  chosen: readonly ChosenStrategy[],
  swept: readonly ChosenStrategy[] = [],
  flavours: readonly string[] = REACH_FLAVOURS,
): Reach {
  const results = flavours.flatMap((flavour) => [
    growthCurves(chosen, flavour, { depths: DEPTHS, nrLr: NR_LR, maxWork: MAX_WORK }),
    growthCurves(swept, flavour, { depths: { ...DEPTHS, lpi: [] }, nrLr: NR_LR }),
  ]);
  return {
    nrLr: NR_LR,
    spis: SPIS,
    longest: results.flatMap(({ curves }) =>
      curves.map(({ flavour, strategy, subject, depths, steps, worstBy, bounds, declared, slope }): Longest => {
        const here = depths.indexOf(SPIS);
        const last = depths.length - 1;
        return {
          flavour,
          strategy,
          subject,
          steps: here < 0 ? 0 : steps[here],
          guest: here < 0 ? null : worstBy[here],
          bound: here < 0 ? null : (bounds?.[here] ?? null),
          deep: last > here ? { depth: depths[last], steps: steps[last], guest: worstBy[last] } : null,
          growth: declared,
          slope,
        };
      }),
    ),
    stops: results.flatMap(({ flavour, stops }) =>
      stops.map(({ strategy, program, depth, reason }) => ({ flavour, strategy, guest: program, depth, reason })),
    ),
  };
}

/** Longest steps of a section that a guest without LPIs makes under a strategy, whoever pays. */
function longestByGuests({ strategies, runs }: Catalogue, { flavour, strategy }: Longest, section: string): Guest {
  const at = strategies.indexOf(strategy);
  return runs
    .filter((run) => at >= 0 && run.flavour === flavour && !run.hasLpis)
    .flatMap(({ guest, stretches }) =>
      stretches
        .filter((stretch) => stretch.section === section)
        .map((stretch): Guest => ({ guest, steps: stretch.steps[at] ?? 0 })),
    )
    .reduce<Guest>((a, b) => (b.steps > a.steps ? b : a), { guest: '', steps: 0 });
}

interface Guest {
  readonly guest: string;
  readonly steps: number;
}

/**
 * With the hostile guests that make a section longer than those of the growth gate do. These may queue private interrupts
 * beside the SPIs, so that what is declared for the SPIs alone is no bound of theirs.
 */
export const withGuests = (reach: Reach, catalogue: Catalogue): Reach => ({
  ...reach,
  longest: reach.longest.map((longest): Longest => {
    const section = SUBJECTS.find(({ id }) => id === longest.subject)?.section ?? '';
    const { guest, steps } = longestByGuests(catalogue, longest, section);
    return steps > longest.steps ? { ...longest, steps, guest, bound: null } : longest;
  }),
});

/** Stretches with interrupts off from end to end, each once: an exit is fold and prune together. */
const OFF = new Set(
  SUBJECTS.filter(({ section }) => {
    const { interrupts, isPartOf } = sectionNamed(section);
    return interrupts === 'off' && isPartOf === null;
  }).map(({ id }): string => id),
);

/** What an order of the list can change: all but the prune, which walks whatever the order is. */
const SORTABLE = new Set(['inject', 'rekey', 'flush', 'fold', 'pending']);

export type Which = 'all' | 'without prune';

/** The longest stretch with interrupts off at 960 SPIs under one strategy and flavour; undefined if it cannot run there. */
export function worstSection(reach: Reach, flavour: string, strategy: string, which: Which): Longest | undefined {
  const ids = which === 'all' ? OFF : SORTABLE;
  return reach.longest
    .filter((each) => each.flavour === flavour && each.strategy === strategy && ids.has(each.subject))
    .reduce<Longest | undefined>((a, b) => (a === undefined || b.steps > a.steps ? b : a), undefined);
}

export const longestOf = (reach: Reach, flavour: string, strategy: string, subject: string): Longest | undefined =>
  reach.longest.find((each) => each.flavour === flavour && each.strategy === strategy && each.subject === subject);

/** Xen's own vGIC is one machine with its strategy; the others are compared on kvm-6.1. */
export const flavourOf = (strategy: string): string => (strategy === 'xen-old' ? strategy : 'kvm-6.1');
