/** Chapter: prune, migration and the pending check, which no order of the list helps. */
import { formatInteger, joinWords } from '../base/number-format.js';
import { numberColumn, type TableCell, textColumn } from '../report/document.js';
import type { HostileRun, Stretch } from './catalogue.js';
import { type Chapter, FINDINGS_COMMAND, list } from './chapter.js';
import { type FindingsData, keepsOrder } from './data.js';
import { runOf } from './mitigations.js';
import { longestOf } from './reach.js';
import { FLUSH } from './sort-cost.js';

/** A guest, the section that it makes long, and what happens there. */
const CASES: readonly (readonly [guest: string, section: string, what: string])[] = [
  ['attack:affinity-ping-pong', 'exit', 'half of the interrupts retargeted: each leaves and the scan begins again'],
  ['attack:enable-toggle', 'exit', 'all interrupts disabled while the vCPU runs: its exit takes them out'],
  ['attack:never-ack', 'exit', 'nothing leaves: the exit looks at all of them'],
  ['attack:park-below-pmr', 'pending-test', 'all masked: a waiting vCPU looks at all of them'],
  ['attack:dist-toggle', 'dist-enable-all', 'distributor switched on: one pending test a vCPU'],
  ['attack:lpis-toggle', 'lpis-off', 'EnableLPIs 1 to 0: the LPIs leave the list'],
];
const COLUMNS = [FLUSH, 'sort-on-insert', 'hybrid', 'counting-sort', 'top-k', 'buckets'];

interface Case {
  readonly run: HostileRun;
  readonly stretch: Stretch;
  readonly section: string;
  readonly what: string;
}

export function casesOf(data: FindingsData): Case[] {
  return CASES.flatMap(([guest, section, what]): Case[] => {
    const run = runOf(data, guest);
    const of = run?.stretches.filter((stretch) => stretch.section === section) ?? [];
    // The payer whose stretch is the longest.
    const stretch = of.sort((a, b) => (b.steps[0] ?? 0) - (a.steps[0] ?? 0))[0];
    return run === undefined || stretch === undefined ? [] : [{ run, stretch, section, what }];
  });
}

/** Strategies that keep one list and present what the reference does. */
function listStrategies(data: FindingsData): number[] {
  return data.catalogue.strategies.flatMap((strategy, at) =>
    strategy !== 'buckets' && keepsOrder(data, strategy) ? [at] : [],
  );
}

export function describeUnsortable(data: FindingsData): Chapter {
  const cases = casesOf(data);
  const lists = listStrategies(data);
  const { strategies } = data.catalogue;
  const buckets = strategies.indexOf('buckets');
  const [pingPong] = cases;
  const range = lists.map((at) => pingPong.stretch.steps[at]).filter((steps): steps is number => steps !== null);
  const locks = pingPong.stretch.locks[strategies.indexOf(FLUSH)];
  const [least, most] = [Math.min(...range), Math.max(...range)];
  const sort = longestOf(data.reach, 'kvm-6.1', FLUSH, 'flush');
  const bucketed = pingPong.stretch.steps[buckets];
  const spread = most <= 1.05 * least;
  const still = cases.filter(
    ({ stretch }) => (stretch.steps[buckets] ?? 0) >= 0.5 * (stretch.steps[strategies.indexOf(FLUSH)] ?? 0),
  );
  const helped = cases.filter((each) => !still.includes(each));
  return {
    id: 'unsortable',
    title: 'Prune, migration and the pending check',
    verdict: `${spread ? 'No order of the list helps here' : 'The order of the list helps little here'}: a guest that retargets half of its interrupts makes one exit of ${formatInteger(least)}${most === least ? '' : ` to ${formatInteger(most)}`} steps under every strategy that keeps one list (upstream: ${formatInteger(locks ?? 0)} locks)${bucketed === null ? '' : `; under \`buckets\` of ${formatInteger(bucketed)}`}.${sort === undefined || sort.steps >= least ? '' : ` The longest sort that a guest without LPIs causes is of ${formatInteger(sort.steps)}.`}`,
    blocks: [
      list([
        'Upstream scans the list again from its head after each interrupt that moves, since the lock of the list is dropped for it: m interrupts that move behind as many that stay cost m times the list. Whoever bounds the sort alone leaves that.',
        ...(helped.length === 0
          ? []
          : [
              `What helps is to look only at what changed: an interrupt that is retargeted, disabled or taken is noted by whoever did it, and the exit visits these alone. \`buckets\` is the example: ${joinWords(helped.map(({ run, section, stretch }) => `${run.guest} ${section} ${formatInteger(stretch.steps[buckets] ?? 0)} instead of ${formatInteger(stretch.steps[strategies.indexOf(FLUSH)] ?? 0)}`))}.`,
            ]),
        ...(still.length === 0
          ? []
          : [
              `Still long under \`buckets\`: ${joinWords(still.map(({ run, section, stretch, what }) => `${run.guest} ${section}, ${formatInteger(stretch.steps[buckets] ?? 0)} steps (${what})`))}. Where the work is one visit for each interrupt that the guest moved or took out since the last exit, the guest paid for each with a register write; it cannot be less than linear in one go, only cut into pieces between which interrupts are on.`,
            ]),
      ]),
      {
        kind: 'table',
        table: {
          caption: 'Longest stretch in steps, kvm-6.1',
          columns: [
            textColumn('guest'),
            textColumn('section'),
            textColumn('what happens'),
            ...COLUMNS.map(numberColumn),
            numberColumn('locks, upstream'),
            textColumn('command'),
          ],
          rowHeads: 2,
          rows: cases.map(({ run, stretch, section, what }): TableCell[] => [
            run.guest,
            section,
            what,
            ...COLUMNS.map((strategy) => stretch.steps[strategies.indexOf(strategy)] ?? null),
            stretch.locks[strategies.indexOf(FLUSH)],
            { code: run.command },
          ]),
        },
        source: { command: FINDINGS_COMMAND, of: 'the guest of each row, its size in its command' },
      },
    ],
  };
}
