/** The terminal as the commands see it: stdout carries results, stderr progress and advice. */
import { readFileSync } from 'node:fs';

export interface Terminal {
  out(text: string): void;
  err(text: string): void;
  /** Is stdout a terminal (tables may use its width)? Is stderr one (progress may be shown)? */
  readonly isOutTty: boolean;
  readonly isErrTty: boolean;
  readonly colour: boolean;
  readonly width: number;
}

export function createTerminal(): Terminal {
  const { stdout, stderr, env } = process;
  const noColour = env.NO_COLOR !== undefined && env.NO_COLOR !== '';
  const forced = env.FORCE_COLOR !== undefined && env.FORCE_COLOR !== '0';
  return {
    out: (text) => void stdout.write(text.endsWith('\n') ? text : `${text}\n`),
    err: (text) => void stderr.write(text.endsWith('\n') ? text : `${text}\n`),
    isOutTty: stdout.isTTY === true,
    isErrTty: stderr.isTTY === true,
    colour: !noColour && (forced || stdout.isTTY === true),
    // A pager or a test says the width in COLUMNS.
    width: stdout.columns || Number(env.COLUMNS) || 120,
  };
}

const manifest = JSON.parse(readFileSync(new URL('../../../package.json', import.meta.url), 'utf8')) as {
  name: string;
  version: string;
};

/** Name and version that stand in every result. */
export const tool: { readonly name: string; readonly version: string } = {
  name: manifest.name,
  version: manifest.version,
};
