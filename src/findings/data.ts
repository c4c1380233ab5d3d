/** Everything that the page says, as data: counted once, committed beside the page, and compared by a test. */
import type { Calibration } from '../cost/calibration.js';
import type { NativeRow } from '../cost/native.js';
import { createModel, findStrategyLack } from '../replay/create-model.js';
import { createEngine } from '../replay/engine.js';
import { type ChosenStrategy, strategies, strategyNamed } from '../strategy/index.js';
import type { EquivalenceClass } from '../strategy/strategy.js';
import { chooseWorkload, generateColumns } from '../workload/index.js';
import { commandFor } from '../workload/spec.js';
import { type Catalogue, type FoundGuest, gatherCatalogue } from './catalogue.js';
import { gatherHarm, type StrategyHarm } from './guest-harm.js';
import { gatherReach, type Reach } from './reach.js';
import {
  costOf,
  gatherCost,
  gatherEntries,
  type RecordedEntries,
  type Recording,
  type StrategyCost,
} from './recording.js';
import { gatherSurface, type Surface } from './surface.js';

export const FINDINGS_SCHEMA = 'vgic-replay/findings/1';

/** A trace under every strategy that its machine can run. */
export interface TraceCosts {
  readonly name: string;
  readonly costs: readonly StrategyCost[];
}

export interface WorkloadCosts extends TraceCosts {
  readonly command: string;
}

export interface FindingsData {
  readonly schema: typeof FINDINGS_SCHEMA;
  readonly seed: number;
  /** Labels, in the order of tables; hybrids with other thresholds apart. */
  readonly strategies: readonly string[];
  readonly hybrids: readonly string[];
  /** Label → what it presents against the reference. */
  readonly classes: Readonly<Record<string, EquivalenceClass>>;
  readonly recordings: readonly RecordedEntries[];
  /** In the order of `recordings`. */
  readonly recorded: readonly TraceCosts[];
  readonly generated: readonly WorkloadCosts[];
  readonly surface: Surface;
  readonly reach: Reach;
  readonly catalogue: Catalogue;
  readonly harm: readonly StrategyHarm[];
  readonly calibration: Calibration;
  /** Instructions an event of compiled variants: traces/native-costs/native-variants.tsv. */
  readonly variants: readonly NativeRow[];
}

/** Does a strategy present what the reference does, up to the choice among equals? */
export const keepsOrder = ({ classes }: Pick<FindingsData, 'classes'>, strategy: string): boolean =>
  classes[strategy] === 'identical' || classes[strategy] === 'tie-equivalent';

/** What is counted from: files, opened by whoever may touch them. */
export interface FindingsInput {
  readonly recordings: readonly Recording[];
  readonly found: readonly FoundGuest[];
  readonly calibration: Calibration;
  readonly variants: readonly NativeRow[];
}

/** List lengths from which a hybrid keeps the list in order. */
const THRESHOLDS = [2, 4, 8, 32, 64, 128, 256, 512, 1024];

/** Guests beside the recorded ones: rates of the recorded kinds, and lists that are long on purpose. */
const WORKLOADS = [
  'typical:events=20000',
  'net:events=20000',
  'disk:events=20000',
  'ipi:events=20000',
  'lpi:events=20000,lpis=256',
  'backlog:events=20000,depth=16',
  'backlog:events=20000,depth=256',
];

export const allStrategies = (): ChosenStrategy[] => strategies.map(({ id }) => strategyNamed(id));
export const allHybrids = (): ChosenStrategy[] =>
  THRESHOLDS.map((threshold) => strategyNamed(`hybrid:threshold=${threshold}`));

export function gatherRecorded(recording: Recording, chosen: readonly ChosenStrategy[]): TraceCosts {
  const { machine, name } = recording.open().header;
  const able = chosen.filter(({ strategy }) => findStrategyLack(machine, strategy) === undefined);
  return { name, costs: able.map((each) => gatherCost(recording, each)) };
}

export function gatherGenerated(spec: string, seed: number, chosen: readonly ChosenStrategy[]): WorkloadCosts {
  const { workload, params } = chooseWorkload(spec, [['seed', `${seed}`]]);
  const machine = workload.machine(params);
  const block = generateColumns(workload, params);
  const able = chosen.filter(({ strategy }) => findStrategyLack(machine, strategy) === undefined);
  const costs = able.map((each) => {
    const vgic = createModel(machine, each);
    createEngine(vgic).run(block.word, block.value, block.count);
    return costOf(each.label, vgic, block.count);
  });
  return { name: spec, command: commandFor(workload, params), costs };
}

/** `note`: told what is being counted. */
export function gatherFindings(
  { recordings, found, calibration, variants }: FindingsInput,
  seed: number,
  note: (what: string) => void = () => {},
): FindingsData {
  const chosen = allStrategies();
  const hybrids = allHybrids();
  const both = [...chosen, ...hybrids];
  const entries = recordings.map((recording) => {
    note(recording.identity.path);
    return gatherEntries(recording);
  });
  const recorded = recordings.map((recording) => {
    note(`${recording.identity.path}, every strategy`);
    return gatherRecorded(recording, both);
  });
  note('generated workloads');
  const generated = WORKLOADS.map((spec) => gatherGenerated(spec, seed, both));
  note('the crossover surface');
  const surface = gatherSurface(
    chosen.filter(({ strategy }) => strategy.structure === 'ap-list'),
    seed,
  );
  note('the longest calls');
  const reach = gatherReach(chosen, hybrids);
  note('the hostile guests');
  const catalogue = gatherCatalogue(chosen, found);
  const harm = gatherHarm(chosen);
  return {
    schema: FINDINGS_SCHEMA,
    seed,
    strategies: chosen.map(({ label }) => label),
    hybrids: hybrids.map(({ label }) => label),
    classes: Object.fromEntries(both.map(({ label, strategy }) => [label, strategy.equivalence])),
    recordings: entries,
    recorded,
    generated,
    surface,
    reach,
    catalogue,
    harm,
    calibration,
    variants,
  };
}
