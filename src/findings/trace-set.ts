/** A set of recordings under one hash, so that a table names all that it was counted from. */
import { createHash } from 'node:crypto';
import { plural } from '../base/number-format.js';
import { shortHash } from './chapter.js';
import type { RecordedEntries } from './recording.js';

/** sha256 over the lines "sha256  path" of the recordings in their order, as `sha256sum traces/recorded/*.vgt | sha256sum` has it. */
export const hashOfSet = (recordings: readonly RecordedEntries[]): string =>
  createHash('sha256')
    .update(recordings.map(({ sha256, path }) => `${sha256}  ${path}\n`).join(''))
    .digest('hex');

/** In words, with a link to the table that has each hash in full. */
export const traceSet = (recordings: readonly RecordedEntries[]): string =>
  `${plural(recordings.length, 'recording')} ([hashes](#traces); of the set \`${shortHash(hashOfSet(recordings))}\`)`;
