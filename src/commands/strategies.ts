/** `vgic-replay strategies`: what can be compared, and what each promises; with an id, one page. */
import type { Command } from 'commander';
import { formatInteger } from '../base/number-format.js';
import type { Flavour } from '../gic/flavour/flavour.js';
import { flavours } from '../gic/flavour/index.js';
import { PATH_NAMES } from '../replay/result.js';
import { strategies, strategyNamed } from '../strategy/index.js';
import type { ApListStrategy } from '../strategy/strategy.js';
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
        terminal.out(json === true ? toJson(strategies.map((one) => describeJson(one))) : listText());
        return;
      }
      const { strategy, params } = strategyNamed(id);
      terminal.out(json === true ? toJson(describeJson(strategy, params)) : pageText(strategy, params));
    });
}

const toJson = (value: unknown): string => JSON.stringify(value, null, 2);

const listText = (): string =>
  [
    ...strategies.map(describe),
    'A strategy on request is replayed if --strategy names it or is `all`. One with its longest calls: strategies ID.',
  ].join('\n\n');

/** The flavours that a strategy can run on. */
const flavoursOf = ({ structure }: ApListStrategy): readonly Flavour[] =>
  flavours.filter((flavour) => flavour.structure === structure);

function describe(strategy: ApListStrategy): string {
  const { id, summary, models, equivalence, cost, params, isOnRequest } = strategy;
  const lines = [
    `${id}${isOnRequest === true ? ' (on request)' : ''}`,
    `  ${summary}`,
    `  models:   ${models}`,
    `  class:    ${equivalence} (against sort-on-flush; every replay verifies it)`,
    `  cost:     insert ${cost.insert}; flush ${cost.flush}; pending check ${cost.pending}; prune ${cost.prune}`,
    `  memory:   ${cost.memory}`,
  ];
  for (const param of Object.values(params)) {
    lines.push(`  param:    ${id}:${param.name}=${param.fallback}  ${param.meaning} (${param.min}..${param.max})`);
  }
  return lines.join('\n');
}

function pageText(strategy: ApListStrategy, params: Readonly<Record<string, number>>): string {
  const { n, k } = EXAMPLE;
  const lines = [
    describe(strategy),
    '',
    `Longest call of each path in steps (visits + comparisons + locks + LR writes), for n = ${n} queued interrupts and`,
    `k = ${k} LRs, as declared. Tests hold replays to all of it; guests that come within 5 %: src/replay/worst-reached.test.ts.`,
  ];
  for (const flavour of flavoursOf(strategy)) {
    lines.push('', `  ${flavour.id}`);
    const worst = strategy.worst(flavour, params);
    for (const path of PATH_NAMES) {
      const { growth, steps, why } = worst[path];
      lines.push(`    ${path.padEnd(8)}${formatInteger(steps(EXAMPLE)).padStart(10)}  ${growth.padEnd(10)}  ${why}`);
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
