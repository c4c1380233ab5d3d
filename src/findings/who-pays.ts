/** Chapter: whose time a hostile guest takes, and what strategies that are fast but wrong do to an honest one. */
import { formatInteger, formatShare, joinWords } from '../base/number-format.js';
import { PAYER_IDS, PAYERS } from '../replay/sections.js';
import { numberColumn, type TableCell, textColumn } from '../report/document.js';
import { LPIS, longestStretch } from './catalogue.js';
import { type Chapter, FINDINGS_COMMAND, list } from './chapter.js';
import type { FindingsData } from './data.js';
import { HARM_GUEST, type StrategyHarm } from './guest-harm.js';
import { FLUSH, INSERT } from './sort-cost.js';

const FLAVOUR = 'kvm-6.1';

/** The longest stretch that somebody pays for, over all guests; LPI lookups are not the strategy's. */
const paidBy = ({ catalogue }: FindingsData, strategy: string, payer: string) =>
  longestStretch(
    catalogue,
    FLAVOUR,
    strategy,
    (stretch) =>
      stretch.payer === payer && ['append', 'key-change', 'flush', 'exit', 'pending-test'].includes(stretch.section),
  );

const isHarmful = ({ longestPassed }: StrategyHarm): boolean => longestPassed > 0;

export function describeWhoPays(data: FindingsData): Chapter {
  const { harm, classes } = data;
  const strategies = data.strategies.filter((strategy) => paidBy(data, strategy, 'own') !== undefined);
  const others = [FLUSH, INSERT].map(
    (strategy) =>
      ['host', 'other-vcpu']
        .map((payer) => paidBy(data, strategy, payer))
        .filter((stretch) => stretch !== undefined)
        .sort((a, b) => b.steps - a.steps)[0],
  );
  const [upstream, insert] = others.map((stretch) => stretch?.steps ?? 0);
  const [upstreamUnder, insertUnder] = others.map((stretch) =>
    stretch === undefined ? 'no guest' : `\`${stretch.run.guest}\`, ${stretch.section}`,
  );
  const harmful = harm.filter(isHarmful);
  const sound = harm.filter((each) => !isHarmful(each));
  const worstHarm = [...harmful].sort((a, b) => b.longestPassed - a.longestPassed)[0];
  return {
    id: 'who-pays',
    title: 'Who pays',
    verdict: `${insert > upstream ? `Sorting on insertion moves the work to whoever injects: the longest injection or register write that a device or another vCPU pays for takes ${formatInteger(insert)} steps with interrupts off (${insertUnder}), ${formatInteger(upstream)} under upstream (${upstreamUnder})` : `Sorting on insertion costs nobody else more: ${formatInteger(insert)} steps at most`}. ${worstHarm === undefined ? 'No strategy kept an urgent interrupt waiting behind a less urgent one.' : `Strategies that are short because they do not rank make the guest pay: under \`${worstHarm.strategy}\` an urgent interrupt is passed by less urgent ones at ${formatInteger(worstHarm.longestPassed)} entries on end.`}`,
    blocks: [
      list([
        "Entry, exit and the pending test are the guest's own time slice; they hurt the interrupt latency of whatever else lives on that CPU, and are billed to the guest. An injection is the time of a device's interrupt handler, another vCPU or the host; the lock of the list is held, so others wait.",
        ...PAYER_IDS.map((id) => `*${PAYERS[id][0]}*: ${PAYERS[id][1]}.`),
        ...(sound.length === 0
          ? []
          : [`No inversion at all under ${joinWords(sound.map(({ strategy }) => `\`${strategy}\``))}.`]),
      ]),
      {
        kind: 'table',
        table: {
          caption: `Longest stretch by who pays, over all hostile guests of the catalogue and found ones (${FLAVOUR}), with up to ${formatInteger(LPIS)} LPIs; LPI lookups apart`,
          columns: [
            textColumn('strategy'),
            ...PAYER_IDS.flatMap((id) => [numberColumn(PAYERS[id][0]), textColumn('under')]),
          ],
          rowHeads: 1,
          rows: strategies.map((strategy): TableCell[] => [
            strategy,
            ...PAYER_IDS.flatMap((id): TableCell[] => {
              const worst = paidBy(data, strategy, id);
              return [worst?.steps ?? null, worst === undefined ? null : worst.run.guest];
            }),
          ]),
        },
        source: {
          command: FINDINGS_COMMAND,
          of: 'the guests of chapter 3, whose tables have the command of each',
        },
      },
      {
        kind: 'table',
        table: {
          caption: 'What an honest guest that is behind gets to feel',
          columns: [
            textColumn('strategy'),
            textColumn('class'),
            textColumn('entries with an inversion'),
            ...['longest wait (entries)', 'of these passed by a less urgent one', 'lost'].map(numberColumn),
          ],
          rowHeads: 1,
          rows: harm.map(({ strategy, invertedEntries, entries, longestWait, longestPassed, lost }): TableCell[] => [
            strategy,
            classes[strategy],
            formatShare(invertedEntries, entries),
            longestWait,
            longestPassed,
            lost,
          ]),
        },
        source: { command: FINDINGS_COMMAND, of: `${HARM_GUEST} (src/findings/guest-harm.ts)` },
      },
    ],
  };
}
