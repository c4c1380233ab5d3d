/** The guests that `rank` compares strategies under: findings, traces, programs of the catalogue. */
import { createHash } from 'node:crypto';
import { readdirSync } from 'node:fs';
import { basename, dirname, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { type Attacker, CAPABILITIES } from '../attack/attacker.js';
import { type Finding, readFinding } from '../attack/finding.js';
import { type Contender, programContender, traceContender } from '../attack/rank.js';
import { JsonPlace } from '../attack/saved-json.js';
import { MAX_VCPUS } from '../gic/intid.js';
import { type HostileProgram, hostileWorkloads, isProgram } from '../hostile/index.js';
import { createEventBlock, type EventBlock } from '../trace/events.js';
import { resolveParams } from '../workload/workload.js';
import { type OpenInput, openInput } from './inputs.js';
import { changedFile, type PlannedFile } from './planned-file.js';
import { readText } from './text-file.js';

const folder = new URL('../../../traces/attacks/', import.meta.url);

/** Findings that come with the package. */
export function listFindings(): string[] {
  return readdirSync(folder)
    .filter((name) => name.endsWith('.json'))
    .sort()
    .map((name) => fileURLToPath(new URL(name, folder)));
}

export const isFinding = (path: string): boolean => path.endsWith('.json');

/** A finding, the sha256 of its file, and what it is called wherever the package lies. */
export function openFinding(file: string): { finding: Finding; sha256: string; path: string } {
  const text = readText(file);
  const isShipped = resolve(dirname(file)) === resolve(fileURLToPath(folder));
  return {
    finding: readFinding(JsonPlace.parse(file, text)),
    sha256: createHash('sha256').update(text).digest('hex'),
    path: isShipped ? `traces/attacks/${basename(file)}` : file,
  };
}

/** In the order of the plan, the rows of the catalogue behind them. `kept`: inputs that cannot be opened again. */
export async function readGuests(
  files: readonly PlannedFile[],
  withCatalogue: boolean,
  kept: ReadonlyMap<string, OpenInput>,
): Promise<Contender[]> {
  const named = await Promise.all(files.map((file) => readContender(file, kept)));
  return withCatalogue ? [...named, ...catalogueContenders()] : named;
}

/** A finding, or anything that replay reads. */
async function readContender(planned: PlannedFile, kept: ReadonlyMap<string, OpenInput>): Promise<Contender> {
  const { file, path } = planned;
  if (!isFinding(file)) return readTrace(planned, kept);
  const { finding, sha256 } = openFinding(file);
  if (sha256 !== planned.sha256) throw changedFile(path);
  const { name, program, size, attacker } = finding;
  return programContender(name, program, size, attacker);
}

async function readTrace(
  { file, path, sha256 }: PlannedFile,
  kept: ReadonlyMap<string, OpenInput>,
): Promise<Contender> {
  const input = kept.get(file) ?? (await openInput(file));
  try {
    if (input.identity.sha256 !== sha256) throw changedFile(path);
    const source = input.open();
    const blocks: EventBlock[] = [];
    for (let block = createEventBlock(); source.next(block); block = createEventBlock()) blocks.push(block);
    return traceContender(source.header.name, source.header.machine, blocks);
  } finally {
    if (!kept.has(file)) input.close();
  }
}

/** Whatever its rows need. */
const CATALOGUE_ATTACKER: Attacker = {
  may: CAPABILITIES,
  vcpus: MAX_VCPUS,
  writesPerExit: 1,
  instructions: 1 << 24,
};

/** Catalogue rows that are programs, at their default size. */
function catalogueContenders(): Contender[] {
  return catalogueRows().map((row) => {
    const params = resolveParams(row, {});
    return programContender(row.id, row.program(params), row.size(params), CATALOGUE_ATTACKER);
  });
}

const catalogueRows = (): HostileProgram[] => hostileWorkloads.filter(isProgram);

export const countCatalogue = (): number => catalogueRows().length;
