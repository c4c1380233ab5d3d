/** Chapter: what sorting on insertion costs and saves, and where the two change places. */
import { describeChange, formatDecimal, formatInteger, formatShare, joinWords } from '../base/number-format.js';
import { numberColumn, type TableCell, type TableColumn, textColumn } from '../report/document.js';
import { type Chapter, changeText, FINDINGS_COMMAND, list } from './chapter.js';
import { type FindingsData, keepsOrder, type TraceCosts } from './data.js';
import { drawHeatMap, type HeatPanel } from './heat-map.js';
import { KIND_NAMES } from './list-registers.js';
import { RECORDING_KINDS, type RecordedEntries, type RecordingKind, type StrategyCost } from './recording.js';
import { cellCommand, crossoverOf, type Surface, type SurfaceRow, stepsAt } from './surface.js';
import { traceSet } from './trace-set.js';

export const FLUSH = 'sort-on-flush';
export const INSERT = 'sort-on-insert';

/** One strategy over several traces; undefined: not on each of them. */
export function sumCosts(traces: readonly TraceCosts[], strategy: string): StrategyCost | undefined {
  const each = traces.map(({ costs }) => costs.find((cost) => cost.strategy === strategy));
  if (each.length === 0 || each.some((cost) => cost === undefined)) return undefined;
  const sum = (of: (cost: StrategyCost) => number): number =>
    each.reduce((total, cost) => total + (cost === undefined ? 0 : of(cost)), 0);
  return {
    strategy,
    entries: sum(({ entries }) => entries),
    steps: sum(({ steps }) => steps),
    comparisons: sum(({ comparisons }) => comparisons),
    locks: sum(({ locks }) => locks),
    instructions: each.every((cost) => cost?.instructions != null)
      ? sum(({ instructions }) => instructions ?? 0)
      : null,
  };
}

export const stepsPerEntry = ({ steps, entries }: StrategyCost): number => steps / entries;

/** Traces of a kind of recording. */
export const recordedOf = ({ recordings, recorded }: FindingsData, kind: RecordingKind): TraceCosts[] =>
  recorded.filter((_, at) => recordings[at].kind === kind);

/** Where sorted entries of recordings fall on the surface. */
interface Fall {
  readonly entries: number;
  readonly unsorted: number;
  readonly insertWins: number;
  readonly flushWins: number;
}

function fallOf(surface: Surface, recordings: readonly RecordedEntries[]): Fall {
  let entries = 0;
  let sorted = 0;
  let insertWins = 0;
  for (const recording of recordings) {
    entries += recording.entries;
    for (const { stand, arrivals, levels, entries: count } of recording.sorted) {
      sorted += count;
      const place = { nrLr: recording.nrLr, stand, arrivals, levels };
      if (stepsAt(surface, place, INSERT) < stepsAt(surface, place, FLUSH)) insertWins += count;
    }
  }
  return { entries, unsorted: entries - sorted, insertWins, flushWins: sorted - insertWins };
}

const TABLE_METRICS: readonly (readonly [name: string, of: (cost: StrategyCost) => number])[] = [
  ['steps', ({ steps }) => steps],
  ['comparisons', ({ comparisons }) => comparisons],
  ['locks', ({ locks }) => locks],
];

function costTable(
  strategies: readonly string[],
  groups: readonly (readonly [name: string, traces: readonly TraceCosts[]])[],
): { columns: TableColumn[]; rows: TableCell[][] } {
  const columns = [
    textColumn('guest'),
    textColumn('strategy'),
    ...TABLE_METRICS.map(([name]) => numberColumn(`${name} an entry`)),
    textColumn('steps against upstream'),
    numberColumn('predicted instructions an entry'),
  ];
  const rows = groups.flatMap(([name, traces]) => {
    const upstream = sumCosts(traces, FLUSH);
    return strategies.flatMap((strategy): TableCell[][] => {
      const cost = sumCosts(traces, strategy);
      if (cost === undefined || upstream === undefined) return [];
      return [
        [
          name,
          strategy,
          ...TABLE_METRICS.map(([, of]) => formatDecimal(of(cost) / cost.entries)),
          changeText(upstream.steps / upstream.entries, stepsPerEntry(cost)),
          cost.instructions === null ? null : formatDecimal(cost.instructions / cost.entries),
        ],
      ];
    });
  });
  return { columns, rows };
}

/** "at 12", "always", "never": the depth from which sorting on insertion is the cheaper one. */
function crossoverText(surface: Surface, row: SurfaceRow): string {
  const depth = crossoverOf(surface.axes, row, FLUSH, INSERT);
  if (depth === null) return 'never';
  return depth === 0 ? 'always' : formatDecimal(depth);
}

function surfacePanels({ axes, rows }: Surface): HeatPanel[][] {
  return axes.spreads.map((spread) =>
    axes.nrLrs.map((nrLr): HeatPanel => {
      const own = axes.arrivals.map(
        (arrivals) =>
          rows.find((row) => row.nrLr === nrLr && row.spread === spread && row.arrivals === arrivals) as SurfaceRow,
      );
      return {
        values: own.map(({ steps }) => axes.depths.map((_, at) => Math.log2(steps[INSERT][at] / steps[FLUSH][at]))),
        isMarked: own.map(({ arrivals }) => axes.depths.map((depth) => depth + arrivals <= nrLr)),
      };
    }),
  );
}

/** Shares of the surface's cells in which one is the cheaper one. */
function winnersOf({ axes, rows }: Surface): { cells: number; insert: number; fits: number } {
  let cells = 0;
  let insert = 0;
  let fits = 0;
  for (const { steps, arrivals, nrLr } of rows)
    axes.depths.forEach((depth, at) => {
      if (depth + arrivals <= nrLr) {
        fits++;
        return;
      }
      cells++;
      if (steps[INSERT][at] < steps[FLUSH][at]) insert++;
    });
  return { cells, insert, fits };
}

/** The strategy with the fewest steps in most cells, and in how many. */
function cheapestOf(data: FindingsData): {
  strategy: string;
  cells: number;
  all: number;
} {
  const { axes, rows } = data.surface;
  const wins = new Map<string, number>();
  for (const { steps } of rows)
    axes.depths.forEach((_, at) => {
      const names = Object.keys(steps).filter((name) => keepsOrder(data, name));
      const least = Math.min(...names.map((name) => steps[name][at]));
      for (const name of names) if (steps[name][at] === least) wins.set(name, (wins.get(name) ?? 0) + 1);
    });
  const [strategy, cells] = [...wins].sort((a, b) => b[1] - a[1])[0];
  return { strategy, cells, all: rows.length * axes.depths.length };
}

/** What the cost model makes of the same counts. */
function describeInstructions([upstream, insert]: readonly StrategyCost[]): string[] {
  if (upstream.instructions === null || insert.instructions === null) return [];
  const [before, now] = [upstream, insert].map(({ instructions, entries }) => (instructions ?? 0) / entries);
  return [
    `In predicted instructions of compiled C code with real locks, everything between two entries of a Linux guest included, the same is ${formatInteger(Math.round(before))} under upstream and ${formatInteger(Math.round(now))} with insertion.`,
  ];
}

const WORDS = { more: 'more', fewer: 'fewer', many: 'many' };

export function describeSortCost(data: FindingsData): Chapter {
  const { surface, recordings, generated, strategies } = data;
  const groups = RECORDING_KINDS.map((kind) => [KIND_NAMES[kind], recordedOf(data, kind)] as const);
  const [linux, , attack] = groups.map(([, traces]) => traces);
  const falls = RECORDING_KINDS.map((kind) =>
    fallOf(
      surface,
      recordings.filter((recording) => recording.kind === kind),
    ),
  );
  const onLinux = [FLUSH, INSERT].map((strategy) => sumCosts(linux, strategy)!);
  const onAttack = [FLUSH, INSERT].map((strategy) => sumCosts(attack, strategy)!);
  const { cells, insert, fits } = winnersOf(surface);
  const cheapest = cheapestOf(data);
  const source = traceSet(recordings);
  const { axes, seed } = surface;
  const sample = [4, 64, 1, 8] as const;
  const surfaceSource = {
    command: cellCommand(...sample, seed),
    of: `guest \`backlog\` under ${surface.flavour}, ${surface.batches} batches a cell, seed ${seed}; the command makes one cell (4 LRs, depth 64, 1 arrival, 8 levels)`,
  };
  const [flushLinux, insertLinux] = onLinux.map(stepsPerEntry);
  const [flushAttack, insertAttack] = onAttack.map(stepsPerEntry);
  const isWaste = insertLinux > flushLinux;
  return {
    id: 'sort-on-insert',
    title: 'What sorting on insertion costs and saves',
    verdict: `${isWaste ? 'Sorting on every insertion is a waste for honest guests, but a small one' : 'Sorting on insertion costs honest guests nothing'}: on the recorded Linux guests it takes ${describeChange(flushLinux, insertLinux, WORDS)} ${insertLinux === flushLinux ? 'steps' : 'steps an entry than upstream'} (${formatDecimal(flushLinux)} to ${formatDecimal(insertLinux)}), and on the recorded attacks ${describeChange(flushAttack, insertAttack, WORDS)} (${formatDecimal(flushAttack)} to ${formatDecimal(insertAttack)}). Once a list does not fit the list registers, sorting on insertion is the cheaper one in ${formatShare(insert, cells)} of the surface's cells.`,
    blocks: [
      list([
        'A step is a list node looked at, a comparison, a lock taken or a list register written; steps are counted over everything between two entries, so that work that moves to the injection is in them. Sorting on insertion also saves the count of the list at entry (kvm-6.1), which a patch on top of upstream would keep: chapter 9 has what compiled C says.',
        ...describeInstructions(onLinux),
        `Of all ${formatInteger(cells + fits)} cells of the surface ${formatInteger(fits)} have lists that fit; there nothing is sorted at entry. \`${cheapest.strategy}\` has the fewest steps of all strategies that keep the order, alone or with others, in ${formatShare(cheapest.cells, cheapest.all)} of the cells.`,
        ...falls.map(
          ({ entries, unsorted, insertWins, flushWins }, at) =>
            `Of ${formatInteger(entries)} entries of ${KIND_NAMES[RECORDING_KINDS[at]]} ${formatShare(unsorted, entries)} sort nothing at all, ${formatShare(insertWins, entries)} lie where insertion wins, ${formatShare(flushWins, entries)} where the sort at entry wins.`,
        ),
      ]),
      {
        kind: 'table',
        table: {
          caption: 'Recordings: cost of an entry, all paths together',
          ...costTable(strategies, groups),
          rowHeads: 2,
        },
        source: { command: 'vgic-replay replay traces/recorded/*.vgt', of: source },
      },
      {
        kind: 'table',
        isFolded: true,
        table: {
          caption: 'Generated guests: the same',
          ...costTable(
            strategies,
            generated.map((each) => [each.name, [each]] as const),
          ),
          rowHeads: 2,
        },
        source: {
          command: generated[0].command,
          of: `guests ${joinWords(generated.map(({ name }) => `\`${name}\``))}, seed ${seed}; the command makes the first`,
        },
      },
      {
        kind: 'figure',
        id: 'crossover-surface',
        title: 'Sorting on insertion against sorting at entry: the crossover surface',
        alt: `Small multiples: a column of panels for each number of list registers (${axes.nrLrs.join(', ')}), a row for each number of priority levels (${axes.spreads.join(', ')}); in each, list depth to the right and arrivals of a batch downwards. Blue where sorting on insertion takes fewer steps, orange where the sort at entry does.`,
        svg: drawHeatMap({
          title: 'Steps an entry: sorting on insertion against sorting at entry',
          panels: surfacePanels(surface),
          across: axes.nrLrs.map((nrLr) => `${nrLr} list register${nrLr === 1 ? '' : 's'}`),
          down: axes.spreads.map((spread) => `${spread} level${spread === 1 ? '' : 's'}`),
          columns: axes.depths.map(String),
          rows: axes.arrivals.map(String),
          columnAxis: 'interrupts that wait on the list before the batch arrives →',
          rowAxis: 'arrivals a batch ↓',
          first: 'sort at entry cheaper',
          second: 'insertion cheaper',
          marked: 'all fit the list registers: nothing is sorted at entry',
        }),
        source: surfaceSource,
      },
      {
        kind: 'table',
        isFolded: true,
        table: {
          caption: 'Depth from which sorting on insertion is the cheaper one',
          columns: [
            textColumn('arrivals a batch'),
            textColumn('priority levels'),
            ...axes.nrLrs.map((nrLr) => numberColumn(`${nrLr} LRs`)),
          ],
          rowHeads: 2,
          rows: axes.arrivals.flatMap((arrivals) =>
            axes.spreads.map((spread): TableCell[] => [
              String(arrivals),
              String(spread),
              ...axes.nrLrs.map((nrLr) => {
                const row = surface.rows.find(
                  (each) => each.nrLr === nrLr && each.arrivals === arrivals && each.spread === spread,
                );
                return row === undefined ? null : crossoverText(surface, row);
              }),
            ]),
          ),
        },
        source: surfaceSource,
      },
      {
        kind: 'table',
        table: {
          caption: 'Where recorded entries fall on the surface',
          columns: [
            textColumn('recording'),
            numberColumn('entries'),
            ...['no sort at all', 'insertion wins', 'sort at entry wins'].map(numberColumn),
          ],
          rowHeads: 1,
          rows: recordings
            .map((recording) => [recording.name, fallOf(surface, [recording])] as const)
            .filter(([, { unsorted, entries }]) => unsorted < entries)
            .map(([name, { entries, unsorted, insertWins, flushWins }]): TableCell[] => [
              name,
              entries,
              ...[unsorted, insertWins, flushWins].map((part) => formatShare(part, entries)),
            ]),
        },
        source: { command: FINDINGS_COMMAND, of: `${source}; recordings that never sort are left out` },
      },
    ],
  };
}
