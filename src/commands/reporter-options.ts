/** `--reporter NAME[=FILE]`, as often as wanted: which formats a command writes, and where each goes. */
import { appendFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { UsageError } from '../base/errors.js';
import { findReporter, reporters } from '../report/reporters/index.js';
import { INPUTS, type Input, type Output, type Reporter, type ReporterData } from '../report/reporters/reporter.js';
import { cannotWrite, openOutput } from './outputs.js';
import type { Terminal } from './terminal.js';
import type { FileTarget } from './trace-files.js';

/** What a command prints itself, by name: "table", and formats of results that no other command has. */
export type OwnRenderers = Readonly<Record<string, () => string>>;

export interface ChosenReporter {
  readonly id: string;
  /** A path, "-" or undefined: standard output. */
  readonly file: string | undefined;
  /** undefined: one of the command's own. */
  readonly reporter: Reporter | undefined;
}

/** What a command has for reporters: names of its own renderers, and kinds of data. */
export interface Offer {
  readonly own: readonly string[];
  readonly inputs: readonly Input[];
}

/** Of commands with cells, or a comparison; the first is taken if none is named. */
export const CELLS: Offer = { own: ['table'], inputs: ['cells'] };
export const REPLAYED_CELLS: Offer = { own: ['table'], inputs: ['cells', 'calls'] };
export const COMPARED: Offer = { own: ['table'], inputs: ['comparison'] };

export const REPORTER_FLAGS = '-r, --reporter <name[=file]>';

/** For the help of the option. */
export const reporterHelp = (offer: Offer): string =>
  `format, and where to; may be given again: ${namesOf(offer).join(', ')} (default: ${offer.own[0]})`;

/** Gathers the option as commander meets it. */
export const collectReporter = (value: string, earlier: readonly string[] | undefined): string[] => [
  ...(earlier ?? []),
  value,
];

/** Where `--json` is another name of `--reporter json`. */
export const namedReporters = (options: {
  readonly json?: boolean;
  readonly reporter?: readonly string[];
}): readonly string[] | undefined => (options.json === true ? ['json', ...(options.reporter ?? [])] : options.reporter);

const canTake = (reporter: Reporter, inputs: readonly Input[]): boolean =>
  INPUTS.some((input) => inputs.includes(input) && reporter[input] !== undefined);

function namesOf({ own, inputs }: Offer): string[] {
  return [...own, ...reporters.filter((each) => !own.includes(each.id) && canTake(each, inputs)).map(({ id }) => id)];
}

/** Throws UsageError before any work is done: unknown names, formats that the command has no data for, two for standard output or one file. */
export function chooseReporters(values: readonly string[] | undefined, offer: Offer): ChosenReporter[] {
  const chosen = (values ?? [offer.own[0]]).map((value) => parseChoice(value, offer));
  const places = new Map<string, string>();
  for (const { id, file = '-' } of chosen) {
    const place = file === '-' ? file : resolve(file);
    const other = places.get(place);
    if (other !== undefined)
      throw new UsageError(
        file === '-'
          ? `--reporter ${other} and --reporter ${id} both go to standard output; give one of them a file: ${id}=FILE`
          : `--reporter ${other} and --reporter ${id} both go to ${file}; name two files`,
      );
    places.set(place, id);
  }
  return chosen;
}

function parseChoice(value: string, offer: Offer): ChosenReporter {
  const equals = value.indexOf('=');
  const id = equals < 0 ? value : value.slice(0, equals);
  const file = equals < 0 ? undefined : value.slice(equals + 1);
  if (file === '') throw new UsageError(`--reporter ${value}: names no file; write ${id}=FILE, or ${id} alone`);
  const known = namesOf(offer);
  if (known.includes(id)) {
    const reporter = offer.own.includes(id) ? undefined : findReporter(id);
    return { id, file: file === '-' ? undefined : file, reporter };
  }
  const elsewhere = findReporter(id) === undefined ? '' : ' here';
  throw new UsageError(`unknown reporter '${id}'${elsewhere}; one of: ${known.join(', ')}`);
}

/** Does one of them want every call noted (a second replay)? */
export const wantsCalls = (chosen: readonly ChosenReporter[]): boolean =>
  chosen.some(({ reporter }) => reporter?.calls !== undefined);

/** Does one of them want more than the command prints itself? */
export const wantsData = (chosen: readonly ChosenReporter[]): boolean =>
  chosen.some(({ reporter }) => reporter !== undefined);

/** Renders everything, then writes everything: nothing is written if one of them fails before that. */
export async function writeReporters(
  chosen: readonly ChosenReporter[],
  own: OwnRenderers,
  data: ReporterData,
  terminal: Terminal,
): Promise<void> {
  const written: { readonly file: string | undefined; readonly output: Output }[] = [];
  for (const { id, file, reporter } of chosen) {
    const output = reporter === undefined ? own[id]() : await render(reporter, data);
    if (typeof output !== 'string' && file === undefined && terminal.isOutTty)
      throw new UsageError(`--reporter ${id}: writes bytes, not text; name a file: ${id}=FILE`);
    written.push({ file, output });
  }
  writeFiles(written.flatMap(({ file, output }) => (file === undefined ? [] : [{ file, output }])));
  for (const { file, output } of written) if (file === undefined) writeOut(output, terminal);
  const summaries = chosen.flatMap(({ reporter }) => reporter?.jobSummary?.(data) ?? []);
  for (const summary of summaries) addToJobSummary(summary);
}

function render(reporter: Reporter, { calls, comparison, model }: ReporterData): Output | Promise<Output> {
  if (calls !== undefined && reporter.calls !== undefined) return reporter.calls(calls);
  if (comparison !== undefined && reporter.comparison !== undefined) return reporter.comparison(comparison);
  if (model !== undefined && reporter.cells !== undefined) return reporter.cells(model);
  throw new UsageError(`--reporter ${reporter.id}: not for these results`);
}

const bytesOf = (output: Output): Uint8Array =>
  typeof output === 'string' ? Buffer.from(output.endsWith('\n') || output === '' ? output : `${output}\n`) : output;

function writeFiles(files: readonly { readonly file: string; readonly output: Output }[]): void {
  const targets: FileTarget[] = [];
  try {
    for (const { file, output } of files) {
      const target = openOutput(file);
      targets.push(target);
      target.write(bytesOf(output));
    }
    for (const target of targets) target.commit();
  } finally {
    for (const target of targets) target.abort();
  }
}

function writeOut(output: Output, terminal: Terminal): void {
  if (typeof output === 'string') {
    if (output !== '') terminal.out(output);
    return;
  }
  const target = openOutput('-');
  try {
    target.write(output);
    target.commit();
  } finally {
    target.abort();
  }
}

/** GitHub refuses a longer summary of a step. */
const MAX_SUMMARY = 1 << 20;
const CUT = '\n\nThe rest is left out: a summary of GitHub holds 1 MiB.\n';

/** The file that GitHub Actions names in the environment; without it there is no summary to add to. */
function addToJobSummary(text: string): void {
  const file = process.env.GITHUB_STEP_SUMMARY;
  if (file === undefined || file === '') return;
  const bytes = Buffer.from(text);
  const most = MAX_SUMMARY - CUT.length;
  const fits = bytes.length <= MAX_SUMMARY;
  const end = fits ? bytes.length : bytes.lastIndexOf('\n', most);
  try {
    appendFileSync(file, fits ? bytes : `${bytes.subarray(0, end)}${CUT}`);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    throw cannotWrite(file, `cannot be written (${code})`, 'GITHUB_STEP_SUMMARY must name a file');
  }
}
