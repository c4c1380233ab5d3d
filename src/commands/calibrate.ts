/** `vgic-replay calibrate`: a calibration file from the log of kvm-unit-tests' micro-bench. */
import { readFileSync } from 'node:fs';
import { basename } from 'node:path';
import type { Command } from 'commander';
import { InputError, UsageError } from '../base/errors.js';
import type { Spread } from '../cost/calibration.js';
import { calibrationOf } from '../cost/micro-bench.js';
import { openOutput } from './outputs.js';
import type { Terminal } from './terminal.js';

interface Options {
  readonly output: string;
  readonly machine?: string;
  readonly nsPerInstruction?: Spread;
}

const STANDARD_INPUT = 0;

export function registerCalibrate(program: Command, terminal: Terminal): void {
  program
    .command('calibrate')
    .description('make a calibration file of the log of kvm-unit-tests arm/micro-bench')
    .argument('<log>', 'what the test printed; - for standard input')
    .requiredOption('-o, --output <file>', 'calibration file to write, - for standard output')
    .option('--machine <text>', 'what the log was taken on (default: the name of the file)')
    .option(
      '--ns-per-instruction <ns>',
      'price of an instruction of list work, as a number or low:estimate:high: the log has none',
      parseSpread,
    )
    .action((path: string, options: Options) => {
      const name = path === '-' ? 'standard input' : path;
      const machine = options.machine ?? basename(path);
      const text = describeCalibration(readLog(path, name), name, machine, options.nsPerInstruction ?? null);
      const target = openOutput(options.output);
      target.write(Buffer.from(`${text}\n`));
      target.commit();
      if (options.output !== '-') terminal.err(`${options.output}: calibration of ${machine}`);
    });
}

function readLog(path: string, name: string): string {
  try {
    return readFileSync(path === '-' ? STANDARD_INPUT : path, 'utf8');
  } catch (error) {
    throw new InputError(name, 'file', error instanceof Error ? error.message : String(error), 'name a readable file');
  }
}

function describeCalibration(log: string, name: string, machine: string, price: Spread | null): string {
  try {
    return JSON.stringify(calibrationOf(log, machine, `kvm-unit-tests micro-bench, ${basename(name)}`, price), null, 2);
  } catch (error) {
    const what = error instanceof Error ? error.message : String(error);
    throw new InputError(name, 'log', what, 'run arm/micro-bench of kvm-unit-tests and give what it prints');
  }
}

function parseSpread(text: string): Spread {
  const numbers = text.split(':').map(Number);
  const [low, estimate, high] = numbers.length === 1 ? [numbers[0], numbers[0], numbers[0]] : numbers;
  const isFine = numbers.every((ns) => Number.isFinite(ns) && ns > 0) && [1, 3].includes(numbers.length);
  if (!isFine || low > estimate || estimate > high)
    throw new UsageError(`--ns-per-instruction must be a number, or low:estimate:high, of nanoseconds, not '${text}'`);
  return { estimate, low, high };
}
