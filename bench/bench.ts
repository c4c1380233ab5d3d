/** `npm run bench`: runs the experiments and prints their tables. Flags: bench/README.md. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { cpus, loadavg, release, tmpdir, type } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { type ExperimentResult, runExperiment } from '../src/stats/experiment.js';
import { type Plan, planExperiments } from './experiments.js';
import { loadInput } from './inputs.js';
import {
  type BenchReport,
  renderExperiment,
  renderMachine,
  renderMemory,
  renderReport,
  renderSizes,
} from './markdown.js';
import { type MemoryResult, measureMemory } from './memory.js';
import { runMicro } from './micro.js';
import { buildNative } from './native-build.js';
import { measureSizes } from './trace-file.js';

const README = fileURLToPath(new URL('../../bench/README.md', import.meta.url));
const RESULTS = /(<!-- results -->\n)[\s\S]*(<!-- end of results -->)/;
const SIZE_INPUTS = ['typical', 'typical:vcpus=32,spis=960,lrs=16', 'periodic', 'lpi', 'deep:depth=988'];

const { values } = parseArgs({
  options: {
    quick: { type: 'boolean', default: false },
    micro: { type: 'boolean', default: false },
    only: { type: 'string', default: '' },
    json: { type: 'string' },
    blocks: { type: 'string' },
    seed: { type: 'string', default: '1' },
    'memory-events': { type: 'string' },
    'update-readme': { type: 'boolean', default: false },
  },
});

if (values.micro) runMicro(values.only, values.quick);
else runExperiments();

function runExperiments(): void {
  const quick = values.quick;
  const dir = mkdtempSync(join(tmpdir(), 'vgic-bench-'));
  try {
    const plan: Plan = { quick, dir, native: buildNative(dir) };
    const report = collect(plan, Number(values.blocks ?? (quick ? 3 : 10)), Number(values.seed));
    if (values.json !== undefined) writeFileSync(values.json, `${JSON.stringify(report, null, 2)}\n`);
    if (values['update-readme']) updateReadme(report);
  } finally {
    rmSync(dir, { recursive: true });
  }
}

/** Measures what --only names (all by default) and prints each table as soon as it is there. */
function collect(plan: Plan, blocks: number, seed: number): BenchReport {
  const wanted = new RegExp(values.only);
  const { native } = plan;
  const base: BenchReport = {
    schema: 'vgic-replay/bench/1',
    date: new Date().toISOString().slice(0, 10),
    machine: {
      cpu: cpus()[0].model,
      cores: cpus().length,
      load: loadavg()[0],
      os: `${type()} ${release()}`,
      node: process.version,
      native: 'skipped' in native ? `skipped: ${native.skipped}` : native.compiler,
    },
    effort: plan.quick ? 'quick' : 'full',
    seed,
    experiments: [],
    sizes: [],
    memory: null,
  };
  console.log(`${renderMachine(base)}\n`);
  const experiments: ExperimentResult[] = [];
  for (const planned of planExperiments(plan)) {
    if (!wanted.test(planned.id)) continue;
    const made = planned.make();
    if (made.length === 0) console.log(`**${planned.id}**: skipped: ${'skipped' in native ? native.skipped : ''}\n`);
    for (const experiment of made) {
      const result = runExperiment(experiment, blocks, seed, (block) => showProgress(planned.id, block + 1, blocks));
      experiments.push(result);
      console.log(`${renderExperiment(result)}\n`);
    }
  }
  const sizes = wanted.test('size')
    ? SIZE_INPUTS.map((input) => ({ input, sizes: measureSizes(loadInput(input)) }))
    : [];
  if (sizes.length > 0) console.log(`${renderSizes(sizes)}\n`);
  let memory: MemoryResult | null = null;
  if (wanted.test('memory')) {
    memory = measureMemory(Number(values['memory-events'] ?? (plan.quick ? 4e6 : 1e8)), plan.dir);
    console.log(`${renderMemory(memory)}\n`);
  }
  return { ...base, experiments, sizes, memory };
}

function showProgress(id: string, block: number, blocks: number): void {
  if (!process.stderr.isTTY) return;
  process.stderr.write(`\r${id}: block ${block} of ${blocks}${block === blocks ? '\r\x1b[K' : ''}`);
}

function updateReadme(report: BenchReport): void {
  const text = readFileSync(README, 'utf8');
  if (!RESULTS.test(text))
    throw new Error(`${README}: the marks <!-- results --> and <!-- end of results --> are gone`);
  writeFileSync(README, text.replace(RESULTS, `$1\n${renderReport(report)}\n$2`));
}
