import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type CpuProfile, selfTimes } from '../stats/cpu-profile.js';
import { renderSpeedscopeProfile } from './speedscope-profile.js';

const frame = (functionName: string, url: string, lineNumber: number) => ({
  functionName,
  url,
  lineNumber,
  columnNumber: 3,
});

const profile: CpuProfile = {
  nodes: [
    { id: 1, callFrame: frame('(root)', '', -1), children: [2, 4] },
    { id: 2, callFrame: frame('flush', 'file:///flush.js', 9), children: [3] },
    { id: 3, callFrame: frame('sort', 'file:///sort.js', 4) },
    { id: 4, callFrame: frame('sort', 'file:///sort.js', 4) },
  ],
  startTime: 5000,
  endTime: 5600,
  samples: [2, 3, 4, 1],
  timeDeltas: [100, 200, -50, 300],
};

interface Speedscope {
  readonly shared: { readonly frames: readonly { name: string; file?: string; line?: number; col?: number }[] };
  readonly profiles: readonly {
    readonly type: string;
    readonly unit: string;
    readonly startValue: number;
    readonly endValue: number;
    readonly samples: readonly (readonly number[])[];
    readonly weights: readonly number[];
  }[];
}

test('stacks begin at the outermost function; a frame is listed once; weights are the times until the next sample', () => {
  const { shared, profiles } = JSON.parse(renderSpeedscopeProfile('a cell', 'a tool', profile)) as Speedscope;
  assert.deepEqual(shared.frames, [
    { name: 'flush', file: 'file:///flush.js', line: 10, col: 4 },
    { name: 'sort', file: 'file:///sort.js', line: 5, col: 4 },
  ]);
  const [{ type, unit, samples, weights, startValue, endValue }] = profiles;
  assert.deepEqual([type, unit, startValue, endValue], ['sampled', 'microseconds', 0, 550]);
  assert.deepEqual(samples, [[0], [0, 1], [1], []]);
  assert.deepEqual(weights, [200, 0, 300, 50]);
});

test('the innermost frames weigh what the self times are', () => {
  const { shared, profiles } = JSON.parse(renderSpeedscopeProfile('a cell', 'a tool', profile)) as Speedscope;
  const [{ samples, weights }] = profiles;
  for (const { name, us } of selfTimes(profile).filter(({ url }) => url !== '')) {
    const weight = samples.reduce(
      (sum, stack, at) => (shared.frames[stack.at(-1) ?? -1]?.name === name ? sum + weights[at] : sum),
      0,
    );
    assert.equal(weight, us, name);
  }
});
