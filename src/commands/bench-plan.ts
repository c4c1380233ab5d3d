/** The units of `bench`: one a trace, whose strategies are measured side by side on one machine. */
import { referenceFor, strategiesFor } from '../replay/create-model.js';
import { quoted } from '../replay/replay.js';
import type { PlannedTrace } from '../run/plan.js';
import type { BenchUnit } from '../run/unit.js';
import { type ChosenStrategy, strategiesText } from '../strategy/index.js';
import { openInput } from './inputs.js';
import { createNames, createPlan, NO_OPTIONS, type PlannedRun } from './run-plan.js';
import { kindOf } from './shipped.js';

export interface BenchRequest {
  readonly paths: readonly string[];
  readonly strategies: readonly ChosenStrategy[] | undefined;
  readonly flavour: string | undefined;
  readonly blocks: number;
  readonly seed: number;
  readonly isQuick: boolean;
  readonly isCounted: boolean;
  readonly isStored: boolean;
}

/** Bytes of trace that are replayed while a process measures: 200 ms of CPU time, and what it takes to start. */
const PROCESS_COST = 1_000_000;

/** Opens every trace. Throws UserError for one that cannot be replayed. */
export async function planBench(request: BenchRequest): Promise<Pick<PlannedRun, 'plan' | 'files'>> {
  const { paths, flavour, blocks, seed, isQuick, isCounted, isStored } = request;
  const traces: PlannedTrace[] = [];
  const listed = new Map<string, ChosenStrategy>();
  const units: BenchUnit[] = [];
  const names = createNames();
  for (const [trace, file] of paths.entries()) {
    const input = await openInput(file, { flavour });
    const { path, sha256 } = input.identity;
    const { name, machine } = input.open().header;
    input.close();
    traces.push({ path, sha256, name, kind: kindOf(sha256) });
    const chosen = withReferenceFirst(strategiesFor(machine, request.strategies), referenceFor(machine));
    for (const each of chosen) listed.set(each.label, each);
    const strategies = chosen.map(({ label }) => label);
    const cost = PROCESS_COST * blocks * (strategies.length + 1);
    units.push({ kind: 'bench', id: `bench ${names(path)}`, cost, trace, strategies, blocks, isQuick, isCounted });
  }
  const text = request.strategies === undefined ? null : strategiesText(request.strategies);
  const plan = createPlan({
    verb: 'bench',
    command: [
      'vgic-replay bench',
      ...paths.map(quoted),
      ...(text === null ? [] : ['--strategy', quoted(text)]),
      ...(flavour === undefined ? [] : ['--flavour', flavour]),
      `--blocks ${blocks} --seed ${seed}`,
      ...(isQuick ? ['--quick'] : []),
    ].join(' '),
    options: { ...NO_OPTIONS, seed, flavour: flavour ?? null, strategies: text, blocks, quick: isQuick },
    traces,
    strategies: [...listed.values()],
    units,
    isStored,
  });
  return { plan, files: paths };
}

/** Ratios are to the flavour's own algorithm if it is among the chosen. */
function withReferenceFirst(
  chosen: readonly ChosenStrategy[],
  { strategy: reference }: ChosenStrategy,
): ChosenStrategy[] {
  return [
    ...chosen.filter(({ strategy }) => strategy === reference),
    ...chosen.filter(({ strategy }) => strategy !== reference),
  ];
}
