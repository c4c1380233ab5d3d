/** `vgic-replay explore`: every interleaving of the concurrent models, and the shortest way into each known fault. */
import type { Command } from 'commander';
import { FidelityError, InputError, UsageError } from '../base/errors.js';
import { type Exploration, exploreVariant, modelNamed, models, variantNamed } from '../explore/index.js';
import type { Model, Variant } from '../explore/model.js';
import { replayMoves } from '../explore/replay-schedule.js';
import { wrapText } from '../report/wrap-text.js';
import { describeSchedule, describeVerdicts, type Timed } from './explore-text.js';
import { openInput } from './inputs.js';
import { readSchedule, writeSchedule } from './schedule-file.js';
import { type Terminal, tool } from './terminal.js';

interface Options {
  readonly output?: string;
  readonly schedule?: string;
  readonly reduced?: boolean;
  readonly json?: boolean;
}

export function registerExplore(program: Command, terminal: Terminal): void {
  program
    .command('explore')
    .description('visit every interleaving of small concurrent models: locks, barriers and windows of the vGIC')
    .argument('[model]', `of: ${models.map(({ id }) => id).join(', ')}; or model:variant (default: all)`)
    .option('-o, --output <file>', 'save the counterexample of one variant as a trace')
    .option('--schedule <file>', 'take a saved counterexample step by step; exit 5 if it does not fail as it says')
    .option('--reduced', 'follow one of several orders of independent steps')
    .option('--json', 'print JSON instead of text')
    .action((wanted: string | undefined, options: Options) => {
      if (options.schedule === undefined) return exploreModels(wanted, options, terminal);
      if (wanted !== undefined) throw new UsageError('--schedule names the model itself; leave the model out');
      if (options.output !== undefined || options.reduced === true)
        throw new UsageError('--schedule searches nothing: leave --output and --reduced out');
      return replaySchedule(options.schedule, options, terminal);
    });
}

interface Chosen {
  readonly model: Model;
  readonly variant: Variant;
}

function choose(wanted: string | undefined): Chosen[] {
  if (wanted === undefined) return models.flatMap((model) => model.variants.map((variant) => ({ model, variant })));
  const [id, variant] = wanted.split(/:(.*)/s);
  const model = modelNamed(id);
  if (variant !== undefined) return [{ model, variant: variantNamed(model, variant) }];
  return model.variants.map((each) => ({ model, variant: each }));
}

function exploreModels(wanted: string | undefined, options: Options, terminal: Terminal): void {
  const chosen = choose(wanted);
  const { output } = options;
  if (output !== undefined && chosen.length !== 1)
    throw new UsageError(`--output saves one counterexample; name a variant, such as ${nameOf(chosen[0])}`);
  const results = chosen.map(({ model, variant }): Timed => {
    const started = performance.now();
    const exploration = exploreVariant(model, variant, { reduced: options.reduced ?? false });
    return { exploration, milliseconds: performance.now() - started };
  });
  const explorations = results.map(({ exploration }) => exploration);
  if (output !== undefined) {
    if (explorations[0].problem === null)
      throw new UsageError(`${nameOf(chosen[0])} has no counterexample to save: every state was visited`);
    writeSchedule(output, explorations[0]);
  }
  // Standard output may be the trace itself.
  const print = output === '-' ? terminal.err : terminal.out;
  if (options.json === true) print(toJson({ reduced: options.reduced ?? false, explorations }));
  else {
    const parts = [describeVerdicts(results, terminal.width), ...counterexamples(wanted, explorations, terminal)];
    if (output !== undefined && output !== '-') parts.push(...describeSaved(output, explorations[0], terminal));
    print(parts.join('\n\n'));
  }
  requireDeclared(explorations);
}

const nameOf = ({ model, variant }: Chosen): string => `${model.id}:${variant.id}`;

const toJson = (record: object): string =>
  JSON.stringify({ schema: 'vgic-replay/explore/1', tool, ...record }, null, 2);

/** Not of all models at once: that would be pages. */
const counterexamples = (
  wanted: string | undefined,
  explorations: readonly Exploration[],
  { width }: Terminal,
): string[] =>
  wanted === undefined
    ? []
    : explorations.filter(({ problem }) => problem !== null).map((exploration) => describeSchedule(exploration, width));

const describeSaved = (output: string, { length }: Exploration, { width }: Terminal): string[] => [
  wrapText(`${output}: ${length} steps; "vgic-replay explore --schedule ${output}" takes them again`, width).join('\n'),
];

function requireDeclared(explorations: readonly Exploration[]): void {
  const wrong = explorations.filter(({ isAsDeclared }) => !isAsDeclared);
  if (wrong.length === 0) return;
  const [{ model, variant, expected, problem }] = wrong;
  throw new FidelityError(
    `${wrong.length} of ${explorations.length} variants are not as declared, the first: ${model}:${variant}: ${problem?.kind ?? 'no problem'} instead of ${expected ?? 'no problem'}; report it`,
  );
}

async function replaySchedule(path: string, { json }: Options, terminal: Terminal): Promise<void> {
  const input = await openInput(path);
  try {
    const file = path === '-' ? 'standard input' : path;
    const saved = readSchedule(input.open(), file);
    const { model, variant } = saved;
    const system = variant.create();
    const { steps, problem, stopped } = replayMoves(system, saved.moves);
    if (steps.length === 0 && stopped === null)
      throw new InputError(file, 'event 0', 'no step in it', 'save the counterexample again');
    const isAsStated = stopped === null && problem !== null && saved.states(problem.text);
    const [of, threads] = [{ model: model.id, variant: variant.id, summary: variant.summary }, system.threads];
    if (json === true) terminal.out(toJson({ ...of, threads, steps, problem, stopped, isAsStated }));
    else terminal.out(describeSchedule({ ...of, threads, schedule: steps, problem }, terminal.width));
    if (isAsStated) return;
    const why = stopped ?? (problem === null ? 'nothing is wrong after its last step' : `it ends in ${problem.text}`);
    throw new FidelityError(`${file}: does not end in the failure it states: ${why}; save the counterexample again`);
  } finally {
    input.close();
  }
}
