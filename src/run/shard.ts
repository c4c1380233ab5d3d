/** `--shard 3/8`, and `--shard auto` where an engine that starts many jobs says which of them this one is. */
import { UsageError } from '../base/errors.js';
import type { Shard } from './plan.js';

export type Environment = Readonly<Record<string, string | undefined>>;

/** Job number (1-based) and how many there are, as far as the engine tells. */
interface EngineShard {
  readonly index: number;
  readonly count: number | undefined;
}

interface Engine {
  readonly name: string;
  /** Set only in its jobs. */
  readonly variable: string;
  read(environment: Environment): EngineShard;
}

const numberIn = (environment: Environment, variable: string): number => {
  const text = environment[variable] ?? '';
  const number = Number(text);
  if (text.trim() === '' || !Number.isInteger(number) || number < 0)
    throw new UsageError(`--shard auto: ${variable} is '${text}', not a whole number; give --shard i/n`);
  return number;
};

const optionalIn = (environment: Environment, variable: string): number | undefined =>
  environment[variable] === undefined ? undefined : numberIn(environment, variable);

/** A GitHub matrix has no variable of its own: its job passes --shard. */
const ENGINES: readonly Engine[] = [
  {
    name: 'Slurm job array',
    variable: 'SLURM_ARRAY_TASK_ID',
    read(environment) {
      const id = numberIn(environment, 'SLURM_ARRAY_TASK_ID');
      const first = optionalIn(environment, 'SLURM_ARRAY_TASK_MIN') ?? 0;
      const step = optionalIn(environment, 'SLURM_ARRAY_TASK_STEP') ?? 1;
      return { index: (id - first) / step + 1, count: optionalIn(environment, 'SLURM_ARRAY_TASK_COUNT') };
    },
  },
  {
    name: 'Kubernetes Indexed Job',
    variable: 'JOB_COMPLETION_INDEX',
    // It does not say how many completions there are.
    read: (environment) => ({ index: numberIn(environment, 'JOB_COMPLETION_INDEX') + 1, count: undefined }),
  },
  {
    name: 'GitLab parallel job',
    variable: 'CI_NODE_INDEX',
    read: (environment) => ({
      index: numberIn(environment, 'CI_NODE_INDEX'),
      count: optionalIn(environment, 'CI_NODE_TOTAL'),
    }),
  },
];

/** `3/8`, `auto`, or `auto/8` where the engine does not say how many jobs it has. Throws UsageError. */
export function parseShard(text: string, environment: Environment): Shard {
  const [, which, of] = /^(auto|\d+)(?:\/(\d+))?$/.exec(text) ?? [];
  if (which === undefined || (which !== 'auto' && of === undefined))
    throw new UsageError(`--shard must be i/n, such as 1/8, or auto, not '${text}'`);
  const count = of === undefined ? undefined : Number(of);
  const shard = which === 'auto' ? ofEngine(environment, count) : { index: Number(which), count: Number(of) };
  const { index, count: jobs } = shard;
  if (Number.isInteger(index) && index >= 1 && index <= jobs && jobs <= MAX_SHARDS) return shard;
  throw new UsageError(
    `--shard: ${index}/${jobs} is none of 1/${jobs} to ${jobs}/${jobs}${jobs > MAX_SHARDS ? `; ${MAX_SHARDS} are the most` : ''}`,
  );
}

const MAX_SHARDS = 100_000;

function ofEngine(environment: Environment, given: number | undefined): Shard {
  const set = ENGINES.filter(({ variable }) => environment[variable] !== undefined);
  const [engine, other] = set;
  if (engine === undefined)
    throw new UsageError(
      `--shard auto: none of ${ENGINES.map(({ variable }) => variable).join(', ')} is set; give --shard i/n`,
    );
  if (other !== undefined)
    throw new UsageError(`--shard auto: both ${engine.variable} and ${other.variable} are set; give --shard i/n`);
  const { index, count } = engine.read(environment);
  if (given !== undefined && count !== undefined && given !== count)
    throw new UsageError(`--shard auto/${given}: the ${engine.name} has ${count} jobs; give --shard auto`);
  const jobs = given ?? count;
  if (jobs === undefined)
    throw new UsageError(
      `--shard auto: a ${engine.name} does not say how many jobs it has; give --shard auto/n with their number`,
    );
  return { index, count: jobs };
}

export const shardText = ({ index, count }: Shard): string => `${index}/${count}`;
