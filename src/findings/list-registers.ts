/** Chapter: how many list registers real guests use, and how long their lists are. */
import { formatInteger, formatShare, joinWords, plural } from '../base/number-format.js';
import { numberColumn, type TableCell, textColumn } from '../report/document.js';
import { drawShareBars } from './bars.js';
import { type Chapter, FINDINGS_COMMAND, list, shortHash, text } from './chapter.js';
import { RECORDING_KINDS, type RecordedEntries, type RecordingKind } from './recording.js';
import { traceSet } from './trace-set.js';

/** The list registers of most machines, and of which the thread says that fewer are used. */
const USUAL_LRS = 4;
/** Contents of list registers are recorded at this level; below it nothing is said about them. */
const LR_FIDELITY = 3;

export const KIND_NAMES: Readonly<Record<RecordingKind, string>> = {
  'linux-guest': 'Linux guests',
  other: 'bare-metal guests that behave, or do anything',
  attack: 'bare-metal guests that attack',
};

/** Sums over recordings. */
interface Totals {
  readonly entries: number;
  /** Entries with fewer LRs in use than machines usually have. */
  readonly few: number;
  /** Entries with a list longer than the LRs. */
  readonly longer: number;
  readonly sorts: number;
  readonly deepest: number;
}

export const longerThanLrs = ({ depths, nrLr }: RecordedEntries): number =>
  depths.reduce((sum, [depth, entries]) => sum + (depth > nrLr ? entries : 0), 0);

const deepestOf = ({ depths }: RecordedEntries): number => depths.at(-1)?.[0] ?? 0;

export function totalsOf(recordings: readonly RecordedEntries[]): Totals {
  const sum = (of: (recording: RecordedEntries) => number): number =>
    recordings.reduce((total, recording) => total + of(recording), 0);
  return {
    entries: sum(({ entries }) => entries),
    few: sum(({ usedLrs }) => usedLrs.slice(0, USUAL_LRS).reduce((all, entries) => all + entries, 0)),
    longer: sum(longerThanLrs),
    sorts: sum(({ sorts }) => sorts),
    deepest: Math.max(0, ...recordings.map(deepestOf)),
  };
}

/** Smallest depth that at least this share of entries does not exceed. */
function depthQuantile({ depths, entries }: RecordedEntries, p: number): number {
  let seen = 0;
  for (const [depth, count] of depths) {
    seen += count;
    if (seen >= p * entries) return depth;
  }
  return 0;
}

const COLOURS = ['#dfe6ee', '#b9cfe6', '#82aad4', '#4a7fb8', '#1a4f8b', '#d97a1b'];

/** Entries with 0, 1, 2, 3 LRs in use, with more and a list that fits, and with a list that does not. */
function partsOf(recording: RecordedEntries): number[] {
  const longer = longerThanLrs(recording);
  const few = recording.usedLrs.slice(0, USUAL_LRS);
  const rest = recording.entries - few.reduce((sum, entries) => sum + entries, 0);
  return [...few, Math.max(0, rest - longer), longer];
}

function verdictOf(linux: Totals, nrLinux: number, attack: Totals): string {
  const holds = linux.few >= 0.99 * linux.entries;
  const claim = holds
    ? 'The upstream author is right about honest guests'
    : linux.few >= 0.9 * linux.entries
      ? 'The upstream author is mostly right about honest guests'
      : 'Honest guests use more list registers than the upstream author says';
  const attackers =
    attack.longer > 0.1 * attack.entries
      ? `And the reviewer is right about the others: where the guest attacks, ${formatShare(attack.longer, attack.entries)} of entries find more than the list registers hold, up to ${formatInteger(attack.deepest)} interrupts on one list.`
      : `The recorded attacks exceed the list registers at ${formatShare(attack.longer, attack.entries)} of entries, up to ${formatInteger(attack.deepest)} interrupts on one list.`;
  return `${claim}: in ${plural(nrLinux, 'recorded Linux guest')} fewer than ${USUAL_LRS} list registers are in use at ${formatShare(linux.few, linux.entries)} of ${formatInteger(linux.entries)} entries, and the list is ${linux.longer === 0 ? 'never longer than the list registers' : `longer than the list registers at ${formatShare(linux.longer, linux.entries)}`}. ${attackers}`;
}

export function describeListRegisters(all: readonly RecordedEntries[]): Chapter {
  const recordings = all.filter(({ fidelity }) => fidelity >= LR_FIDELITY);
  const left = all.length - recordings.length;
  const byKind = RECORDING_KINDS.map((kind) => recordings.filter((recording) => recording.kind === kind));
  const [linux, , attack] = byKind.map(totalsOf);
  const source = traceSet(recordings);
  const deepest = [...byKind[0]].sort((a, b) => deepestOf(b) - deepestOf(a));
  const sortingLinux = byKind[0].filter(({ sorts }) => sorts > 0);
  return {
    id: 'list-registers',
    title: 'How many list registers real guests use',
    verdict: verdictOf(linux, byKind[0].length, attack),
    blocks: [
      list([
        `All ${plural(recordings.length, 'recording')} of fidelity level ${LR_FIDELITY} count, which have the list registers themselves.${left === 0 ? '' : ` ${plural(left, 'recording')} of a lower level ${left === 1 ? 'is' : 'are'} left out: nothing is recorded there of what the guest took.`} They were made on machines with ${joinWords([...new Set(recordings.map(({ nrLr }) => nrLr))].map((nrLr) => `${nrLr} list registers`))}, under emulation: which interrupts came is real, when they came is the emulator's speed.`,
        linux.sorts === 0
          ? 'No Linux guest ever made upstream sort.'
          : `Upstream sorted at ${formatInteger(linux.sorts)} of ${formatInteger(linux.entries)} entries of Linux guests (${formatShare(linux.sorts, linux.entries)}), all of them in ${joinWords(sortingLinux.map(({ name }) => name))}.`,
        ...(deepest.length > 0
          ? [
              `The longest list of a Linux guest had ${formatInteger(deepestOf(deepest[0]))} interrupts (${deepest[0].name}, ${plural(deepest[0].vcpus, 'vCPU')}).`,
            ]
          : []),
      ]),
      {
        kind: 'figure',
        id: 'list-registers',
        title: 'List registers in use at guest entry',
        alt: `One bar a recording: shares of entries with 0 to 3 list registers in use, with more, and with a list longer than the list registers. ${recordings.map((recording) => `${recording.name} ${formatShare(longerThanLrs(recording), recording.entries)}`).join(', ')} have longer lists.`,
        svg: drawShareBars({
          title: 'List registers in use at guest entry',
          parts: ['0', '1', '2', '3', '4 or more', 'list longer than the list registers'].map((name, at) => ({
            name,
            colour: COLOURS[at],
          })),
          noteHead: 'longest list',
          rows: byKind.flatMap((group) =>
            group.map((recording, row) => ({
              name: recording.name,
              counts: partsOf(recording),
              note: formatInteger(deepestOf(recording)),
              head: row === 0 ? KIND_NAMES[recording.kind] : null,
            })),
          ),
        }),
        source: { command: FINDINGS_COMMAND, of: source },
      },
      {
        kind: 'table',
        table: {
          caption: 'Entries by list registers in use and by list length',
          columns: [
            textColumn('recording'),
            textColumn('sha256'),
            ...['entries', 'LRs', 'fewer than 4 in use', 'list longer than LRs', 'sorted'].map(numberColumn),
            ...['depth p99', 'p99.9', 'longest'].map(numberColumn),
          ],
          rowHeads: 1,
          rows: byKind.flatMap((group, at) => [
            ...group.map((recording): TableCell[] => {
              const { few, longer } = totalsOf([recording]);
              const { name, sha256, entries, nrLr, sorts } = recording;
              return [
                name,
                { mono: shortHash(sha256) },
                entries,
                nrLr,
                formatShare(few, entries),
                formatShare(longer, entries),
                formatShare(sorts, entries),
                depthQuantile(recording, 0.99),
                depthQuantile(recording, 0.999),
                deepestOf(recording),
              ];
            }),
            totalRow(`all ${KIND_NAMES[RECORDING_KINDS[at]]}`, group),
          ]),
        },
        source: { command: 'vgic-replay replay traces/recorded/<recording>.vgt -r json', of: source },
      },
      text(
        'A list can be sorted and still fit: a GICv2 SGI with several senders counts once a sender. And it can be longer than the list registers and not be sorted: kvm-6.1 counts only what is pending or active.',
      ),
    ],
  };
}

function totalRow(name: string, group: readonly RecordedEntries[]): TableCell[] {
  const { entries, few, longer, sorts, deepest } = totalsOf(group);
  return [
    name,
    null,
    entries,
    null,
    formatShare(few, entries),
    formatShare(longer, entries),
    formatShare(sorts, entries),
    null,
    null,
    deepest,
  ];
}
