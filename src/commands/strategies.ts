/** `vgic-replay strategies`: what can be compared, and what each promises. */
import type { Command } from 'commander';
import { strategies } from '../strategy/index.js';
import type { Terminal } from './terminal.js';

export function registerStrategies(program: Command, terminal: Terminal): void {
  program
    .command('strategies')
    .description('list the ap_list strategies: what each models, costs and promises')
    .option('--json', 'print JSON instead of text')
    .action(({ json }: { json?: boolean }) => {
      if (json === true) {
        terminal.out(
          JSON.stringify(
            strategies.map(({ create: _create, ...rest }) => rest),
            null,
            2,
          ),
        );
        return;
      }
      terminal.out(strategies.map((strategy) => describe(strategy)).join('\n\n'));
    });
}

function describe({ id, summary, models, equivalence, cost, params }: (typeof strategies)[number]): string {
  const lines = [
    id,
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
