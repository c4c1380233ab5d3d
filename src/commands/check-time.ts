/** Layer 3 of the gate: times of the key cells in this build and in that of the base, interleaved, judged in two stages. */
import type { CellComparison, TimeComparison } from '../compare/comparison.js';
import { type Outcome, outcomeOf } from '../compare/outcome.js';
import { quoted } from '../replay/replay.js';
import { wrapHanging } from '../report/wrap-text.js';
import { STAGES, type StageProgress } from '../stats/two-stage.js';
import { type Builds, commandOfLayer, type KeyCell } from './check-base.js';
import type { LayerResult } from './check-exact.js';
import { nameCell } from './check-text.js';
import { compareTimes } from './compare-time.js';
import { isOtherCore } from './other-core.js';

export const TIME = 'time';

export interface TimeRun {
  readonly cells: readonly KeyCell[];
  readonly builds: Builds;
  readonly seed: number;
  readonly strict: boolean;
  readonly scratch: string;
  readonly signal: AbortSignal;
  readonly width: number;
  readonly onStage: (stage: StageProgress) => void;
}

export async function judgeTimes(run: TimeRun): Promise<LayerResult> {
  const { kind, base, own, baseSpec } = run.builds;
  const arms = run.cells.map(({ open, strategy }) => ({
    source: open(),
    a: { build: base.folder, strategy: baseSpec(strategy) },
    b: { build: own.folder, strategy },
    // Two builds do the same work; a strategy may have been changed to do another, which its counters say.
    sameDigest: kind === 'build',
  }));
  let stage = '';
  const times = await compareTimes(arms, { ...STAGES, seed: run.seed }, run.scratch, run.signal, (progress) => {
    if (progress.stage !== stage) run.onStage(progress);
    stage = progress.stage;
  });
  const cells = run.cells.map((key, at): CellComparison => {
    const { cell, path, flavour, strategy, exact } = key;
    const time = times[at];
    const command =
      kind === 'build'
        ? `vgic-replay compare ${quoted(base.name)} ${quoted(own.folder)} ${quoted(path)} --strategy ${quoted(strategy)} --flavour ${flavour}`
        : commandOfLayer(3, key, base.name);
    const common = { cell, changes: exact?.changes ?? [], counters: exact?.counters ?? 0, command };
    if ('error' in time) return { ...common, ...failed(time.error), time: null };
    return { ...common, verdict: time.verdict, reason: `time: ${time.reason}`, time };
  });
  return {
    cells,
    outcomes: cells.flatMap((cell) => outcomeOfTime(cell, run.strict)),
    lines: [summarise(cells, base.name), ...cells.flatMap((cell) => describe(cell, run.width))],
  };
}

/** Where the base fills other list registers its work is another one; whether it should is what layer 0 says. */
function failed(error: string): Pick<CellComparison, 'verdict' | 'reason'> {
  if (/other list registers/.test(error))
    return { verdict: 'incomparable', reason: 'time: the base fills other list registers here' };
  return { verdict: isOtherCore(error) ? 'incomparable' : 'error', reason: `time: ${error}` };
}

function outcomeOfTime({ cell, verdict, reason }: CellComparison, strict: boolean): Outcome[] {
  const said = `${nameCell(cell)}: ${reason}`;
  switch (verdict) {
    case 'regressed':
      return [outcomeOf('regression', TIME, said)];
    case 'error':
      return [outcomeOf('crash', TIME, said)];
    case 'inconclusive':
    case 'unfit':
    case 'incomparable':
      return strict ? [outcomeOf('undecided', TIME, said)] : [];
    default:
      return [];
  }
}

function summarise(cells: readonly CellComparison[], base: string): string {
  const of = (verdict: TimeComparison['verdict']): number => cells.filter((cell) => cell.verdict === verdict).length;
  const slower = of('regressed');
  const undecided = of('inconclusive') + of('unfit') + of('incomparable') + of('error');
  const rest = undecided === 0 ? '' : `, ${undecided} could not be decided`;
  return `time: ${slower} of ${cells.length} key cells are slower than at ${base}${rest}`;
}

const describe = ({ cell, verdict, reason }: CellComparison, width: number): string[] =>
  wrapHanging('    ', `${nameCell(cell)}: ${verdict}: ${reason.replace(/^time: /, '')}`, width);
