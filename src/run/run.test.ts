/** Plans, shards and stored results: any division of a run gives the run again, and nothing else does. */
import assert from 'node:assert/strict';
import { describe, it, test } from 'node:test';
import fc from 'fast-check';
import { EXIT_INPUT, InputError, UsageError } from '../base/errors.js';
import { mergeRuns, type NamedRun } from './merge.js';
import { type Plan, type Shard, unitsOf, WHOLE } from './plan.js';
import { headerLine, type Run, readRunFile, unfinished, unitLine } from './run-file.js';
import { parseShard } from './shard.js';
import { makePlan, makeRunText } from './test-run.js';

const PROPERTY = { seed: 7, numRuns: 200 };

const costs = fc.array(fc.integer({ min: 1, max: 9 }), { maxLength: 20 });
const counts = fc.integer({ min: 1, max: 12 });

const shardsOf = (count: number): Shard[] =>
  Array.from({ length: count }, (_none, index) => ({ index: index + 1, count }));

const named = (plan: Plan, shard: Shard, name = `run-${shard.index}-of-${shard.count}.jsonl`): NamedRun => ({
  name,
  run: readRunFile(makeRunText(plan, shard), name),
});

const textOf = ({ header, units }: Run): string => headerLine(header) + units.map(unitLine).join('');

describe('shards', () => {
  it('share out every unit once, in the order of the plan, and no shard has two units more than another', () => {
    fc.assert(
      fc.property(costs, counts, (given, count) => {
        const plan = makePlan(given);
        const parts = shardsOf(count).map((shard) => unitsOf(plan, shard));
        assert.deepEqual(
          parts
            .flat()
            .map(({ id }) => id)
            .sort(),
          plan.units.map(({ id }) => id).sort(),
        );
        const sizes = parts.map(({ length }) => length);
        assert.ok(Math.max(...sizes) - Math.min(...sizes) <= 1);
        for (const part of parts)
          assert.deepEqual(
            part,
            plan.units.filter((unit) => part.includes(unit)),
          );
      }),
      PROPERTY,
    );
  });
  it('merged in any order are the bytes of the run that was never divided', () => {
    const order = fc.array(fc.integer(), { minLength: 12, maxLength: 12 });
    fc.assert(
      fc.property(costs, counts, order, (given, count, keys) => {
        const plan = makePlan(given);
        const runs = shardsOf(count).map((shard) => named(plan, shard));
        const shuffled = [...runs].sort(
          (a, b) => keys[a.run.header.shard.index - 1] - keys[b.run.header.shard.index - 1],
        );
        assert.equal(textOf(mergeRuns(shuffled)), textOf(mergeRuns([named(plan, WHOLE)])));
      }),
      PROPERTY,
    );
  });
});

describe('merge', () => {
  const plan = makePlan([5, 4, 3, 2, 1, 1, 1, 1, 1]);
  const all = shardsOf(4).map((shard) => named(plan, shard));
  const refused = (runs: readonly NamedRun[], expected: RegExp): void => {
    assert.throws(
      () => mergeRuns(runs),
      (error) => {
        assert.ok(error instanceof InputError);
        assert.equal(error.exitCode, EXIT_INPUT);
        assert.match(error.message, expected);
        assert.doesNotMatch(error.message, /\n/);
        return true;
      },
    );
  };

  it('names the shards that are missing, their units and the command that runs one', () => {
    refused(
      [all[3], all[0]],
      /^run-4-of-4\.jsonl: .*shards 2\/4 and 3\/4 with 4 units \("study s1", "study s5", …\) are missing; .* report a\.vgt --seed 1 --shard 2\/4$/,
    );
    refused([all[0], all[1], all[2]], /shard 4\/4 with 2 units \("study s3" and "study s7"\) is missing/);
  });
  it('refuses a file given twice and a shard that is in two files', () => {
    refused([...all, all[1]], /^run-2-of-4\.jsonl: line 1: shard 2\/4 is given twice/);
    refused([...all, named(plan, { index: 2, count: 4 }, 'copy.jsonl')], /^copy\.jsonl: .*is in run-2-of-4\.jsonl too/);
  });
  it('refuses shards of another run, version, build or division', () => {
    const shard = { index: 2, count: 4 };
    const cases: [Partial<Plan>, RegExp][] = [
      [{ tool: { name: 'vgic-replay', version: '1.2.4' } }, /is of vgic-replay 1\.2\.4, not vgic-replay 1\.2\.3/],
      [{ code: 'f'.repeat(64) }, /is of another build of vgic-replay 1\.2\.3/],
      [{ verb: 'replay' }, /is of 'replay', not 'report'/],
      [{ options: { ...plan.options, seed: 2 } }, /has seed 2, not 1/],
      [{ traces: [{ ...plan.traces[0], sha256: '2'.repeat(64) }] }, /is of other traces \(another a\.vgt\)/],
      [{ traces: [{ ...plan.traces[0], path: 'b.vgt' }] }, /is of other traces \(b\.vgt, not a\.vgt\)/],
      [{ traces: [] }, /is of other traces \(lacks a\.vgt\)/],
      [{ traces: [...plan.traces, plan.traces[0]] }, /is of other traces \(also a\.vgt\)/],
      [{ strategies: [{ ...plan.strategies[0], sha256: '3'.repeat(64) }] }, /is of other strategies \(another fifo\)/],
      [{ command: 'vgic-replay report b.vgt' }, /is of another command/],
    ];
    for (const [changes, expected] of cases) {
      const foreign = named(makePlan([5, 4, 3, 2, 1, 1, 1, 1, 1], changes), shard, 'foreign.jsonl');
      refused([all[0], foreign, all[2], all[3]], expected);
      refused([all[0], foreign, all[2], all[3]], /^foreign\.jsonl: /);
    }
    refused(
      [all[0], named(plan, { index: 2, count: 5 })],
      /^run-2-of-5\.jsonl: .*shard 2\/5, where run-1-of-4\.jsonl is shard 1\/4/,
    );
  });
  it('refuses a shard that is not finished, and says how it goes on', () => {
    const text = makeRunText(plan, { index: 1, count: 4 });
    const cut = readRunFile(text.slice(0, -10), 'cut.jsonl');
    assert.equal(cut.torn, 4);
    assert.deepEqual(unfinished(cut), ['study s8']);
    refused(
      [{ name: 'cut.jsonl', run: cut }, ...all.slice(1)],
      /^cut\.jsonl: line 4: lacks 1 unit \("study s8"\) of 3; .*--resume$/,
    );
  });
});

describe('a run file', () => {
  const plan = makePlan([3, 2, 1]);
  const text = makeRunText(plan, WHOLE);
  const header = text.slice(0, text.indexOf('\n') + 1);

  it('is read back as it was written', () => {
    const run = readRunFile(text);
    assert.equal(textOf(run), text);
    assert.equal(run.bytes, Buffer.byteLength(text));
    assert.equal(run.torn, null);
    assert.deepEqual(unfinished(run), []);
  });
  it('cut off anywhere behind its header keeps every whole line', () => {
    fc.assert(
      fc.property(fc.integer({ min: header.length, max: text.length }), (end) => {
        const cut = text.slice(0, end);
        const run = readRunFile(cut);
        const whole = cut.slice(0, cut.lastIndexOf('\n') + 1);
        assert.equal(textOf(run), whole);
        assert.equal(run.bytes, Buffer.byteLength(whole));
        assert.equal(run.torn === null, whole === cut);
      }),
      PROPERTY,
    );
  });
  it('with any byte changed is refused in one line, or says the same', () => {
    const start = header.indexOf('"planSha256"');
    const end = text.lastIndexOf('\n');
    fc.assert(
      fc.property(fc.integer({ min: start, max: end - 1 }), fc.integer({ min: 32, max: 126 }), (at, code) => {
        const changed = text.slice(0, at) + String.fromCharCode(code) + text.slice(at + 1);
        try {
          assert.equal(textOf(readRunFile(changed)), text);
        } catch (error) {
          assert.ok(error instanceof InputError, String(error));
          assert.match(error.message, /^run file: line \d+: [^\n]+$/);
        }
      }),
      { ...PROPERTY, numRuns: 2000 },
    );
  });
  it('of another version, or with a unit twice, is refused by name', () => {
    const last = text.slice(text.lastIndexOf('\n', text.length - 2) + 1);
    const cases: [string, RegExp][] = [
      [text.replace('run/1', 'run/2'), /a\.jsonl: line 1: schema "vgic-replay\/run\/2" is not vgic-replay\/run\/1/],
      [text + last, /a\.jsonl: line 5: "study s2" is given twice/],
      ['', /a\.jsonl: line 1: no whole header/],
      ['null\n', /a\.jsonl: line 1: is no JSON object/],
      [header.replace('"index":1', '"index":9'), /a\.jsonl: line 1: the plan is not what was stored/],
    ];
    for (const [given, expected] of cases) assert.throws(() => readRunFile(given, 'a.jsonl'), expected);
  });
});

test('--shard takes i/n, and what engines of job arrays say', () => {
  assert.deepEqual(parseShard('3/8', {}), { index: 3, count: 8 });
  const slurm = { SLURM_ARRAY_TASK_ID: '7', SLURM_ARRAY_TASK_MIN: '3', SLURM_ARRAY_TASK_COUNT: '3' };
  assert.deepEqual(parseShard('auto', { ...slurm, SLURM_ARRAY_TASK_STEP: '2' }), { index: 3, count: 3 });
  assert.deepEqual(parseShard('auto/4', { JOB_COMPLETION_INDEX: '0' }), { index: 1, count: 4 });
  assert.deepEqual(parseShard('auto', { CI_NODE_INDEX: '2', CI_NODE_TOTAL: '5' }), { index: 2, count: 5 });
});

test('--shard that means nothing is refused with what to give', () => {
  const cases: [string, Record<string, string>, RegExp][] = [
    ['0/8', {}, /0\/8 is none of 1\/8 to 8\/8/],
    ['9/8', {}, /9\/8 is none of/],
    ['1/0', {}, /1\/0 is none of/],
    ['1/100001', {}, /100000 are the most/],
    ['half', {}, /must be i\/n, such as 1\/8, or auto, not 'half'/],
    ['3', {}, /must be i\/n/],
    ['auto', {}, /none of SLURM_ARRAY_TASK_ID, JOB_COMPLETION_INDEX, CI_NODE_INDEX is set; give --shard i\/n/],
    ['auto', { JOB_COMPLETION_INDEX: '1' }, /does not say how many jobs it has; give --shard auto\/n/],
    ['auto/3', { CI_NODE_INDEX: '1', CI_NODE_TOTAL: '4' }, /the GitLab parallel job has 4 jobs/],
    ['auto', { SLURM_ARRAY_TASK_ID: 'x' }, /SLURM_ARRAY_TASK_ID is 'x', not a whole number/],
    ['auto', { SLURM_ARRAY_TASK_ID: '4', SLURM_ARRAY_TASK_MIN: '1', SLURM_ARRAY_TASK_COUNT: '3' }, /4\/3 is none of/],
    ['auto', { CI_NODE_INDEX: '1', JOB_COMPLETION_INDEX: '1' }, /both JOB_COMPLETION_INDEX and CI_NODE_INDEX are set/],
  ];
  for (const [text, environment, expected] of cases)
    assert.throws(
      () => parseShard(text, environment),
      (error) => error instanceof UsageError && expected.test(error.message),
      `${text} ${JSON.stringify(environment)}`,
    );
});
