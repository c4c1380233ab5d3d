/** Chapter: one recommendation, and what it depends on. */
import { formatDecimal, formatInteger, joinWords } from '../base/number-format.js';
import { boundedBuckets } from '../strategy/bounded-buckets.js';
import { type Chapter, changeText, list } from './chapter.js';
import type { FindingsData } from './data.js';
import { frontOf, type Trade, tradesOf } from './pareto.js';
import { longestOf } from './reach.js';
import { FLUSH } from './sort-cost.js';

const FLAVOUR = 'kvm-6.1';
/** What an honest guest may pay for the bound, against upstream. */
const HONEST_LIMIT = 1.05;
/** Paths that a bound must hold for. */
const PATHS = ['inject', 'rekey', 'flush', 'fold', 'prune', 'pending'];

const growsBeyondLinear = (data: FindingsData, strategy: string): string[] =>
  PATHS.filter((path) => {
    const longest = longestOf(data.reach, FLAVOUR, strategy, path);
    return longest !== undefined && longest.growth !== 'constant' && longest.growth !== 'linear';
  });

const describe = ({ strategy, honest, worst }: Trade, upstream: Trade): string =>
  `\`${strategy}\` (longest stretch apart from the prune ${formatInteger(worst)} steps, upstream ${formatInteger(upstream.worst)}; Linux guests ${formatDecimal(honest)} steps an entry, ${changeText(upstream.honest, honest)})`;

/** The strategy that takes a few entries off at an exit, where it has the shortest worst stretch of all. */
function inPieces(all: readonly Trade[], best: Trade | undefined): string {
  const pieces = all.find(({ strategy }) => strategy === boundedBuckets.id);
  if (pieces === undefined || best === undefined || pieces.worst >= best.worst) return '';
  return ` \`${pieces.strategy}\` shows it: an exit takes at most ${boundedBuckets.params.budget.fallback} entries off the list and leaves the rest to the next one, so that the longest stretch of all is ${formatInteger(pieces.worst)} steps; the price is that an interrupt which was retargeted may reach its new vCPU some exits later.`;
}

/** Of those that an honest guest can afford, the one with the shortest worst stretch; the cheaper of equals. */
function pick(trades: readonly Trade[], upstream: Trade): Trade | undefined {
  return trades
    .filter(({ isCandidate, honest }) => isCandidate && honest <= HONEST_LIMIT * upstream.honest)
    .sort((a, b) => a.worst - b.worst || a.honest - b.honest)[0];
}

export function describeRecommendation(data: FindingsData): Chapter {
  const trades = tradesOf(data, [...data.strategies, ...data.hybrids], 'without prune');
  const all = tradesOf(data, [...data.strategies, ...data.hybrids], 'all');
  const upstream = trades.find(({ strategy }) => strategy === FLUSH)!;
  const best = pick(trades, upstream);
  const identical = trades.filter(({ strategy }) => data.classes[strategy] === 'identical' && strategy !== FLUSH);
  const dropIn = pick(identical, upstream);
  const bestAll = best === undefined ? undefined : all.find(({ strategy }) => strategy === best.strategy);
  const upstreamAll = all.find(({ strategy }) => strategy === FLUSH)!;
  const beyond = best === undefined ? [] : growsBeyondLinear(data, best.strategy);
  const limit = `${Math.round(100 * (HONEST_LIMIT - 1))} %`;
  if (best === undefined)
    return {
      id: 'recommendation',
      title: 'What to do',
      verdict: `No strategy bounds the worst guest within ${limit} of what an honest one pays today; keep upstream's.`,
      blocks: [],
    };
  const front = frontOf(trades).map(({ strategy }) => strategy);
  return {
    id: 'recommendation',
    title: 'What to do',
    verdict: `${best.strategy === FLUSH ? 'Keep upstream' : `Use ${describe(best, upstream)}`}.${dropIn === undefined || dropIn.strategy === best.strategy ? '' : ` If the patch must be small and the list registers must stay word for word the same, use ${describe(dropIn, upstream)}, and know what it leaves: the prune.`}`,
    blocks: [
      list([
        `It was picked by rule: of all strategies that present what the reference does (up to the choice among equals), and cost a Linux guest at most ${limit} more than upstream, the one with the shortest worst stretch; ${front.includes(best.strategy) ? 'it is on the front of chapter 4' : 'it is not on the front of chapter 4, whose cheaper ends are longer at worst'}.`,
        beyond.length === 0
          ? `Its condition on growth holds: no path of it grows faster than the number of interrupts, the prune included (longest stretch of all ${formatInteger(bestAll?.worst ?? 0)} steps, upstream ${formatInteger(upstreamAll.worst)}).`
          : `It bounds the sort, not everything: ${joinWords(beyond)} still ${beyond.length === 1 ? 'grows' : 'grow'} faster than the number of interrupts (longest stretch of all ${formatInteger(bestAll?.worst ?? 0)} steps, upstream ${formatInteger(upstreamAll.worst)}).`,
        ...(data.classes[best.strategy] === 'tie-equivalent'
          ? [
              'Interrupts of equal priority may come in another order than today: the architecture leaves that open, a guest that relies on it would notice.',
              'Every write that changes the key of a queued interrupt (enable, pending, active, priority, target, group) must tell the list, under its lock: the irq_lock is dropped, the list lock taken, the irq_lock taken again, as queueing does today. A write that forgets is a wrong order, not a slow one.',
            ]
          : []),
        `Cut what is linear into pieces: an exit that visits what the guest changed, and a switched-on distributor that tests vCPU after vCPU, can open interrupts between the pieces. With LPIs linear is 57,344.${inPieces(all, bestAll)}`,
        `Where no device is assigned and the guest has no ITS, the lists end at ${formatInteger(data.reach.spis)}: how much the figures of upstream matter then is a question of the time a step takes (chapter 9).`,
      ]),
    ],
  };
}
