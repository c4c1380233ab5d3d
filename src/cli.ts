#!/usr/bin/env node
/** argv → command → exit code. Usage errors end in 2, broken input in 4, failed claims in 5; a bug keeps its stack. */
import { EXIT_INPUT, EXIT_OK } from './base/errors.js';
import { runProgram } from './commands/program.js';
import { createTerminal } from './commands/terminal.js';

const terminal = createTerminal();

process.stdout.on('error', ({ code }: NodeJS.ErrnoException) => {
  // A reader that closes the pipe early (head) is no error.
  if (code === 'EPIPE') process.exit(EXIT_OK);
  terminal.err(`vgic-replay: standard output: cannot be written (${code}); check the space left on the disk`);
  process.exit(EXIT_INPUT);
});

process.exitCode = await runProgram(process.argv.slice(2), terminal);
