import assert from 'node:assert/strict';
import { Session } from 'node:inspector/promises';
import { test } from 'node:test';
import { type CpuProfile, sampleTimes, selfTimes } from './cpu-profile.js';

const frame = (functionName: string, url = 'file:///a.js', lineNumber = 9) => ({
  functionName,
  url,
  lineNumber,
  columnNumber: 0,
});

const profile: CpuProfile = {
  nodes: [
    { id: 1, callFrame: frame('(root)', '', -1), children: [2, 4] },
    { id: 2, callFrame: frame('flush'), children: [3] },
    { id: 3, callFrame: frame('sort', 'file:///b.js', 4) },
    { id: 4, callFrame: frame('sort', 'file:///b.js', 4) },
    { id: 5, callFrame: frame('(garbage collector)', '', -1) },
  ],
  startTime: 0,
  endTime: 101_000,
  samples: [2, 3, 4, 5, 3],
  timeDeltas: [100_000, 200, 300, 50, 350],
};

test('a sample stands for the time until the next one, the last for that until the end; what is before the first for nothing', () => {
  assert.deepEqual(sampleTimes(profile), [200, 300, 50, 350, 100]);
  assert.deepEqual(sampleTimes({ ...profile, timeDeltas: [5, 200, -3, 50, 350], endTime: 0 }), [200, 0, 50, 350, 0]);
  assert.deepEqual(sampleTimes({ ...profile, samples: [], timeDeltas: [] }), []);
});

test('self time is summed over the places in the tree where a function was met', () => {
  assert.deepEqual(selfTimes(profile), [
    { name: 'sort', url: 'file:///b.js', line: 5, us: 450, share: 0.45 },
    { name: '(garbage collector)', url: '', line: 0, us: 350, share: 0.35 },
    { name: 'flush', url: 'file:///a.js', line: 10, us: 200, share: 0.2 },
  ]);
});

test('a sample of a node that is not there is refused; a clock that goes back counts as 0', () => {
  assert.throws(() => selfTimes({ ...profile, samples: [9], timeDeltas: [1] }), /sample 0 names node 9/);
  assert.equal(selfTimes({ ...profile, samples: [2, 2, 2], timeDeltas: [9, -3, 7], endTime: 13 })[0].us, 7);
});

test('what V8 profiles of this process can be read: the busy function is there', async () => {
  const session = new Session();
  session.connect();
  await session.post('Profiler.enable');
  await session.post('Profiler.start');
  function busy(): number {
    let sum = 0;
    for (let i = 0; i < 3e7; i++) sum = (sum * 31 + i) | 0;
    return sum;
  }
  assert.equal(typeof busy(), 'number');
  const { profile: taken } = await session.post('Profiler.stop');
  session.disconnect();
  const found = selfTimes(JSON.parse(JSON.stringify(taken)) as CpuProfile);
  assert.ok(found.some(({ name, url }) => name === 'busy' && url.endsWith('cpu-profile.test.js')));
  assert.ok(Math.abs(found.reduce((sum, { share }) => sum + share, 0) - 1) < 1e-9);
});
