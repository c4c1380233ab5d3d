/** Copies of this build, some of them slower by a known share: what a gate must find, and what it must not. */
import { join } from 'node:path';
import { gatherColumns, writeColumns } from '../src/commands/arm-columns.js';
import { measureArm } from '../src/commands/arm-process.js';
import { injectSpin, ownBuild } from '../src/commands/injected-build.js';
import { openInput } from '../src/commands/inputs.js';
import { estimateTime } from '../src/stats/randomisation.js';

const CALIBRATION = { processes: 8, rounds: 2, turnsOfWhole: 110 };

/** Time of a fresh process of a build, in ns per event. */
export type Measure = (build: string) => Promise<number>;

/** `cell`: "trace.vgt/strategy". Writes its events into `folder`. */
export async function measureCell(cell: string, folder: string): Promise<Measure> {
  const at = cell.lastIndexOf('/');
  const [trace, strategy] = [cell.slice(0, at), cell.slice(at + 1)];
  const input = await openInput(trace);
  const columns = join(folder, 'columns');
  writeColumns(gatherColumns(input.open()), columns);
  input.close();
  return async (build) => (await measureArm({ build, columns, strategy })).undisturbed;
}

/**
 * Turns of the loop for each slowdown, from interleaved processes. The first turns hide behind other work of the
 * processor and the later ones do not, so a guess is measured and corrected.
 */
export async function calibrateTurns(
  slowdowns: readonly number[],
  folder: string,
  measure: Measure,
): Promise<number[]> {
  const turns = slowdowns.map((slowdown) => Math.round(slowdown * CALIBRATION.turnsOfWhole));
  for (let round = 0; round < CALIBRATION.rounds; round++) {
    const builds = turns.map((count, at) => {
      const build = join(folder, `guess-${round}-${at}`);
      injectSpin(ownBuild, build, count);
      return build;
    });
    const all = [ownBuild, ...builds];
    const times: number[][] = all.map(() => []);
    for (let process = 0; process < CALIBRATION.processes; process++)
      for (const [at, build] of all.entries()) times[at].push(await measure(build));
    const [base, ...slower] = times.map(estimateTime);
    slower.forEach((time, at) => {
      const reached = time / base - 1;
      console.log(`calibration: ${turns[at]} turns are +${(100 * reached).toFixed(1)} %`);
      if (reached > 0) turns[at] = Math.max(1, Math.round((turns[at] * slowdowns[at]) / reached));
    });
  }
  return turns;
}
