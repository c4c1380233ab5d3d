/** One process of `npm run fuzz`: slices of random scenarios of one flavour, as the parent hands them out. */
import fc from 'fast-check';
import { loadStrategy } from '../src/commands/strategy-files.js';
import { xenOldRuns } from '../src/conform/test-xen-old.js';
import { flavourNamed } from '../src/gic/flavour/index.js';
import { type Scenario, scenarios } from '../src/reference/arbitrary.js';
import { Difference } from '../src/replay/test-differential.js';
import { checkClasses, checkStrategies, compareModels } from '../src/replay/test-fuzz-case.js';
import { shrinkScenario } from '../src/workload/random/shrink.js';

/** What the parent asks for. */
export interface Slice {
  readonly flavour: string;
  readonly seed: number;
  readonly milliseconds: number;
  readonly maxSteps: number;
  /** The declared classes and invariants of the strategies instead of core against reference. */
  readonly strategies: boolean;
  /** The declared classes of these strategies, side by side, and nothing else; empty: not asked for. */
  readonly chosen: readonly string[];
}

export interface SliceResult {
  readonly machines: number;
  readonly events: number;
  readonly failure?: {
    readonly message: string;
    readonly path: string;
    readonly scenario: Scenario;
  };
}

const messageOf = (error: unknown): string =>
  error instanceof Error ? error.message.split('\n', 1)[0] : String(error);

/** What went wrong, without where: a smaller case of the same fault says the same. */
const faultOf = (error: unknown): string =>
  error instanceof Difference ? error.field.replace(/\d+/g, '#') : error instanceof Error ? error.name : '';

async function runSlice({ flavour, seed, milliseconds, maxSteps, strategies, chosen }: Slice): Promise<SliceResult> {
  const isXenOld = flavourNamed(flavour).structure === 'two-lists';
  const arbitrary: fc.Arbitrary<Scenario> = isXenOld
    ? xenOldRuns(maxSteps)
    : scenarios({ flavours: [flavour], maxSteps, hostStops: !strategies });
  const candidates = await Promise.all(chosen.map((spec) => loadStrategy(spec)));
  const checkChosen = (scenario: Scenario): number => checkClasses(scenario, candidates);
  const check = chosen.length > 0 ? checkChosen : strategies ? checkStrategies : compareModels;
  let machines = 0;
  let events = 0;
  const details = fc.check(
    fc.property(arbitrary, (scenario) => {
      events += check(scenario);
      machines++;
    }),
    {
      seed,
      numRuns: Number.MAX_SAFE_INTEGER,
      interruptAfterTimeLimit: milliseconds,
      markInterruptAsFailure: false,
      endOnFailure: true,
    },
  );
  if (!details.failed || details.counterexample === null) return { machines, events };
  const [found] = details.counterexample;
  const errorOf = (scenario: Scenario): unknown => {
    try {
      check(scenario);
      return undefined;
    } catch (error) {
      return error;
    }
  };
  const fault = faultOf(errorOf(found));
  const scenario = shrinkScenario(found, (candidate) => {
    const error = errorOf(candidate);
    return error !== undefined && faultOf(error) === fault;
  });
  const message = messageOf(errorOf(scenario));
  return { machines, events, failure: { message, path: details.counterexamplePath ?? '', scenario } };
}

process.on('message', async (slice: Slice) => process.send?.(await runSlice(slice)));
