/** `vgic-replay conform`: does the model do, step by step, what scenarios of a flavour expect? */
import type { Command } from 'commander';
import { FidelityError, InputError, UsageError } from '../base/errors.js';
import { createCoreTarget } from '../conform/core-target.js';
import { type CreateTarget, type Difference, runScenario, type ScenarioResult } from '../conform/run.js';
import { parseScenarios, type Scenario } from '../conform/scenario.js';
import { type FlavourSummary, outcomeOf, summarise } from '../conform/summary.js';
import { flavourNamed, flavours } from '../gic/flavour/index.js';
import { listShippedScenarios, resolveScenarios } from './shipped.js';
import { type Terminal, tool } from './terminal.js';
import { MAX_GUNZIP_BYTES, openFileSource, readAll } from './trace-files.js';

export function registerConform(program: Command, terminal: Terminal): void {
  program
    .command('conform')
    .description('put scenarios to the model of each flavour and show every field in which the two differ')
    .argument('[files...]', 'scenario files, also .json.gz or - (default: the shipped ones)')
    .option('--flavour <ids>', `only these, separated by commas: ${flavours.map(({ id }) => id).join(', ')}`)
    .option('--json', 'print JSON instead of text')
    .action((paths: string[], options: ConformOptions) => {
      conformFiles(paths, options, terminal, createCoreTarget);
    });
}

export interface ConformOptions {
  readonly flavour?: string;
  readonly json?: boolean;
}

interface FileResult extends ScenarioResult {
  readonly file: string;
}

/** Prints what came of the files; throws FidelityError (exit 5) after it if there is any difference. */
export function conformFiles(
  paths: readonly string[],
  { flavour, json }: ConformOptions,
  terminal: Terminal,
  createTarget: CreateTarget,
): void {
  const wanted = flavour?.split(',').map((id) => flavourNamed(id.trim()).id);
  const scenarios = (paths.length > 0 ? paths : listShippedScenarios()).flatMap(readScenarios);
  const chosen = chooseFlavours(scenarios, wanted);
  const results = scenarios.flatMap((scenario) =>
    scenario.flavours
      .filter((id) => chosen.includes(id))
      .map((id): FileResult => ({ file: scenario.file, ...runScenario(scenario, id, createTarget) })),
  );
  const summaries = summarise(results, chosen);
  terminal.out(json === true ? toJson(scenarios, results, summaries) : describe(results, summaries));
  requireAgreement(results);
}

export function readScenarios(path: string): Scenario[] {
  const source = openFileSource(resolveScenarios(path));
  try {
    const bytes = readAll(source, MAX_GUNZIP_BYTES);
    const name = path === '-' ? source.name : path;
    if (bytes === undefined) {
      throw new InputError(name, 'byte 0', `more than ${MAX_GUNZIP_BYTES >> 20} MiB`, 'split it into smaller files');
    }
    return parseScenarios(name, new TextDecoder().decode(bytes));
  } finally {
    source.close();
  }
}

/** Flavours that the scenarios name, in the order of gic/flavour. */
function chooseFlavours(scenarios: readonly Scenario[], wanted: readonly string[] | undefined): string[] {
  const named = flavours.map(({ id }) => id).filter((id) => scenarios.some((each) => each.flavours.includes(id)));
  const missing = wanted?.find((id) => !named.includes(id));
  if (missing !== undefined)
    throw new UsageError(`no scenario names flavour '${missing}'; these files name ${named.join(', ')}`);
  return named.filter((id) => wanted === undefined || wanted.includes(id));
}

function toJson(
  scenarios: readonly Scenario[],
  results: readonly FileResult[],
  summaries: readonly FlavourSummary[],
): string {
  const files = [...new Set(scenarios.map(({ file }) => file))];
  const record = {
    schema: 'vgic-replay/conform/1',
    tool,
    files: files.map((file) => ({ file, scenarios: scenarios.filter((each) => each.file === file).length })),
    flavours: summaries,
    results: results.map((result) => ({
      file: result.file,
      scenario: result.scenario,
      flavour: result.flavour,
      outcome: outcomeOf(result),
      reason: result.notRun ?? null,
      differences: result.differences.map(({ step, op, field, expected, got }) => ({ step, op, field, expected, got })),
    })),
  };
  return JSON.stringify(record, null, 2);
}

function describe(results: readonly FileResult[], summaries: readonly FlavourSummary[]): string {
  const differences = results.flatMap(({ file, differences }) =>
    differences.map((difference) => describeDifference(file, difference)),
  );
  const table = alignRows([
    ['flavour', 'passed', 'failed', 'not run'],
    ...summaries.map(({ flavour, passed, failed, notRun }) => [flavour, `${passed}`, `${failed}`, `${notRun}`]),
  ]);
  const reasons = summaries.flatMap(({ flavour, reasons }) =>
    reasons.map(({ reason, scenarios }) => `not run, ${flavour}: ${scenarios}: ${reason}`),
  );
  return [...differences, ...(differences.length > 0 ? [''] : []), ...table, ...reasons].join('\n');
}

const value = (json: unknown): string => JSON.stringify(json);

const describeDifference = (file: string, { scenario, flavour, step, op, field, expected, got }: Difference): string =>
  `${file}: ${scenario} ${flavour} step ${step} (${op}): ${field}: expected ${value(expected)}, got ${value(got)}`;

const GUTTER = '  ';

/** The first column to the left, numbers to the right. */
function alignRows(rows: readonly (readonly string[])[]): string[] {
  const widths = rows[0].map((_, at) => Math.max(...rows.map((row) => row[at].length)));
  return rows.map((row) =>
    row.map((text, at) => (at === 0 ? text.padEnd(widths[at]) : text.padStart(widths[at]))).join(GUTTER),
  );
}

function requireAgreement(results: readonly FileResult[]): void {
  const failed = results.filter((result) => outcomeOf(result) === 'failed');
  if (failed.length === 0) return;
  const [{ file, scenario, flavour, differences }] = failed;
  const { step, field } = differences[0];
  const run = results.filter((result) => outcomeOf(result) !== 'not-run').length;
  throw new FidelityError(
    `${file}: ${failed.length} of ${run} runs differ, the first: scenario ${scenario}, ${flavour}, step ${step}, ${field}; check the scenario, or report it`,
  );
}
