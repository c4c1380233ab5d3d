/** Every hostile guest × every strategy × every flavour: how bad each gets, where, and whether what it declares holds. */
import { flavourNamed } from '../gic/flavour/index.js';
import type { Machine } from '../gic/intid.js';
import type { GuestProgram, ProgramSize } from '../hostile/program.js';
import { createModel, findStrategyLack } from '../replay/create-model.js';
import { createEngine } from '../replay/engine.js';
import { strategyNamed } from '../strategy/index.js';
import type { Growth } from '../strategy/strategy.js';
import type { EventBlock } from '../trace/events.js';
import { HostStop } from '../vgic/host-stop.js';
import type { Attacker } from './attacker.js';
import { boundOf, worstCaseOf } from './bounds.js';
import { dimensionIndex, dimensions, readFigures } from './dimensions.js';
import { createEvaluator, type Target } from './evaluate.js';

/** A guest that is ranked is run to its end, within reason: some rows of the catalogue are long. */
export const RANK_LIMITS = { events: 1 << 19, steps: 400_000_000 } as const;

/** One guest to be ranked. */
export interface Contender {
  readonly name: string;
  /** By index into dimensions.ts; undefined: it cannot run there. */
  figuresUnder(target: Target): readonly number[] | undefined;
  /** Declared worst case for it, or null. */
  boundUnder(target: Target, dimension: number): number | null;
}

/** A guest program, run by the attacker it was found or made for. */
export function programContender(
  name: string,
  program: GuestProgram,
  size: ProgramSize,
  attacker: Attacker,
): Contender {
  // Models of all targets at once would be gigabytes.
  const evaluator = createEvaluator(attacker, { ...RANK_LIMITS, counted: size }, 1);
  return {
    name,
    figuresUnder: (target) => evaluator.evaluate(program, target, size).figures,
    boundUnder: (target, dimension) => boundOf(target, dimension, program, size) ?? null,
  };
}

/** A trace; what a guest of its own did is not known by instructions, and its interrupts have no declared number. */
export function traceContender(name: string, machine: Machine, blocks: readonly EventBlock[]): Contender {
  const rates = ['amplification', 'kicks'].map(dimensionIndex);
  return {
    name,
    figuresUnder({ flavour: id, strategy }) {
      const flavour = flavourNamed(id);
      const chosen = strategyNamed(strategy);
      const there = { ...machine, flavour: id };
      if (!flavour.guestModels.includes(machine.model) || (machine.nrLpis > 0 && !flavour.hasLpis)) return undefined;
      if (findStrategyLack(there, chosen.strategy) !== undefined) return undefined;
      const vgic = createModel(there, chosen);
      const engine = createEngine(vgic);
      let stopped = false;
      try {
        for (const { word, value, count } of blocks) engine.run(word, value, count);
      } catch (error) {
        if (!(error instanceof HostStop)) throw error;
        stopped = true;
      }
      const figures = readFigures({ cost: vgic.state.cost, steps: 0, instructions: 1, stopped });
      return figures.map((figure, dimension) => (rates.includes(dimension) ? 0 : figure));
    },
    boundUnder: () => null,
  };
}

/** The worst of one dimension under one target. */
export interface Worst {
  readonly dimension: string;
  readonly figure: number;
  /** Who reached it. */
  readonly name: string;
  readonly bound: number | null;
  readonly growth: Growth | null;
}

export interface Rank extends Target {
  /** Dimensions in which some contender got anywhere. */
  readonly worst: readonly Worst[];
  /** Contenders that stop the hypervisor for good. */
  readonly stops: readonly string[];
  /** No figure is above what is declared for it. */
  readonly isBounded: boolean;
}

export function rankTarget(target: Target, contenders: readonly Contender[]): Rank {
  const worst: (Worst | undefined)[] = dimensions.map(() => undefined);
  const stops: string[] = [];
  let isBounded = true;
  for (const contender of contenders) {
    const { name } = contender;
    const figures = contender.figuresUnder(target);
    if (figures === undefined) continue;
    for (const [at, figure] of figures.entries()) {
      const { id } = dimensions[at];
      const bound = contender.boundUnder(target, at);
      if (bound !== null && figure > bound) isBounded = false;
      if (figure === 0) continue;
      if (id === 'host-stop') stops.push(name);
      if (figure <= (worst[at]?.figure ?? 0)) continue;
      worst[at] = { dimension: id, figure, name, bound, growth: worstCaseOf(target, at)?.growth ?? null };
    }
  }
  return { ...target, worst: worst.filter((each) => each !== undefined), stops, isBounded };
}
