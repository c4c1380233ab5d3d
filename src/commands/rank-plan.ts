/** The units of `rank`: one a strategy in one flavour, against all guests. */
import type { Target } from '../attack/evaluate.js';
import { quoted } from '../replay/replay.js';
import type { PlannedTrace } from '../run/plan.js';
import type { RankUnit } from '../run/unit.js';
import { type ChosenStrategy, strategiesText } from '../strategy/index.js';
import type { OpenInput } from './inputs.js';
import { countCatalogue, isFinding, openFinding } from './rank-guests.js';
import { createPlan, NO_OPTIONS, openOnce, type PlannedRun } from './run-plan.js';

export interface RankRequest {
  readonly flavours: readonly string[];
  readonly strategies: readonly ChosenStrategy[] | undefined;
  readonly targets: readonly Target[];
  /** As the user named them; empty: those of the package. */
  readonly named: readonly string[];
  /** Findings and traces. */
  readonly guests: readonly string[];
  readonly catalogue: boolean;
  readonly isStored: boolean;
}

/** Bytes of trace that one strategy replays while a guest is run to its end, of those that come with the package. */
const GUEST_COST = 16_000;

/** Opens every guest. Throws UserError for one that is none. */
export async function planRank(request: RankRequest): Promise<PlannedRun> {
  const { flavours, strategies, targets, named, guests, catalogue, isStored } = request;
  const kept = new Map<string, OpenInput>();
  const close = (): void => {
    for (const input of kept.values()) input.close();
  };
  const traces: PlannedTrace[] = [];
  try {
    for (const file of guests) traces.push(await planGuest(file, kept));
  } catch (error) {
    close();
    throw error;
  }
  const cost = GUEST_COST * (guests.length + (catalogue ? countCatalogue() : 0));
  const text = strategies === undefined ? null : strategiesText(strategies);
  const plan = createPlan({
    verb: 'rank',
    command: [
      'vgic-replay rank',
      ...named.map(quoted),
      ...(text === null ? [] : ['--strategy', quoted(text)]),
      ...['--flavour', flavours.join(',')],
      ...(catalogue || named.length > 0 ? [] : ['--no-catalogue']),
    ].join(' '),
    options: { ...NO_OPTIONS, flavour: flavours.join(','), strategies: text, catalogue },
    traces,
    // What every process has to load.
    strategies: (strategies ?? []).filter(({ outside }) => outside !== undefined),
    units: targets.map(
      ({ flavour, strategy }): RankUnit => ({
        kind: 'rank',
        id: `rank ${strategy} ${flavour}`,
        cost,
        flavour,
        strategy,
      }),
    ),
    isStored,
  });
  return { plan, files: guests, kept, close };
}

async function planGuest(file: string, kept: Map<string, OpenInput>): Promise<PlannedTrace> {
  if (isFinding(file)) {
    const { finding, sha256, path } = openFinding(file);
    return { path, sha256, name: finding.name, kind: 'attack' };
  }
  const input = await openOnce(file, {}, kept);
  const { path, sha256 } = input.identity;
  const { name } = input.open().header;
  if (!kept.has(file)) input.close();
  return { path, sha256, name, kind: 'attack' };
}
