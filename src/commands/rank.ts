/** `vgic-replay rank`: every hostile guest that is known × every strategy × flavour. */
import type { Command } from 'commander';
import type { Rank, Worst } from '../attack/rank.js';
import { BoundError } from '../base/errors.js';
import { formatInteger } from '../base/number-format.js';
import { flavours } from '../gic/flavour/index.js';
import { HOSTILE_RECORDINGS } from '../hostile/index.js';
import { PATH_NAMES, type PathName } from '../replay/result.js';
import { WHOLE } from '../run/plan.js';
import { type Run, resultsOf } from '../run/run-file.js';
import type { ChosenStrategy } from '../strategy/index.js';
import { parseFlavours, targetsFor } from './attack-options.js';
import { describeShard } from './merge.js';
import { countCatalogue, listFindings } from './rank-guests.js';
import { planRank } from './rank-plan.js';
import {
  chooseReporters,
  collectReporter,
  type Offer,
  REPORTER_FLAGS,
  reporterHelp,
  writeReporters,
} from './reporter-options.js';
import { addStoredRunOptions, refuseRunOptions, type StoredRunOptions, storeOf } from './run-options.js';
import { readRuns, refuseMixture } from './run-store.js';
import { runUnits } from './run-units.js';
import { parseStrategies } from './strategy-files.js';
import { type Terminal, tool } from './terminal.js';

interface Options extends StoredRunOptions {
  readonly flavour: string[];
  readonly strategy?: ChosenStrategy[];
  readonly reporter?: string[];
  readonly catalogue: boolean;
}

export function registerRank(program: Command, terminal: Terminal): void {
  const command = program
    .command('rank')
    .description(
      'replay every finding, every row of the catalogue and every hostile recording under every strategy: how bad it gets, and where',
    )
    .argument('[findings...]', 'findings or traces to rank (default: traces/attacks); or stored results')
    .option('--flavour <ids>', `comma-separated, of: ${flavours.map(({ id }) => id).join(', ')}`, parseFlavours, [
      'kvm-6.1',
      'kvm-7.2',
      'xen-new',
    ])
    .option('-s, --strategy <ids>', 'comma-separated strategies (default: all)', parseStrategies)
    .option('--no-catalogue', 'findings alone, without the catalogue of hostile guests and the hostile recordings')
    .option(REPORTER_FLAGS, reporterHelp(RANKS), collectReporter);
  addStoredRunOptions(command, 'rank and merge').action((paths: string[], options: Options) =>
    runRank(paths, options, command, terminal),
  );
}

async function runRank(
  paths: readonly string[],
  options: Options,
  command: Command,
  terminal: Terminal,
): Promise<void> {
  const reporters = chooseReporters(options.reporter, RANKS);
  const isStored = refuseMixture(paths);
  if (isStored) refuseRunOptions(command);
  const run = isStored ? readRuns(paths, ['rank'], terminal.err) : await rankGuests(paths, options, terminal);
  if (run.header.shard.count > 1) {
    terminal.out(describeShard(run, options.output!));
    return;
  }
  const ranks = resultsOf(run, 'rank');
  const { traces, options: planned } = run.header.plan;
  const guests = traces.length + (planned.catalogue === true ? countCatalogue() : 0);
  const render = (renderer: Render) => (): string => renderer(ranks, guests);
  const own = { table: render(asTable), md: render(asMarkdown), json: render(asJson) };
  await writeReporters(reporters, own, {}, terminal);
  const broken = ranks.find(({ isBounded }) => !isBounded);
  if (broken !== undefined)
    throw new BoundError(
      `${broken.strategy} on ${broken.flavour}: a guest exceeds what is declared; the declared worst case is wrong`,
    );
}

async function rankGuests(paths: readonly string[], options: Options, terminal: Terminal): Promise<Run> {
  const { flavour, strategy, shard, jobs, resume } = options;
  const store = storeOf(options);
  const recordings = HOSTILE_RECORDINGS.map(({ name }) => `traces/recorded/${name}.vgt`);
  const planned = await planRank({
    flavours: flavour,
    strategies: strategy,
    targets: targetsFor(flavour, strategy),
    named: paths,
    guests: paths.length > 0 ? paths : [...listFindings(), ...(options.catalogue ? recordings : [])],
    catalogue: options.catalogue && paths.length === 0,
    isStored: store !== null,
  });
  try {
    const { plan, files, kept } = planned;
    return await runUnits({ plan, files, kept, shard: shard ?? WHOLE, jobs, store, resume: resume === true }, terminal);
  } finally {
    planned.close();
  }
}

type Render = (ranks: readonly Rank[], guests: number) => string;

const HEADS = ['strategy', ...PATH_NAMES, 'bounded'];
/** What the thread asks about most: an entry and an exit. */
const NAMED_PATHS: readonly PathName[] = ['flush', 'prune'];

const worstOf = ({ worst }: Rank, path: PathName): Worst | undefined =>
  worst.find(({ dimension }) => dimension === `${path}-steps`);

function figureOf(rank: Rank, path: PathName): string {
  const worst = worstOf(rank, path);
  if (worst === undefined) return '-';
  return `${formatInteger(worst.figure)}${worst.growth === 'constant' ? '*' : ' '}`;
}

function verdictOf({ isBounded, stops }: Rank): string {
  if (!isBounded) return 'NO';
  return stops.length > 0 ? 'host stops' : 'yes';
}

const rowOf = (rank: Rank): string[] => [
  rank.strategy,
  ...PATH_NAMES.map((path) => figureOf(rank, path)),
  verdictOf(rank),
];

const byFlavour = (ranks: readonly Rank[]): [flavour: string, ranks: readonly Rank[]][] =>
  [...new Set(ranks.map(({ flavour }) => flavour))].map((id) => [id, ranks.filter(({ flavour }) => flavour === id)]);

/** `flush by never-ack: fifo, heap`: who reached the longest flush and prune of which strategies. */
function describeGuests(ranks: readonly Rank[]): string[] {
  return NAMED_PATHS.flatMap((path) => {
    const strategiesOf = new Map<string, string[]>();
    for (const rank of ranks) {
      const name = worstOf(rank, path)?.name;
      if (name !== undefined) strategiesOf.set(name, [...(strategiesOf.get(name) ?? []), rank.strategy]);
    }
    return [...strategiesOf].map(([name, strategies]) => `${path} by ${name}: ${strategies.join(', ')}`);
  });
}

const NOTE = 'most modelled steps of one call; *: declared constant; bounded: no guest exceeds what is declared';
const WIDTH = 100;

const asTable: Render = (ranks, guests) => {
  const widths = HEADS.map((head, at) => Math.max(head.length, ...ranks.map((rank) => rowOf(rank)[at].length)));
  const line = (row: readonly string[]): string =>
    row
      .map((cell, at) => (isNumber(at) ? cell.padStart(widths[at]) : cell.padEnd(widths[at])))
      .join('  ')
      .trimEnd();
  const ofFlavour = ([flavour, own]: [string, readonly Rank[]]): string[] => [
    flavour,
    line(HEADS.map((head, at) => (isNumber(at) ? `${head} ` : head))),
    ...own.map(rowOf).map(line),
    '',
    ...describeGuests(own).flatMap(wrap),
    '',
  ];
  return [...byFlavour(ranks).flatMap(ofFlavour), ...wrap(`${guests} guests: ${NOTE}`)].join('\n');
};

const isNumber = (column: number): boolean => column > 0 && column <= PATH_NAMES.length;

/** Lines of at most WIDTH; those that follow are indented. */
function wrap(text: string): string[] {
  const lines: string[] = [];
  let line = '';
  for (const word of text.split(' ')) {
    if (line !== '' && line.length + 1 + word.length > WIDTH) {
      lines.push(line);
      line = `  ${word}`;
    } else line = line === '' ? word : `${line} ${word}`;
  }
  return [...lines, line];
}

const asMarkdown: Render = (ranks, guests) => {
  const line = (cells: readonly string[]): string => `| ${cells.map((cell) => cell.trim()).join(' | ')} |`;
  const rule = HEADS.map((_head, at) => (isNumber(at) ? '--:' : '---'));
  const ofFlavour = ([flavour, own]: [string, readonly Rank[]]): string[] => [
    `### ${flavour}`,
    '',
    ...[HEADS, rule, ...own.map(rowOf)].map((cells) => line(cells.map((cell) => cell.replace('*', '\\*')))),
    '',
    ...describeGuests(own).map((text) => `- ${text}`),
    '',
  ];
  return [...byFlavour(ranks).flatMap(ofFlavour), `${guests} guests: ${NOTE.replace('*', '\\*')}`].join('\n');
};

const asJson: Render = (ranks, guests) =>
  JSON.stringify({ schema: 'vgic-replay/rank/1', tool, guests, ranks }, null, 2);

/** A rank is no result of cells: its formats are its own. */
const RANKS: Offer = { own: ['table', 'md', 'json'], inputs: [] };
