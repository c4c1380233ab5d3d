/** One trace of `bench`: a fresh process a cell, one at a time. */
import { execFileSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { replayTrace } from '../replay/replay.js';
import { CELL_SCHEMA } from '../replay/result.js';
import type { BenchUnit, UnitResults } from '../run/unit.js';
import { type Arm, runExperiment } from '../stats/experiment.js';
import type { Sample } from '../stats/sample.js';
import { type ChosenStrategy, specOf } from '../strategy/index.js';
import type { OpenInput } from './inputs.js';
import { machineFacts } from './machine-facts.js';
import { requireClasses } from './replay-checks.js';
import { tool } from './terminal.js';

const CELL = fileURLToPath(new URL('timed-cell.js', import.meta.url));

export interface BenchSubject {
  /** Where the trace lies. */
  readonly file: string;
  readonly input: OpenInput;
  /** Null: the trace's own. */
  readonly flavour: string | null;
  readonly seed: number;
  readonly strategies: readonly ChosenStrategy[];
}

/** `say` is told of every block. */
export function measureTrace(
  { blocks, isQuick, isCounted }: BenchUnit,
  { file, input, flavour, seed, strategies }: BenchSubject,
  say: (text: string) => void,
): UnitResults['bench'] {
  const { identity } = input;
  const { machine } = input.open().header;
  requireSoundOutside(strategies, input);
  const exact = isCounted ? replayTrace(input.open(), strategies, identity) : [];
  const arms = strategies.map(
    (chosen): Arm => ({ name: chosen.label, measure: () => measure(file, specOf(chosen), flavour, isQuick) }),
  );
  const experiment = {
    id: identity.sha256,
    title: `${file}, replayed as ${machine.flavour}`,
    arms,
    sameDigest: false,
  };
  const times = runExperiment(experiment, blocks, seed, (block) => say(`${file}: block ${block + 1} of ${blocks}`));
  return { times: { ...times, flavour: machine.flavour }, exact, machine: machineFacts() };
}

/** A process that measures has no guard (timed-cell.ts): what comes from outside is replayed and judged before. */
function requireSoundOutside(strategies: readonly ChosenStrategy[], { open, identity }: OpenInput): void {
  const outside = strategies.filter((chosen) => chosen.outside !== undefined);
  if (outside.length === 0) return;
  const cells = replayTrace(open(), outside, identity);
  requireClasses(cells.map((exact) => ({ schema: CELL_SCHEMA, tool, exact, measured: null })));
}

function measure(path: string, strategy: string, flavour: string | null, isQuick: boolean): Sample {
  const args = ['--conditions=plain', CELL, path, strategy, flavour ?? '-', ...(isQuick ? ['--quick'] : [])];
  return JSON.parse(
    execFileSync(process.execPath, args, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'inherit'] }),
  ) as Sample;
}
