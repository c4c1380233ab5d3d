/** `vgic-replay strategies`: what can be compared, and what each promises; with an id, one page. */
import type { Command } from 'commander';
import { formatInteger } from '../base/number-format.js';
import type { Flavour } from '../gic/flavour/flavour.js';
import { flavours } from '../gic/flavour/index.js';
import { PATH_NAMES } from '../replay/result.js';
import { wrapHanging, wrapText } from '../report/wrap-text.js';
import { strategies, strategyNamed } from '../strategy/index.js';
import type { ApListStrategy, EquivalenceClass } from '../strategy/strategy.js';
import type { Terminal } from './terminal.js';

/** Where the declared longest calls are put into numbers. */
const EXAMPLE = { n: 960, k: 4 };

export function registerStrategies(program: Command, terminal: Terminal): void {
  program
    .command('strategies')
    .description('list the ap_list strategies: what each models, costs and promises')
    .argument('[id]', 'the page of one: also its longest calls in every flavour; parameters as hybrid:threshold=32')
    .option('--json', 'print JSON instead of text')
    .action((id: string | undefined, { json }: { json?: boolean }) => {
      if (id === undefined) {
        terminal.out(json === true ? toJson(strategies.map((one) => describeJson(one))) : listText(terminal.width));
        return;
      }
      const { strategy, params } = strategyNamed(id);
      terminal.out(json === true ? toJson(describeJson(strategy, params)) : pageText(strategy, params, terminal.width));
    });
}

const toJson = (value: unknown): string => JSON.stringify(value, null, 2);

const listText = (width: number): string =>
  [
    ...strategies.map((strategy) => describe(strategy, width).join('\n')),
    wrapText(
      'A strategy on request is replayed if --strategy names it or is `all`. One with its longest calls: strategies ID.',
      width,
    ).join('\n'),
  ].join('\n\n');

/** The flavours that a strategy can run on. */
const flavoursOf = ({ structure }: ApListStrategy): readonly Flavour[] =>
  flavours.filter((flavour) => flavour.structure === structure);

/** What a class promises, and whether anybody looks. */
const CLASS_WORDS: Readonly<Record<EquivalenceClass, string>> = {
  identical: 'identical: the LR words of the flavour’s own algorithm at every entry; every replay verifies it',
  'tie-equivalent': 'tie-equivalent: the same choice but among equals; every replay verifies it',
  deviating: 'deviating: other choices than the flavour’s own; replays count them, and interrupts that are lost',
  bound: 'bound: no candidate; shows how far the others are from free',
};

function describe(strategy: ApListStrategy, width: number): string[] {
  const { id, summary, models, equivalence, cost, params, isOnRequest } = strategy;
  const costs = `insert ${cost.insert}; flush ${cost.flush}; pending check ${cost.pending}; prune ${cost.prune}`;
  return [
    `${id}${isOnRequest === true ? ' (on request)' : ''}`,
    ...wrapHanging('  ', summary, width),
    ...wrapHanging('  models:   ', models, width),
    ...wrapHanging('  class:    ', CLASS_WORDS[equivalence], width),
    ...wrapHanging('  cost:     ', costs, width),
    ...wrapHanging('  memory:   ', cost.memory, width),
    ...Object.values(params).flatMap(({ name, fallback, meaning, min, max }) =>
      wrapHanging('  param:    ', `${id}:${name}=${fallback}  ${meaning} (${min}..${max})`, width),
    ),
  ];
}

function pageText(strategy: ApListStrategy, params: Readonly<Record<string, number>>, width: number): string {
  const { n, k } = EXAMPLE;
  const lines = [
    ...describe(strategy, width),
    '',
    ...wrapText(
      `Longest call of each path in steps (visits + comparisons + locks + LR writes), for n = ${n} queued interrupts and ` +
        `k = ${k} LRs, as declared. No replay of the tests exceeds them; guests that come within 5 %: ` +
        'src/replay/worst-reached.test.ts.',
      width,
    ),
  ];
  for (const flavour of flavoursOf(strategy)) {
    lines.push('', `  ${flavour.id}`);
    const worst = strategy.worst(flavour, params);
    for (const path of PATH_NAMES) {
      const { growth, steps, why } = worst[path];
      const lead = `    ${path.padEnd(8)}${formatInteger(steps(EXAMPLE)).padStart(10)}  ${growth.padEnd(10)}  `;
      lines.push(...wrapHanging(lead, why, width));
    }
  }
  return lines.join('\n');
}

function describeJson(strategy: ApListStrategy, params?: Readonly<Record<string, number>>): unknown {
  const { create: _create, worst, ...rest } = strategy;
  const declared = flavoursOf(strategy).map((flavour) => {
    const cases = worst(flavour, params);
    return [
      flavour.id,
      Object.fromEntries(
        PATH_NAMES.map((path) => {
          const { growth, steps, why } = cases[path];
          return [path, { growth, steps: steps(EXAMPLE), why }];
        }),
      ),
    ];
  });
  return { ...rest, worst: { ...EXAMPLE, flavours: Object.fromEntries(declared) } };
}
