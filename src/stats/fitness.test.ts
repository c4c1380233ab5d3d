import assert from 'node:assert/strict';
import { test } from 'node:test';
import { describeResolution, findDisturbance, foreseeResolution, judgeFitness, type MachineFacts } from './fitness.js';

const QUIET: MachineFacts = {
  fingerprint: '0123456789ab',
  cpu: 'A CPU',
  cores: 8,
  os: 'Linux 6.1',
  arch: 'x64',
  node: 'v20.0.0',
  v8: '11',
  flags: [],
  governor: 'performance',
  turbo: 'off',
  smt: 'off',
  container: 'none',
  virtualMachine: 'none',
  quotaCpus: null,
  load: 0.2,
  swapUsedMb: 0,
};
const CALM = { steal: 0, throttled: 0 };
const TIMER = { granularityNs: 40, overheadNs: 50 };

test('steadier processes resolve less, more blocks too', () => {
  const steady = [100, 100.2, 100.4, 100.1, 100.3, 100.6, 100.2, 100.5];
  const loud = [100, 104, 109, 101, 115, 103, 108, 120];
  const [quiet, noisy] = [foreseeResolution(steady, 30, 1), foreseeResolution(loud, 30, 1)];
  assert.equal(quiet.delta, 0.02);
  assert.ok(quiet.smallestDetectable > 0.02 && quiet.smallestDetectable < 0.03, `${quiet.smallestDetectable}`);
  assert.ok(noisy.smallestDetectable > quiet.smallestDetectable);
  assert.ok(foreseeResolution(loud, 120, 1).floor < noisy.floor);
  assert.match(
    describeResolution(quiet, 42),
    /^this machine can resolve ≥ 2\.\d\u00a0% with 30 blocks \(about 42 s a cell\)$/,
  );
});

test('a quiet machine is fit, with no advice', () => {
  assert.deepEqual(judgeFitness(QUIET, CALM, TIMER, null), { verdict: 'fit', reasons: [], advice: [] });
});

test('each thing that makes times worthless is a reason', () => {
  const verdictOf = (facts: Partial<MachineFacts>, disturbance = CALM, timer = TIMER, loud = false) =>
    judgeFitness(
      { ...QUIET, ...facts },
      disturbance,
      timer,
      loud ? foreseeResolution([100, 150, 200, 90, 400], 10, 1) : null,
    );
  assert.match(verdictOf({}, { steal: 0.3, throttled: 0 }).reasons[0], /30\u00a0% of the CPU time/);
  assert.match(verdictOf({}, { steal: 0, throttled: 2 }).reasons[0], /heat/);
  assert.match(verdictOf({ quotaCpus: 0.5 }).reasons[0], /0\.5 of a CPU/);
  assert.match(verdictOf({}, CALM, { granularityNs: 1e6, overheadNs: 50 }).reasons[0], /clock/);
  assert.match(verdictOf({}, CALM, TIMER, true).reasons[0], /identical programs differ/);
  for (const facts of [{ quotaCpus: 0.5 } as const]) assert.equal(verdictOf(facts).verdict, 'unfit');
});

test('what a system does not tell is no reason and no advice', () => {
  const unknown: Partial<MachineFacts> = {
    governor: 'unknown',
    turbo: 'unknown',
    smt: 'unknown',
    container: 'unknown',
    virtualMachine: 'unknown',
    quotaCpus: 'unknown',
    swapUsedMb: 'unknown',
  };
  const fitness = judgeFitness({ ...QUIET, ...unknown }, { steal: 'unknown', throttled: 'unknown' }, TIMER, null);
  assert.deepEqual(fitness, { verdict: 'fit', reasons: [], advice: [] });
  assert.equal(findDisturbance({ steal: 'unknown', throttled: 'unknown' }), null);
});

test('what makes times less steady is advice', () => {
  const facts: Partial<MachineFacts> = { governor: 'powersave', turbo: 'on', smt: 'on', load: 9, container: 'docker' };
  const { verdict, advice } = judgeFitness({ ...QUIET, ...facts }, CALM, TIMER, null);
  assert.equal(verdict, 'fit');
  assert.equal(advice.length, 5);
});
