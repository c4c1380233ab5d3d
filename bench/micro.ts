/**
 * Micro-benchmarks of the hot path: `npm run bench -- --micro [--only REGEX]`. tinybench with batches, since its own
 * cost is tens of nanoseconds a sample: a sample is at least a millisecond, the number of samples is given (it otherwise
 * samples until the samples add up), `async: false` (the detection would run the task once more), and runSync.
 * One process a strategy and depth. Groups run one after another: compare two builds with the experiments, not with this.
 */
import { execFileSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { strategies } from '../src/strategy/index.js';
import { formatNumber } from './markdown.js';

const CELL = fileURLToPath(new URL('./micro-cell.js', import.meta.url));
/** List lengths around the LRs (4) and up to what 988 SPIs leave beside the probe. */
const DEPTHS = [1, 4, 5, 16, 64, 256, 987];

/** Interrupts that stand on the list when a doorbell comes. */
const DOORBELL_DEPTHS = [4, 64, 988];

/** Nanoseconds of one operation. */
export interface MicroResult {
  readonly name: string;
  readonly batch: number;
  readonly samples: number;
  readonly min: number;
  readonly median: number;
}

interface Group {
  readonly id: string;
  readonly flags: readonly string[];
}

const groups: readonly Group[] = [
  ...strategies.flatMap(({ id }) =>
    DEPTHS.map((depth) => ({ id: `${id}/depth-${depth}`, flags: ['--strategy', id, '--depth', `${depth}`] })),
  ),
  { id: 'mapped', flags: ['--mapped'] },
  ...DOORBELL_DEPTHS.map((depth) => ({ id: `doorbell/depth-${depth}`, flags: ['--doorbell', '--depth', `${depth}`] })),
  { id: 'reading', flags: ['--decode'] },
];

/** Runs the groups whose id matches `only` and prints a table. */
export function runMicro(only: string, quick: boolean): void {
  const wanted = new RegExp(only);
  console.log('| group | operation | batch | min ns | median ns | samples |\n| --- | --- | --: | --: | --: | --: |');
  for (const { id, flags } of groups) {
    if (!wanted.test(id)) continue;
    const options = ['--conditions=plain', CELL, ...flags, ...(quick ? ['--quick'] : [])];
    const results = JSON.parse(execFileSync(process.execPath, options, { encoding: 'utf8' })) as MicroResult[];
    for (const { name, batch, min, median, samples } of results) {
      console.log(`| ${id} | ${name} | ${batch} | ${formatNumber(min)} | ${formatNumber(median)} | ${samples} |`);
    }
  }
}
