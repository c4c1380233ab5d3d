/**
 * `npm run packed`: what a user gets. The tarball of `npm pack` does the main job in an empty folder, run by `npx` on this
 * Node and on another major (the package "node" of the registry), and both reports must have the same exact part. Needs the
 * registry, for the dependencies and the other Node. Exit 1 if a run fails or the hashes differ.
 */
import { type ExecFileSyncOptionsWithStringEncoding, execFileSync, spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const ROOT = fileURLToPath(new URL('../../', import.meta.url));
/** By the major that runs this: another one that is supported for long. */
const OTHER_MAJORS: Readonly<Record<number, number>> = { 20: 24, 22: 24, 24: 22 };
const FALLBACK_MAJOR = 24;

interface Outcome {
  readonly node: string;
  readonly exactSha256: string;
  readonly cells: number;
}

/** `packages`: what npx puts on the path. Throws if the program does not end with 0. */
function runPacked(folder: string, packages: readonly string[], out: string): Outcome {
  const withPackages = (command: readonly string[]): string[] => [
    'exec',
    '--yes',
    ...packages.map((name) => `--package=${name}`),
    '--',
    ...command,
  ];
  const options: ExecFileSyncOptionsWithStringEncoding = {
    cwd: folder,
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'inherit'],
    maxBuffer: 1 << 26,
  };
  const node = execFileSync('npm', withPackages(['node', '--version']), options).trim();
  const { status, stdout } = spawnSync('npm', withPackages(['vgic-replay', 'report', '--out', out]), options);
  if (status !== 0) throw new Error(`vgic-replay report on ${node} ended with ${status ?? 'a signal'}:\n${stdout}`);
  const report = JSON.parse(readFileSync(join(folder, out, 'report.json'), 'utf8')) as {
    exactSha256: string;
    exact: { cells: unknown[] };
  };
  return { node, exactSha256: report.exactSha256, cells: report.exact.cells.length };
}

const folder = mkdtempSync(join(tmpdir(), 'vgic-replay-packed-'));
try {
  const [{ filename, size, entryCount }] = JSON.parse(
    execFileSync('npm', ['pack', '--ignore-scripts', '--json', '--pack-destination', folder], {
      cwd: ROOT,
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'inherit'],
      maxBuffer: 1 << 26,
    }),
  ) as { filename: string; size: number; entryCount: number }[];
  console.log(`packed: ${entryCount} files, ${(size / 1e6).toFixed(1)} MB`);
  const tarball = join(folder, filename);
  const empty = mkdtempSync(join(folder, 'empty-'));
  const major = Number(process.versions.node.split('.')[0]);
  const other = OTHER_MAJORS[major] ?? FALLBACK_MAJOR;
  const outcomes = [runPacked(empty, [tarball], 'own'), runPacked(empty, [tarball, `node@${other}`], 'other')];
  for (const { node, exactSha256, cells } of outcomes)
    console.log(`packed: ${node}: ${cells} cells, exact part ${exactSha256}`);
  const [own, second] = outcomes;
  if (own.node === second.node) throw new Error(`both runs were on ${own.node}`);
  if (own.cells === 0 || own.exactSha256 !== second.exactSha256) {
    console.error(`packed: the exact parts of ${own.node} and ${second.node} differ`);
    process.exitCode = 1;
  }
} finally {
  rmSync(folder, { recursive: true, force: true });
}
