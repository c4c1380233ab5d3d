/** `vgic-replay gen`: a seeded workload → a .vgt trace, the same bytes on every machine; without argument, the workloads. */
import type { Command } from 'commander';
import { UsageError } from '../base/errors.js';
import { createTraceWriter } from '../trace/writer.js';
import { chooseWorkload, workloadHeader, workloads } from '../workload/index.js';
import type { Workload, WorkloadParam } from '../workload/workload.js';
import { openOutput } from './outputs.js';
import { type Terminal, tool } from './terminal.js';
import { describeWritten } from './written-line.js';

interface Options {
  readonly output?: string;
  readonly seed?: string;
  readonly events?: string;
  readonly json?: boolean;
}

export function registerGen(program: Command, terminal: Terminal): void {
  program
    .command('gen')
    .description(
      'make a trace of a generated guest, the same bytes on every machine; without argument, list the workloads',
    )
    .argument('[workload]', 'one of the list, with its parameters: deep:depth=988,churn=4')
    .option('-o, --output <file>', 'trace to write (.vgt), or - for standard output')
    .option('--seed <n>', 'seed of the generator (default: 1)')
    .option('--events <n>', 'number of events, about (default: see the list)')
    .option('--json', 'print the list as JSON')
    .action((spec: string | undefined, options: Options) => {
      if (spec === undefined) listWorkloads(options, terminal);
      else writeWorkload(spec, options, terminal);
    });
}

function listWorkloads({ json, output, seed, events }: Options, terminal: Terminal): void {
  if (output !== undefined || seed !== undefined || events !== undefined)
    throw new UsageError('name the workload to write; "vgic-replay gen" alone lists them');
  terminal.out(json === true ? JSON.stringify(workloads.map(asData), null, 2) : workloads.map(describe).join('\n\n'));
}

const asData = ({ id, summary, imitates, systems, params }: Workload): object => ({
  id,
  summary,
  imitates: imitates ?? null,
  systems: systems ?? [],
  params,
});

function describe({ id, summary, imitates, systems, params }: Workload): string {
  const lines = [id, `  ${summary}`];
  if (imitates !== undefined) lines.push(`  rates of: traces/recorded/${imitates}.vgt`);
  if (systems !== undefined) lines.push(`  for:      the model of ${systems.join(', ')} beside the GIC core`);
  return [...lines, ...params.map((param) => describeParam(id, param))].join('\n');
}

const describeParam = (id: string, param: WorkloadParam): string =>
  `  param:    ${id}:${param.name}=${param.default}  ${param.summary} (${param.min}..${param.max})`;

function writeWorkload(spec: string, { output, seed, events, json }: Options, terminal: Terminal): void {
  if (json === true) throw new UsageError('--json prints the list of workloads; leave out the workload');
  const given = Object.entries({ seed, events }).filter(
    (option): option is [string, string] => option[1] !== undefined,
  );
  const { workload, params } = chooseWorkload(spec, given);
  if (output === undefined) throw new UsageError(`name the trace to write: -o ${workload.id}.vgt (or -o -)`);
  const target = openOutput(output);
  try {
    const header = workloadHeader(workload, params, tool.version);
    // Nothing is added to the header at the end, so no room is kept for it.
    const writer = createTraceWriter(target, header, { reserve: 0 });
    workload.generate(params, writer);
    writer.finish();
    target.commit();
    // Standard output may be the trace itself.
    (output === '-' ? terminal.err : terminal.out)(describeWritten(output, header, writer.events));
  } finally {
    target.abort();
  }
}
