/** Options of `attack` in words → what the search takes. */
import { InvalidArgumentError } from 'commander';
import { type Attacker, parseCapabilities } from '../attack/attacker.js';
import type { Target } from '../attack/evaluate.js';
import type { SearchSettings } from '../attack/search.js';
import { UsageError } from '../base/errors.js';
import { flavourNamed } from '../gic/flavour/index.js';
import { MAX_NR_LR, MAX_VCPUS, NR_LPIS } from '../gic/intid.js';
import { MAX_PROGRAM_SPIS, programMachine } from '../hostile/program.js';
import { findStrategyLack } from '../replay/create-model.js';
import { type ChosenStrategy, specOf, strategies, strategyNamed } from '../strategy/index.js';

export interface SearchOptions {
  readonly flavour: string[];
  readonly strategy?: ChosenStrategy[];
  readonly attacker: string;
  readonly vcpus: number;
  readonly writesPerExit: number | 'unlimited';
  readonly instructions: number;
  readonly size: number;
  readonly smallSize: number;
  readonly nrLr: number;
  readonly seed: number;
  readonly work: number;
}

/** A whole number from `min` to `max`; throws InvalidArgumentError. */
export const parseWhole =
  (min: number, max: number) =>
  (text: string): number => {
    const value = Number(text);
    if (/^\d+$/.test(text) && value >= min && value <= max) return value;
    throw new InvalidArgumentError(`It must be a whole number from ${min} to ${max}.`);
  };

export const parseWrites = (text: string): number | 'unlimited' =>
  text === 'unlimited' ? text : parseWhole(1, 1_000_000)(text);

const UNITS: Readonly<Record<string, number>> = { s: 1, m: 60, h: 3600 };

/** `90s`, `5m`, `1h` → seconds. */
export function parseDuration(text: string): number {
  const [, number, unit] = /^(\d+)([smh])$/.exec(text) ?? [];
  if (number === undefined || Number(number) === 0) throw new InvalidArgumentError('It must be like 60s, 5m or 2h.');
  return Number(number) * UNITS[unit];
}

/** Comma-separated flavours; throws UsageError with the choices. */
export const parseFlavours = (text: string): string[] => [
  ...new Set(text.split(',').map((id) => flavourNamed(id.trim()).id)),
];

export const sizeRange = parseWhole(1, NR_LPIS);
export const nrLrRange = parseWhole(1, MAX_NR_LR);
export const vcpusRange = parseWhole(1, MAX_VCPUS);

/** Each flavour with each strategy that it can run. Throws UsageError if a named one runs nowhere. */
export function targetsFor(flavours: readonly string[], chosen: readonly ChosenStrategy[] | undefined): Target[] {
  const wanted = chosen ?? strategies.map(({ id }) => strategyNamed(id));
  const lacks = new Map<string, string>();
  const targets = flavours.flatMap((flavour) => {
    const machine = programMachine(PROBE, { n: 1, nrLr: 1 }, flavour, flavourNamed(flavour).isXen);
    return wanted.flatMap((each) => {
      const { label, strategy } = each;
      const lack = findStrategyLack(machine, strategy);
      if (lack !== undefined) lacks.set(label, lack);
      return lack === undefined ? [{ flavour, strategy: specOf(each) }] : [];
    });
  });
  const lost = chosen?.find(
    (each) => each.isByAll !== true && targets.every(({ strategy }) => strategy !== specOf(each)),
  );
  if (lost !== undefined) throw new UsageError(`strategy '${lost.label}' cannot be attacked: ${lacks.get(lost.label)}`);
  return targets.filter((target, at) => targets.findIndex((other) => isSame(other, target)) === at);
}

const PROBE = { model: 'gicv3', vcpus: 1, setUp: [], round: [], rounds: 0 } as const;

const isSame = (a: Target, b: Target): boolean => a.flavour === b.flavour && a.strategy === b.strategy;

export function settingsFor(options: SearchOptions): SearchSettings {
  const attacker: Attacker = {
    may: parseCapabilities(options.attacker),
    vcpus: options.vcpus,
    writesPerExit: options.writesPerExit,
    instructions: options.instructions,
  };
  const { size: n, smallSize, nrLr } = options;
  if (smallSize > n) throw new UsageError(`--small-size ${smallSize} is more than --size ${n}`);
  if (n > MAX_PROGRAM_SPIS && !attacker.may.includes('lpis'))
    throw new UsageError(`more than ${MAX_PROGRAM_SPIS} interrupts need LPIs: --attacker ${options.attacker},lpis`);
  return {
    seed: options.seed,
    attacker,
    targets: targetsFor(options.flavour, options.strategy),
    small: { n: smallSize, nrLr },
    large: { n, nrLr },
    work: options.work,
  };
}
