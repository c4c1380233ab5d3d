/** The manifests of examples/sharding: well formed, and their commands do what they say where no engine is at hand. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { parseAllDocuments } from 'yaml';
import { tracesFolder } from '../replay/test-traces.js';
import { unitsOf } from '../run/plan.js';
import { createHeader, readRunFile } from '../run/run-file.js';
import { storeEvidence } from './test-evidence.js';
import { run } from './test-run.js';

const CLI = fileURLToPath(new URL('../cli.js', import.meta.url));
const TRACE = fileURLToPath(new URL('golden/churn16-s02.bin.gz', tracesFolder));
const EXAMPLES = new URL('../examples/sharding/', tracesFolder);

const folder = mkdtempSync(join(tmpdir(), 'vgic-engines-'));
after(() => rmSync(folder, { recursive: true }));
const at = (name: string): string => join(folder, name);
const read = (name: string): string => readFileSync(at(name), 'utf8');

function parseManifest<T>(name: string): T[] {
  const documents = parseAllDocuments(readFileSync(new URL(name, EXAMPLES), 'utf8'), { uniqueKeys: true });
  return documents.map((document): T => {
    assert.ok(!('empty' in document), name);
    assert.deepEqual([...document.errors, ...document.warnings], []);
    return document.toJS() as T;
  });
}

async function done(args: readonly string[]): Promise<void> {
  const { code, err } = await run(args);
  assert.equal(code, 0, `${args.join(' ')}: ${err}`);
}

interface Job {
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata: { readonly name: string; readonly labels: Readonly<Record<string, string>> };
  readonly spec: {
    readonly completionMode?: string;
    readonly completions?: number;
    readonly parallelism?: number;
    readonly backoffLimit: number;
    readonly template: {
      readonly spec: {
        readonly restartPolicy: string;
        readonly containers: readonly {
          readonly name: string;
          readonly image: string;
          readonly command: readonly string[];
          readonly volumeMounts: readonly { readonly name: string; readonly mountPath: string }[];
        }[];
        readonly volumes: readonly { readonly name: string }[];
      };
    };
  };
}

test('kubernetes-indexed-job.yml: two jobs as batch/v1 has them, whose commands make the report', async () => {
  const jobs = parseManifest<Job>('kubernetes-indexed-job.yml');
  assert.deepEqual(
    jobs.map(({ apiVersion, kind, metadata }) => [apiVersion, kind, metadata.labels.step]),
    [
      ['batch/v1', 'Job', 'shards'],
      ['batch/v1', 'Job', 'merge'],
    ],
  );
  for (const { metadata, spec } of jobs) {
    assert.match(metadata.name, /^[a-z0-9]([-a-z0-9]*[a-z0-9])?$/);
    assert.ok(Number.isInteger(spec.backoffLimit));
    const { restartPolicy, containers, volumes } = spec.template.spec;
    assert.ok(['Never', 'OnFailure'].includes(restartPolicy), 'a Job allows no other');
    for (const { image, command, volumeMounts } of containers) {
      assert.ok(image.length > 0 && command.every((word) => typeof word === 'string'));
      for (const { name, mountPath } of volumeMounts) {
        assert.ok(volumes.some((volume) => volume.name === name));
        assert.ok(mountPath.startsWith('/'));
      }
    }
  }
  const [{ spec }, merge] = jobs;
  const { completions } = spec;
  assert.equal(spec.completionMode, 'Indexed');
  assert.ok(completions !== undefined && spec.parallelism! <= completions);
  const here = (text: string): string =>
    text.replace('/data/my.vgt', TRACE).replaceAll('/data/results', at('kubernetes'));
  const [program, ...args] = spec.template.spec.containers[0].command.map(here);
  assert.equal(program, 'vgic-replay');
  assert.ok(args.includes(`auto/${completions}`));
  // The first pod comes last, and finds the evidence there: the longest unit, which it would be dealt.
  for (let index = completions - 1; index >= 0; index--) {
    process.env.JOB_COMPLETION_INDEX = `${index}`;
    if (index === 0) storeFirst(completions);
    await done(args);
  }
  delete process.env.JOB_COMPLETION_INDEX;
  assert.equal(readRunFile(shardFile(completions)).header.shard.index, 8);
  const [shell, flag, script] = merge.spec.template.spec.containers[0].command.map(here);
  const called = script.replaceAll('vgic-replay ', `'${process.execPath}' '${CLI}' `);
  const { status, stderr } = spawnSync(shell, [flag, called]);
  assert.equal(status, 0, String(stderr));
  const { exact } = JSON.parse(read('kubernetes/report.json'));
  assert.ok(exact.cells.length > 0 && exact.evidence !== null);
});

function storeFirst(count: number): void {
  const { plan, machines } = readRunFile(shardFile(count)).header;
  const first = { index: 1, count };
  assert.ok(unitsOf(plan, first).some(({ kind }) => kind === 'evidence'));
  storeEvidence(at('kubernetes/run-1-of-8.jsonl'), createHeader(plan, first, machines));
}

/** One of the shards of the job above: what other engines must store too. */
const shardFile = (index: number): string => read(`kubernetes/run-${index}-of-8.jsonl`);

test('slurm-array.sh: tasks of an array, then the merging job', { skip: process.platform === 'win32' }, () => {
  const script = fileURLToPath(new URL('slurm-array.sh', EXAMPLES));
  const text = readFileSync(script, 'utf8');
  const header = text.split('\n').filter((line) => line.startsWith('#SBATCH'));
  assert.ok(header.every((line) => /^#SBATCH --[a-z-]+(=\S+)?$/.test(line)));
  assert.ok(header.includes('#SBATCH --array=1-8'));
  assert.ok(text.indexOf('#SBATCH') < text.indexOf('set -e'), 'Slurm reads no line behind the first command');
  const task = (id: number, program: string, args: readonly string[] = [], more: NodeJS.ProcessEnv = {}): string => {
    const env = {
      ...process.env,
      ...more,
      SLURM_ARRAY_TASK_ID: `${id}`,
      SLURM_ARRAY_TASK_MIN: '3',
      SLURM_ARRAY_TASK_COUNT: '8',
      SLURM_CPUS_PER_TASK: '1',
      TRACES: TRACE,
      RESULTS: at(more.VERB ?? 'slurm'),
      VGIC_REPLAY: program,
    };
    const { status, stdout, stderr } = spawnSync('bash', [script, ...args], { env });
    assert.equal(status, 0, String(stderr));
    return String(stdout);
  };
  task(10, `${process.execPath} ${CLI}`);
  assert.equal(read('slurm/run-8-of-8.jsonl'), shardFile(8));
  assert.equal(task(4, 'echo', ['merge']), '', 'one task of the merging job is enough');
  const [part, whole] = [at('slurm/run-8-of-8.jsonl'), at('slurm/run.jsonl')];
  assert.equal(task(3, 'echo', ['merge']), `merge ${part} --output ${whole}\nreport ${whole} --out ${at('slurm')}\n`);

  const gate = { VERB: 'check' };
  // Of two units the eighth shard has none: it is done at once.
  assert.match(task(10, `${process.execPath} ${CLI}`, [], gate), /run-10-of-8\.jsonl: shard 8\/8, 0 units of 2; /);
  assert.equal(task(3, 'echo', ['merge'], gate), `check ${at('check/run-10-of-8.jsonl')}\n`);
});

interface Workflow {
  readonly on: string;
  readonly permissions: Readonly<Record<string, string>>;
  readonly env: Readonly<Record<string, string>>;
  readonly jobs: Readonly<
    Record<
      string,
      {
        readonly 'runs-on': string;
        readonly needs?: string;
        readonly strategy?: { readonly 'fail-fast': boolean; readonly matrix: { readonly shard: readonly number[] } };
        readonly steps: readonly Step[];
      }
    >
  >;
}
const PROGRAM = 'node dist/src/cli.js ';

/** As GitHub writes them in a workflow. */
const expression = (name: string): string => ['$', `{{ ${name} }}`].join('');

interface Step {
  readonly run?: string;
  readonly uses?: string;
  readonly with?: Readonly<Record<string, string | number | boolean>>;
}

test('github-matrix.yml: steps that GitHub knows, whose commands make the report', async () => {
  const [workflow] = parseManifest<Workflow>('github-matrix.yml');
  assert.deepEqual(Object.keys(workflow.jobs), ['shard', 'report']);
  const { shard, report } = workflow.jobs;
  assert.equal(report.needs, 'shard');
  const { shard: indices } = shard.strategy!.matrix;
  assert.deepEqual(
    indices,
    indices.map((_index, at) => at + 1),
  );
  for (const { steps } of [shard, report])
    for (const step of steps) {
      const { run: command, uses } = step;
      assert.ok((command === undefined) !== (uses === undefined), 'a step runs a command or uses an action');
      if (uses !== undefined)
        assert.match(uses, /^actions\/(checkout|setup-node|upload-artifact|download-artifact)@v\d+$/);
      // A job that is run again finds the artifact of its first attempt, under which GitHub takes no second one.
      if (uses?.startsWith('actions/upload-artifact')) assert.equal(step.with?.overwrite, true);
    }
  const upload = shard.steps.find(({ uses }) => uses?.startsWith('actions/upload-artifact'))!;
  const download = report.steps.find(({ uses }) => uses?.startsWith('actions/download-artifact'))!;
  assert.equal(upload.with!.name, `run-${expression('matrix.shard')}`);
  assert.deepEqual(download.with, { pattern: 'run-*', path: 'results', 'merge-multiple': true });
  assert.equal(upload.with!.path, 'results/run-*.jsonl*');

  const commandsOf = (steps: readonly Step[]): string[] =>
    steps.flatMap(({ run: command }) => (command?.startsWith(PROGRAM) ? [command.slice(PROGRAM.length)] : []));
  const [shardCommand] = commandsOf(shard.steps);
  const total = indices.length;
  const filled = shardCommand
    .replace(expression('matrix.shard'), `${total}`)
    .replace(expression('strategy.job-total'), `${total}`)
    .replace('$TRACES', TRACE)
    .replace('--out results', `--out ${at('github')}`);
  assert.doesNotMatch(filled, /[$*]/);
  await done(filled.split(' '));
  assert.equal(read('github/run-8-of-8.jsonl'), shardFile(8));
  const [merge, makeReport] = commandsOf(report.steps);
  const parts = indices.map((index) => at(`kubernetes/run-${index}-of-${total}.jsonl`));
  const named = merge.replace('results/run-*.jsonl', parts.join(' ')).replace('results/', `${at('github')}/`);
  await done(named.split(' '));
  assert.equal(read('github/run.jsonl'), read('kubernetes/run.jsonl'));
  assert.equal(makeReport, 'report results/run.jsonl --out results');
});
