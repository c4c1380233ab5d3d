#!/usr/bin/env node
/** argv → command → exit code. Usage errors end in 2, broken input in 4, failed claims in 5; a bug keeps its stack. */
import { Command, CommanderError } from 'commander';
import { EXIT_INTERNAL, EXIT_INTERRUPTED, EXIT_USAGE, UserError } from './base/errors.js';
import { registerBench } from './commands/bench.js';
import { registerImport } from './commands/import.js';
import { registerInfo } from './commands/info.js';
import { registerReplay } from './commands/replay.js';
import { registerReport } from './commands/report.js';
import { registerStrategies } from './commands/strategies.js';
import { createTerminal, tool } from './commands/terminal.js';
import { registerValidate } from './commands/validate.js';
import { registerVerify } from './commands/verify.js';

const EXIT_CODES = `
Exit codes: 0 done; 1 internal error; 2 usage; 3 regression; 4 broken or unreadable input;
5 a declared or recorded fact does not hold; 130 interrupted.

Start here:
  vgic-replay report                         replay the shipped recordings, write the report
  vgic-replay import trace.txt -o my.vgt     make a trace of an ftrace recording
  vgic-replay replay my.vgt                  what each strategy costs on it
  vgic-replay verify my.vgt                  does the model match the recorded kernel?`;

const terminal = createTerminal();
const program = new Command();
program
  .name('vgic-replay')
  .description(
    'Replays recorded Arm virtual-interrupt traces through a model of the virtual GIC and compares ap_list strategies.',
  )
  .version(tool.version)
  .showHelpAfterError('(add --help for the options)')
  .addHelpText('after', EXIT_CODES)
  .configureOutput({ writeOut: (text) => terminal.out(text), writeErr: (text) => terminal.err(text) })
  .exitOverride();
for (const register of [
  registerReport,
  registerReplay,
  registerVerify,
  registerImport,
  registerInfo,
  registerValidate,
  registerBench,
  registerStrategies,
]) {
  register(program, terminal);
}
for (const command of program.commands)
  command
    .exitOverride()
    .configureOutput({ writeOut: (text) => terminal.out(text), writeErr: (text) => terminal.err(text) })
    .showHelpAfterError('(add --help for the options)');

process.on('SIGINT', () => {
  terminal.err('interrupted');
  process.exit(EXIT_INTERRUPTED);
});
// A reader that closes the pipe early (head) is no error.
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code === 'EPIPE') process.exit(0);
  throw error;
});

try {
  await program.parseAsync();
} catch (error) {
  process.exitCode = exitCodeOf(error);
}

function exitCodeOf(error: unknown): number {
  if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : EXIT_USAGE;
  if (error instanceof UserError) {
    terminal.err(`vgic-replay: ${error.message}`);
    return error.exitCode;
  }
  terminal.err(
    `vgic-replay: internal error; please report it with the command and the input\n${error instanceof Error ? error.stack : String(error)}`,
  );
  return EXIT_INTERNAL;
}
