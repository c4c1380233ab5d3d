/** Test support: runs that need not count the evidence anew, which takes longer than all else in them. */
import { writeFileSync } from 'node:fs';
import { makeEvidence } from '../report/test-fixture.js';
import { finish, headerLine, type RunHeader, unitLine } from '../run/run-file.js';
import { partialOf } from './run-store.js';

/** As if a run of `header` that stores its results in `path` had been stopped behind its evidence: `--resume` goes on with the rest. */
export function storeEvidence(path: string, header: RunHeader): void {
  writeFileSync(partialOf(path), headerLine(header) + unitLine(finish('evidence', makeEvidence())));
}
