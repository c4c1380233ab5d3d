/** `vgic-replay findings`: what the shipped traces answer to the thread about the ap_list, as a page with its figures. */
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Command } from 'commander';
import { writesOf } from '../attack/attacker.js';
import { readFinding } from '../attack/finding.js';
import { JsonPlace } from '../attack/saved-json.js';
import { RegressionError } from '../base/errors.js';
import { parseCalibration } from '../cost/calibration.js';
import { parseNativeRows } from '../cost/native.js';
import type { FoundGuest } from '../findings/catalogue.js';
import { type FindingsInput, gatherFindings } from '../findings/data.js';
import { writeFindings } from '../findings/page.js';
import { RECORDING_KINDS, type Recording, type RecordingKind } from '../findings/recording.js';
import { type OpenInput, openInput } from './inputs.js';
import { cannotWrite } from './outputs.js';
import { parseSeed } from './seed-option.js';
import { type ManifestEntry, readManifest, shippedPath } from './shipped.js';
import type { Terminal } from './terminal.js';

export function registerFindings(program: Command, terminal: Terminal): void {
  program
    .command('findings')
    .description(
      'replay the shipped recordings and hostile guests under every strategy and write what follows for a maintainer: findings.md with its figures, and findings.json',
    )
    .option('-o, --out <dir>', 'folder of the page', 'vgic-report')
    .option('--seed <n>', 'seed of generated events', parseSeed, 1)
    .option('--check', 'write nothing; exit 3 if findings.json of the folder says something else')
    .action(async ({ out, seed, check }: { out: string; seed: number; check?: boolean }) => {
      const { recordings, close } = await openShipped();
      try {
        const data = gatherFindings({ recordings, found: readFound(), ...readMeasured() }, seed, (what) => {
          if (terminal.isErrTty) terminal.err(`counting: ${what}`);
        });
        const json = `${JSON.stringify(data)}\n`;
        if (check === true) {
          requireSame(out, json);
          terminal.out('Findings: as counted before');
          return;
        }
        const { markdown, figures } = writeFindings(data);
        writePage(out, markdown, figures, json);
        terminal.out(
          `Findings: ${join(out, 'findings.md')}, with ${figures.size} figures, and findings.json beside it`,
        );
      } finally {
        close();
      }
    });
}

/** The shipped recordings, opened; the caller closes them. */
export async function openShipped(): Promise<{ recordings: Recording[]; close: () => void }> {
  const entries = readManifest();
  const inputs: OpenInput[] = [];
  for (const entry of entries) inputs.push(await openInput(shippedPath(entry)));
  return {
    recordings: inputs.map(({ identity, open }, at) => ({ kind: kindOf(entries[at]), identity, open })),
    close() {
      for (const input of inputs) input.close();
    },
  };
}

const kindOf = ({ kind }: ManifestEntry): RecordingKind => RECORDING_KINDS.find((known) => known === kind) ?? 'other';

const ROOT = new URL('../../../', import.meta.url);
const CALIBRATION = 'calibration/x86-64-epyc.json';

/** What was measured of the compiled C code, as the package ships it. */
export function readMeasured(): Pick<FindingsInput, 'calibration' | 'variants'> {
  const text = (path: string): string => readFileSync(new URL(path, ROOT), 'utf8');
  return {
    calibration: parseCalibration(text(CALIBRATION)),
    variants: parseNativeRows(text('traces/native-costs/native-variants.tsv')),
  };
}

const ATTACKS = fileURLToPath(new URL('traces/attacks/', ROOT));

/** What `attack` found and the package ships. */
export function readFound(): FoundGuest[] {
  if (!existsSync(ATTACKS)) return [];
  return readdirSync(ATTACKS)
    .filter((name) => name.endsWith('.json'))
    .sort()
    .map((file): FoundGuest => {
      const text = readFileSync(join(ATTACKS, file), 'utf8');
      const { name, program, size, attacker, reached, traceSha256 } = readFinding(
        JsonPlace.parse(`traces/attacks/${file}`, text),
      );
      return {
        name,
        program,
        size,
        flavour: reached[0].flavour,
        writesPerExit: writesOf(attacker),
        command: `vgic-replay replay traces/attacks/${file.replace(/json$/, 'vgt')}`,
        sha256: traceSha256,
      };
    });
}

function requireSame(out: string, json: string): void {
  const file = join(out, 'findings.json');
  if (!existsSync(file) || readFileSync(file, 'utf8') !== json)
    throw new RegressionError(`${file}: is not what is counted now; run findings again and say why in the commit`);
}

function writePage(out: string, markdown: string, figures: ReadonlyMap<string, string>, json: string): void {
  const folder = join(out, 'findings');
  try {
    mkdirSync(folder, { recursive: true });
    for (const [id, svg] of figures) writeFileSync(join(folder, `${id}.svg`), svg);
    writeFileSync(join(out, 'findings.md'), markdown);
    writeFileSync(join(out, 'findings.json'), json);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    throw cannotWrite(out, `cannot be written (${code})`, 'name another folder');
  }
}
