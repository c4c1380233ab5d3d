/** `vgic-replay rank`: every hostile guest that is known × every strategy × flavour. */
import { readdirSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import type { Command } from 'commander';
import { type Attacker, CAPABILITIES } from '../attack/attacker.js';
import { readFinding } from '../attack/finding.js';
import {
  type Contender,
  longestCall,
  programContender,
  type Rank,
  rankTarget,
  traceContender,
} from '../attack/rank.js';
import { JsonPlace } from '../attack/saved-json.js';
import { BoundError, UsageError } from '../base/errors.js';
import { formatInteger } from '../base/number-format.js';
import { flavours } from '../gic/flavour/index.js';
import { MAX_VCPUS } from '../gic/intid.js';
import { HOSTILE_RECORDINGS, hostileWorkloads, isProgram } from '../hostile/index.js';
import type { ChosenStrategy } from '../strategy/index.js';
import { createEventBlock, type EventBlock } from '../trace/events.js';
import { resolveParams } from '../workload/workload.js';
import { readText } from './attack.js';
import { parseFlavours, targetsFor } from './attack-options.js';
import { openInput } from './inputs.js';
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
    .description(
      'replay every finding, every row of the catalogue and every hostile recording under every strategy: how bad it gets, and where',
    )
    .argument('[findings...]', 'findings or traces to rank (default: traces/attacks)')
    .option('--flavour <ids>', `comma-separated, of: ${flavours.map(({ id }) => id).join(', ')}`, parseFlavours, [
      'kvm-6.1',
      'kvm-7.2',
      'xen-new',
    ])
    .option('-s, --strategy <ids>', 'comma-separated strategies (default: all)', parseStrategies)
    .option('--no-catalogue', 'findings alone, without the catalogue of hostile guests and the hostile recordings')
    .option('-r, --reporter <name>', 'table, json or md', 'table')
    .action((paths: string[], options: Options) => runRank(paths, options, terminal));
}

/** Findings that come with the package. */
export function listFindings(): string[] {
  return readdirSync(folder)
    .filter((name) => name.endsWith('.json'))
    .sort()
    .map((name) => fileURLToPath(new URL(name, folder)));
}

/** A finding, or anything that replay reads. */
async function readContender(path: string): Promise<Contender> {
  if (!path.endsWith('.json')) return readTrace(path);
  const { name, program, size, attacker } = readFinding(JsonPlace.parse(path, readText(path)));
  return programContender(name, program, size, attacker);
}

async function readTrace(path: string): Promise<Contender> {
  const input = await openInput(path);
  try {
    const source = input.open();
    const blocks: EventBlock[] = [];
    for (let block = createEventBlock(); source.next(block); block = createEventBlock()) blocks.push(block);
    return traceContender(source.header.name, source.header.machine, blocks);
  } finally {
    input.close();
  }
}

/** Whatever its rows need. */
const CATALOGUE_ATTACKER: Attacker = {
  may: CAPABILITIES,
  vcpus: MAX_VCPUS,
  writesPerExit: 1,
  instructions: 1 << 24,
};

/** Catalogue rows that are programs, at their default size. */
function catalogueContenders(): Contender[] {
  return hostileWorkloads.filter(isProgram).map((row) => {
    const params = resolveParams(row, {});
    return programContender(row.id, row.program(params), row.size(params), CATALOGUE_ATTACKER);
  });
}

async function runRank(paths: readonly string[], options: Options, terminal: Terminal): Promise<void> {
  const render = RENDERERS[options.reporter];
  if (render === undefined)
    throw new UsageError(`unknown reporter '${options.reporter}'; one of: ${Object.keys(RENDERERS).join(', ')}`);
  const targets = targetsFor(options.flavour, options.strategy);
  const recordings = HOSTILE_RECORDINGS.map(({ name }) => `traces/recorded/${name}.vgt`);
  const named = paths.length > 0 ? paths : [...listFindings(), ...(options.catalogue ? recordings : [])];
  const contenders = await Promise.all(named.map(readContender));
  if (options.catalogue && paths.length === 0) contenders.push(...catalogueContenders());
  const ranks = targets.map((target) => rankTarget(target, contenders));
  terminal.out(render(ranks, contenders.length));
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
