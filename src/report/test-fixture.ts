/** Synthetic results for the tests of the report. Costs follow simple formulas, so tests can predict them. */
import type { Machine } from '../gic/intid.js';
import type {
  CellResult,
  Equivalence,
  ExactPart,
  Harm,
  HostStopped,
  KickCounts,
  MeasuredPart,
  Metric,
  PathCost,
  PathName,
} from '../replay/result.js';
import { CELL_SCHEMA, PATH_NAMES } from '../replay/result.js';
import type { SweepPathColumns } from '../replay/sweep.js';
import { bucketOf } from '../stats/log2-histogram.js';
import type { Study } from '../study/study.js';
import type { Evidence } from './evidence.js';
import type { DepthSweep, DepthTimeline, ReportModel, TraceKind, VerifyResult } from './model.js';
import { createModel } from './model.js';
import { NO_HARM } from './test-harm.js';

const TOOL = { name: 'vgic-replay', version: '0.1.0' };

export const makeMachine = (nrLr: number, flavour = 'kvm-6.1'): Machine => ({
  flavour,
  model: 'gicv3',
  nrVcpus: 2,
  nrSpis: 224,
  nrLpis: 0,
  nrLr,
  distEnabledAtStart: false,
  pmrAtStart: 0xf8,
});

/** `calls` calls of which one has the value `max` and the others share the rest of `sum`. */
export function makeMetric(calls: number, sum: number, max: number): Metric {
  const hist: number[] = [];
  const count = (value: number, times: number): void => {
    const bucket = bucketOf(value);
    while (hist.length <= bucket) hist.push(0);
    hist[bucket] += times;
  };
  if (calls > 0) count(max, 1);
  if (calls > 1) count(Math.floor((sum - max) / (calls - 1)), calls - 1);
  return { sum, max, hist };
}

export interface PathFigures {
  readonly calls: number;
  /** Sum and largest value in one call. */
  readonly visits?: readonly [sum: number, max: number];
  readonly comparisons?: readonly [sum: number, max: number];
  readonly locks?: readonly [sum: number, max: number];
  readonly lrWrites?: readonly [sum: number, max: number];
}

export function makePath(figures: PathFigures): PathCost {
  const { calls, visits = [0, 0], comparisons = [0, 0], locks = [0, 0], lrWrites = [0, 0] } = figures;
  const all = [visits, comparisons, locks, lrWrites];
  const metric = ([sum, max]: readonly [number, number]): Metric => makeMetric(calls, sum, max);
  return {
    calls,
    visits: metric(visits),
    comparisons: metric(comparisons),
    locks: metric(locks),
    lrWrites: metric(lrWrites),
    steps: metric([all.reduce((sum, pair) => sum + pair[0], 0), all.reduce((sum, pair) => sum + pair[1], 0)]),
  };
}

export interface CellFigures {
  readonly trace?: string;
  readonly title?: string;
  readonly sha256?: string;
  readonly origin?: string;
  readonly fidelity?: 0 | 1 | 2 | 3;
  readonly nrLr?: number;
  readonly strategy?: string;
  readonly params?: Readonly<Record<string, number>>;
  readonly paths?: Partial<Record<PathName, PathFigures>>;
  readonly depthAtFlush?: ExactPart['depthAtFlush'];
  readonly usedLrs?: readonly number[];
  readonly equivalence?: Partial<Equivalence>;
  readonly divergences?: number;
  /** Replayed as, made for. */
  readonly flavour?: string;
  readonly madeFor?: string;
  readonly kicks?: Partial<KickCounts>;
  readonly systems?: ExactPart['systems'];
  readonly sections?: ExactPart['sections'];
  readonly amplification?: Partial<ExactPart['amplification']>;
  readonly harm?: Partial<Harm>;
  readonly stopped?: HostStopped;
  readonly lostEvents?: number;
  readonly gaps?: number;
  readonly measured?: MeasuredPart | null;
}

export function makeCell(figures: CellFigures = {}): CellResult {
  const trace = figures.trace ?? 'linux-boot';
  const strategy = figures.strategy ?? 'sort-on-flush';
  const nrLr = figures.nrLr ?? 4;
  const depthAtFlush = figures.depthAtFlush ?? [[1, 10]];
  const flushes = depthAtFlush.reduce((sum, [, count]) => sum + count, 0);
  const paths = Object.fromEntries(
    PATH_NAMES.map((path) => [path, makePath(figures.paths?.[path] ?? { calls: 0 })]),
  ) as Record<PathName, PathCost>;
  return {
    schema: CELL_SCHEMA,
    tool: TOOL,
    exact: {
      trace: {
        name: trace,
        title: figures.title ?? `What ${trace} shows.`,
        sha256: figures.sha256 ?? Buffer.from(trace.padEnd(32, '.').slice(0, 32)).toString('hex'),
        events: 1000,
        fidelity: figures.fidelity ?? 3,
        machine: makeMachine(nrLr, figures.flavour),
        madeFor: figures.madeFor ?? figures.flavour ?? 'kvm-6.1',
        counts: {
          sourceLines: 2000,
          unknownLines: 0,
          lostEvents: figures.lostEvents ?? 0,
          decisionsFromRecording: 0,
          noEffect: 12,
          cutOff: 0,
          reordered: 0,
        },
        gaps: figures.gaps ?? 0,
        origin: figures.origin ?? 'recorded',
      },
      strategy: { id: strategy, params: figures.params ?? {} },
      paths,
      worstCalls: { inject: null, rekey: null, flush: null, fold: null, prune: null, pending: null },
      depthAtFlush,
      usedLrs: figures.usedLrs ?? [0, flushes],
      guest: {
        acks: 900,
        spurious: 3,
        divergences: figures.divergences ?? 0,
        injections: 950,
        redundantInjections: 40,
        flushes,
        abortedEntries: 0,
        fullFlushes: 0,
        sorts: 0,
      },
      operations: {},
      systems: figures.systems ?? {},
      kicks: {
        requests: 120,
        broadcasts: 0,
        wakeups: 20,
        ipis: 30,
        whileQueued: 15,
        ipisWhileQueued: 5,
        spurious: 4,
        halts: 0,
        ...figures.kicks,
      },
      sections: figures.sections ?? [],
      amplification: { steps: 0, guestInstructions: 0, worstWindow: null, ...figures.amplification },
      harm: { ...NO_HARM, ...figures.harm },
      stopped: figures.stopped ?? null,
      equivalence: {
        declared: 'identical',
        flushes,
        identical: flushes,
        tieEquivalent: 0,
        deviating: 0,
        holds: true,
        firstViolation: null,
        ...figures.equivalence,
      },
      lrDigest: '1a2b3c4d',
      command: `vgic-replay replay traces/recorded/${trace}.vgt --strategy ${strategy} --nr-lr ${nrLr}`,
    },
    measured: figures.measured ?? null,
  };
}

export const STRATEGIES: readonly string[] = [
  'sort-on-flush',
  'sort-on-insert',
  'buckets',
  'counting-sort',
  'fifo',
  'sorted-flag',
  'top-k',
];

/** Modelled steps of one insert and one flush with `depth` entries, `fits` in the LRs or not. */
function costOf(strategy: string, depth: number, nrLr: number): { insert: number; compares: number; flush: number } {
  const sort = depth > nrLr ? Math.ceil(depth * Math.log2(depth)) : 0;
  const fill = Math.min(depth, nrLr);
  switch (strategy) {
    case 'sort-on-insert':
      return { insert: depth, compares: depth, flush: 2 * fill + 1 };
    case 'counting-sort':
      return { insert: 1, compares: 0, flush: depth + 66 + fill };
    case 'fifo':
      return { insert: 1, compares: 0, flush: fill + 1 };
    case 'buckets':
      return { insert: 2, compares: 0, flush: 2 * fill + 2 };
    case 'sorted-flag':
      return { insert: 1, compares: 0, flush: depth + Math.ceil(sort / 3) + fill };
    case 'top-k':
      return { insert: 1, compares: 0, flush: 2 * depth + fill };
    default:
      return { insert: 1, compares: 0, flush: depth + sort + fill };
  }
}

const LINUX = [
  'linux-boot',
  'ipi-2',
  'ipi-4',
  'timer-2',
  'virtio-mmio-blk',
  'virtio-pci-blk',
  'virtio-pci-net',
  'gicv2-linux',
];
const ATTACKS: readonly (readonly [string, number])[] = [
  ['bare-flood', 224],
  ['bare-flood-big', 960],
  ['bare-no-eoi', 960],
  ['bare-prio-churn', 160],
];

function sampleCell(trace: string, strategy: string, depth: number, entries: number): CellResult {
  const nrLr = 4;
  const { insert, compares, flush } = costOf(strategy, depth, nrLr);
  const isBound = strategy === 'fifo';
  const isDeviating = isBound && depth > nrLr;
  const full = Math.floor(entries * 0.8);
  return makeCell({
    trace,
    strategy,
    depthAtFlush:
      depth > nrLr
        ? [
            [0, entries - full],
            [Math.ceil(depth / 2), Math.floor(full / 3)],
            [depth, full - Math.floor(full / 3)],
          ]
        : [
            [0, entries - full],
            [1, full - 30],
            [depth, 30],
          ],
    usedLrs:
      depth > nrLr
        ? [Math.floor(entries / 10), 0, 0, 0, entries - Math.floor(entries / 10)]
        : [
            Math.floor(entries / 5),
            Math.floor(entries * 0.68),
            entries - Math.floor(entries / 5) - Math.floor(entries * 0.68),
          ],
    paths: {
      inject: {
        calls: entries,
        visits: [entries * Math.ceil(insert / 2), insert],
        comparisons: [entries * Math.ceil(compares / 2), compares],
        locks: [2 * entries, 3],
      },
      flush: {
        calls: entries,
        visits: [entries * depth, depth],
        comparisons: [Math.floor(full * Math.max(0, flush - depth)), Math.max(0, flush - depth)],
        locks: [Math.floor(full * flush), flush],
        lrWrites: [full * Math.min(depth, nrLr), Math.min(depth, nrLr)],
      },
      fold: { calls: entries, visits: [entries * 2, nrLr], locks: [entries * 2, nrLr] },
      prune: { calls: entries, visits: [entries * depth, depth], locks: [entries * depth, depth + 1] },
      pending: {
        calls: Math.floor(entries / 10),
        visits: [Math.floor(entries / 10), 1],
        locks: [Math.floor(entries / 5), 2],
      },
    },
    equivalence: isDeviating
      ? { declared: 'bound', identical: entries - full, deviating: full }
      : {
          declared: isBound
            ? 'bound'
            : strategy === 'sort-on-insert' || strategy === 'buckets'
              ? 'tie-equivalent'
              : 'identical',
        },
    divergences: isDeviating ? 77 : 0,
  });
}

export function makeSweep(nrLr: number): DepthSweep {
  const depths = [1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 988];
  const entries = depths.map(() => 100);
  return {
    workload:
      'the list holds that many pending interrupts; per guest entry nr_lr of them are handled and as many arrive.',
    flavour: 'kvm-6.1',
    nrLr,
    depths,
    entries,
    stop: null,
    strategies: STRATEGIES.map((strategy) => {
      const costs = depths.map((depth) => costOf(strategy, depth, nrLr));
      const path = (calls: number, cost: (index: number) => number): SweepPathColumns => ({
        calls: depths.map(() => calls),
        steps: depths.map((_, index) => calls * cost(index)),
        maxSteps: depths.map((_, index) => cost(index)),
      });
      return {
        strategy,
        paths: {
          rekey: path(0, () => 0),
          inject: path(100 * nrLr, (index) => costs[index].insert + costs[index].compares),
          flush: path(100, (index) => costs[index].flush),
          fold: path(100, () => 2 * nrLr),
          prune: path(100, (index) => depths[index] + 1),
          pending: path(0, () => 0),
        },
      };
    }),
    command: `vgic-replay sweep --nr-lr ${nrLr} --depth 1..988`,
  };
}

export function makeTimeline(bins = 300): DepthTimeline {
  return {
    trace: 'bare-flood-big',
    flavour: 'kvm-6.1',
    strategy: 'sort-on-flush',
    nrLr: 4,
    unit: 'ms',
    start: 0,
    binWidth: 12.5,
    bins: Array.from({ length: bins }, (_, bin) => {
      const mean = bin < bins / 3 ? bin : Math.abs(Math.round(480 + 470 * Math.sin(bin / 20)));
      if (bin > 200 && bin < 220) return { samples: 0, min: Number.POSITIVE_INFINITY, max: 0, sum: 0 };
      return { samples: 9, min: Math.floor(mean * 0.8), max: Math.ceil(mean * 1.1), sum: 9 * mean };
    }),
  };
}

export const makeVerify = (trace: string, figures: Partial<VerifyResult> = {}): VerifyResult => ({
  trace,
  flavour: 'kvm-6.1',
  fidelity: 3,
  entries: 1000,
  identical: 1000,
  causes: { 'cross-cpu-window': 0, 'unrecorded-input': 0, 'model-fault': 0 },
  uieIdentical: 1000,
  folds: 900,
  foldsIdentical: 900,
  sorts: 0,
  sortsIdentical: 0,
  lists: 800,
  listsIdentical: 800,
  divergences: 0,
  decisionsFromRecording: 0,
  reordered: 0,
  explained: 0,
  unexplained: 0,
  lostEvents: 0,
  mismatches: [],
  command: `vgic-replay verify traces/recorded/${trace}.vgt`,
  ...figures,
});

export const makeEvidence = (figures: Partial<Evidence> = {}): Evidence => ({
  flavours: [
    { id: 'kvm-6.1', models: 'Linux 6.1' },
    { id: 'xen-new', models: 'Xen, new vGIC' },
  ],
  scenarios: [
    {
      flavour: 'kvm-6.1',
      passed: 80,
      failed: 0,
      notRun: 20,
      reasons: [{ reason: 'needs an ITS', scenarios: 20 }],
      failures: [],
    },
    { flavour: 'xen-new', passed: 27, failed: 0, notRun: 0, reasons: [], failures: [] },
  ],
  golden: { flavour: 'kvm-6.1', files: 110, lines: 39_000, identical: 39_000, differing: [] },
  fuzz: [
    {
      flavour: 'kvm-6.1',
      machines: 500,
      events: 2_000_000,
      differences: 0,
      seed: 1,
      version: '0.1.0',
      date: '2026-11-26',
    },
  ],
  itsImages: [
    { flavour: 'kvm-6.1', configurations: 100, mutants: 2_000, seed: 1, version: '0.1.0', date: '2026-11-26' },
  ],
  ...figures,
});

/** Everything a report can hold, in the size of the real one. */
export const makeStudy = (): Study => ({
  id: 'ferry',
  title: 'A ferry with two decks',
  topic: 'Ferry: are both decks needed?',
  thread: '[PATCH] ferry: load both decks',
  question: 'does the upper deck ever wait for the lower one?',
  answer: ['It waits at 7 of 1,200 crossings.', 'Two ramps end that.'],
  chart: {
    id: 'ferry-wait',
    title: 'Waits against cars',
    finding: 'The wait grows with the cars.',
    xAxis: 'cars',
    yAxis: 'steps',
    xs: [1, 1000],
    series: [
      { name: 'one ramp', values: [1, 4321.5] },
      { name: 'two ramps', values: [1, 2] },
    ],
  },
  tables: [
    {
      caption: 'Crossings by ramp',
      columns: ['ramp', 'crossings', 'share', 'remark'],
      rowHeads: 1,
      rows: [
        ['one', 1200, 0.00583333, '<b>slow</b>'],
        ['two', null, 1, ''],
      ],
    },
  ],
  limits: ['The sea is flat in this model.'],
});

export function makeFullModel(): ReportModel {
  const cells: CellResult[] = [];
  const kinds: Record<string, TraceKind> = {};
  LINUX.forEach((trace, index) => {
    kinds[trace] = 'linux-guest';
    for (const strategy of STRATEGIES) cells.push(sampleCell(trace, strategy, 2 + (index % 2), 10_000 + 3000 * index));
  });
  for (const [trace, depth] of ATTACKS) {
    kinds[trace] = 'attack';
    for (const strategy of STRATEGIES) cells.push(sampleCell(trace, strategy, depth, 4000));
  }
  for (const strategy of STRATEGIES) cells.push(sampleCell('bare-lpi', strategy, 31, 3000));
  return {
    ...createModel(TOOL, cells),
    command: 'npm start',
    strategyNotes: STRATEGIES.map((id) => ({ id, summary: `what ${id} does`, models: `code that ${id} stands for` })),
    seed: 1,
    kinds,
    sweeps: [makeSweep(4), makeSweep(16)],
    timelines: [makeTimeline()],
    evidence: makeEvidence(),
    studies: [makeStudy()],
    verify: [
      makeVerify('linux-boot', { entries: 45932, identical: 45932 }),
      makeVerify('ipi-4', {
        entries: 29275,
        identical: 29274,
        causes: { 'cross-cpu-window': 1, 'unrecorded-input': 0, 'model-fault': 0 },
        explained: 1,
        decisionsFromRecording: 82,
        mismatches: [
          {
            event: 4711,
            tick: 90210,
            vcpu: 1,
            recorded: ['50a0000000000020'],
            model: [],
            cause: 'cross-cpu-window',
            reason: 'INTID 32 was touched 3 ticks after the flush',
          },
        ],
      }),
    ],
  };
}
