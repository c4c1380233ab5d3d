/**
 * What the time layer of a comparison finds on this machine, and what it cries about for nothing:
 *   npm run gate-power -- --collect samples.json --processes 1000 --cell traces/recorded/virtio-pci-net.vgt/sort-on-flush
 *   npm run gate-power -- --simulate samples.json
 * `--collect` times one build (three arms), and builds with a loop in their guest entry that makes them about 5 and 10 %
 * slower, in blocks of random order. `--simulate` puts whole gates together from windows of consecutive blocks: cells of
 * the same build, and one of them slower, by an exact factor or by the injected loop.
 */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { loadavg, tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { createGenerator, type Generator } from '../src/base/rng.js';
import { ARM_EFFORT } from '../src/commands/arm-process.js';
import { injectSpin, ownBuild } from '../src/commands/injected-build.js';
import type { BlockSamples, Draws } from '../src/stats/block-samples.js';
import { estimateTime } from '../src/stats/randomisation.js';
import { type CellTimes, decideTimes, isCleared, isUnfit } from '../src/stats/time-verdict.js';
import { STAGES, shuffle } from '../src/stats/two-stage.js';
import { calibrateTurns, measureCell } from './slower-builds.js';

const INJECTED = [0.05, 0.1];
const SAME = [0, 1, 2];
const SAME_ARMS = SAME.length;

interface Samples {
  readonly cell: string;
  readonly node: string;
  readonly cpuMs: number;
  /** Turns of the loop, by the slowdown meant. */
  readonly turns: readonly number[];
  readonly seconds: number;
  readonly blocks: readonly {
    readonly load: number;
    readonly same: readonly number[];
    readonly injected: readonly number[];
  }[];
}

async function collect(file: string, cell: string, processes: number): Promise<void> {
  const dir = mkdtempSync(join(tmpdir(), 'vgic-power-'));
  try {
    const measure = await measureCell(cell, dir);
    const turns = await calibrateTurns(INJECTED, dir, measure);
    const builds = turns.map((count, at) => {
      const build = join(dir, `slower-${at}`);
      injectSpin(ownBuild, build, count);
      return build;
    });
    const arms = [...Array.from({ length: SAME_ARMS }, () => ownBuild), ...builds];
    const generator = createGenerator(1);
    const start = performance.now();
    const blocks = [];
    for (let block = 0; block < processes / arms.length; block++) {
      const times = new Array<number>(arms.length);
      for (const arm of shuffle([...arms.keys()], generator)) times[arm] = await measure(arms[arm]);
      blocks.push({ load: loadavg()[0], same: times.slice(0, SAME_ARMS), injected: times.slice(SAME_ARMS) });
      const seconds = (performance.now() - start) / 1000;
      const samples: Samples = { cell, node: process.version, cpuMs: ARM_EFFORT.cpuMs, turns, seconds, blocks };
      writeFileSync(file, `${JSON.stringify(samples)}\n`);
    }
  } finally {
    rmSync(dir, { recursive: true, force: true });
  }
}

/** Cells of a gate, of which at most one is slower. */
const GATE_CELLS = 6;
const SIMULATION_DRAWS: Draws = { bootstrap: 500, swaps: 999 };

type Slower = (block: Samples['blocks'][number], sameTime: number) => number;

interface Tally {
  gates: number;
  reds: number;
  /** Of the cell that is slower, or all cells. */
  verdicts: Record<string, number>;
  confirmed: number;
  cells: number;
}

function windowOf(samples: Samples, first: number, length: number, slower: Slower, generator: Generator): BlockSamples {
  const picked = { a: [] as number[], b: [] as number[], control: [] as number[] };
  for (let at = 0; at < length; at++) {
    const block = samples.blocks[(first + at) % samples.blocks.length];
    const [a, b, control] = shuffle(SAME, generator);
    picked.a.push(block.same[a]);
    picked.b.push(slower(block, block.same[b]));
    picked.control.push(block.same[control]);
  }
  return picked;
}

function simulateCell(samples: Samples, first: number, slower: Slower, generator: Generator, seed: number): CellTimes {
  const { screenBlocks, confirmBlocks } = stages;
  const screen = windowOf(samples, first, screenBlocks, slower, generator);
  const stage = (at: number): BlockSamples =>
    windowOf(samples, first + screenBlocks + at * confirmBlocks, confirmBlocks, slower, generator);
  if (isCleared(screen, seed, SIMULATION_DRAWS)) return { screen, confirm: null, again: null, disturbance: null };
  const confirm = stage(0);
  const again = isUnfit(confirm, seed, SIMULATION_DRAWS) ? stage(1) : null;
  return { screen, confirm, again, disturbance: null };
}

const same: Slower = (_, time) => time;

/** `gates` whole gates; in each the first cell is as `slower` makes it, the others are the same build twice. */
function simulate(all: readonly Samples[], gates: number, slower: Slower): Tally {
  const generator = createGenerator(2);
  const tally: Tally = { gates, reds: 0, verdicts: {}, confirmed: 0, cells: 0 };
  for (let gate = 0; gate < gates; gate++) {
    const cells = Array.from({ length: GATE_CELLS }, (_, at) => {
      const samples = all[(gate + at) % all.length];
      const first = generator.nextBelow(samples.blocks.length);
      return simulateCell(samples, first, at === 0 ? slower : same, generator, gate + 1);
    });
    const decisions = decideTimes(cells, gate + 1, SIMULATION_DRAWS);
    const [own] = decisions;
    tally.verdicts[own.verdict] = (tally.verdicts[own.verdict] ?? 0) + 1;
    tally.confirmed += cells.filter(({ confirm }) => confirm !== null).length;
    tally.cells += cells.length;
    if (decisions.some(({ verdict }) => verdict === 'regressed')) tally.reds++;
  }
  return tally;
}

/** What the injected loops come to in a file of samples. */
function reachedIn({ turns, blocks }: Samples): number[] {
  const base = estimateTime(blocks.flatMap(({ same }) => same));
  return turns.map((_, at) => estimateTime(blocks.map(({ injected }) => injected[at])) / base - 1);
}

const percent = (share: number): string => `+${(100 * share).toFixed(1)} %`;

function report(files: readonly string[], gates: number): void {
  const all = files.map((file) => JSON.parse(readFileSync(file, 'utf8')) as Samples);
  for (const samples of all) {
    const { cell, blocks, seconds, turns } = samples;
    const base = estimateTime(blocks.flatMap(({ same }) => same));
    const loads = blocks.map(({ load }) => load);
    const perProcess = seconds / (blocks.length * (SAME_ARMS + turns.length));
    console.log(
      `${cell}: ${blocks.length} blocks, load ${Math.min(...loads).toFixed(1)} to ${Math.max(...loads).toFixed(1)}, ${perProcess.toFixed(2)} s a process, ${base.toFixed(2)} ns/event; injected ${reachedIn(samples).map(percent).join(', ')}`,
    );
  }
  const cases: readonly [string, Slower][] = [
    ['no change', same],
    ...reachedIn(all[0]).map((share, at): [string, Slower] => [
      `loop of ${percent(share)}`,
      ({ injected }) => injected[at],
    ]),
    ...[0.03, 0.05, 0.1, 0.25].map((share): [string, Slower] => [
      `exact ${percent(share)}`,
      (_, time) => time * (1 + share),
    ]),
  ];
  for (const [name, slower] of cases) {
    const { reds, verdicts, confirmed, cells } = simulate(all, gates, slower);
    const parts = Object.entries(verdicts).map(([verdict, count]) => `${verdict} ${count}`);
    console.log(
      `${name.padEnd(16)} red ${reds} of ${gates} gates of ${GATE_CELLS} cells; that cell: ${parts.join(', ')}; confirmed ${((100 * confirmed) / cells).toFixed(0)} % of cells`,
    );
  }
}

const { values } = parseArgs({
  options: {
    collect: { type: 'string' },
    simulate: { type: 'string', multiple: true },
    processes: { type: 'string', default: '400' },
    cell: { type: 'string', default: 'traces/recorded/virtio-pci-net.vgt/sort-on-flush' },
    gates: { type: 'string', default: '100' },
    /** Of the screen and of the confirmation, to try others in a simulation. */
    blocks: { type: 'string', default: `${STAGES.screenBlocks},${STAGES.confirmBlocks}` },
  },
});
const [screenBlocks, confirmBlocks] = values.blocks.split(',').map(Number);
const stages = { screenBlocks, confirmBlocks };
if (values.collect !== undefined) await collect(values.collect, values.cell, Number(values.processes));
if (values.simulate !== undefined) report(values.simulate, Number(values.gates));
