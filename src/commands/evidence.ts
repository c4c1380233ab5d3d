/** What `report` says of the model itself: scenarios and golden files run on the spot, and the records of long random runs. */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { gunzipSync } from 'node:zlib';
import { InputError } from '../base/errors.js';
import { createCoreTarget } from '../conform/core-target.js';
import { runScenario } from '../conform/run.js';
import { outcomeOf, summarise } from '../conform/summary.js';
import { flavourNamed, flavours } from '../gic/flavour/index.js';
import { importVgr1 } from '../import/vgr1.js';
import { createModel, referenceFor } from '../replay/create-model.js';
import { createEngine } from '../replay/engine.js';
import type { Evidence, FuzzEvidence, GoldenEvidence, ItsImageEvidence, ScenarioEvidence } from '../report/evidence.js';
import { FLUSH, packWord, wordKind, wordVcpu } from '../trace/events.js';
import { readScenarios } from './conform.js';
import { flushLine } from './flush-line.js';
import { listShippedScenarios } from './shipped.js';

const recordOf = (name: string): string =>
  fileURLToPath(new URL(`../../../reports/baseline/${name}.json`, import.meta.url));

export const gatherEvidence = (): Evidence => ({
  flavours: flavours.map(({ id, models }) => ({ id, models })),
  scenarios: runScenarios(),
  golden: compareGolden(),
  fuzz: readFuzzRecord(recordOf('fuzz')),
  itsImages: readItsImageRecord(recordOf('its-images')),
});

/** The shipped scenarios on every flavour that they name. */
function runScenarios(): ScenarioEvidence[] {
  const results = listShippedScenarios()
    .flatMap(readScenarios)
    .flatMap((scenario) => scenario.flavours.map((id) => runScenario(scenario, id, createCoreTarget)));
  const named = flavours.map(({ id }) => id).filter((id) => results.some(({ flavour }) => flavour === id));
  return summarise(results, named).map((summary) => ({
    ...summary,
    failures: results
      .filter((result) => result.flavour === summary.flavour && outcomeOf(result) === 'failed')
      .map(({ scenario, differences: [first] }) => `${scenario}, step ${first.step} (${first.op}), ${first.field}`),
  }));
}

const goldenFolder = new URL('../../../traces/golden/', import.meta.url);

/** The code that wrote the golden lines. */
const GOLDEN_FLAVOUR = flavourNamed('kvm-6.1').id;

/** Null where the files are not shipped. */
function compareGolden(): GoldenEvidence | null {
  if (!existsSync(goldenFolder)) return null;
  const files = readdirSync(goldenFolder)
    .filter((name) => name.endsWith('.bin.gz'))
    .sort();
  const differing: string[] = [];
  let lines = 0;
  let identical = 0;
  for (const file of files) {
    const dump = readFileSync(new URL(file.replace('.bin.', '.dump.'), goldenFolder));
    const expected = gunzipSync(dump)
      .toString('latin1')
      .split('\n')
      .filter((line) => line.startsWith('F '));
    const got = replayLines(new URL(file, goldenFolder));
    const same = expected.filter((line, at) => line === got[at]).length;
    lines += Math.max(expected.length, got.length);
    identical += same;
    if (same < expected.length || got.length !== expected.length) differing.push(file);
  }
  return { flavour: GOLDEN_FLAVOUR, files: files.length, lines, identical, differing };
}

/** The line of every guest entry of one event file. */
function replayLines(url: URL): string[] {
  const words: number[] = [];
  const values: number[] = [];
  const { machine } = importVgr1(gunzipSync(readFileSync(url)), fileURLToPath(url), {
    event(kind, vcpu, intid, value) {
      words.push(packWord(kind, vcpu, intid));
      values.push(value | 0);
    },
  });
  const vgic = createModel(machine, referenceFor(machine));
  const engine = createEngine(vgic);
  const lines: string[] = [];
  for (let event = 0; event < words.length; event++) {
    const word = words[event];
    engine.step(word, values[event]);
    if (wordKind(word) === FLUSH) lines.push(flushLine(vgic, wordVcpu(word), event));
  }
  return lines;
}

/** What the last `npm run fuzz -- --record` found, by flavour; null if nothing is recorded. */
export const readFuzzRecord = (path: string): FuzzEvidence[] | null =>
  readRecord<Omit<FuzzEvidence, 'flavour'>>(
    path,
    ['machines', 'events', 'differences', 'seed', 'version', 'date'],
    'npm run fuzz',
  );

/** What the last `npm run its-images -- --record` put to the ITS; it records nothing if a restore is wrong. */
const readItsImageRecord = (path: string): ItsImageEvidence[] | null =>
  readRecord<Omit<ItsImageEvidence, 'flavour'>>(
    path,
    ['configurations', 'mutants', 'seed', 'version', 'date'],
    'npm run its-images',
  );

/** The figures of an earlier run, by flavour. `script` made them. */
function readRecord<Run>(
  path: string,
  figures: readonly (keyof Run)[],
  script: string,
): (Run & { readonly flavour: string })[] | null {
  if (!existsSync(path)) return null;
  const fix = `record it again with ${script} -- --record`;
  let record: Readonly<Record<string, Partial<Run>>>;
  try {
    record = JSON.parse(readFileSync(path, 'utf8')) as typeof record;
  } catch (error) {
    throw new InputError(path, 'byte 0', `is not JSON (${(error as Error).message})`, fix);
  }
  const isWhole = (run: Partial<Run>): run is Run => figures.every((name) => run[name] !== undefined);
  return flavours.flatMap(({ id }) => {
    if (record[id] === undefined) return [];
    const run: Partial<Run> = {};
    for (const name of figures) run[name] = record[id][name];
    if (!isWhole(run)) throw new InputError(path, id, 'lacks a figure', fix);
    return [{ ...run, flavour: id }];
  });
}
