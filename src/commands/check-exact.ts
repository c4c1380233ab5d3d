/** Layers 0 and 1 of the gate: exact counters against the baseline, budgets, growth. No clock, no chance, no tolerance. */
import type { GrowthCurve } from '../attack/growth.js';
import { EXIT_FIDELITY, EXIT_INPUT, InputError } from '../base/errors.js';
import { formatInteger, plural } from '../base/number-format.js';
import { traceOf } from '../compare/baseline.js';
import { type BudgetResult, checkBudgets } from '../compare/budgets.js';
import type { CellComparison, Verdict } from '../compare/comparison.js';
import { type Outcome, outcomeOf } from '../compare/outcome.js';
import { acceptRun, type ComparedCell, compareWithBaseline, type RunCell } from '../compare/with-baseline.js';
import type { CheckAnswer, CheckJob } from '../run/check-job.js';
import { hasBaseline, readBaseline, writeAccepted } from './baseline-file.js';
import { describeJob } from './check-jobs.js';
import { describeBudgets, describeExact, describeGrowthGate, nameCell } from './check-text.js';
import { tool } from './terminal.js';

export const EXACT = 'exact';
export const GROWTH = 'growth';

export const MISSING_CHOICES = ['error', 'warn', 'create'] as const;
export type MissingChoice = (typeof MISSING_CHOICES)[number];

export interface BaselineChoice {
  readonly file: string;
  readonly missing: MissingChoice;
  /** Null: nothing is accepted. */
  readonly reason: string | null;
  /** Is it an outcome if there is nothing to compare with? */
  readonly isStrict: boolean;
  /** Are cells of the baseline that were not run missing, or only not asked for? */
  readonly isExpected: (cell: string) => boolean;
}

/** What a layer found. */
export interface LayerResult {
  readonly cells: readonly CellComparison[];
  readonly outcomes: readonly Outcome[];
  readonly lines: readonly string[];
}

/** Jobs that did not end as they should. */
export function judgeFailures(jobs: readonly CheckJob[], answers: readonly CheckAnswer[]): LayerResult {
  const outcomes = answers.flatMap(({ failure }, at) => {
    if (failure === null) return [];
    const { exitCode, message } = failure;
    const layer = jobs[at].kind === 'growth' ? GROWTH : EXACT;
    const kind = exitCode === EXIT_FIDELITY ? 'fault' : exitCode === null ? 'crash' : 'input';
    return [outcomeOf(kind, layer, exitCode === EXIT_INPUT ? message : `${describeJob(jobs[at])}: ${message}`)];
  });
  const cells = outcomes.map(({ reason }, at) => plainCell(`not run/${at + 1}`, 'error', reason));
  return { cells, outcomes, lines: outcomes.map(({ reason }) => `not run: ${reason}`) };
}

/** A layer that could not begin, for want of something that was named. */
export const judgeNotRun = (layer: string, reason: string): LayerResult => ({
  cells: [plainCell(`not run/${layer}`, 'error', reason)],
  outcomes: [outcomeOf('input', layer, reason)],
  lines: [`not run: ${reason}`],
});

/** What is wrong and belongs to no comparison, as a cell: a reader of cells alone (JUnit) must not miss it. */
const plainCell = (cell: string, verdict: Verdict, reason: string): CellComparison => ({
  cell,
  verdict,
  reason,
  changes: [],
  counters: 0,
  time: null,
  command: 'vgic-replay check',
});

export function judgeBudgets(
  budgets: Readonly<Record<string, number>>,
  run: readonly RunCell[],
  width: number,
): LayerResult & { readonly result: BudgetResult } {
  const result = checkBudgets(budgets, run);
  const outcomes = result.breaches.map(({ cell, counter, value, limit }) =>
    outcomeOf('budget', EXACT, `${nameCell(cell)}: ${counter} is ${value}, its budget is ${limit}`),
  );
  const cells = result.breaches.map(({ cell, counter }, at) =>
    plainCell(`budget/${cell}/${counter}`, 'regressed', outcomes[at].reason),
  );
  return { cells, outcomes, lines: describeBudgets(result, width), result };
}

export function judgeGrowth(curves: readonly GrowthCurve[], width: number): LayerResult {
  const byStrategy = new Map<string, GrowthCurve[]>();
  for (const curve of curves) {
    const cell = `growth/${curve.flavour}/${curve.strategy}`;
    byStrategy.set(cell, [...(byStrategy.get(cell) ?? []), curve]);
  }
  const cells = [...byStrategy].map(([cell, own]): CellComparison => {
    const faults = own.filter(({ fault }) => fault !== null).map(({ subject, fault }) => `${subject} ${fault}`);
    const [, flavour, strategy] = cell.split('/');
    return {
      cell,
      verdict: faults.length > 0 ? 'regressed' : 'unchanged',
      reason: faults.length > 0 ? faults.join('; ') : 'every path grows as declared',
      changes: [],
      counters: own.length,
      time: null,
      command: `vgic-replay growth --strategy ${strategy} --flavour ${flavour}`,
    };
  });
  const outcomes = cells
    .filter(({ verdict }) => verdict === 'regressed')
    .map(({ cell, reason }) => outcomeOf('regression', GROWTH, `${cell.slice('growth/'.length)}: ${reason}`));
  return { cells, outcomes, lines: describeGrowthGate(curves, width) };
}

/** Refuses a baseline that is damaged, or missing where one must be: before anything is counted that it would end. */
export function requireBaseline({ file, missing, reason }: Pick<BaselineChoice, 'file' | 'missing' | 'reason'>): void {
  if (hasBaseline(file)) readBaseline(file);
  else if (reason === null && missing === 'error')
    throw new InputError(
      file,
      'byte 0',
      'there is no such baseline',
      'name one with --baseline, or begin one with --baseline-missing create',
    );
}

/** Compares, and writes the baseline where that was asked for and nothing is wrong. */
export function judgeExact(
  jobs: readonly CheckJob[],
  answers: readonly CheckAnswer[],
  choice: BaselineChoice,
  width: number,
): LayerResult {
  const run = answers.flatMap(({ cells }) => cells);
  const broken = answers.flatMap((answer) => answer.broken);
  const brokenOutcomes = broken.map(({ cell, what }) => outcomeOf('fault', EXACT, `${nameCell(cell)}: ${what}`));
  const isWhole = answers.every(({ failure }) => failure === null) && broken.length === 0;
  if (!hasBaseline(choice.file)) return beginBaseline(run, choice, isWhole, brokenOutcomes);
  const baseline = readBaseline(choice.file);
  const failedTraces = new Set(answers.flatMap(({ failure }, at) => (failure === null ? [] : [nameOf(jobs[at])])));
  const cells = compareWithBaseline(
    baseline,
    run,
    (cell) => choice.isExpected(cell) && !failedTraces.has(traceOf(cell)),
  ).map((cell): ComparedCell => {
    const fault = broken.find((each) => each.cell === cell.cell);
    return fault === undefined ? cell : { ...cell, verdict: 'error', reason: fault.what };
  });
  const lines = [
    ...describeExact(cells, choice.file, width),
    ...brokenOutcomes.map(({ reason }) => `  wrong: ${reason}`),
  ];
  const faults = [...brokenOutcomes, ...faultOutcomes(cells)];
  const changed = cells.filter(({ standing }) => standing !== 'as before');
  if (choice.reason !== null) {
    if (faults.length > 0 || !isWhole)
      return {
        cells,
        outcomes: faults,
        lines: [...lines, 'nothing was accepted: what is wrong has to be put right first'],
      };
    if (changed.length === 0) return { cells, outcomes: [], lines: [...lines, 'there is nothing to accept'] };
    return accept();
  }
  const outcomes = [...faults, ...standingOutcomes(changed)];
  const advice = changed.length > 0 && faults.length === 0 ? ['if this is meant: check --accept --reason "why"'] : [];
  const version = baseline.tool;
  const foreign =
    changed.length > 0 && version !== tool.version
      ? [`${choice.file} was written by version ${version}, this is ${tool.version}: what changed may be the model`]
      : [];
  return { cells, outcomes, lines: [...lines, ...foreign, ...advice] };

  function accept(): LayerResult {
    const removed = changed.filter(({ standing }) => standing === 'missing').map(({ cell }) => cell);
    const log = writeAccepted(choice.file, acceptRun(baseline, run, tool.version, removed), {
      reason: choice.reason ?? '',
      tool: tool.version,
      baseline: choice.file,
      changed: Object.fromEntries(
        changed.filter(({ changes }) => changes.length > 0).map(({ cell, changes }) => [cell, changes.length]),
      ),
      added: changed.filter(({ standing }) => standing === 'new').map(({ cell }) => cell),
      removed,
    });
    const accepted: CellComparison[] = cells.map((cell) =>
      cell.standing === 'as before' ? cell : { ...cell, verdict: 'unchanged', reason: `accepted: ${cell.reason}` },
    );
    return {
      cells: accepted,
      outcomes: [],
      lines: [
        ...lines,
        `accepted ${plural(changed.length, 'cell')} into ${choice.file}; who, when and why is in ${log}`,
      ],
    };
  }
}

function nameOf(job: CheckJob): string {
  return job.kind === 'workload' ? job.spec : job.kind === 'growth' ? '' : job.name;
}

/** There is no baseline yet. */
function beginBaseline(
  run: readonly RunCell[],
  { file, missing, reason, isStrict }: BaselineChoice,
  isWhole: boolean,
  broken: readonly Outcome[],
): LayerResult {
  const isWarned = reason === null && missing === 'warn';
  const cells = compareWithBaseline({ tool: tool.version, traces: {}, cells: {} }, run, () => false).map((cell) => ({
    ...cell,
    ...(isWarned
      ? { verdict: 'inconclusive' as const, reason: `compared with nothing: there is no ${file}` }
      : { verdict: 'unchanged' as const, reason: 'the first of its baseline' }),
  }));
  const faults = [...broken, ...faultOutcomes(cells)];
  const count = `${formatInteger(cells.reduce((sum, { counters }) => sum + counters, 0))} counters of ${plural(run.length, 'cell')}`;
  if (faults.length > 0 || !isWhole)
    return { cells, outcomes: faults, lines: [`exact: ${count}; no baseline was written: something is wrong`] };
  if (isWarned) {
    const said = `exact: ${count}, compared with nothing: there is no ${file}`;
    return { cells, outcomes: isStrict ? [outcomeOf('undecided', EXACT, said)] : [], lines: [said] };
  }
  const log = writeAccepted(file, acceptRun({ tool: tool.version, traces: {}, cells: {} }, run, tool.version, []), {
    reason: reason ?? 'the first baseline',
    tool: tool.version,
    baseline: file,
    changed: {},
    added: run.map(({ cell }) => cell),
    removed: [],
  });
  return { cells, outcomes: [], lines: [`exact: ${count} written to ${file}; who, when and why is in ${log}`] };
}

const faultOutcomes = (cells: readonly ComparedCell[]): Outcome[] =>
  cells.flatMap(({ cell, faults }) => faults.map((fault) => outcomeOf('fault', EXACT, `${nameCell(cell)}: ${fault}`)));

function standingOutcomes(changed: readonly ComparedCell[]): Outcome[] {
  return changed.map(({ cell, standing, reason }) =>
    outcomeOf(standing === 'other trace' ? 'input' : 'regression', EXACT, `${nameCell(cell)}: ${reason}`),
  );
}
