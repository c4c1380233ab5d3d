/** Shards of one run put together: the same results, in the same order, as of a run that was never divided. */
import { InputError } from '../base/errors.js';
import { joinWords, plural } from '../base/number-format.js';
import { canonicalJson } from '../report/json.js';
import { findDifference, type Plan, type Shard, unitsOf, WHOLE } from './plan.js';
import { createHeader, type FinishedUnit, type Run, type RunMachine, unfinished } from './run-file.js';
import { shardText } from './shard.js';

export interface NamedRun {
  /** File that it was read from. */
  readonly name: string;
  readonly run: Run;
}

/** The finished units in the order of the plan. */
export function inOrder(plan: Plan, units: readonly FinishedUnit[]): FinishedUnit[] {
  const byId = new Map(units.map((finished) => [finished.unit, finished]));
  return plan.units.flatMap(({ id }) => byId.get(id) ?? []);
}

/** The command line that runs one shard, as far as the plan knows it. */
const shardCommand = ({ command }: Plan, shard: Shard): string => `${command} --shard ${shardText(shard)}`;

/**
 * The whole run. Throws InputError, by the name of a file, for a run of another plan or version, a shard given twice, one
 * that is missing and one that is not finished.
 */
export function mergeRuns(runs: readonly NamedRun[]): Run {
  const [first] = runs;
  const { plan } = first.run.header;
  for (const { name, run } of runs) {
    const difference = findDifference(run.header.plan, plan);
    if (difference !== undefined)
      throw new InputError(name, 'line 1', `${difference} as ${first.name} is`, 'merge the shards of one run');
  }
  refuseOtherCounts(runs);
  refuseDoubles(runs);
  refuseUnfinished(runs);
  refuseGaps(runs);
  const units = inOrder(
    plan,
    runs.flatMap(({ run }) => run.units),
  );
  const byIndex = [...runs].sort((a, b) => a.run.header.shard.index - b.run.header.shard.index);
  const machines = withoutRepeats(byIndex.flatMap(({ run }) => run.header.machines));
  return { header: createHeader(plan, WHOLE, machines), units, torn: null, bytes: 0 };
}

const withoutRepeats = (machines: readonly RunMachine[]): RunMachine[] => [
  ...new Map(machines.map((facts) => [canonicalJson(facts), facts])).values(),
];

function refuseOtherCounts(runs: readonly NamedRun[]): void {
  const [first] = runs;
  const { count } = first.run.header.shard;
  const other = runs.find(({ run }) => run.header.shard.count !== count);
  if (other !== undefined)
    throw new InputError(
      other.name,
      'line 1',
      `shard ${shardText(other.run.header.shard)}, where ${first.name} is shard ${shardText(first.run.header.shard)}`,
      'merge shards of the same number of shards',
    );
}

function refuseDoubles(runs: readonly NamedRun[]): void {
  const seen = new Map<number, string>();
  for (const { name, run } of runs) {
    const { shard } = run.header;
    const other = seen.get(shard.index);
    if (other !== undefined)
      throw new InputError(
        name,
        'line 1',
        `shard ${shardText(shard)} ${other === name ? 'is given twice' : `is in ${other} too`}`,
        'give each shard once',
      );
    seen.set(shard.index, name);
  }
}

function refuseUnfinished(runs: readonly NamedRun[]): void {
  for (const { name, run } of runs) {
    const owed = unfinished(run);
    if (owed.length === 0) continue;
    const { plan, shard } = run.header;
    const command = shard.count === 1 ? plan.command : shardCommand(plan, shard);
    throw new InputError(
      name,
      `line ${run.units.length + 2}`,
      `lacks ${describeUnits(owed)} of ${unitsOf(plan, shard).length}`,
      `finish it: the command that began it (${command}) with --resume`,
    );
  }
}

function refuseGaps(runs: readonly NamedRun[]): void {
  const [{ name, run }] = runs;
  const { plan, shard } = run.header;
  const given = new Set(runs.map((other) => other.run.header.shard.index));
  const missing: Shard[] = [];
  for (let index = 1; index <= shard.count; index++) if (!given.has(index)) missing.push({ index, count: shard.count });
  if (missing.length === 0) return;
  const owed = missing.flatMap((each) => unitsOf(plan, each).map(({ id }) => id));
  const names = missing.length > MAX_NAMED ? `${missing.length} shards` : joinWords(missing.map(shardText));
  throw new InputError(
    name,
    'line 1',
    `one of ${shard.count} shards; ${missing.length === 1 ? 'shard' : 'shards'} ${names} with ${describeUnits(owed)} ${missing.length === 1 ? 'is' : 'are'} missing`,
    `give ${missing.length === 1 ? 'it' : 'them'} too, or run: ${shardCommand(plan, missing[0])}`,
  );
}

/** Names that one line holds. */
const MAX_NAMED = 8;

/** "2 units ("a" and "b")", "17 units ("a", …)". */
function describeUnits(ids: readonly string[]): string {
  if (ids.length === 0) return 'no unit';
  const named = ids.slice(0, 2).map((id) => `"${id}"`);
  return `${plural(ids.length, 'unit')} (${ids.length > 2 ? `${named.join(', ')}, …` : joinWords(named)})`;
}
