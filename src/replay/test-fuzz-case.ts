/** Test support: a scenario put to the models of its flavour, as found and kept by the fuzzer (traces/fuzz). */
import { compareXenOld } from '../conform/test-xen-old.js';
import { flavourNamed } from '../gic/flavour/index.js';
import type { Machine } from '../gic/intid.js';
import { eventToJson, headerToJson, importJsonLines, JSON_LINES_VERSION } from '../import/json-lines.js';
import type { Scenario, ScenarioEvent } from '../reference/arbitrary.js';
import type { ChosenStrategy } from '../strategy/index.js';
import { packWord } from '../trace/events.js';
import { noImportCounts, type TraceHeader } from '../trace/header.js';
import { replayTrace } from './replay.js';
import { compareScenario } from './test-differential.js';
import { checkedStrategies, checkStrategy } from './test-strategies.js';
import { sourceOf } from './test-traces.js';

/** Events of xen-old between two comparisons of everything. */
const FULL_EVERY = 256;

/** Core against reference; throws at a difference, returns the number of events compared. */
export const compareModels = (scenario: Scenario): number =>
  flavourNamed(scenario.machine.flavour).structure === 'two-lists'
    ? compareXenOld(scenario, FULL_EVERY)
    : compareScenario(scenario);

/** Every strategy by what it promises; returns the number of events checked. */
export function checkStrategies(scenario: Scenario): number {
  let events = 0;
  for (const candidate of checkedStrategies) events += checkStrategy(scenario, candidate);
  return events;
}

/**
 * Strategies side by side by their class alone, which is many times faster than by all that they promise; throws at the
 * first that breaks it, returns the number of events.
 */
export function checkClasses({ machine, events }: Scenario, candidates: readonly ChosenStrategy[]): number {
  const words = events.map(({ kind, vcpu, intid }) => packWord(kind, vcpu, intid));
  const values = events.map(({ value }) => value);
  const source = sourceOf(fuzzHeader(machine, 'fuzz', ''), words, values);
  for (const { strategy, equivalence } of replayTrace(source, candidates, {
    path: 'fuzz',
    sha256: '',
    origin: 'golden',
  })) {
    if (equivalence.holds) continue;
    const { firstViolation, declared } = equivalence;
    throw new Error(`${machine.flavour}, ${strategy.id}: event ${firstViolation}: declares '${declared}' and is not`);
  }
  return events.length;
}

const fuzzHeader = (machine: Machine, name: string, title: string): TraceHeader => ({
  machine,
  // WFI is a fact of recordings.
  fidelity: 1,
  name,
  title,
  tickNs: 1000,
  clock: 'none',
  provenance: { tool: 'npm run fuzz', kernel: '', when: '', how: '', licence: '', sourceSha256: '' },
  importer: { name: 'json-lines', version: `${JSON_LINES_VERSION}` },
  guestAccesses: 'events',
  counts: noImportCounts(),
  gaps: [],
});

/** The scenario as JSON lines. `title`: one sentence. */
export function scenarioToJson({ machine, events }: Scenario, name: string, title: string): string {
  const header = headerToJson(fuzzHeader(machine, name, title));
  const lines = events.map(({ kind, vcpu, intid, value }) => eventToJson(kind, vcpu, intid, value, 0, 1000));
  return `${[header, ...lines].join('\n')}\n`;
}

export function scenarioFromJson(text: string, name: string): Scenario {
  const events: ScenarioEvent[] = [];
  const { machine } = importJsonLines(text, name, {
    event: (kind, vcpu, intid, value) => events.push({ kind, vcpu, intid, value }),
  });
  return { machine, events };
}
