/** Thread 002, level-triggered mapped interrupts: does a guest that misconfigures the trigger reach beyond itself? */
import { formatInteger } from '../base/number-format.js';
import {
  countSequences,
  exploreMapped,
  hostInterruptsPerGuestStep,
  type MappedGraph,
  type SequenceCounts,
  shortestTo,
} from './mapped-graph.js';
import { createMappedMachine, type MappedSetUp, type Trigger } from './mapped-machine.js';
import { mergeRows } from './merged-rows.js';
import type { Study, StudyCell, StudyKind, StudyTable } from './study.js';

const FLAVOURS = ['kvm-6.1', 'kvm-7.2', 'xen-new'];
const TRIGGERS: readonly Trigger[] = ['level', 'edge'];
/** Steps of the longest sequences that are counted; what is said of the host holds for any number. */
const LENGTH = 12;

interface Cell {
  readonly setUp: MappedSetUp;
  readonly graph: MappedGraph;
  readonly counts: SequenceCounts;
  readonly hostInterrupts: number | undefined;
  readonly losing: readonly string[] | undefined;
}

/** Xen has no SW_RESAMPLE. */
const setUps: readonly MappedSetUp[] = TRIGGERS.flatMap((physical) =>
  TRIGGERS.flatMap((virtual) =>
    [false, true].flatMap((swResample) =>
      FLAVOURS.filter((id) => !swResample || id.startsWith('kvm')).map((flavour) => ({
        flavour,
        physical,
        virtual,
        swResample,
      })),
    ),
  ),
);

/** `tampers`: the guest may write any register that reaches the interrupt, not only switch it on and off. */
function computeCell(setUp: MappedSetUp, tampers: boolean): Cell {
  const graph = exploreMapped(createMappedMachine(setUp), ({ isTampering }) => tampers || !isTampering);
  return {
    setUp,
    graph,
    counts: countSequences(graph, LENGTH),
    hostInterrupts: hostInterruptsPerGuestStep(graph),
    losing: shortestTo(graph, ({ isLost }) => isLost),
  };
}

const mappingOf = ({ swResample }: MappedSetUp): string => (swResample ? 'SW_RESAMPLE' : 'HW bit');

const FIGURES = [
  'states',
  `sequences of up to ${LENGTH} steps`,
  'lost',
  'spurious',
  'active for good',
  'extra host interrupts a guest step',
  'other host state changed',
  'shortest sequence that loses one',
];

const figuresOf = ({ graph, counts, hostInterrupts, losing }: Cell): StudyCell[] => [
  graph.states.length,
  counts.all,
  counts.lost,
  counts.spurious,
  counts.stuck,
  hostInterrupts ?? null,
  graph.touchedElsewhere,
  losing?.join(', ') ?? null,
];

const kept = (cells: readonly Cell[]): StudyTable => ({
  caption:
    'A guest that keeps its trigger: device, host, entries and exits, acknowledge, end, disable and enable in any order',
  columns: ['physical', 'virtual', 'mapping', 'flavour', ...FIGURES],
  rowHeads: 4,
  rows: mergeRows(
    cells.map((cell) => [
      cell.setUp.physical,
      cell.setUp.virtual,
      mappingOf(cell.setUp),
      cell.setUp.flavour,
      ...figuresOf(cell),
    ]),
    3,
  ),
});

const tampered = (cells: readonly Cell[]): StudyTable => ({
  caption:
    'A guest that may write ICFGR, ISPENDR, ICPENDR, ISACTIVER and ICACTIVER too, at any time: what it loses it has done to itself',
  columns: ['physical', 'mapping', 'flavour', ...FIGURES],
  rowHeads: 3,
  rows: mergeRows(
    cells.map((cell) => [cell.setUp.physical, mappingOf(cell.setUp), cell.setUp.flavour, ...figuresOf(cell)]),
    2,
  ),
});

/** Set-ups with the flavours that have them. */
function nameSides(cells: readonly Cell[]): string {
  const flavoursOf = new Map<string, string[]>();
  for (const { setUp } of cells) {
    const sides = `physical ${setUp.physical} and virtual ${setUp.virtual} with ${mappingOf(setUp)}`;
    flavoursOf.set(sides, [...(flavoursOf.get(sides) ?? []), setUp.flavour]);
  }
  return [...flavoursOf].map(([sides, flavours]) => `${sides} (${flavours.join(', ')})`).join('; ');
}

/** What no cell may do to the host, over all of them. */
export function judgeHost(cells: readonly Cell[]): { readonly touched: number; readonly worst: number | undefined } {
  const touched = cells.reduce((sum, { graph }) => sum + graph.touchedElsewhere, 0);
  const bounds = cells.map(({ hostInterrupts }) => hostInterrupts);
  const worst = bounds.includes(undefined) ? undefined : Math.max(...bounds.map((bound) => bound ?? 0));
  return { touched, worst };
}

function answer(keeping: readonly Cell[], tampering: readonly Cell[]): readonly [string, string] {
  const all = [...keeping, ...tampering];
  const { touched, worst } = judgeHost(all);
  const nrStates = all.reduce((sum, { graph }) => sum + graph.states.length, 0);
  const nrSteps = all.reduce((sum, { graph }) => sum + graph.states.reduce((n, { edges }) => n + edges.length, 0), 0);
  const reaches = touched > 0 || worst === undefined;
  const bound = worst === undefined ? 'without a small bound' : `at most ${worst} more a step of the guest`;
  const losing = keeping.filter(({ counts }) => counts.lost > 0);
  const matching = losing.filter(({ setUp }) => setUp.physical === setUp.virtual);
  return [
    `${reaches ? 'Yes' : 'No'}: ${formatInteger(touched)} of ${formatInteger(nrSteps)} steps in ${formatInteger(nrStates)} states of ${all.length} set-ups (flavour, both triggers, how it is mapped) change a host interrupt other than the guest’s own, and the host takes what the device raises and ${bound}, in sequences of any length.`,
    `It is the guest that loses interrupts: in ${losing.length} of ${keeping.length} set-ups although it does no more than acknowledge, end, disable and enable, in ${matching.length} of them with the trigger of the device${matching.length === 0 ? '' : `: ${nameSides(matching)}`}.`,
  ];
}

export const mappedStudy: StudyKind = {
  id: 'mapped',
  title: 'Mapped interrupts: triggers that do not match',
  run(): Study {
    const keeping = setUps.map((setUp) => computeCell(setUp, false));
    // The guest changes its trigger itself, so it may start with the right one.
    const tampering = setUps
      .filter(({ physical, virtual }) => physical === virtual)
      .map((setUp) => computeCell(setUp, true));
    return {
      id: 'mapped',
      title: 'Mapped interrupts: triggers that do not match',
      topic: 'Mapped interrupts with the wrong trigger: does a guest reach beyond itself?',
      thread: 'KVM: arm/arm64: vgic: Support level-triggered mapped interrupts (RFC, 2017)',
      question:
        'The guest owns the trigger of a mapped interrupt and the host owns the physical one: does a guest that misconfigures it ever reach beyond itself?',
      answer: answer(keeping, tampering),
      chart: null,
      tables: [kept(keeping), tampered(tampering)],
      limits: [
        'Lost: the device is not served although from then on the interrupt is enabled, the host takes it, the vCPU runs, and the guest acknowledges, serves the device and ends.',
        'Extra host interrupts a guest step: the least n for which the host never takes more than the device has raised plus n for each step of the guest.',
        'Spurious: the guest acknowledges and the device, at that moment, asks for nothing.',
        'What a row loses follows from the text of the specification; none of it has been reproduced on a compiled hypervisor.',
        `Sequences are counted up to ${LENGTH} steps; the other columns hold for any number, because every state that can be reached was visited.`,
        'One interrupt of one vCPU, with registers written by another vCPU at any time; the host leaves the physical trigger alone, also in Xen, which may let a domain set it.',
        'SW_RESAMPLE is a flag of the operations that an interrupt’s owner registers, which is done for the timers, whose physical trigger is level: its rows with a physical edge show what the rules would do.',
        'In Xen the host interrupt is masked while the guest has it disabled; KVM never masks it.',
      ],
    };
  },
};
