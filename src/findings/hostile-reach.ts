/** Chapter: what a hostile guest reaches under each strategy and flavour. */
import { formatDecimal, formatInteger, joinWords, plural } from '../base/number-format.js';
import { numberColumn, type TableCell, textColumn } from '../report/document.js';
import { FITTED_FLAVOUR, type HostileRun, longestStretch, type WorstStretch } from './catalogue.js';
import { type Block, type Chapter, FINDINGS_COMMAND, list } from './chapter.js';
import { type FindingsData, keepsOrder } from './data.js';
import { drawDots } from './dots.js';
import { type Longest, longestOf, REACH_FLAVOURS, type Reach, worstSection } from './reach.js';
import { FLUSH, recordedOf, stepsPerEntry, sumCosts } from './sort-cost.js';
import { microseconds } from './time.js';

const FLAVOUR = 'kvm-6.1';
/** Sections of the figure and the table, in words. */
export const SUBJECT_NAMES: readonly (readonly [subject: string, name: string])[] = [
  ['inject', 'injection'],
  ['rekey', 'key change'],
  ['flush', 'entry (flush)'],
  ['fold', 'exit: fold'],
  ['prune', 'exit: prune'],
  ['pending', 'pending test'],
];

const cellOf = (longest: Longest | undefined): TableCell =>
  longest === undefined ? null : `${formatInteger(longest.steps)} (${longest.subject})`;

/** Reached over declared, smallest and largest, of the paths that grow. */
function tightness(longest: readonly Longest[]): { least: number; most: number } {
  const ratios = longest
    .filter(
      ({ bound, steps, subject }) => ['flush', 'prune'].includes(subject) && bound !== null && bound > 0 && steps > 0,
    )
    .map(({ bound, steps }) => steps / (bound ?? 1));
  return { least: Math.min(...ratios), most: Math.max(...ratios) };
}

/** `gate`: `data.reach` before the other guests were added to it. */
export function describeHostileReach(data: FindingsData, gate: Reach): Chapter {
  const { reach, strategies, catalogue } = data;
  const honest = sumCosts(recordedOf(data, 'linux-guest'), FLUSH)!;
  const flush = longestOf(reach, FLAVOUR, FLUSH, 'flush')!;
  const worst = worstSection(reach, FLAVOUR, FLUSH, 'all')!;
  const perEntry = stepsPerEntry(honest);
  const candidates = strategies.filter((strategy) => worstSection(reach, FLAVOUR, strategy, 'all') !== undefined);
  const least = candidates
    .map((strategy) => [strategy, worstSection(reach, FLAVOUR, strategy, 'all')!.steps] as const)
    .sort((a, b) => a[1] - b[1])[0];
  const { least: loosest, most } = tightness(gate.longest.filter(({ flavour }) => flavour === FLAVOUR));
  const over = gate.longest.filter(
    ({ flavour, bound, steps }) => flavour === FLAVOUR && bound !== null && bound > 0 && steps > bound,
  );
  const deep = reach.longest.filter(({ strategy, deep: at }) => strategy === FLUSH && at !== null);
  const deepest = deep.filter(({ subject }) => subject === 'flush');
  const source = {
    command: `vgic-replay growth --flavour ${FLAVOUR}`,
    of: `guests of the growth gate (src/attack/growth-programs.ts), of the catalogue and found ones, at ${reach.spis} SPIs, ${reach.nrLr} LRs`,
  };
  const stopped = [...new Set(reach.stops.map(({ flavour }) => flavour))];
  const found = catalogue.runs.filter(({ row }) => row === null).length;
  return {
    id: 'hostile-reach',
    title: 'What a hostile guest reaches',
    verdict: `With ${formatInteger(reach.spis)} SPIs a guest holds upstream (${FLAVOUR}) for ${formatInteger(flush.steps)} steps in one entry with interrupts off, ${formatInteger(Math.round(flush.steps / perEntry))} times what an average entry of a Linux guest costs with everything around it, and for ${formatInteger(worst.steps)} in the worst stretch of all (${worst.subject}); the shortest worst stretch of any strategy is that of \`${least[0]}\`: ${formatInteger(least[1])}.`,
    blocks: [
      list([
        `Every figure is reached by a guest that can be replayed. Each strategy also declares its longest call of each path for so many SPIs: the guests of the growth gate reach between ${formatDecimal(100 * loosest)} and ${formatDecimal(100 * most)} % of that for entry and prune under ${FLAVOUR}; guests of the catalogue and found ones may queue SGIs and PPIs as well, for which that is no bound${over.length === 0 ? '' : `; more than declared: ${joinWords(over.map(({ strategy, subject }) => `${strategy} ${subject}`))}`}.`,
        ...describeTime(data),
        ...(deepest.length === 0
          ? []
          : [
              `With an ITS the lists grow on: ${joinWords(deepest.map(({ flavour, deep: at }) => `${formatInteger(at?.steps ?? 0)} steps in one entry at ${formatInteger(at?.depth ?? 0)} LPIs (${flavour})`))}.`,
            ]),
        ...(stopped.length === 0
          ? []
          : [
              `${joinWords(stopped)} ${stopped.length === 1 ? 'does' : 'do'} not get slow but ${stopped.length === 1 ? 'stops' : 'stop'}: ${reach.stops[0].reason} (under ${joinWords([...new Set(reach.stops.filter(({ flavour }) => flavour === stopped[0]).map(({ strategy }) => strategy))])}). Figures there are of what ran before.`,
            ]),
        `The catalogue's ${plural(new Set(catalogue.runs.filter(({ row }) => row !== null).map(({ guest }) => guest)).size, 'guest')}${found === 0 ? '' : ` and ${plural(found, 'finding')} of \`attack\``} are below with what they reach under upstream and under the strategy that is best against each, of those that keep the order.`,
      ]),
      {
        kind: 'figure',
        id: 'longest-sections',
        title: `Longest stretch of each path at ${reach.spis} SPIs, ${FLAVOUR}`,
        alt: candidates
          .map(
            (strategy) =>
              `${strategy}: ${SUBJECT_NAMES.map(([subject, name]) => `${name} ${formatInteger(longestOf(reach, FLAVOUR, strategy, subject)?.steps ?? 0)}`).join(', ')}`,
          )
          .join('; '),
        svg: drawDots({
          title: `Longest stretch of each path: ${reach.spis} SPIs, ${reach.nrLr} list registers, ${FLAVOUR}`,
          axis: 'modelled steps with interrupts off',
          rows: candidates,
          series: SUBJECT_NAMES.map(([subject, name]) => ({
            name,
            values: candidates.map((strategy) => longestOf(reach, FLAVOUR, strategy, subject)?.steps ?? null),
          })),
        }),
        source,
      },
      {
        kind: 'table',
        table: {
          caption: `Longest stretch with interrupts off, ${reach.spis} SPIs: all sections, and without the prune`,
          columns: [
            textColumn('strategy'),
            ...REACH_FLAVOURS.flatMap((flavour) => [numberColumn(flavour), numberColumn(`${flavour}, prune apart`)]),
          ],
          rowHeads: 1,
          rows: strategies.map((strategy): TableCell[] => [
            strategy,
            ...REACH_FLAVOURS.flatMap((flavour) => [
              cellOf(worstSection(reach, flavour, strategy, 'all')),
              cellOf(worstSection(reach, flavour, strategy, 'without prune')),
            ]),
          ]),
        },
        source: { ...source, command: 'vgic-replay growth' },
      },
      {
        kind: 'table',
        isFolded: true,
        table: {
          caption: 'The same with LPIs, at the most that a strategy could be run with',
          columns: [
            textColumn('strategy'),
            textColumn('flavour'),
            ...SUBJECT_NAMES.map(([, name]) => numberColumn(name)),
          ],
          rowHeads: 2,
          rows: strategies.flatMap((strategy) =>
            REACH_FLAVOURS.map((flavour): TableCell[] => [
              strategy,
              flavour,
              ...SUBJECT_NAMES.map(([subject]) => {
                const at = longestOf(reach, flavour, strategy, subject)?.deep;
                return at == null ? null : `${formatInteger(at.steps)} at ${formatInteger(at.depth)}`;
              }),
            ]).filter((row) => row.slice(2).some((cell) => cell !== null)),
          ),
        },
        source: {
          command: 'vgic-replay growth --full',
          of: `LPIs, ${reach.nrLr} LRs; the depth beside each figure is the deepest that this page runs`,
        },
      },
      guestTable(data, 'of the catalogue', (run) => run.row !== null, false),
      ...(found === 0 ? [] : [guestTable(data, 'that a search found', (run) => run.row === null, true)]),
    ],
  };
}

/** What the longest entry and the longest exit are in instructions of compiled C code, and in time. */
function describeTime(data: FindingsData): string[] {
  const { catalogue, calibration } = data;
  const [entry, exit] = ['flush', 'exit'].map((wanted) =>
    longestStretch(
      catalogue,
      FITTED_FLAVOUR,
      FLUSH,
      ({ section }, { instructions }) => section === wanted && instructions.some((calls) => calls !== null),
    ),
  );
  const linux = sumCosts(recordedOf(data, 'linux-guest'), FLUSH);
  if (entry?.instructions == null || exit?.instructions == null || linux?.instructions == null) return [];
  const words = (worst: WorstStretch): string =>
    `${formatInteger(worst.instructions ?? 0)} instructions at most (\`${worst.run.guest}\`), ${microseconds(worst.instructions ?? 0, calibration) ?? 'of unknown time'}`;
  return [
    `In compiled C code with real locks, as the cost model predicts it, the longest entry takes ${words(entry)}, and the longest exit ${words(exit)}; a Linux guest's average entry with all around it takes ${formatInteger(Math.round(linux.instructions / linux.entries))} instructions. The times are those of one machine with warm caches (calibration: ${calibration.machine}); chapter 9 says what cold ones do. Lists longer than the model was fitted to, and migrations, are extrapolated.`,
  ];
}

function guestTable(data: FindingsData, which: string, keep: (run: HostileRun) => boolean, isFolded: boolean): Block {
  return {
    kind: 'table',
    isFolded,
    table: {
      caption: `Hostile guests ${which} against upstream (${FLAVOUR} where the guest is true of it): longest stretch with interrupts off`,
      columns: [
        textColumn('guest'),
        textColumn('row of 8.2, or size'),
        textColumn('flavour'),
        numberColumn('steps'),
        numberColumn('locks'),
        numberColumn('instructions, at most'),
        numberColumn('time, at most'),
        textColumn('section'),
        textColumn('paid by'),
        numberColumn('least of those that keep the order'),
        textColumn('which'),
        textColumn('command'),
      ],
      rowHeads: 1,
      rows: guestRows(data, keep),
    },
    source: {
      command: FINDINGS_COMMAND,
      of: 'the guest of each row, its size in its command, under the flavour beside it',
    },
  };
}

/** One row a guest, under the first flavour that it is true of. */
function guestRows(data: FindingsData, keep: (run: HostileRun) => boolean): TableCell[][] {
  const { catalogue, calibration } = data;
  const seen = new Set<string>();
  return catalogue.runs.flatMap((run): TableCell[][] => {
    if (!keep(run) || seen.has(run.guest)) return [];
    seen.add(run.guest);
    const own = run.flavour === 'xen-old' ? 'xen-old' : FLUSH;
    const only = { ...catalogue, runs: [run] };
    const worst = longestStretch(only, run.flavour, own);
    const stop = run.stops[catalogue.strategies.indexOf(own)];
    const best = catalogue.strategies
      .flatMap((strategy, at) => {
        const stretch = longestStretch(only, run.flavour, strategy);
        return stretch !== undefined && keepsOrder(data, strategy) && run.stops[at] === null
          ? [{ strategy, steps: stretch.steps }]
          : [];
      })
      .sort((a, b) => a.steps - b.steps)[0];
    const isBetter = stop !== null || (best?.steps ?? 0) < (worst?.steps ?? 0);
    return [
      [
        run.guest,
        run.row === null ? run.size : String(run.row),
        run.flavour,
        stop === null ? (worst?.steps ?? null) : { alarm: 'host stops' },
        stop === null ? (worst?.locks ?? null) : null,
        stop === null ? (worst?.instructions ?? null) : null,
        stop === null && worst?.instructions != null ? microseconds(worst.instructions, calibration) : null,
        stop ?? worst?.section ?? null,
        stop === null ? (worst?.payer ?? null) : null,
        isBetter ? (best?.steps ?? null) : null,
        isBetter ? (best?.strategy ?? null) : null,
        { code: run.command },
      ],
    ];
  });
}
