/** `vgic-replay merge`: the shards of a run put together. */
import type { Command } from 'commander';
import { plural } from '../base/number-format.js';
import { CELL_VERBS } from '../run/plan.js';
import type { Run } from '../run/run-file.js';
import { shardText } from '../run/shard.js';
import { readRuns, writeRun } from './run-store.js';
import type { Terminal } from './terminal.js';

export function registerMerge(program: Command, terminal: Terminal): void {
  program
    .command('merge')
    .description(
      'put the stored results of all shards of a run together, to the bytes of a run that was never divided; exit 4 for a shard that is missing, doubled, unfinished or of another run',
    )
    .argument('<runs...>', 'run-1-of-n.jsonl and so on, in any order')
    .option('-o, --output <file>', 'file of the whole run', 'run.jsonl')
    .action((paths: string[], { output }: { output: string }) => {
      const run = readRuns(paths, null, terminal.err);
      writeRun(output, run);
      const { verb } = run.header.plan;
      const next = CELL_VERBS.includes(verb)
        ? `'vgic-replay report ${output}' makes the report of them`
        : `'vgic-replay ${verb} ${output}' ${verb === 'check' ? 'judges' : 'prints'} them`;
      terminal.out(`${output}: ${plural(run.units.length, 'unit')} of ${plural(paths.length, 'file')}; ${next}`);
    });
}

/** What a shard leaves behind. */
export const describeShard = ({ header, units }: Run, path: string): string =>
  `${path}: shard ${shardText(header.shard)}, ${plural(units.length, 'unit')} of ${header.plan.units.length}; 'vgic-replay merge' puts all shards together`;
