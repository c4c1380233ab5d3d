/** `vgic-replay gen`: a seeded workload → a .vgt trace, the same bytes on every machine; without argument, the workloads. */
import { setImmediate } from 'node:timers/promises';
import { Worker } from 'node:worker_threads';
import type { Command } from 'commander';
import { UsageError } from '../base/errors.js';
import { chooseGuest, type HostileWorkload, hostileWorkloads, unmodelled } from '../hostile/index.js';
import { wrapHanging } from '../report/wrap-text.js';
import type { ByteTarget } from '../trace/source.js';
import { workloadHeader, workloads } from '../workload/index.js';
import { fileNameFor } from '../workload/spec.js';
import type { Workload, WorkloadParam } from '../workload/workload.js';
import type { GenPart, GenWork } from './gen-worker.js';
import { type Guest, writeGuest } from './guest-trace.js';
import { abortOnSignal, openOutput } from './outputs.js';
import { type Terminal, tool } from './terminal.js';
import type { FileTarget } from './trace-files.js';
import { describeWritten } from './written-line.js';

interface Options {
  readonly output?: string;
  readonly seed?: string;
  readonly events?: string;
  readonly n?: string;
  readonly json?: boolean;
}

export function registerGen(program: Command, terminal: Terminal): void {
  program
    .command('gen')
    .description(
      'make a trace of a generated guest, the same bytes on every machine; without argument, list the workloads',
    )
    .argument('[workload]', 'one of the list, with its parameters: deep:depth=988,churn=4, attack:never-ack:n=256')
    .option('-o, --output <file>', 'trace to write (.vgt), or - for standard output')
    .option('--seed <n>', 'seed of the generator (default: 1)')
    .option('--events <n>', 'number of events, about (default: see the list)')
    .option('--n <n>', 'size of an attack: interrupts, or what its row of the list says')
    .option('--json', 'print the list as JSON')
    .action(async (spec: string | undefined, options: Options) => {
      if (spec === undefined) listWorkloads(options, terminal);
      else await writeWorkload(spec, options, terminal);
    });
}

function listWorkloads({ json, output, seed, events, n }: Options, terminal: Terminal): void {
  if (output !== undefined || seed !== undefined || events !== undefined || n !== undefined)
    throw new UsageError('name the workload to write; "vgic-replay gen" alone lists them');
  const data = [...workloads.map(asData), ...hostileWorkloads.map(asAttackData)];
  const { width } = terminal;
  const text = [...workloads.map((workload) => describe(workload, width)), listAttacks(width)];
  terminal.out(json === true ? JSON.stringify(data, null, 2) : text.join('\n\n'));
}

const asAttackData = (workload: HostileWorkload): object => {
  const { row, hurts, bound, flavours } = workload;
  return { ...asData(workload), row, hurts, bound, flavours };
};

/** The rows of the catalogue, two or three lines each, and what of it nobody can generate. */
function listAttacks(width: number): string {
  const widest = Math.max(...hostileWorkloads.map(({ id }) => id.length));
  const rows = hostileWorkloads.flatMap(({ id, row, summary, flavours, params }) => {
    const given = params.filter(({ name }) => name !== 'lrs').map((param) => `${param.name}=${param.default}`);
    const size = params.filter(({ name }) => name === 'n').map((n) => `; n: ${n.summary}, ${n.min}..${n.max}`);
    return [
      ...wrapHanging(
        `  ${id.padEnd(widest)}  `,
        `row ${row}, ${flavours[0]}; ${given.join(',')}${size.join('')}`,
        width,
      ),
      ...wrapHanging(' '.repeat(widest + 4), summary, width),
    ];
  });
  const missing = unmodelled.flatMap(({ row, what, why }) => wrapHanging('  ', `row ${row}: ${what}: ${why}`, width));
  return ['attacks, by row of vgic-spec 8.2', ...rows, 'not modelled of these', ...missing].join('\n');
}

const asData = ({ id, summary, imitates, systems, params }: Workload): object => ({
  id,
  summary,
  imitates: imitates ?? null,
  systems: systems ?? [],
  params,
});

function describe({ id, summary, imitates, systems, params }: Workload, width: number): string {
  const lines = [id, ...wrapHanging('  ', summary, width)];
  if (imitates !== undefined) lines.push(`  rates of: traces/recorded/${imitates}.vgt`);
  if (systems !== undefined) lines.push(`  for:      the model of ${systems.join(', ')} beside the GIC core`);
  return [...lines, ...params.flatMap((param) => wrapHanging('  param:    ', describeParam(id, param), width))].join(
    '\n',
  );
}

const describeParam = (id: string, param: WorkloadParam): string =>
  `${id}:${param.name}=${param.default}  ${param.summary} (${param.min}..${param.max})`;

async function writeWorkload(
  spec: string,
  { output, seed, events, n, json }: Options,
  terminal: Terminal,
): Promise<void> {
  if (json === true) throw new UsageError('--json prints the list of workloads; leave out the workload');
  const given = Object.entries({ seed, events, n }).filter(
    (option): option is [string, string] => option[1] !== undefined,
  );
  const { workload, params } = chooseGuest(spec, given);
  if (output === undefined) throw new UsageError(`name the trace to write: -o ${fileNameFor(workload.id)} (or -o -)`);
  let target: FileTarget | undefined;
  // Armed before the file is there, so that no signal leaves it behind.
  const disarm = abortOnSignal(terminal, () => target?.abort());
  try {
    target = openOutput(output);
    const guest: Guest = { workload: workload.id, params, version: tool.version };
    const isShort = params.events !== undefined && params.events <= FEW_EVENTS;
    const events = isShort ? writeGuest(guest, target) : await generate({ ...guest, name: output }, target);
    // A signal that came meanwhile is answered before the trace is there.
    if (isShort) await setImmediate();
    target.commit();
    // Standard output may be the trace itself.
    const print = output === '-' ? terminal.err : terminal.out;
    print(describeWritten(output, workloadHeader(workload, params, tool.version), events));
  } finally {
    target?.abort();
    disarm();
  }
}

/** So many are made in less time than a thread needs to start. Events of an attack are not known before. */
const FEW_EVENTS = 100_000;

/** Writes what the other thread makes to `target`, and returns the number of events. */
function generate(work: Omit<GenWork, 'written'>, target: ByteTarget): Promise<number> {
  const written = new Int32Array(new SharedArrayBuffer(Int32Array.BYTES_PER_ELEMENT));
  const workerData: GenWork = { ...work, written };
  const worker = new Worker(new URL('./gen-worker.js', import.meta.url), { workerData });
  return new Promise<number>((resolve, reject) => {
    worker.on('error', reject);
    worker.on('message', (part: GenPart) => {
      try {
        if ('events' in part) {
          resolve(part.events);
          return;
        }
        if (part.position === null) target.write(part.bytes);
        else target.writeAt(part.position, part.bytes);
        Atomics.add(written, 0, 1);
        Atomics.notify(written, 0);
      } catch (error) {
        reject(error);
      }
    });
  }).finally(() => worker.terminate());
}
