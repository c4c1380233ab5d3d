/** The units of `growth`: one a flavour. */
import { ALL_DEPTHS, DEPTHS, type GrowthResult, growthCurves } from '../attack/growth.js';
import { flavourNamed } from '../gic/flavour/index.js';
import { quoted } from '../replay/replay.js';
import type { Plan } from '../run/plan.js';
import type { GrowthUnit } from '../run/unit.js';
import { type ChosenStrategy, strategiesText } from '../strategy/index.js';
import { createPlan, NO_OPTIONS } from './run-plan.js';

export interface GrowthRequest {
  /** Without repeats. */
  readonly flavours: readonly string[];
  readonly chosen: readonly ChosenStrategy[];
  readonly nrLr: number;
  readonly isFull: boolean;
  /** Did a command line name them? */
  readonly namesFlavours: boolean;
  readonly namesStrategies: boolean;
  readonly isStored: boolean;
}

/** Visits and comparisons that a program may take with --full: lists of 57,344 in random order, kept ordered. */
const FULL_WORK = 1e10;

/** Bytes of trace that one strategy replays while one strategy grows. */
const COSTS = { lpis: 2_500_000, spis: 500_000 } as const;
/** As often as that, with every depth. */
const FULL_COST = 20;

/** What `growth` of all these takes in one flavour, in bytes of trace. */
export const growthCost = (flavour: string, strategies: number): number => {
  const { hasLpis, isXen } = flavourNamed(flavour);
  return strategies * (hasLpis && !isXen ? COSTS.lpis : COSTS.spis);
};

export function planGrowth(request: GrowthRequest): Plan {
  const { flavours, chosen, nrLr, isFull, namesFlavours, namesStrategies, isStored } = request;
  const flavour = namesFlavours ? flavours.join(',') : null;
  const named = namesStrategies ? strategiesText(chosen) : null;
  return createPlan({
    verb: 'growth',
    command: [
      'vgic-replay growth',
      ...(named === null ? [] : ['--strategy', quoted(named)]),
      ...(flavour === null ? [] : ['--flavour', flavour]),
      `--lrs ${nrLr}`,
      ...(isFull ? ['--full'] : []),
    ].join(' '),
    options: { ...NO_OPTIONS, flavour, strategies: named, lrs: nrLr, full: isFull },
    traces: [],
    strategies: chosen,
    units: flavours.map((id): GrowthUnit => {
      const cost = growthCost(id, chosen.length) * (isFull ? FULL_COST : 1);
      return { kind: 'growth', id: `growth ${id}`, cost, flavour: id, nrLr, isFull };
    }),
    isStored,
  });
}

export const growUnder = (
  chosen: readonly ChosenStrategy[],
  { flavour, nrLr, isFull }: Pick<GrowthUnit, 'flavour' | 'nrLr' | 'isFull'>,
): GrowthResult =>
  growthCurves(chosen, flavour, isFull ? { depths: ALL_DEPTHS, maxWork: FULL_WORK, nrLr } : { depths: DEPTHS, nrLr });
