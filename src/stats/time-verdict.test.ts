/** The two-stage design on made samples: verdicts, stages, and that identical programs are not called slower. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { createGenerator, type Generator } from '../base/rng.js';
import { type BlockSamples, blocksToDecide, type Draws, estimateArms, estimateNoise } from './block-samples.js';
import { type CellTimes, decideTimes, describeRatio, isCleared, isUnfit, leastBlocks } from './time-verdict.js';
import { type ArmTime, runTwoStage, STAGES, type TimedCell } from './two-stage.js';

const DRAWS: Draws = { bootstrap: 400, swaps: 1999 };
/** Enough for 1 % after Holm's correction for three cells. */
const FEW_DRAWS: Draws = { bootstrap: 200, swaps: 599 };

/** Uniform in [0, 1). */
const uniform = (generator: Generator): number => generator.nextUint32() / 2 ** 32;
/** Most processes near 100, one in five disturbed, as minima of processes are. */
const noisy = (generator: Generator, spread = 1): number =>
  100 + spread * uniform(generator) + (uniform(generator) < 0.2 ? 30 * uniform(generator) : 0);

interface Shape {
  readonly factor?: number;
  readonly controlFactor?: number;
  readonly spread?: number;
}

function make(
  generator: Generator,
  blocks: number,
  { factor = 1, controlFactor = 1, spread = 1 }: Shape = {},
): BlockSamples {
  const arm = (by: number): number[] => Array.from({ length: blocks }, () => by * noisy(generator, spread));
  return { a: arm(1), b: arm(factor), control: arm(controlFactor) };
}

const whole = (generator: Generator, shape: Shape = {}): CellTimes => ({
  screen: make(generator, 10, shape),
  confirm: make(generator, 30, shape),
  again: null,
  disturbance: null,
});

describe('verdicts', () => {
  const verdictOf = (cell: CellTimes) => decideTimes([cell], 1, DRAWS)[0];
  it('a slowdown beyond the limit is regressed, its mirror improved, none unchanged', () => {
    const slower = verdictOf(whole(createGenerator(1), { factor: 1.1 }));
    assert.equal(slower.verdict, 'regressed');
    assert.match(slower.reason, /^\d\d?\.\d\u00a0% slower .* fresh blocks$/);
    assert.ok(slower.low > 1 + slower.delta && slower.holmP <= 0.01);
    assert.equal(verdictOf(whole(createGenerator(2), { factor: 1 / 1.1 })).verdict, 'improved');
    assert.equal(verdictOf(whole(createGenerator(3))).verdict, 'unchanged');
  });
  it('what the screen cleared is never called slower, however its blocks look', () => {
    const screen = make(createGenerator(4), 10, { factor: 1.5 });
    const { verdict, confirmBlocks, reason } = verdictOf({ screen, confirm: null, again: null, disturbance: null });
    assert.equal(verdict, 'inconclusive');
    assert.equal(confirmBlocks, 0);
    assert.match(reason, /blocks would decide$/);
  });
  it('the last blocks decide alone', () => {
    const generator = createGenerator(5);
    const cell = { ...whole(generator, { factor: 1.3 }), again: make(generator, 30) };
    assert.equal(verdictOf(cell).verdict, 'unchanged');
    assert.equal(verdictOf(cell).samples, cell.again);
  });
  it('a control arm that is off makes it unfit, but hides no slowdown of five times as much', () => {
    const off = whole(createGenerator(6), { controlFactor: 1.05, factor: 1.05 });
    assert.ok(isUnfit(off.screen, 1, DRAWS));
    const { verdict, reason } = verdictOf(off);
    assert.equal(verdict, 'unfit');
    assert.match(reason, /^the machine cannot say: the control arm, the same program, was [45]\.\d\u00a0% off$/);
    assert.equal(verdictOf(whole(createGenerator(8), { controlFactor: 1.05, factor: 1.4 })).verdict, 'regressed');
    const loud = verdictOf(whole(createGenerator(7), { spread: 200 }));
    assert.match(loud.reason, /^the machine cannot say: identical programs differ by up to/);
  });
  it('steal time makes it unfit, and is named', () => {
    const { verdict, reason } = verdictOf({ ...whole(createGenerator(9)), disturbance: 'the host was busy' });
    assert.equal(verdict, 'unfit');
    assert.match(reason, /the host was busy/);
  });
  it('says so where the fastest processes tell another story', () => {
    const generator = createGenerator(10);
    const cell = whole(generator);
    const { confirm } = cell;
    assert.ok(confirm !== null);
    const b = [50, ...confirm.b.slice(1)];
    assert.match(verdictOf({ ...cell, confirm: { ...confirm, b } }).reason, /two modes/);
  });
});

/** B twice as slow in every block, its fastest processes in the blocks of the slowest of A: the most assignments tie. */
function twiceAsSlow(blocks: number): CellTimes {
  const rise = Array.from({ length: blocks }, (_, block) => 1 + block / 1000);
  const confirm = { a: rise, b: rise.map((time) => 2 * time).reverse(), control: rise };
  return { screen: confirm, confirm, again: null, disturbance: null };
}

describe('enough blocks and draws for the number of cells', () => {
  const verdictsOf = (cells: number, blocks: number, draws = DRAWS): Set<string> =>
    new Set(decideTimes(new Array<CellTimes>(cells).fill(twiceAsSlow(blocks)), 1, draws).map(({ verdict }) => verdict));
  it('so many blocks prove a slowdown of all cells, one fewer does not', () => {
    for (const cells of [1, 2, 5, 10]) {
      assert.deepEqual([...verdictsOf(cells, leastBlocks(cells))], ['regressed'], `${cells} cells`);
      assert.deepEqual([...verdictsOf(cells, leastBlocks(cells) - 1)], ['inconclusive'], `${cells} cells`);
    }
    assert.ok(leastBlocks(10) <= STAGES.confirmBlocks);
  });
  it('draws are as many as the cells ask for', () => {
    assert.deepEqual([...verdictsOf(3, 20, { bootstrap: 100, swaps: 199 })], ['regressed']);
  });
  it('what chance may explain is said to be so, although its interval is beyond the limit', () => {
    const [{ reason }] = decideTimes([twiceAsSlow(leastBlocks(1) - 1)], 1, DRAWS);
    assert.match(
      reason,
      /^2\.0 times as slow .*, beyond the limit of 2\.0\u00a0%, but of runs without a difference 1\.6\u00a0%/,
    );
  });
});

describe('ratios in words', () => {
  it('shares near 1, factors far from it', () => {
    const words = [1.041, 0.959, 1.0001, 0.04, 3].map(describeRatio);
    assert.deepEqual(words, [
      '4.1\u00a0% slower',
      '4.1\u00a0% faster',
      'as fast',
      '25.0 times as fast',
      '3.0 times as slow',
    ]);
  });
});

describe('false alarms and power', () => {
  it('of 60 gates of three identical cells none is red, of 60 with +10 % at most three are missed', () => {
    const generator = createGenerator(11);
    let falseReds = 0;
    let found = 0;
    const stages = (shape: Shape): CellTimes => {
      const screen = make(generator, 10, shape);
      const cleared = isCleared(screen, 1, FEW_DRAWS);
      return { screen, confirm: cleared ? null : make(generator, 30, shape), again: null, disturbance: null };
    };
    for (let gate = 0; gate < 60; gate++) {
      const same = [stages({}), stages({}), stages({})];
      const clean = decideTimes(same, gate, FEW_DRAWS);
      if (clean.some(({ verdict }) => verdict === 'regressed')) falseReds++;
      const [slower] = decideTimes([stages({ factor: 1.1 }), ...same.slice(1)], gate, FEW_DRAWS);
      if (slower.verdict === 'regressed') found++;
    }
    assert.equal(falseReds, 0);
    assert.ok(found >= 57, `${found} of 60 found`);
  });
});

describe('figures of a stage', () => {
  it('a slowdown of the size that is said to be found is found in most runs', () => {
    const generator = createGenerator(12);
    const { smallestDetectable } = estimateNoise(make(generator, 30), 1, DRAWS);
    assert.ok(smallestDetectable > 0.02 && smallestDetectable < 0.1, `${smallestDetectable}`);
    let found = 0;
    for (let run = 0; run < 20; run++) {
      const [cell] = decideTimes([whole(generator, { factor: 1 + 1.5 * smallestDetectable })], run, DRAWS);
      if (cell.verdict === 'regressed') found++;
    }
    assert.ok(found >= 16, `${found} of 20`);
  });
  it('more noise asks for a wider limit', () => {
    const quiet = estimateNoise(make(createGenerator(13), 30), 1, DRAWS);
    const loud = estimateNoise(make(createGenerator(13), 30, { spread: 20 }), 1, DRAWS);
    assert.equal(quiet.delta, 0.02);
    assert.ok(loud.delta > 0.02 && loud.smallestDetectable > quiet.smallestDetectable);
  });
  it('says how many blocks would decide: the nearer to the limit, the more', () => {
    const estimate = { ratio: 1.05, low: 1.01, high: 1.09 };
    const near = blocksToDecide({ ratio: 1.03, low: 0.99, high: 1.07 }, 0.02, 10);
    const far = blocksToDecide(estimate, 0.02, 10);
    assert.ok(near !== null && far !== null && near > far && far > 10);
    assert.equal(blocksToDecide({ ratio: 1.02, low: 1, high: 1.04 }, 0.02, 10), null);
  });
  it('the interval holds the ratio and repeats for a seed', () => {
    const samples = make(createGenerator(14), 30, { factor: 1.07 });
    const estimate = estimateArms(samples, 3, DRAWS);
    assert.ok(estimate.low <= estimate.ratio && estimate.ratio <= estimate.high);
    assert.deepEqual(estimateArms(samples, 3, DRAWS), estimate);
  });
});

describe('two stages', () => {
  /** Counts its processes; B takes `factor` times as long. */
  function cellOf(factor: number, digests = ['1', '1']): TimedCell & { started: string[] } {
    const generator = createGenerator(16);
    const started: string[] = [];
    return {
      started,
      sameDigest: true,
      async measure(side): Promise<ArmTime> {
        started.push(side);
        return { time: noisy(generator) * (side === 'b' ? factor : 1), digest: digests[side === 'b' ? 1 : 0] };
      },
    };
  }
  it('clears a cell with the screen, and measures fresh blocks of the others', async () => {
    const [same, slower] = [cellOf(1), cellOf(1.2)];
    const seen: string[] = [];
    const plan = { screenBlocks: 10, confirmBlocks: 30, seed: 1 };
    const results = await runTwoStage([same, slower], plan, ({ stage, cells }) => seen.push(`${stage} ${cells}`));
    assert.equal(same.started.length, 30);
    assert.equal(slower.started.length, 120);
    assert.equal(slower.started.filter((side) => side === 'b').length, 40);
    assert.deepEqual([...new Set(seen)], ['screen 2', 'confirm 1']);
    const [first, second] = results;
    assert.ok(!('error' in first) && !('error' in second));
    assert.equal(first.confirm, null);
    assert.equal(second.confirm?.a.length, 30);
    assert.ok(second.confirm?.a.every((time) => !second.screen.a.includes(time)));
  });
  it('another digest and a crash end their cell alone', async () => {
    const broken: TimedCell = { sameDigest: true, measure: () => Promise.reject(new Error('it crashed')) };
    const other = cellOf(1, ['1', '2']);
    const same = cellOf(1);
    const plan = { screenBlocks: 10, confirmBlocks: 30, seed: 1 };
    const results = await runTwoStage([broken, other, same], plan, () => {});
    assert.deepEqual(results[0], { error: 'it crashed' });
    assert.ok('error' in results[1] && /other list registers/.test(results[1].error));
    assert.ok(!('error' in results[2]));
    assert.ok(other.started.length <= 3);
  });
  it('a time that is none ends its cell, and is no verdict', async () => {
    for (const time of [0, -1, Number.NaN, Number.POSITIVE_INFINITY]) {
      const none: TimedCell = { sameDigest: true, measure: async () => ({ time, digest: '1' }) };
      const [result] = await runTwoStage([none], { screenBlocks: 10, confirmBlocks: 30, seed: 1 }, () => {});
      assert.ok('error' in result && /nothing that could be compared/.test(result.error), `${time}`);
    }
  });
  it('draws the order of the arms anew in each block, the same for a seed', async () => {
    const order = async (seed: number): Promise<string> => {
      const cell = cellOf(1);
      await runTwoStage([cell], { screenBlocks: 10, confirmBlocks: 5, seed }, () => {});
      return cell.started.slice(0, 30).join('');
    };
    assert.equal(await order(1), await order(1));
    assert.notEqual(await order(1), await order(2));
  });
});
