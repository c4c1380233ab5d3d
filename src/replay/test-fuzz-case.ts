/** Test support: a scenario put to the models of its flavour, as found and kept by the fuzzer (traces/fuzz). */
import { compareXenOld } from '../conform/test-xen-old.js';
import { flavourNamed } from '../gic/flavour/index.js';
import { eventToJson, headerToJson, importJsonLines, JSON_LINES_VERSION } from '../import/json-lines.js';
import type { Scenario, ScenarioEvent } from '../reference/arbitrary.js';
import { noImportCounts } from '../trace/header.js';
import { compareScenario } from './test-differential.js';
import { checkedStrategies, checkStrategy } from './test-strategies.js';

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

/** The scenario as JSON lines. `title`: one sentence. */
export function scenarioToJson({ machine, events }: Scenario, name: string, title: string): string {
  const header = headerToJson({
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
