/** Searches of few evaluations: deterministic, resumable, and fast to the bounds of a small machine. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createGenerator } from '../base/rng.js';
import { doing, type GuestProgram } from '../hostile/program.js';
import { defaultAttacker } from './attacker.js';
import { dimensionIndex, dimensions } from './dimensions.js';
import { createEvaluator } from './evaluate.js';
import { createJobRunner } from './job.js';
import { meets, minimizeProgram } from './minimize.js';
import { createProgramSource } from './mutate.js';
import { JsonPlace } from './saved-json.js';
import {
  largeLimits,
  mergeResults,
  nextJobs,
  type SearchSettings,
  type SearchState,
  shareOf,
  startSearch,
} from './search.js';
import { readSearch, saveSearch } from './search-file.js';

const settings: SearchSettings = {
  seed: 3,
  attacker: { ...defaultAttacker, instructions: 256 },
  targets: [
    { flavour: 'kvm-6.1', strategy: 'sort-on-flush' },
    { flavour: 'kvm-6.1', strategy: 'sort-on-insert' },
  ],
  small: { n: 16, nrLr: 4 },
  large: { n: 48, nrLr: 4 },
  work: 1_000,
};

/** `workers`: runners that take turns, as processes of a pool would. */
function goOn(state: SearchState, generations: number, workers = 1): SearchState {
  const runners = Array.from({ length: workers }, createJobRunner);
  for (let left = generations; left > 0; left--) {
    const jobs = nextJobs(state);
    // The last job first: the order of work does not matter, that of merging does.
    const results = jobs.map((job, at) => ({ at, result: runners[at % workers](job) })).reverse();
    mergeResults(
      state,
      jobs,
      results.sort((a, b) => a.at - b.at).map(({ result }) => result),
    );
  }
  return state;
}

const whole = goOn(startSearch(settings), 24);

test('the same seed gives the same archive with any number of workers', () => {
  assert.equal(saveSearch(goOn(startSearch(settings), 24, 3)), saveSearch(whole));
  const other = goOn(startSearch({ ...settings, seed: 4 }), 1);
  assert.notEqual(saveSearch(other), saveSearch(goOn(startSearch(settings), 1)));
});

test('a search that was saved and read goes on as if it had not been', () => {
  const half = saveSearch(goOn(startSearch(settings), 9));
  const resumed = readSearch(JsonPlace.parse('half.json', half));
  assert.equal(saveSearch(resumed), half);
  assert.equal(saveSearch(goOn(resumed, 15)), saveSearch(whole));
});

test('from nothing to the declared bounds of constant, linear and quadratic paths', () => {
  for (const [target, id] of [
    [0, 'inject-steps'],
    [0, 'pending-steps'],
    [1, 'inject-steps'],
    [1, 'rekey-steps'],
  ] as const) {
    const cell = target * dimensions.length + dimensionIndex(id);
    const share = shareOf(whole, 'large', cell);
    assert.ok(share >= 0.95 && share <= 1, `${settings.targets[target].strategy} ${id}: ${share}`);
  }
});

test('the last cell that is far from its bound gets the work of many, in other ways', () => {
  const state = startSearch(settings);
  const program: GuestProgram = { model: 'gicv2', vcpus: 2, setUp: [doing('pend')], round: [], rounds: 0 };
  const last = dimensionIndex('prune-steps');
  for (const [cell] of state.large.entries()) {
    const figure = cell === last ? 1 : 1e9;
    for (const cells of [state.small, state.large]) cells[cell] = { program, figure, score: figure };
  }
  // A generation that leaves the siblings alone.
  state.generation = 1;
  const jobs = nextJobs(state).filter(({ isNormalised, cell, quota }) => isNormalised && cell === last && quota > 0);
  assert.deepEqual(
    jobs.map(({ way }) => way),
    ['island', 'climb', 'walk', 'climb'],
  );
  assert.equal(new Set(jobs.map(({ seed }) => seed)).size, jobs.length);
});

test('minimal programs keep 95 %, and not without any of their operations', () => {
  const evaluator = createEvaluator(settings.attacker, largeLimits(settings));
  for (const id of ['prune-steps', 'pending-steps', 'flush-steps']) {
    const dimension = dimensionIndex(id);
    const champion = whole.large[dimension];
    assert.ok(champion !== null, id);
    const demands = [{ target: settings.targets[0], dimension, atLeast: 0.95 * champion.figure }];
    const holds = (program: GuestProgram): boolean => meets(evaluator, program, settings.large, demands);
    assert.ok(holds(champion.program));
    const minimal = minimizeProgram(champion.program, holds);
    assert.ok(holds(minimal), id);
    for (const part of ['setUp', 'round'] as const)
      for (let at = 0; at < minimal[part].length; at++) {
        const without = { ...minimal, [part]: minimal[part].filter((_op, place) => place !== at) };
        assert.ok(!holds(without), `${id}: ${part}[${at}] is not needed`);
      }
  }
});

test('a minimal program of known parts', () => {
  const source = createProgramSource(createGenerator(5), settings.attacker);
  const noise = source.random();
  const program: GuestProgram = {
    ...noise,
    setUp: [...noise.setUp, doing('pend', { vcpu: 1 }), ...noise.round],
    round: [doing('sgi'), doing('priority', { value: 9 })],
    rounds: 7,
  };
  const hasPend = ({ setUp }: GuestProgram): boolean => setUp.some(({ verb }) => verb === 'pend');
  assert.deepEqual(minimizeProgram(program, hasPend), {
    model: 'gicv3',
    vcpus: 1,
    setUp: [doing('pend')],
    round: [],
    rounds: 0,
  });
});
