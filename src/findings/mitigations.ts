/** Chapter: the three mitigations of the thread, and what came to mind since: which suffice, and what defeats the others. */
import { formatDecimal, formatInteger, formatShare, joinWords } from '../base/number-format.js';
import { numberColumn, type TableCell, textColumn } from '../report/document.js';
import { type HostileRun, longestStretch } from './catalogue.js';
import { type Chapter, changeText, FINDINGS_COMMAND, list } from './chapter.js';
import type { FindingsData } from './data.js';
import { type Longest, longestOf } from './reach.js';
import { FLUSH, recordedOf, stepsPerEntry, sumCosts } from './sort-cost.js';
import { traceSet } from './trace-set.js';

const FLAVOUR = 'kvm-6.1';
/** A share of the longest entry that is not worth a sentence. */
const LITTLE = 0.005;

export const MITIGATIONS: readonly (readonly [strategy: string, name: string])[] = [
  ['short-circuit', '1 (stop counting at k + 1)'],
  ['sorted-flag', '2 (a flag that the list is sorted)'],
  ['hybrid', '3 (sort on insertion above N entries)'],
];
/** Not of the thread; in the table for comparison. */
const OTHERS = ['sort-if-unsorted', 'check-and-insert', 'counting-sort', 'top-k', 'sort-on-insert', 'buckets'];

/** Paths whose longest call a mitigation can make longer than upstream's. */
const MOVED = ['inject', 'rekey', 'fold', 'prune', 'pending'];
const PATH_WORDS: Readonly<Record<string, string>> = {
  inject: 'injection',
  rekey: 'key change',
  fold: 'fold',
  prune: 'prune',
  pending: 'pending test',
};

/** Flushes that grow no faster than the list. */
const isGentle = (longest: Longest | undefined): boolean =>
  longest !== undefined && (longest.growth === 'constant' || longest.growth === 'linear');

interface Judged {
  readonly strategy: string;
  readonly name: string;
  readonly flush: Longest;
  /** Share of upstream's longest flush that it takes away. */
  readonly saved: number;
  /** Paths that got longer than upstream's: [path, upstream, now]. */
  readonly moved: readonly (readonly [string, number, number])[];
  readonly honest: number;
  readonly honestUpstream: number;
}

function judge(data: FindingsData, strategy: string, name: string): Judged | undefined {
  const { reach } = data;
  const linux = recordedOf(data, 'linux-guest');
  const [cost, upstream] = [sumCosts(linux, strategy), sumCosts(linux, FLUSH)];
  const flush = longestOf(reach, FLAVOUR, strategy, 'flush');
  const before = longestOf(reach, FLAVOUR, FLUSH, 'flush');
  if (cost === undefined || upstream === undefined || flush === undefined || before === undefined) return undefined;
  const moved = MOVED.flatMap((subject): [string, number, number][] => {
    const now = longestOf(reach, FLAVOUR, strategy, subject)?.steps ?? 0;
    const then = longestOf(reach, FLAVOUR, FLUSH, subject)?.steps ?? 0;
    return now > then ? [[subject, then, now]] : [];
  });
  return {
    strategy,
    name,
    flush,
    saved: 1 - flush.steps / before.steps,
    moved,
    honest: stepsPerEntry(cost),
    honestUpstream: stepsPerEntry(upstream),
  };
}

/** Steps of all paths an entry of a hostile guest, under a strategy. */
export function stepsAnEntry(run: HostileRun | undefined, at: number): number | null {
  const [steps, entries] = [run?.steps[at] ?? null, run?.entries[at] ?? null];
  return steps === null || entries === null || entries === 0 ? null : steps / entries;
}

export const runOf = ({ catalogue }: FindingsData, guest: string, flavour = FLAVOUR): HostileRun | undefined =>
  catalogue.runs.find((run) => run.guest === guest && run.flavour === flavour);

/** The hostile guest, of the catalogue or found, with the longest entry: what it is called, its size and its command. */
function describeDefeat({ catalogue }: FindingsData, strategy: string): string {
  const worst = longestStretch(
    catalogue,
    FLAVOUR,
    strategy,
    ({ section }, { hasLpis }) => section === 'flush' && !hasLpis,
  );
  return worst === undefined
    ? 'no guest'
    : `\`${worst.run.guest}\` (${worst.run.size}): ${formatInteger(worst.steps)} steps in one entry, ${formatInteger(worst.locks)} of them locks (\`${worst.run.command}\`)`;
}

const describeMoved = ({ moved }: Pick<Judged, 'moved'>): string =>
  joinWords(
    moved.map(([path, then, now]) => `${PATH_WORDS[path]} ${formatInteger(now)} instead of ${formatInteger(then)}`),
  );

const savedText = ({ saved }: Judged): string =>
  saved > LITTLE
    ? `takes ${formatDecimal(100 * saved)} % off the longest entry`
    : 'takes nothing off the longest entry';

function verdictOf(judged: readonly Judged[]): string {
  const bounding = judged.filter(({ flush }) => isGentle(flush));
  const clean = bounding.filter(({ moved }) => moved.length === 0);
  const failing = judged.filter(({ flush }) => !isGentle(flush));
  const failed =
    failing.length === 0
      ? ''
      : `${failing.map((each) => `Mitigation ${each.name} ${savedText(each)} and does not bound the sort. `).join('')}`;
  if (clean.length > 0)
    return `${failed}${joinWords(clean.map(({ name }) => `Mitigation ${name}`))} ${clean.length === 1 ? 'suffices' : 'suffice'} for the sort: the entry grows with the list at most, and nothing else got longer.`;
  if (bounding.length > 0)
    return `${failed}${bounding.map((each) => `Mitigation ${each.name} bounds the entry and moves the work: ${describeMoved(each)}. `).join('')}None of the three suffices alone.`;
  return `${failed}None of the three suffices.`;
}

export function describeMitigations(data: FindingsData): Chapter {
  const judged = MITIGATIONS.map(([strategy, name]) => judge(data, strategy, name)).filter(
    (each) => each !== undefined,
  );
  const others = OTHERS.map((strategy) => judge(data, strategy, strategy)).filter((each) => each !== undefined);
  const upstream = longestOf(data.reach, FLAVOUR, FLUSH, 'flush')!;
  const at = (strategy: string): number => data.catalogue.strategies.indexOf(strategy);
  const [idle, churn] = ['attack:never-ack', 'attack:priority-churn'].map((guest) => runOf(data, guest));
  const ofGuest = (run: HostileRun | undefined, strategy: string): number | null => stepsAnEntry(run, at(strategy));
  const flagIdle = ofGuest(idle, 'sorted-flag');
  const flagChurn = ofGuest(churn, 'sorted-flag');
  const [upIdle, upChurn] = [ofGuest(idle, FLUSH), ofGuest(churn, FLUSH)];
  const identical = others.filter(
    ({ strategy, flush, moved }) => data.classes[strategy] === 'identical' && isGentle(flush) && moved.length === 0,
  );
  return {
    id: 'mitigations',
    title: 'The three mitigations of the thread',
    verdict: verdictOf(judged),
    blocks: [
      list([
        `Upstream's longest entry at ${formatInteger(data.reach.spis)} SPIs takes ${formatInteger(upstream.steps)} steps, under the guest \`${upstream.guest}\`.`,
        ...judged.map(({ name, strategy, flush, saved, moved, honest, honestUpstream }) => {
          const fate = isGentle(flush)
            ? `bounds the entry to ${formatInteger(flush.steps)} steps`
            : `is defeated by ${describeDefeat(data, strategy)}; the longest entry of any guest tried is ${formatInteger(flush.steps)} steps (\`${flush.guest}\`), ${saved > LITTLE ? `${formatDecimal(100 * saved)} % less than upstream's` : `as upstream's`}`;
          const moves = moved.length === 0 ? '' : `; longer than upstream's became ${describeMoved({ moved })}`;
          return `**Mitigation ${name}**, \`${strategy}\`, ${fate}${moves}. On Linux guests: ${formatDecimal(honest)} steps an entry, ${changeText(honestUpstream, honest)}.`;
        }),
        ...(flagIdle === null || flagChurn === null || upIdle === null || upChurn === null
          ? []
          : [
              flagIdle < 0.9 * upIdle && flagChurn > 0.9 * upChurn
                ? `The flag is worth something against a guest that stands still (\`${idle?.guest}\`: ${formatDecimal(flagIdle)} steps an entry, not ${formatDecimal(upIdle)}) and nothing against one that writes a priority before each entry (\`${churn?.guest}\`: ${formatDecimal(flagChurn)}, upstream ${formatDecimal(upChurn)}; \`${churn?.command}\`).`
                : `Under \`${idle?.guest}\` the flag makes ${formatDecimal(flagIdle)} steps an entry of ${formatDecimal(upIdle)}, under \`${churn?.guest}\` ${formatDecimal(flagChurn)} of ${formatDecimal(upChurn)}.`,
            ]),
        identical.length === 0
          ? 'No strategy that fills the list registers with exactly the words that upstream does bounds the entry without making another path longer.'
          : `What suffices for the sort, word for word as upstream fills the list registers, and makes no other path longer: ${joinWords(identical.map(({ strategy, flush }) => `\`${strategy}\` (${formatInteger(flush.steps)} steps in the longest entry, ${formatShare(flush.steps, upstream.steps)} of upstream's)`))}.`,
      ]),
      {
        kind: 'table',
        table: {
          caption: `Mitigations, ${data.reach.spis} SPIs, ${FLAVOUR}`,
          columns: [
            textColumn('strategy'),
            textColumn('class'),
            numberColumn('longest entry'),
            textColumn('grows'),
            textColumn('under'),
            ...MOVED.map((path) => numberColumn(PATH_WORDS[path])),
            numberColumn('an entry of never-ack'),
            numberColumn('of priority-churn'),
            textColumn('Linux guests'),
          ],
          rowHeads: 1,
          rows: [judge(data, FLUSH, FLUSH), ...judged, ...others]
            .filter((each) => each !== undefined)
            .map(({ strategy, flush, honest, honestUpstream }): TableCell[] => [
              strategy,
              data.classes[strategy],
              flush.steps,
              flush.growth,
              flush.guest,
              ...MOVED.map((path) => longestOf(data.reach, FLAVOUR, strategy, path)?.steps ?? null),
              ...[idle, churn].map((run) => {
                const steps = ofGuest(run, strategy);
                return steps === null ? null : formatDecimal(steps);
              }),
              `${formatDecimal(honest)} (${changeText(honestUpstream, honest)})`,
            ]),
        },
        source: {
          command: `vgic-replay growth --flavour ${FLAVOUR} --strategy ${MITIGATIONS.map(([strategy]) => strategy).join(',')}`,
          of: `guests of the growth gate, of the catalogue and found ones, at ${data.reach.spis} SPIs; \`${idle?.command}\` and \`${churn?.command}\`; ${traceSet(data.recordings.filter(({ kind }) => kind === 'linux-guest'))}`,
        },
      },
      list([`The whole table again: \`${FINDINGS_COMMAND}\`.`]),
    ],
  };
}
