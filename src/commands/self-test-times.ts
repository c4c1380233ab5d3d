/** The self-test of the time layer: a build a quarter slower must be found, the same build must not be. */
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { STAGES } from '../stats/two-stage.js';
import { gatherColumns, writeColumns } from './arm-columns.js';
import { measureArm } from './arm-process.js';
import { type CellToTime, compareTimes } from './compare-time.js';
import { injectSpin, ownBuild } from './injected-build.js';
import { openInput } from './inputs.js';
import type { TrialLine } from './self-test.js';

const TRACE = 'traces/recorded/virtio-pci-net.vgt';
const STRATEGY = 'sort-on-flush';
const SLOWDOWN = 0.25;
/** Processes a build to find how long a turn of the loop takes, and the turns of the longer loop. */
const CALIBRATION = { processes: 6, turns: 64 };

export async function testTimes(scratch: string, signal: AbortSignal): Promise<TrialLine[]> {
  const input = await openInput(TRACE);
  const folder = join(scratch, 'times');
  mkdirSync(folder);
  const columns = join(folder, 'columns');
  writeColumns(gatherColumns(input.open()), columns);
  const measure = async (build: string): Promise<number> =>
    (await measureArm({ build, columns, strategy: STRATEGY }, { signal })).undisturbed;
  const turns = await calibrate(folder, measure);
  const slower = join(folder, 'slower');
  injectSpin(ownBuild, slower, turns);
  const cellOf = (build: string): CellToTime => ({
    source: input.open(),
    a: { build: ownBuild, strategy: STRATEGY },
    b: { build, strategy: STRATEGY },
    sameDigest: true,
  });
  const [same, other] = await compareTimes(
    [cellOf(ownBuild), cellOf(slower)],
    { ...STAGES, seed: 1 },
    scratch,
    signal,
    () => {},
  );
  input.close();
  const say = (result: typeof same): string =>
    'error' in result ? result.error : `${result.verdict}: ${result.reason}`;
  return [
    { isRight: 'verdict' in same && same.verdict !== 'regressed', text: `times of the same build: ${say(same)}` },
    {
      isRight: 'verdict' in other && other.verdict === 'regressed',
      text: `times of a build made ${100 * SLOWDOWN} % slower: ${say(other)}`,
    },
  ];
}

/** Turns of the loop that make a guest entry so much slower: from what the wrapper alone and many turns cost. */
async function calibrate(folder: string, measure: (build: string) => Promise<number>): Promise<number> {
  const builds = [ownBuild, join(folder, 'turns-0'), join(folder, 'turns-many')];
  injectSpin(ownBuild, builds[1], 0);
  injectSpin(ownBuild, builds[2], CALIBRATION.turns);
  const times: number[][] = builds.map(() => []);
  for (let process = 0; process < CALIBRATION.processes; process++)
    for (const [at, build] of builds.entries()) times[at].push(await measure(build));
  // Of so few processes a quartile may be one of a busy moment, and the loop is made too short by it.
  const [base, wrapped, many] = times.map((each) => Math.min(...each));
  const perTurn = (many - wrapped) / CALIBRATION.turns;
  return Math.max(1, Math.round((base * (1 + SLOWDOWN) - wrapped) / perTurn));
}
