/** The findings that are committed: each still reaches what its file says, and its trace is the one it names. */
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { test } from 'node:test';
import { hostileWorkloads, isProgram } from '../hostile/index.js';
import { resolveParams } from '../workload/workload.js';
import { boundOf } from './bounds.js';
import { dimensionIndex } from './dimensions.js';
import { createEvaluator, type Evaluator } from './evaluate.js';
import { type Finding, readFinding } from './finding.js';
import { traceOfFinding } from './make-finding.js';
import { RANK_LIMITS } from './rank.js';
import { JsonPlace } from './saved-json.js';

const folder = new URL('../../../traces/attacks/', import.meta.url);
const files = readdirSync(folder).filter((name) => name.endsWith('.json'));
const findings = files.map(
  (name): Finding => readFinding(JsonPlace.parse(name, readFileSync(new URL(name, folder), 'utf8'))),
);

/** Models of one machine are shared. */
const evaluators = new Map<string, Evaluator>();
function evaluatorFor({ attacker, size }: Finding): Evaluator {
  const key = JSON.stringify([attacker, size]);
  const evaluator = evaluators.get(key) ?? createEvaluator(attacker, { ...RANK_LIMITS, counted: size });
  evaluators.set(key, evaluator);
  return evaluator;
}

/** The strategy it is named after, and the one it is least bad for; "rank" replays all. */
const endsOf = ({ reached }: Finding): Finding['reached'] =>
  reached.length === 1 ? reached : [reached[0], reached.at(-1)!];

test('every finding reaches its figures, and no declared worst case is exceeded', () => {
  assert.ok(findings.length > 10);
  for (const finding of findings) {
    const { name, program, size } = finding;
    const dimension = dimensionIndex(finding.dimension);
    for (const { flavour, strategy, figure, bound } of endsOf(finding)) {
      const target = { flavour, strategy };
      const { figures } = evaluatorFor(finding).evaluate(program, target, size);
      assert.equal(figures?.[dimension], figure, `${name} ${strategy}`);
      assert.equal(boundOf(target, dimension, program, size) ?? null, bound, `${name} ${strategy}`);
      assert.ok(bound === null || figure <= bound, `${name} ${strategy}`);
    }
  }
});

test('the trace of a finding is the one it names', () => {
  for (const finding of findings) {
    const trace = traceOfFinding(finding);
    assert.equal(createHash('sha256').update(trace).digest('hex'), finding.traceSha256, finding.name);
    const file = new URL(`${finding.name}.vgt`, folder);
    if (existsSync(file)) assert.deepEqual(new Uint8Array(readFileSync(file)), trace, finding.name);
  }
});

test('some finding is worse than every row of the catalogue at the same size', () => {
  const worse = findings
    .filter(({ dimension }) => dimension === 'prune-steps')
    .some(({ dimension, attacker, size, reached: [{ flavour, strategy, figure }] }) => {
      const strong = { ...attacker, may: ['mmio', 'sgi', 'device'], vcpus: 8, instructions: 1 << 20 } as const;
      const evaluator = createEvaluator(strong, { ...RANK_LIMITS, counted: size });
      return hostileWorkloads.filter(isProgram).every((row) => {
        const program = row.program(resolveParams(row, {}));
        const { figures } = evaluator.evaluate(program, { flavour, strategy }, size);
        return (figures?.[dimensionIndex(dimension)] ?? 0) < figure;
      });
    });
  assert.ok(worse);
});
