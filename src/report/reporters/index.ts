/** All ways out, in the order of the help. A table for the terminal is each command's own. */
import { benchstat } from './benchstat.js';
import { bmf } from './bmf.js';
import { csv } from './csv.js';
import { htmlPage, markdown } from './document-reporters.js';
import { ghaBench } from './gha-bench.js';
import { github } from './github.js';
import { json, jsonl } from './json.js';
import { junit } from './junit.js';
import { minimal } from './minimal.js';
import { perfetto } from './perfetto.js';
import type { Reporter } from './reporter.js';
import { speedscope } from './speedscope.js';

export const reporters: readonly Reporter[] = [
  minimal,
  json,
  jsonl,
  csv,
  markdown,
  htmlPage,
  junit,
  github,
  benchstat,
  ghaBench,
  bmf,
  perfetto,
  speedscope,
];

export const findReporter = (id: string): Reporter | undefined => reporters.find((reporter) => reporter.id === id);
