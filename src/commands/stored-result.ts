/** A stored result is what was computed: its exact part has the hash that stands beside it. */
import { createHash } from 'node:crypto';
import { InputError } from '../base/errors.js';
import { canonicalJson } from '../report/json.js';

/** As `exactSha256` of a report. Throws RangeError for a number that JSON cannot hold. */
export const hashExact = (exact: unknown): string => createHash('sha256').update(canonicalJson(exact)).digest('hex');

const DIGITS = 12;
const REMEDY = 'make the result again';

/** Throws InputError where the exact part of `document` is not the one that was hashed. What has no hash has nothing to keep to. */
export function requireExactHash(file: string, document: unknown): void {
  if (typeof document !== 'object' || document === null) return;
  const { exact, exactSha256 } = document as { readonly exact?: unknown; readonly exactSha256?: unknown };
  if (exact === undefined || exactSha256 === undefined) return;
  const found = hashOf(file, exact);
  if (found === exactSha256) return;
  throw new InputError(
    file,
    'exactSha256',
    `is ${String(exactSha256).slice(0, DIGITS)}…, and the exact part has ${found.slice(0, DIGITS)}…: a figure was changed after it was counted`,
    REMEDY,
  );
}

function hashOf(file: string, exact: unknown): string {
  try {
    return hashExact(exact);
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
    throw new InputError(file, 'exact', `holds a figure that is none (${error.message})`, REMEDY);
  }
}
