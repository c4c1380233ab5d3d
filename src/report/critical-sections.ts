/** What runs in one go, how long, and whose time it takes; what one instruction of the guest is worth to the host. */
import { formatDecimal, plural } from '../base/number-format.js';
import type { SectionFigures } from '../replay/result.js';
import {
  PAYER_IDS,
  PAYERS,
  quantileAtMost,
  SECTION_IDS,
  type Section as SectionKind,
  sectionNamed,
} from '../replay/sections.js';
import type { Block, Section, Table, TableCell } from './document.js';
import { groupColumns, numberColumn, textColumn } from './document.js';
import type { Facts, StrategyOnTrace, TraceFacts } from './facts.js';
import { findWorstAttack } from './facts.js';
import { groupRuns, nameRuns } from './run-groups.js';

/** Share of the calls behind "at most". */
const RARE = 0.9999;

const INTERRUPTS: Readonly<Record<SectionKind['interrupts'], string>> = {
  off: 'off',
  'off-in-parts': 'off in parts',
  on: 'on (mutex)',
};

/** One row a section, payer and figures; strategies that agree share it. Parts of another section are left out. */
export function sectionTable(trace: TraceFacts): Table {
  const rows: TableCell[][] = [];
  for (const id of SECTION_IDS) {
    const { interrupts, isPartOf } = sectionNamed(id);
    if (isPartOf !== null) continue;
    for (const payer of PAYER_IDS) {
      const find = ({ exact }: StrategyOnTrace): SectionFigures | null =>
        exact.sections.find((figures) => figures.id === id && figures.payer === payer) ?? null;
      const groups = groupRuns(trace.all, find);
      const ran = groups.flatMap(({ runs }) => runs);
      for (const { runs, figures } of groups) {
        const { calls, steps, locks } = figures;
        const names = ran.length === trace.all.length ? nameRuns(runs, trace.all) : nameRuns(runs, ran);
        rows.push([
          id,
          PAYERS[payer][0],
          names,
          INTERRUPTS[interrupts],
          calls,
          steps.max,
          quantileAtMost(steps, RARE),
          locks.max,
          // Calls that are all alike have no shape.
          steps.hist.filter((count) => count > 0).length > 1 ? { bars: steps.hist } : null,
        ]);
      }
    }
  }
  return {
    caption: `Critical sections on ${trace.label}, ${trace.flavour}`,
    columns: [
      textColumn('section'),
      textColumn('who pays'),
      textColumn('strategy'),
      textColumn('interrupts'),
      numberColumn('calls'),
      ...groupColumns('steps', [numberColumn('most'), numberColumn('99.99 % at most')]),
      numberColumn('locks, most'),
      textColumn('calls by steps'),
    ],
    rowHeads: 3,
    rows,
  };
}

/** One row a trace and figures. */
export const amplificationTable = (facts: Facts): Table => ({
  caption: 'Steps of the host for each instruction of the guest',
  columns: [
    textColumn('trace'),
    textColumn('strategy'),
    numberColumn('guest instructions'),
    numberColumn('steps'),
    numberColumn('steps an instruction'),
    numberColumn('dearest instruction, steps'),
    numberColumn('its entry, event'),
  ],
  rowHeads: 2,
  rows: facts.traces.flatMap((trace) =>
    groupRuns(trace.all, ({ exact }) => exact.amplification).map(({ runs, figures }) => {
      const { steps, guestInstructions, worstWindow } = figures;
      return [
        trace.label,
        nameRuns(runs, trace.all),
        guestInstructions,
        steps,
        guestInstructions === 0 ? null : formatDecimal(steps / guestInstructions),
        worstWindow?.steps ?? null,
        worstWindow?.event ?? null,
      ];
    }),
  ),
});

/** Null: no trace has sections. */
export function criticalSection(facts: Facts): Section | null {
  const traces = facts.traces.filter(({ all }) => all.some(({ exact }) => exact.sections.length > 0));
  if (traces.length === 0) return null;
  const shown = findWorstAttack(facts) ?? traces[0];
  const others = traces.filter((trace) => trace !== shown);
  const blocks: Block[] = [
    {
      kind: 'text',
      text:
        'What runs in one go, in steps and in locks, by who pays for it. Where interrupts are off, everything else on that host CPU ' +
        'waits as well, other VMs included. The walks of kvm-6.1 to an LPI by number are sections of their own; those at an exit ' +
        'are in the exit too. Commands of the ITS hold a mutex with interrupts on. “99.99 % at most” is the upper end of a ' +
        'power-of-two bucket.',
    },
    {
      kind: 'terms',
      terms: [
        ...SECTION_IDS.filter((id) => sectionNamed(id).isPartOf === null).map(
          (id) => [id, sectionNamed(id).title] as const,
        ),
        ...PAYER_IDS.map((payer) => PAYERS[payer]),
      ],
    },
    { kind: 'table', table: sectionTable(shown) },
  ];
  if (others.length > 0)
    blocks.push({
      kind: 'details',
      summary: `Critical sections on the other ${plural(others.length, 'trace')}`,
      blocks: others.map((trace): Block => ({ kind: 'table', table: sectionTable(trace) })),
    });
  blocks.push(
    {
      kind: 'text',
      text:
        'An instruction is one access to a register, to memory or to the CPU interface, or WFI; an ITS command that a trace does not ' +
        'hold as memory writes counts four. The dearest one is the exit, the access and the entry that it caused. A register write ' +
        'that a trace tells once an interrupt counts once an interrupt, so the figures are lower bounds there.',
    },
    { kind: 'table', table: amplificationTable(facts) },
  );
  return { id: 'critical-sections', title: 'Critical sections, and who pays', short: 'Critical sections', blocks };
}
