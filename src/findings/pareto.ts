/** Chapter: what each strategy costs an honest guest against the longest stretch that a hostile one reaches. */
import { formatDecimal, formatInteger, joinWords } from '../base/number-format.js';
import { numberColumn, type TableCell, textColumn } from '../report/document.js';
import { type Block, type Chapter, FINDINGS_COMMAND, list } from './chapter.js';
import { type FindingsData, keepsOrder } from './data.js';
import { flavourOf, type Which, worstSection } from './reach.js';
import { drawScatter } from './scatter.js';
import { recordedOf, stepsPerEntry, sumCosts } from './sort-cost.js';
import { traceSet } from './trace-set.js';

/** The flavour of the recordings, and that of the figure. */
const FLAVOUR = 'kvm-6.1';

export interface Trade {
  readonly strategy: string;
  /** Steps an entry of the recorded Linux guests. */
  readonly honest: number;
  /** The same in instructions of compiled C code, predicted; null: unknown. */
  readonly instructions: number | null;
  /** Steps of the longest stretch. */
  readonly worst: number;
  readonly section: string;
  /** Does it present what the reference does, up to ties? Others pay less because they do less. */
  readonly isCandidate: boolean;
}

/** Of every strategy that runs on both sides. `candidates`: those that keep the order. */
export function tradesOf(data: FindingsData, labels: readonly string[], which: Which): Trade[] {
  const linux = recordedOf(data, 'linux-guest');
  return labels.flatMap((strategy): Trade[] => {
    const cost = sumCosts(linux, strategy);
    const worst = worstSection(data.reach, flavourOf(strategy), strategy, which);
    if (cost === undefined || worst === undefined) return [];
    return [
      {
        strategy,
        honest: stepsPerEntry(cost),
        instructions: cost.instructions === null ? null : cost.instructions / cost.entries,
        worst: worst.steps,
        section: worst.subject,
        isCandidate: keepsOrder(data, strategy),
      },
    ];
  });
}

/** Those that no other candidate beats in one figure without losing in the other; cheapest first. */
export function frontOf(trades: readonly Trade[]): Trade[] {
  const candidates = trades.filter(({ isCandidate }) => isCandidate);
  return candidates
    .filter(
      (trade) =>
        !candidates.some(
          (other) =>
            other.honest <= trade.honest &&
            other.worst <= trade.worst &&
            (other.honest < trade.honest || other.worst < trade.worst),
        ),
    )
    .sort((a, b) => a.honest - b.honest);
}

function figureOf(data: FindingsData, which: Which, id: string, title: string): Block {
  const trades = tradesOf(data, data.strategies, which);
  const swept = tradesOf(data, data.hybrids, which);
  const front = new Set(frontOf(trades).map(({ strategy }) => strategy));
  return {
    kind: 'figure',
    id,
    title,
    alt: `Steps an entry of the recorded Linux guests to the right, steps of the longest stretch upwards on a logarithmic scale. ${trades.map(({ strategy, honest, worst }) => `${strategy}: ${formatDecimal(honest)} and ${formatInteger(worst)}`).join('; ')}.`,
    svg: drawScatter({
      title,
      xAxis: 'steps an entry, recorded Linux guests (less is better)',
      yAxis: `steps of the longest stretch with interrupts off, ${data.reach.spis} SPIs, ${FLAVOUR} (less is better)`,
      points: trades.map(({ strategy, honest, worst }) => ({
        name: strategy,
        x: honest,
        y: worst,
        isBest: front.has(strategy),
      })),
      sweep: {
        name: 'hybrid N =',
        points: swept.map(({ strategy, honest, worst }) => ({
          name: strategy.replace('hybrid:threshold=', ''),
          x: honest,
          y: worst,
        })),
      },
    }),
    source: {
      command: FINDINGS_COMMAND,
      of: `${traceSet(data.recordings.filter(({ kind }) => kind === 'linux-guest'))}; guests of \`vgic-replay growth\`, of the catalogue and found ones, at ${data.reach.spis} SPIs, ${data.reach.nrLr} LRs, ${FLAVOUR}`,
    },
  };
}

const nameFront = (front: readonly Trade[], which: Which): string =>
  joinWords(
    front.map(
      ({ strategy, honest, worst }) =>
        `\`${strategy}\` (${formatDecimal(honest)} steps an entry, ${formatInteger(worst)} at worst${which === 'all' ? '' : ', the prune apart'})`,
    ),
  );

export function describePareto(data: FindingsData): Chapter {
  const labels = [...data.strategies, ...data.hybrids];
  const sortable = tradesOf(data, labels, 'without prune');
  const all = tradesOf(data, labels, 'all');
  const [front, frontAll] = [frontOf(sortable), frontOf(all)];
  const upstream = sortable.find(({ strategy }) => strategy === 'sort-on-flush');
  const [old, oldAll] = [sortable, all].map((trades) => trades.find(({ strategy }) => strategy === 'xen-old'));
  return {
    id: 'pareto',
    title: 'The honest guest against the worst one',
    verdict:
      front.length === 1
        ? `One strategy is better than every other that keeps the order, in both figures at once: ${nameFront(front, 'without prune')}${upstream === undefined ? '' : `; upstream has ${formatDecimal(upstream.honest)} and ${formatInteger(upstream.worst)}`}.`
        : `No other strategy is better in both figures at once than ${nameFront(front, 'without prune')}.`,
    blocks: [
      list([
        ...(old === undefined || upstream === undefined || oldAll === undefined
          ? []
          : [
              `Xen's default vGIC, \`xen-old\`, keeps its lists sorted and looks at no interrupt it need not: ${formatDecimal(old.honest)} steps an entry and ${formatInteger(oldAll.worst)} in its longest stretch (${oldAll.section}). ${oldAll.worst < upstream.worst ? 'The new vGIC is the cleaner and, against a hostile guest, the slower of the two.' : 'The new vGIC is not worse against a hostile guest.'} It takes one lock for all where the others take one an interrupt, and orders by the priority at injection alone (class: ${data.classes['xen-old']}).`,
            ]),
        `With the prune, which no order of the list helps (chapter 6), the front is ${nameFront(frontAll, 'all')}.`,
        'Left out of the front are strategies that present something else than the reference does: they are drawn to show how far the others are from free.',
      ]),
      figureOf(data, 'without prune', 'pareto', 'Honest cost against the longest stretch, prune apart'),
      figureOf(data, 'all', 'pareto-prune', 'Honest cost against the longest stretch, prune included'),
      {
        kind: 'table',
        isFolded: true,
        table: {
          caption: 'The points of both figures',
          columns: [
            textColumn('strategy'),
            textColumn('class'),
            numberColumn('steps an entry'),
            numberColumn('predicted instructions an entry'),
            numberColumn('longest, prune apart'),
            textColumn('in'),
            numberColumn('longest of all'),
            textColumn('in'),
          ],
          rowHeads: 1,
          rows: sortable.map((trade): TableCell[] => {
            const whole = all.find(({ strategy }) => strategy === trade.strategy);
            return [
              trade.strategy,
              data.classes[trade.strategy],
              formatDecimal(trade.honest),
              trade.instructions === null ? null : formatDecimal(trade.instructions),
              trade.worst,
              trade.section,
              whole?.worst ?? null,
              whole?.section ?? null,
            ];
          }),
        },
        source: { command: FINDINGS_COMMAND, of: 'as the figures above' },
      },
    ],
  };
}
