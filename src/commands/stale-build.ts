/** A build that is older than the sources beside it: what is judged then is not what the reader sees in the editor. */
import { existsSync, readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import type { Terminal } from './terminal.js';

/** Of the files with this ending below `folder`: the newest, and when it was written; ms. */
function newestBelow(folder: string, ending: string): { readonly file: string; readonly ms: number } {
  let newest = { file: '', ms: 0 };
  for (const file of readdirSync(folder, { recursive: true, encoding: 'utf8' })) {
    if (!file.endsWith(ending)) continue;
    const { mtimeMs: ms } = statSync(join(folder, file));
    if (ms > newest.ms) newest = { file, ms };
  }
  return newest;
}

/** The source that is newer than every file of the build in `folder`; null: none is, or this is no checkout but a package. */
export function findNewerSource(folder: string): string | null {
  const [sources, built] = [join(folder, 'src'), join(folder, 'dist', 'src')];
  if (!existsSync(join(folder, '.git')) || !existsSync(sources) || !existsSync(built)) return null;
  const { file, ms } = newestBelow(sources, '.ts');
  return ms > newestBelow(built, '.js').ms ? join('src', file) : null;
}

/** One line, and nothing else: the build is whole, and somebody may mean it. */
export function warnIfStale(folder: string, terminal: Pick<Terminal, 'err'>): void {
  const source = findNewerSource(folder);
  if (source === null) return;
  terminal.err(
    `warning: ${source} is newer than the build in ${folder}, which is what is judged; "npm run build" renews it`,
  );
}
