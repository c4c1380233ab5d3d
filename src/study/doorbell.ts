/** The second thread: must the doorbell handler kick, or is a wake-up enough, and may it look at the ap_list? */

import { formatInteger } from '../base/number-format.js';
import type { Exploration } from '../explore/index.js';
import { doorbellLock } from '../explore/models/doorbell-lock.js';
import { doorbellWake } from '../explore/models/doorbell-wake.js';
import type { DoorbellOptions } from '../vgic/doorbell/doorbell.js';
import type { Vgic } from '../vgic/vgic.js';
import { countHalts, createTurns, HALTS, type HaltCounts, type HaltVariant } from './doorbell-halts.js';
import { countHandlerSteps, fateOf, MOMENTS } from './doorbell-handler.js';
import { createDoorbellMachine } from './doorbell-machine.js';
import { explore, exploredTable } from './explored.js';
import type { Study, StudyCell, StudyChart, StudyKind, StudyTable } from './study.js';

const DEPTHS = [1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024];
const VERSIONS = [40, 41] as const;
const RATES = [0, 10, 100];

const upstream = (version: 40 | 41): DoorbellOptions => ({ version, handler: 'pending-last', notify: 'kick' });
const nameOf = (version: 40 | 41): string => `GICv${(version / 10).toFixed(1)}`;

const VARIANTS: readonly (readonly [string, HaltVariant])[] = [
  ['no GICv4', null],
  [nameOf(40), upstream(40)],
  [nameOf(41), upstream(41)],
  ['GICv4.1, pending test first', { ...upstream(41), handler: 'pending-test-first' }],
];

function costTable(found: readonly (readonly [string, HaltCounts])[]): StudyTable {
  const lines: readonly (readonly [string, keyof HaltCounts])[] = [
    ['arrivals of LPIs', 'arrivals'],
    ['of them delivered by hardware to a running guest', 'direct'],
    ['doorbells', 'doorbells'],
    ['of them not passed on: the list held something', 'skipped'],
    ['and that while the vCPU slept', 'skippedBlocked'],
    ['injections by software', 'injections'],
    ['kicks', 'kicks'],
    ['wake-ups', 'wakeups'],
    ['IPIs to a running vCPU', 'ipis'],
    ['guest entries', 'entries'],
    ['disables and enables of the doorbell interrupt', 'masks'],
    ['read-backs of PendingLast', 'readBacks'],
    ['vpe_lock', 'vpeLocks'],
    ['irq_lock and ap_list_lock', 'vgicLocks'],
    ['steps of the vGIC', 'steps'],
    ['steps of the handler', 'handlerSteps'],
    ['waits refused', 'refused'],
    ['spurious wake-ups', 'spurious'],
    ['waits never ended', 'asleep'],
  ];
  return {
    caption: `What ${formatInteger(HALTS)} waits cost: the same arrivals while the guest runs, is scheduled out, falls asleep and sleeps`,
    columns: ['counted', ...found.map(([name]) => name)],
    rowHeads: 1,
    rows: lines.map(([name, key]) => [name, ...found.map(([, counts]) => counts[key])]),
  };
}

/** How often a return from WFI finds nothing, by how vague PendingLast is and by how often the guest masks what comes. */
function spuriousTable(vgic: Vgic, seed: number): StudyTable {
  const rows: StudyCell[][] = [];
  for (const closed of [0, 100]) {
    for (const maybe of RATES) {
      const turns = createTurns(seed, { maybe, closed });
      for (const [name, variant] of VARIANTS.slice(0, 3)) {
        if (variant === null && maybe !== RATES[0]) continue;
        const { spurious, refused, halts, doorbells } = countHalts(vgic, variant, turns);
        rows.push([
          name,
          variant === null ? null : maybe,
          closed,
          doorbells,
          refused,
          spurious,
          Math.round((1000 * spurious) / halts) / 10,
        ]);
      }
    }
  }
  return {
    caption: 'Spurious wake-ups: PendingLast 1 means maybe, and the pending test does not ask the PMR of virtual LPIs',
    columns: [
      'variant',
      'PendingLast 1 for nothing, of 1,000',
      'waits with PMR closed, of 1,000',
      'doorbells',
      'waits refused',
      'spurious',
      '% of the waits',
    ],
    rowHeads: 3,
    rows,
  };
}

interface FateTable {
  readonly table: StudyTable;
  /** By GIC, in the order of VERSIONS: moments that leave the vCPU asleep, with the wake-up alone and with the kick. */
  readonly wakeOnly: readonly number[];
  readonly kick: readonly number[];
}

function fateTable(vgic: Vgic): FateTable {
  const wakeOnly = VERSIONS.map(() => 0);
  const kick = VERSIONS.map(() => 0);
  const rows = VERSIONS.flatMap((version, at) =>
    MOMENTS.map(({ id, name }) => {
      const kicked = fateOf(vgic, upstream(version), id);
      const woken = fateOf(vgic, { ...upstream(version), notify: 'wake-only' }, id);
      const asked = fateOf(vgic, { ...upstream(version), handler: 'pending-test-first' }, id);
      if (kicked.isAsleep) kick[at]++;
      if (woken.isAsleep) wakeOnly[at]++;
      const words = [kicked, woken, asked].map(({ isAsleep, by }) => (isAsleep ? 'asleep for ever' : `awake: ${by}`));
      return [nameOf(version), name, ...words];
    }),
  );
  const table: StudyTable = {
    caption: 'One virtual LPI at each moment of a wait: what the vCPU does then, by what the handler does',
    columns: ['GIC', 'the doorbell falls', 'request and kick', 'wake-up alone', 'pending test first, then kick'],
    rowHeads: 2,
    rows,
  };
  return { table, wakeOnly, kick };
}

interface HandlerCurves {
  readonly first: readonly number[];
  readonly upstream: readonly number[];
}

function handlerChart({ first, upstream: last }: HandlerCurves): StudyChart {
  const end = DEPTHS.length - 1;
  return {
    id: 'doorbell-handler',
    title: 'Steps of the doorbell handler in interrupt context, by length of the list',
    finding: `With ${formatInteger(DEPTHS[end])} interrupts parked on the list the handler that asks the pending test takes ${formatInteger(first[end])} steps, the one that only sets pending_last ${formatInteger(last[end])}.`,
    xAxis: 'entries on the list, none deliverable',
    yAxis: 'steps',
    xs: DEPTHS,
    series: [
      { name: 'pending test first', values: first },
      { name: 'pending_last (upstream)', values: last },
    ],
  };
}

/** "4 of 12 executions": those of a variant that fail. */
function failuresOf(explored: readonly Exploration[], name: string): string {
  const found = explored.find(({ variant }) => variant === name);
  if (found === undefined) throw new RangeError(`no variant ${name}`);
  const { failing, executions } = found;
  if (failing === null || executions === null) throw new RangeError(`executions of ${name} are not counted`);
  return `${formatInteger(failing)} of ${formatInteger(executions)}`;
}

function answer(
  curves: HandlerCurves,
  { wakeOnly, kick }: FateTable,
  asking: HaltCounts,
  explored: readonly Exploration[],
): [string, string] {
  const end = DEPTHS.length - 1;
  const { skipped, skippedBlocked, doorbells } = asking;
  const failures = (variant: string): string => failuresOf(explored, variant);
  return [
    `On GICv4.0 it must kick: with a wake-up alone the vCPU sleeps for ever at ${wakeOnly[0]} of ${MOMENTS.length} moments at which the doorbell may fall (between the read-back of PendingLast and its store, which only the request survives), with request and kick at ${kick[0]}; on GICv4.1 a wake-up alone leaves it asleep at ${wakeOnly[1]} of ${MOMENTS.length}, but it needs a full barrier behind pending_last: with smp_wmb ${failures('p1-if')} executions lose the wake-up, with smp_mb ${failures('p1-if-mb')}, with the request and the barrier of the kick ${failures('p3')}.`,
    `It should not ask the pending test: if the list lock is taken with interrupts on, that deadlocks in ${failures('irqs-on-test')} interleavings (${failures('irqs-off-test')} with interrupts off); with ${formatInteger(DEPTHS[end])} interrupts parked it takes ${formatInteger(curves.first[end])} steps in interrupt context against ${formatInteger(curves.upstream[end])}; and it is of no use, since ${formatInteger(skipped)} of ${formatInteger(doorbells)} doorbells found an interrupt on the list, ${skippedBlocked} of them with the vCPU asleep.`,
  ];
}

export const doorbellStudy: StudyKind = {
  id: 'doorbell',
  title: 'GICv4 doorbells',
  run({ seed }): Study {
    const vgic = createDoorbellMachine();
    const turns = createTurns(seed, { maybe: 0, closed: 0 });
    const found = VARIANTS.map(([name, variant]) => [name, countHalts(vgic, variant, turns)] as const);
    const curves: HandlerCurves = {
      first: DEPTHS.map((depth) => countHandlerSteps(vgic, 'pending-test-first', depth)),
      upstream: DEPTHS.map((depth) => countHandlerSteps(vgic, 'pending-last', depth)),
    };
    const fates = fateTable(vgic);
    const explored = explore([doorbellLock, doorbellWake]);
    return {
      id: doorbellStudy.id,
      title: doorbellStudy.title,
      topic: 'GICv4 doorbells: is a wake-up enough?',
      thread: '[PATCH v3 51/59] KVM: arm/arm64: GICv4: Add doorbell interrupt handling',
      question: 'Must the doorbell handler kick, or is a wake-up enough, and may it look at the ap_list?',
      answer: answer(curves, fates, found[3][1], explored),
      chart: handlerChart(curves),
      tables: [
        costTable(found),
        fates.table,
        spuriousTable(vgic, seed),
        exploredTable(
          'Every order of the steps of vCPU and handler, memory operations that overtake each other included (vgic-replay explore)',
          explored,
        ),
      ],
      limits: [
        'In the tables of costs and moments events are atomic and in program order; the last table has the orders that remain.',
        'The hardware is as the specification tells it: one doorbell for the next arrival, none promised after it, and an arrival at a masked GICv4.0 doorbell is not kept.',
        "How often PendingLast is 1 for nothing is the row's assumption, not a measurement of a GIC.",
        'A configuration change of a virtual LPI while its vPE is not resident reaches no doorbell here.',
      ],
    };
  },
};
