/**
 * `npm run kill-test -- [--times 20] [--seed 1]`: runs of a few shipped traces, whole and in shards, and of the gate, killed with
 * SIGKILL at random moments and resumed. Prints each kill; exits with 1 if a promise is not kept.
 */
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { killRuns } from './kills.js';

const { values: options } = parseArgs({
  options: { times: { type: 'string', default: '20' }, seed: { type: 'string', default: '1' } },
});
const times = Number(options.times);
const seed = Number(options.seed);

const traces = ['bare-no-eoi', 'bare-sgi-storm', 'bare-gicv2-sgi', 'gicv2-linux'].map((name) =>
  fileURLToPath(new URL(`../../traces/recorded/${name}.vgt`, import.meta.url)),
);

for (const [verb, shards, runs] of [
  ['replay', 1, Math.ceil(times / 2)],
  ['replay', 2, Math.floor(times / 2)],
  ['check', 2, Math.ceil(times / 2)],
] as const) {
  const kind = shards === 1 ? `whole runs of ${verb}` : `runs of ${shards} shards of ${verb}`;
  const args = [verb, ...traces];
  const hash = await killRuns({ times: runs, seed: seed + shards, args, jobs: 2, shards }, (kill) => {
    const { victim, after, kept, units, isTorn, end } = kill;
    const left = units === 0 ? 'nothing to read yet' : `${kept} of ${units} units readable`;
    console.log(
      `${victim} killed after ${String(after).padStart(5)} ms: run ended with ${end}, ${left}${isTorn ? ', a line cut off' : ''}; completed, same result`,
    );
  });
  console.log(`${runs} ${kind}: all completed with the exact result ${hash}`);
}
