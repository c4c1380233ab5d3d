/**
 * One profiled cell, alone in its process: `node --conditions=plain profiled-cell.js TRACE STRATEGY FLAVOUR SECONDS [FILE]`
 * (- for the trace's own flavour). Replays the trace for so long once it is warm and prints how many milliseconds a replay
 * took. With a file V8's CPU profile of it is written there; without one nobody watches, or an outer profiler.
 */
import './jit-flags.js';
import { writeFileSync } from 'node:fs';
import { Session } from 'node:inspector/promises';
import { COUNTED } from '#counting';
import { prepareCell } from './prepared-cell.js';

const WARM_UP_MS = 500;
/** Ten thousand samples a second: a second is enough to see one per cent. */
const SAMPLING_US = 100;

if (COUNTED) throw new Error('run with --conditions=plain: the counted build is not what a cell measures');
const [path, strategy, flavour, seconds, file] = process.argv.slice(2);
const { replays } = await prepareCell(path, strategy, flavour);
replayFor(WARM_UP_MS);
const session = file === undefined ? undefined : await startProfiler();
const msPerReplay = replayFor(Number(seconds) * 1000);
if (session !== undefined) {
  const { profile } = await session.post('Profiler.stop');
  writeFileSync(file, JSON.stringify(profile));
}
process.stdout.write(`${msPerReplay}\n`);

/** Milliseconds a replay. */
function replayFor(ms: number): number {
  const start = performance.now();
  let count = 0;
  do {
    replays.reset();
    replays.run();
    count++;
  } while (performance.now() < start + ms);
  return (performance.now() - start) / count;
}

async function startProfiler(): Promise<Session> {
  const started = new Session();
  started.connect();
  await started.post('Profiler.enable');
  await started.post('Profiler.setSamplingInterval', { interval: SAMPLING_US });
  await started.post('Profiler.start');
  return started;
}
