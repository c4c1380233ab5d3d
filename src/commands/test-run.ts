/** Test support: one command line run in this process, with everything it printed. */
import { runProgram } from './program.js';
import type { Terminal } from './terminal.js';

export interface Run {
  readonly code: number;
  readonly out: string;
  readonly err: string;
}

/** A terminal as if neither stdout nor stderr were one, and what was printed on it so far; `width` as COLUMNS would say. */
export function createTestTerminal(width = 120): { terminal: Terminal; printed(): { out: string; err: string } } {
  let out = '';
  let err = '';
  const line = (text: string): string => (text.endsWith('\n') ? text : `${text}\n`);
  const terminal: Terminal = {
    out: (text) => {
      out += line(text);
    },
    err: (text) => {
      err += line(text);
    },
    isOutTty: false,
    isErrTty: false,
    colour: false,
    width,
  };
  return { terminal, printed: () => ({ out, err }) };
}

export async function run(args: readonly string[], width?: number): Promise<Run> {
  const { terminal, printed } = createTestTerminal(width);
  const code = await runProgram(args, terminal);
  return { code, ...printed() };
}
