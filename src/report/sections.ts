/** Puts the report together: which section says what, in reading order. Verdict first, means of checking it last. */

import { joinWords, plural } from '../base/number-format.js';
import { depthChart, longestChart, sweepChart, timelineChart, usedLrsChart, worthChart } from './charts.js';
import { costModelSection } from './cost-model.js';
import { costOverview, costTable, partialStrategies } from './cost-tables.js';
import { criticalSection } from './critical-sections.js';
import type { Block, ReportDocument, Section } from './document.js';
import { textColumn } from './document.js';
import type { Facts, TraceFacts } from './facts.js';
import { findWorstAttack, gatherFacts, isAsked, isRecordedInFull } from './facts.js';
import { fidelitySection } from './fidelity.js';
import { GLOSSARY } from './glossary.js';
import { harmSection } from './harm.js';
import { kickSection } from './kicks.js';
import { measuredSection } from './measured.js';
import type { ReportModel } from './model.js';
import { TRACE_KINDS } from './model.js';
import { SWEEP_MEASURES } from './sweep.js';
import { systemTable } from './system-counts.js';
import { commandTable, equivalenceTable, guestTable, KIND_WORDS, strategyTable, worthTable } from './tables.js';
import { threadSections } from './threads.js';
import { trendSection } from './trend.js';
import { summariseVerdict, writeVerdicts } from './verdict.js';
import { describeRun, describeSweepStop } from './verdict-flavour.js';
import { WORTH_RULE } from './worth.js';

const text = (words: string): Block => ({ kind: 'text', text: words });

/** Throws UserError if the model contradicts itself (`checkModel`). `exactSha256`: see `hashExactPart`. */
export function composeReport(model: ReportModel, exactSha256: string): ReportDocument {
  const facts = gatherFacts(model);
  const sections = [
    verdictSection(model, facts),
    worthSection(facts),
    attackSection(facts),
    sweepSection(model, facts),
    distributionSection(facts),
    timelineSection(model),
    costSection(facts),
    costModelSection(facts),
    criticalSection(facts),
    harmSection(facts),
    kickSection(facts),
    ...threadSections(model.studies, model.seed),
    equivalenceSection(model, facts),
    fidelitySection(model, facts),
    measuredSection(model, facts),
    trendSection(model),
    repeatSection(model, facts, exactSha256),
    { id: 'glossary', title: 'Words used', blocks: [{ kind: 'terms' as const, terms: GLOSSARY }] },
  ].filter((section): section is Section => section !== null);
  return {
    title: model.title,
    subtitle: describeRun(facts),
    sections,
  };
}

function verdictSection(model: ReportModel, facts: Facts): Section {
  const summary = summariseVerdict(facts);
  return {
    id: 'verdict',
    title: 'Verdict',
    blocks: [
      ...(summary === '' ? [] : [{ kind: 'lead' as const, text: summary }]),
      { kind: 'verdicts', verdicts: writeVerdicts(model, facts) },
    ],
  };
}

function worthSection(facts: Facts): Section | null {
  if (facts.traces.length === 0 || !isAsked(facts)) return null;
  const chart = worthChart(facts);
  return {
    id: 'worth-it',
    title: `Is ${facts.challengerLabel} worth it? Trace by trace`,
    short: 'Worth it?',
    blocks: [text(WORTH_RULE), ...(chart ? [chart] : []), { kind: 'table', table: worthTable(facts) }],
  };
}

function attackSection(facts: Facts): Section | null {
  const worst = findWorstAttack(facts);
  if (!worst) return null;
  const others = facts.traces.filter((trace) => trace.kind === 'attack' && trace !== worst && trace.runs.length > 0);
  return {
    id: 'attack',
    title: 'Under attack',
    blocks: [
      text(
        'Every path below runs with interrupts off, so the longest single call is what a guest can add to the delay of everything ' +
          'else on its CPU. Shown is the attack on which the reference’s longest call is longest.',
      ),
      longestChart(worst, facts),
      ...(others.length === 0
        ? []
        : [
            {
              kind: 'details' as const,
              summary: `Longest calls on the other ${plural(others.length, 'attack')}`,
              blocks: others.map((trace): Block => ({ kind: 'table', table: longestChart(trace, facts).table })),
            },
          ]),
    ],
  };
}

function sweepSection(model: ReportModel, facts: Facts): Section | null {
  if (model.sweeps.length === 0) return null;
  return {
    id: 'sweep',
    title: 'Cost against list depth',
    blocks: model.sweeps.flatMap((sweep, index): Block[] => [
      text(
        `${sweep.flavour}, nr_lr ${sweep.nrLr}: ${sweep.workload}` +
          (sweep.stop === null ? '' : ` The curves end where the host stops: ${describeSweepStop(sweep)}.`),
      ),
      ...SWEEP_MEASURES.map((measure) => sweepChart(sweep, measure, facts, index)),
    ]),
  };
}

function distributionSection(facts: Facts): Section | null {
  const used = usedLrsChart(facts);
  const depth = depthChart(facts);
  if (!used || !depth) return null;
  const left = facts.traces.filter((trace) => !isRecordedInFull(trace));
  return {
    id: 'distribution',
    title: 'How full the list and the list registers are',
    short: 'How full',
    blocks: [
      text('Only recordings that carry acknowledges and LR contents (L3) count here.'),
      ...(left.length === 0 ? [] : [text(`Left out: ${joinWords(left.map(({ label }) => label))}.`)]),
      used,
      depth,
    ],
  };
}

const timelineSection = (model: ReportModel): Section | null =>
  model.timelines.length === 0
    ? null
    : { id: 'timeline', title: 'List depth over time', blocks: model.timelines.map(timelineChart) };

function costSection(facts: Facts): Section | null {
  if (facts.traces.length === 0) return null;
  const blocks: Block[] = [
    text(
      'Modelled steps of each path, per call and in the longest call. The folded tables have calls and, for every kind of work, its sum and its largest value in one call.',
    ),
  ];
  for (const kind of TRACE_KINDS) {
    const traces = facts.traces.filter((trace) => trace.kind === kind && trace.runs.length > 0);
    if (traces.length === 0) continue;
    const partial = partialStrategies(traces, facts.strategies);
    const name = `${KIND_WORDS[kind]}, ${plural(traces.length, 'trace')}${traces.length === 1 ? '' : ' together'}`;
    blocks.push({
      kind: 'table',
      table: costOverview(`${capitalise(name)}, ${facts.flavourWords}: steps`, traces, facts.strategies),
    });
    if (partial.length > 0)
      blocks.push(text(`Not summed, because not run to the end on every trace: ${joinWords(partial)}.`));
    blocks.push({
      kind: 'details',
      summary: `${capitalise(name)}: every kind of work, and trace by trace`,
      blocks: [
        { kind: 'table', table: costTable(`${name}, ${facts.flavourWords}`, traces, facts.strategies) },
        ...traces.map(traceCost),
      ],
    });
  }
  const systems = systemTable(facts.traces);
  if (systems !== null)
    blocks.push({
      kind: 'details',
      summary: 'ITS, timers, doorbells: what they counted beside the paths',
      blocks: [{ kind: 'table', table: systems }],
    });
  return { id: 'cost', title: 'Cost per path and strategy', blocks };
}

const capitalise = (words: string): string => words.charAt(0).toUpperCase() + words.slice(1);

const traceCost = (trace: TraceFacts): Block => ({
  kind: 'details',
  summary: trace.label,
  blocks: [
    {
      kind: 'table',
      table: costTable(
        `${trace.label}, ${trace.flavour}`,
        [trace],
        trace.runs.map(({ label }) => label),
      ),
    },
  ],
});

function equivalenceSection(model: ReportModel, facts: Facts): Section | null {
  if (facts.traces.length === 0) return null;
  const strategies = strategyTable(model, facts);
  return {
    id: 'equivalence',
    title: 'The strategies, and whether they present the same interrupts',
    short: 'The strategies',
    blocks: [
      ...(strategies ? [{ kind: 'table' as const, table: strategies }] : []),
      { kind: 'table', table: equivalenceTable(facts) },
      {
        kind: 'details',
        summary: 'Guest-visible events, cell by cell',
        blocks: [{ kind: 'table', table: guestTable(facts) }],
      },
    ],
  };
}

function repeatSection(model: ReportModel, facts: Facts, exactSha256: string): Section {
  const sweeps = model.sweeps.map((sweep) => [`depth sweep, nr_lr ${sweep.nrLr}`, { code: sweep.command }] as const);
  return {
    id: 'repeat',
    title: 'Repeat it',
    blocks: [
      {
        kind: 'table',
        table: {
          caption: 'This report',
          columns: [textColumn('what'), textColumn('value')],
          rowHeads: 1,
          rows: [
            ['made by', `${model.tool.name} ${model.tool.version}`],
            ['command', { code: model.command }],
            ...sweeps,
            ['seed of generated workloads', model.seed === null ? 'none used' : String(model.seed)],
            ['sha256 of the exact part', { mono: exactSha256 }],
          ],
        },
      },
      text('The exact part is the same on every machine: two reports agree if these hashes agree.'),
      { kind: 'details', summary: 'One command per cell', blocks: [{ kind: 'table', table: commandTable(facts) }] },
    ],
  };
}
