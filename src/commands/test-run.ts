/** Test support: one command line run in this process, with everything it printed. */
import { runProgram } from './program.js';
import type { Terminal } from './terminal.js';

export interface Run {
  readonly code: number;
  readonly out: string;
  readonly err: string;
}

/** As if neither stdout nor stderr were a terminal; `width` as COLUMNS would say. */
export async function run(args: readonly string[], width = 120): Promise<Run> {
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
  const code = await runProgram(args, terminal);
  return { code, out, err };
}
