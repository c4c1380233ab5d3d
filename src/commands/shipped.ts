/** The traces that come with the package, as traces/manifest.json lists them. */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { TRACE_KINDS, type TraceKind } from '../report/model.js';

const folder = new URL('../../../traces/', import.meta.url);

export interface ManifestEntry {
  readonly name: string;
  /** Path below traces/. */
  readonly file: string;
  readonly sha256: string;
  readonly kind: TraceKind;
}

/** All entries of the manifest, in its order. */
export function readManifest(): readonly ManifestEntry[] {
  const { traces } = JSON.parse(readFileSync(new URL('manifest.json', folder), 'utf8')) as { traces: ManifestEntry[] };
  return traces;
}

export const shippedPath = (entry: { readonly file: string }): string => fileURLToPath(new URL(entry.file, folder));

/** What the manifest takes a trace for, by the sha256 of its content; traces it does not know are 'other'. */
export function kindOf(sha256: string): TraceKind {
  const kind = readManifest().find((entry) => entry.sha256 === sha256)?.kind;
  return kind !== undefined && TRACE_KINDS.includes(kind) ? kind : 'other';
}

/** What a shipped trace is called wherever the package lies: `traces/…`; undefined for traces of the user's own. */
export function shippedName(sha256: string): string | undefined {
  const entry = readManifest().find((candidate) => candidate.sha256 === sha256);
  return entry === undefined ? undefined : `traces/${entry.file}`;
}

/** The file a path stands for: `traces/…` of the package where there is no such file here. */
export function resolveShipped(path: string): string {
  if (!path.startsWith('traces/') || existsSync(path)) return path;
  const file = path.slice('traces/'.length);
  return readManifest().some((entry) => entry.file === file) ? shippedPath({ file }) : path;
}

const SCENARIOS = 'conformance';

/** The scenario files that come with the package, as `traces/conformance/…`. */
export const listShippedScenarios = (): string[] =>
  readdirSync(new URL(`${SCENARIOS}/`, folder))
    .filter((name) => /\.json(\.gz)?$/.test(name))
    .sort()
    .map((name) => `traces/${SCENARIOS}/${name}`);

/** The scenario file a path stands for: that of the package where there is no such file here. */
export function resolveScenarios(path: string): string {
  const isShipped = !existsSync(path) && listShippedScenarios().includes(path);
  return isShipped ? fileURLToPath(new URL(path.slice('traces/'.length), folder)) : path;
}
