/** What the program itself is: one version number may stand for several states of a work tree. */
import { createHash } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const ROOT = fileURLToPath(new URL('../', import.meta.url));

/** Not part of the package. */
const IS_TEST = /\.test\.|\.test\.support\.|(^|\/)test-|^reference\//;

let own: string | undefined;

/** sha256 of all compiled files, names included, 64 hex digits. Read once: what a process runs is what it began with. */
export function hashOwnCode(): string {
  own ??= hashFiles();
  return own;
}

function hashFiles(): string {
  const hash = createHash('sha256');
  const files = readdirSync(ROOT, { recursive: true, encoding: 'utf8' })
    .map((name) => name.replaceAll('\\', '/'))
    .filter((name) => name.endsWith('.js') && !IS_TEST.test(name))
    .sort();
  for (const name of files)
    hash
      .update(`${name}\0`)
      .update(readFileSync(`${ROOT}${name}`))
      .update('\0');
  return hash.digest('hex');
}
