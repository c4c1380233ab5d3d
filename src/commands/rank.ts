/** `vgic-replay rank`: every hostile guest that is known × every strategy × flavour. */
import { readdirSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import type { Command } from 'commander';
import { defaultAttacker } from '../attack/attacker.js';
import { createEvaluator, type Evaluator } from '../attack/evaluate.js';
import { type Finding, readFinding } from '../attack/finding.js';
import { type Contender, longestCall, RANK_LIMITS, type Rank, rankTarget } from '../attack/rank.js';
import { JsonPlace } from '../attack/saved-json.js';
import { BoundError, UsageError } from '../base/errors.js';
import { formatInteger } from '../base/number-format.js';
import { flavours } from '../gic/flavour/index.js';
import { hostileWorkloads, isProgram } from '../hostile/index.js';
import type { ChosenStrategy } from '../strategy/index.js';
import { resolveParams } from '../workload/workload.js';
import { readText } from './attack.js';
import { parseFlavours, targetsFor } from './attack-options.js';
import { parseStrategies } from './strategy-files.js';
import { type Terminal, tool } from './terminal.js';

interface Options {
  readonly flavour: string[];
  readonly strategy?: ChosenStrategy[];
  readonly reporter: string;
  readonly catalogue: boolean;
}

const folder = new URL('../../../traces/attacks/', import.meta.url);

export function registerRank(program: Command, terminal: Terminal): void {
  program
    .command('rank')
    .description('replay every finding and every row of the catalogue under every strategy: how bad it gets, and where')
    .argument('[findings...]', 'findings to rank (default: traces/attacks)')
    .option('--flavour <ids>', `comma-separated, of: ${flavours.map(({ id }) => id).join(', ')}`, parseFlavours, [
      'kvm-6.1',
      'kvm-7.2',
      'xen-new',
    ])
    .option('-s, --strategy <ids>', 'comma-separated strategies (default: all)', parseStrategies)
    .option('--no-catalogue', 'findings alone, without the catalogue of hostile guests')
    .option('-r, --reporter <name>', 'table, json or md', 'table')
    .action((paths: string[], options: Options) => runRank(paths, options, terminal));
}

interface Guest extends Contender {
  readonly attacker: Finding['attacker'];
}

/** Findings that come with the package. */
export function listFindings(): string[] {
  return readdirSync(folder)
    .filter((name) => name.endsWith('.json'))
    .sort()
    .map((name) => fileURLToPath(new URL(name, folder)));
}

const readGuest = (path: string): Guest => readFinding(JsonPlace.parse(path, readText(path)));

/** Catalogue rows that are programs, at their default size: whoever they need is there. */
function catalogueGuests(): Guest[] {
  const attacker = {
    ...defaultAttacker,
    may: ['mmio', 'sgi', 'lpis', 'device'],
    vcpus: 126,
    instructions: 1 << 24,
  } as const;
  return hostileWorkloads.filter(isProgram).map((row) => {
    const params = resolveParams(row, {});
    return { name: row.id, program: row.program(params), size: row.size(params), attacker };
  });
}

function runRank(paths: readonly string[], options: Options, terminal: Terminal): void {
  const render = RENDERERS[options.reporter];
  if (render === undefined)
    throw new UsageError(`unknown reporter '${options.reporter}'; one of: ${Object.keys(RENDERERS).join(', ')}`);
  const guests = [
    ...(paths.length === 0 ? listFindings() : paths).map(readGuest),
    ...(options.catalogue && paths.length === 0 ? catalogueGuests() : []),
  ];
  const targets = targetsFor(options.flavour, options.strategy);
  // One each: the models of all of them at once would be gigabytes.
  const evaluatorFor = ({ attacker, size }: Guest): Evaluator =>
    createEvaluator(attacker, { ...RANK_LIMITS, counted: size });
  const ranks = targets.map((target) => rankTarget(target, guests, evaluatorFor));
  terminal.out(render(ranks, guests.length));
  const broken = ranks.find(({ isBounded }) => !isBounded);
  if (broken !== undefined)
    throw new BoundError(
      `${broken.strategy} on ${broken.flavour}: a guest exceeds what is declared; the declared worst case is wrong`,
    );
}

type Render = (ranks: readonly Rank[], guests: number) => string;

const HEADS = ['flavour', 'strategy', 'longest call', 'steps', 'declared', 'growth', 'by', 'bounded'];

/** One row a target: the longest call of any path, what is declared for it, and whether all that is declared holds. */
function rowsOf(ranks: readonly Rank[]): string[][] {
  return ranks.map((rank) => {
    const { flavour, strategy, isBounded, stops } = rank;
    const worst = longestCall(rank);
    const verdict = !isBounded ? 'NO' : stops.length > 0 ? 'yes, but the host stops' : 'yes';
    if (worst === undefined) return [flavour, strategy, '-', '-', '-', '-', '-', verdict];
    const { dimension, figure, bound, growth, name } = worst;
    const declared = bound === null ? '-' : formatInteger(bound);
    return [flavour, strategy, dimension, formatInteger(figure), declared, growth ?? '-', name, verdict];
  });
}

const isNumber = (column: number): boolean => column === 3 || column === 4;

const asTable: Render = (ranks, guests) => {
  const rows = [HEADS, ...rowsOf(ranks)];
  const widths = HEADS.map((_head, at) => Math.max(...rows.map((row) => row[at].length)));
  const line = (row: readonly string[]): string =>
    row
      .map((cell, at) => (isNumber(at) ? cell.padStart(widths[at]) : cell.padEnd(widths[at])))
      .join('  ')
      .trimEnd();
  return [...rows.map(line), '', `${guests} guests; "by": which of them. --reporter json has every dimension.`].join(
    '\n',
  );
};

const asMarkdown: Render = (ranks) => {
  const line = (cells: readonly string[]): string => `| ${cells.join(' | ')} |`;
  const rule = HEADS.map((_head, at) => (isNumber(at) ? '--:' : '---'));
  return [HEADS, rule, ...rowsOf(ranks)].map(line).join('\n');
};

const asJson: Render = (ranks, guests) =>
  JSON.stringify({ schema: 'vgic-replay/rank/1', tool, guests, ranks }, null, 2);

const RENDERERS: Readonly<Record<string, Render>> = { table: asTable, md: asMarkdown, json: asJson };
