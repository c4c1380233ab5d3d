/** `vgic-replay contract`: does a strategy keep what it declares and what every strategy must? For one's own, before it is compared. */
import Table from 'cli-table3';
import type { Command } from 'commander';
import { FidelityError, UsageError } from '../base/errors.js';
import { formatInteger } from '../base/number-format.js';
import { flavourNamed } from '../gic/flavour/index.js';
import type { Machine } from '../gic/intid.js';
import { eventToJson, headerToJson } from '../import/json-lines.js';
import { type Breach, type ContractResult, checkContract, columnsOf, type EventColumns } from '../replay/contract.js';
import { quoted } from '../replay/replay.js';
import { type ChosenStrategy, reference, specOf, strategyNamed } from '../strategy/index.js';
import { declaresWorst } from '../strategy/outside.js';
import { FIRST_FACT, WFI, wordIntid, wordKind, wordVcpu } from '../trace/events.js';
import { noImportCounts } from '../trace/header.js';
import type { Scenario } from '../workload/random/scenario.js';
import { shrinkScenario } from '../workload/random/shrink.js';
import {
  AP_LIST_FLAVOURS,
  CASE_SOURCES,
  type CaseOptions,
  type ContractCase,
  contractCases,
  readColumns,
} from './contract-cases.js';
import { openInput } from './inputs.js';
import { openOutput } from './outputs.js';
import { loadChosen, parseStrategies } from './strategy-files.js';
import { type Terminal, tool } from './terminal.js';

interface Options {
  readonly events: number;
  readonly seed: number;
  readonly flavour?: readonly string[];
  readonly output?: string;
}

const MAX_EVENTS = 1e9;
/** Events that are replayed to make a breach small. */
const SHRINK_BUDGET = 3_000_000;

export function registerContract(program: Command, terminal: Terminal): void {
  program
    .command('contract')
    .description(
      'check that a strategy keeps its word: invariants after every event, the declared class at every flush, the declared worst case at every call; exit 5 if not',
    )
    .argument('<strategy>', 'file with one of your own (./mine.js), or an id; with its parameters')
    .argument('[traces...]', 'check on these alone (default: shipped recordings, generated guests, random events)')
    .option('--events <n>', 'random events in all', parseCount('--events', 1, MAX_EVENTS), 200_000)
    .option('--seed <n>', 'seed of generated and random events', parseCount('--seed', 0, 0xffff_ffff), 1)
    .option('--flavour <ids>', `comma-separated: ${AP_LIST_FLAVOURS.join(', ')} (default: all)`, parseFlavours)
    .option('-o, --output <file>', 'where the events of a breach are written (default: ID-breach.jsonl)')
    .action(async (spec: string, paths: string[], options: Options) => {
      const chosen = await loadChosen(parseStrategies(spec), terminal);
      if (chosen.length !== 1) throw new UsageError('contract takes one strategy; run it once for each');
      const [candidate] = chosen;
      if (candidate.strategy.structure !== 'ap-list')
        throw new UsageError(`${candidate.label} keeps no ap_list: the contract is one of ap_list strategies`);
      await checkAll(candidate, paths, options, terminal);
    });
}

const parseCount =
  (flag: string, min: number, max: number) =>
  (text: string): number => {
    const value = Number(text);
    if (text !== '' && Number.isInteger(value) && value >= min && value <= max) return value;
    throw new UsageError(`${flag} must be a whole number from ${min} to ${max}, not '${text}'`);
  };

function parseFlavours(text: string): string[] {
  return text.split(',').map((id) => {
    const { structure } = flavourNamed(id);
    if (structure !== 'ap-list') throw new UsageError(`${id} has no ap_list; one of: ${AP_LIST_FLAVOURS.join(', ')}`);
    return id;
  });
}

async function checkAll(
  candidate: ChosenStrategy,
  paths: readonly string[],
  { events, seed, flavour = AP_LIST_FLAVOURS, output }: Options,
  terminal: Terminal,
): Promise<void> {
  const options: CaseOptions = { events, seed, flavours: flavour };
  const cases = paths.length > 0 ? namedCases(paths, flavour) : contractCases(options);
  const tally = createTally();
  for await (const each of cases) {
    if (terminal.isErrTty && each.source !== 'random') terminal.err(`${each.machine.flavour}: ${each.name}`);
    const result = checkContract(each.machine, each.columns, candidate);
    if (result.breach !== null && breaksForAll(each)) {
      terminal.err(
        `${each.machine.flavour}, ${each.name}: left out: the flavour's own algorithm fails on it too (${describeBreach(result.breach)}), so it is a fault of vgic-replay: report it`,
      );
      continue;
    }
    tally.add(each, result);
    if (result.breach === null) continue;
    terminal.out(describe(candidate, tally));
    const place = `${each.machine.flavour}, ${each.name}: ${describeBreach(result.breach)}`;
    if (paths.length > 0) throw new FidelityError(`strategy ${candidate.label} breaks its word: ${place}; correct it`);
    const file = output ?? `${candidate.strategy.id}-breach.jsonl`;
    const nr = writeBreach(candidate, each, result.breach, file);
    throw new FidelityError(
      `strategy ${candidate.label} breaks its word: ${place}; ${formatInteger(nr)} events that show it are in ${file}: correct it, then "vgic-replay contract ${quoted(specOf(candidate))} ${quoted(file)}"`,
    );
  }
  terminal.out(describe(candidate, tally));
  terminal.out(`${candidate.label} keeps its word on all of it.`);
}

/** Does sort-on-flush break its word on these events? Then they say nothing of another strategy. */
const breaksForAll = ({ machine, columns }: ContractCase): boolean =>
  checkContract(machine, columns, strategyNamed(reference.id)).breach !== null;

/** The traces that the user named, whole, each as the flavour that it says. */
async function* namedCases(paths: readonly string[], asked: readonly string[]): AsyncGenerator<ContractCase> {
  for (const path of paths) {
    const input = await openInput(path);
    try {
      const source = input.open();
      const { machine } = source.header;
      if (!asked.includes(machine.flavour))
        throw new UsageError(`${path}: made for ${machine.flavour}; --flavour leaves ${asked.join(', ')}`);
      yield { source: 'recording', name: path, machine, columns: readColumns(source) };
    } finally {
      input.close();
    }
  }
}

const describeBreach = ({ event, kind, vcpu, what }: Breach): string =>
  `event ${event}, ${kind} of vCPU ${vcpu}: ${what}`;

interface Counted {
  events: number;
  flushes: number;
  calls: number;
}
interface Tally {
  add(each: ContractCase, result: ContractResult): void;
  /** By flavour, then by source. */
  readonly flavours: ReadonlyMap<string, ReadonlyMap<string, Counted>>;
}

function createTally(): Tally {
  const flavours = new Map<string, Map<string, Counted>>();
  return {
    flavours,
    add({ machine, source }, { events, flushes, calls }) {
      const bySource = flavours.get(machine.flavour) ?? new Map<string, Counted>();
      flavours.set(machine.flavour, bySource);
      const counted = bySource.get(source) ?? { events: 0, flushes: 0, calls: 0 };
      bySource.set(source, counted);
      counted.events += events;
      counted.flushes += flushes;
      counted.calls += calls;
    },
  };
}

const TABLE_LEGEND =
  'Events checked, by their source; flushes held to the class; calls held to\nthe declared worst case.';

function describe({ label, strategy, outside }: ChosenStrategy, { flavours }: Tally): string {
  const table = new Table({
    head: ['flavour', ...CASE_SOURCES, 'flushes', 'calls'],
    style: { head: [], border: [] },
    colAligns: ['left', 'right', 'right', 'right', 'right', 'right'],
  });
  for (const [flavour, bySource] of flavours) {
    const of = (field: keyof Counted): number => [...bySource.values()].reduce((sum, each) => sum + each[field], 0);
    table.push([
      flavour,
      ...CASE_SOURCES.map((source) => formatInteger(bySource.get(source)?.events ?? 0)),
      formatInteger(of('flushes')),
      declaresWorst(strategy) ? formatInteger(of('calls')) : '-',
    ]);
  }
  const from = outside === undefined ? 'built in' : `${outside.file}, sha256 ${outside.sha256}`;
  const worst = declaresWorst(strategy) ? 'declares a worst case' : 'declares no worst case';
  return `${label} (${from}): class ${strategy.equivalence}, ${worst}\n${table.toString()}\n${TABLE_LEGEND}`;
}

/** Writes the fewest events found that show a breach, as JSON lines; returns their number. */
function writeBreach(
  candidate: ChosenStrategy,
  { machine, columns }: ContractCase,
  breach: Breach,
  file: string,
): number {
  const whole = scenarioOf(machine, columns, breach.event + 1);
  const fails = ({ events }: Scenario): boolean => {
    try {
      return checkContract(machine, columnsOf(events), candidate).breach !== null;
    } catch {
      // What is left of the events is no machine's history.
      return false;
    }
  };
  const bare = { machine, events: whole.events.filter(({ kind }) => kind < FIRST_FACT || kind === WFI) };
  const small = fails(bare) ? cutBehindBreach(shrinkScenario(bare, fails, SHRINK_BUDGET), candidate) : whole;
  const target = openOutput(file);
  try {
    target.write(Buffer.from(renderScenario(small, candidate, describeBreach(breach))));
    target.commit();
  } finally {
    target.abort();
  }
  return small.events.length;
}

function cutBehindBreach({ machine, events }: Scenario, candidate: ChosenStrategy): Scenario {
  const { breach } = checkContract(machine, columnsOf(events), candidate);
  return { machine, events: breach === null ? events : events.slice(0, breach.event + 1) };
}

function scenarioOf(machine: Machine, { word, value }: EventColumns, count: number): Scenario {
  const events = Array.from({ length: count }, (_, at) => ({
    kind: wordKind(word[at]),
    vcpu: wordVcpu(word[at]),
    intid: wordIntid(word[at]),
    value: value[at],
  }));
  return { machine, events };
}

function renderScenario({ machine, events }: Scenario, candidate: ChosenStrategy, title: string): string {
  const header = headerToJson({
    machine,
    // Some of the events may be facts of recordings.
    fidelity: 3,
    name: `${candidate.strategy.id}-breach`,
    title: `${candidate.label}: ${title}`,
    tickNs: 1000,
    clock: 'none',
    provenance: {
      tool: `${tool.name} contract`,
      kernel: '',
      when: '',
      how: `vgic-replay contract ${quoted(specOf(candidate))}`,
      licence: '',
      sourceSha256: '',
    },
    importer: { name: tool.name, version: tool.version },
    guestAccesses: 'events',
    counts: noImportCounts(),
    gaps: [],
  });
  const lines = events.map(({ kind, vcpu, intid, value }) => eventToJson(kind, vcpu, intid, value, 0, 1000));
  return `${[header, ...lines].join('\n')}\n`;
}
