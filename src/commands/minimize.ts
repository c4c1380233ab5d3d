/** `vgic-replay minimize`: the shortest programs that are nearly as bad as what a search found. */
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { type Command, InvalidArgumentError } from 'commander';
import { type Covering, coverArchive } from '../attack/cover.js';
import { dimensionIndex } from '../attack/dimensions.js';
import { createEvaluator } from '../attack/evaluate.js';
import { FINDING_SCHEMA, type Finding, readFinding, saveFinding } from '../attack/finding.js';
import { makeFinding } from '../attack/make-finding.js';
import { JsonPlace } from '../attack/saved-json.js';
import { DEFAULT_WORK, largeLimits, type SearchSettings, type SearchState } from '../attack/search.js';
import { readSearch } from '../attack/search-file.js';
import { formatInteger } from '../base/number-format.js';
import { targetsFor } from './attack-options.js';
import { openOutput, writeText } from './outputs.js';
import { loadTargets } from './strategy-files.js';
import { type Terminal, tool } from './terminal.js';
import { readText } from './text-file.js';

interface Options {
  readonly output: string;
  readonly share: number;
  readonly json?: boolean;
}

/** Larger traces are left to `gen`-like commands: the program is all that is needed to make them. */
const MAX_TRACE_BYTES = 200_000;

export function registerMinimize(program: Command, terminal: Terminal): void {
  program
    .command('minimize')
    .description('make findings of a search: the fewest and shortest guest programs that reach nearly what it reached')
    .argument('<file>', 'a search that attack kept, or a finding')
    .option('-o, --output <folder>', 'folder of the findings: NAME.json, and NAME.vgt if it is small', 'traces/attacks')
    .option('--share <percent>', 'of each figure that must be kept', parseShare, 95)
    .option('--json', 'print JSON instead of text')
    .action((path: string, options: Options) => runMinimize(path, options, terminal));
}

function parseShare(text: string): number {
  const percent = Number(text);
  if (text.trim() !== '' && percent > 0 && percent <= 100) return percent;
  throw new InvalidArgumentError('It must be a percentage above 0, up to 100.');
}

interface Work {
  readonly settings: SearchSettings;
  readonly coverings: readonly Covering[];
  readonly commands: readonly string[];
}

/** What is asked for by a file: the coverings of an archive, or the one of a finding. */
async function readWork(path: string, share: number): Promise<Work> {
  const place = JsonPlace.parse(path, readText(path));
  if (place.at('schema').value === FINDING_SCHEMA) {
    const finding = readFinding(place);
    await loadTargets(finding.reached);
    return workOfFinding(finding);
  }
  const state = readSearch(place);
  const { settings } = state;
  await loadTargets(settings.targets);
  const evaluator = createEvaluator(settings.attacker, largeLimits(settings));
  const commands = [attackCommand(state), 'vgic-replay minimize attack.json'];
  return { settings, coverings: coverArchive(state, evaluator, share), commands };
}

function workOfFinding({ size, attacker, program, reached, dimension, commands }: Finding): Work {
  const small = { ...size, n: Math.min(size.n, SMALL) };
  const settings = { seed: 1, attacker, targets: reached, small, large: size, work: DEFAULT_WORK };
  return { settings, coverings: [{ dimension: dimensionIndex(dimension), program, targets: reached }], commands };
}

const SMALL = 64;

/** The command line that makes this archive, on every machine. */
function attackCommand({ settings, evaluations }: SearchState): string {
  const { attacker, targets, small, large, seed, work } = settings;
  const flavours = [...new Set(targets.map(({ flavour }) => flavour))];
  const usual = targetsFor(flavours, undefined);
  const strategies = [...new Set(targets.map(({ strategy }) => strategy))].join(',');
  const options: readonly (readonly [name: string, value: string | number])[] = [
    ['flavour', flavours.join(',')],
    ...(JSON.stringify(usual) === JSON.stringify(targets) ? [] : ([['strategy', strategies]] as const)),
    ['attacker', attacker.may.join(',')],
    ['vcpus', attacker.vcpus],
    ['writes-per-exit', attacker.writesPerExit],
    ['instructions', attacker.instructions],
    ['size', large.n],
    ['small-size', small.n],
    ['nr-lr', large.nrLr],
    ['work', work],
    ['seed', seed],
    ['evaluations', evaluations],
  ];
  return `vgic-replay attack ${options.map(([name, value]) => `--${name} ${value}`).join(' ')}`;
}

async function runMinimize(path: string, options: Options, terminal: Terminal): Promise<void> {
  const share = options.share / 100;
  const { settings, coverings, commands } = await readWork(path, share);
  mkdirSync(options.output, { recursive: true });
  const findings = coverings.map((covering) => {
    const { finding, trace } = makeFinding({ settings, covering, share, commands });
    const file = join(options.output, finding.name);
    writeText(`${file}.json`, saveFinding(finding));
    if (trace.length <= MAX_TRACE_BYTES) writeBytes(`${file}.vgt`, trace);
    if (options.json !== true) terminal.out(describeFinding(finding));
    return finding;
  });
  if (options.json === true) terminal.out(JSON.stringify({ schema: FINDING_SCHEMA, tool, findings }, null, 2));
}

function writeBytes(path: string, bytes: Uint8Array): void {
  const target = openOutput(path);
  try {
    target.write(bytes);
    target.commit();
  } finally {
    target.abort();
  }
}

function describeFinding({ name, program, reached }: Finding): string {
  const ops = program.setUp.length + program.round.length;
  const [{ figure, bound }] = reached;
  const of = bound === null ? '' : ` of ${formatInteger(bound)}`;
  return `${name}: ${formatInteger(Math.round(figure))}${of}, ${ops} operations, for ${reached.length} strategies`;
}
