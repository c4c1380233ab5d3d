/**
 * Guest programs of the growth gate: each is there to make the longest call of a path as long as it gets at a size. They
 * come for SPIs (to 960) and, in flavours that have them, for LPIs (to 57,344: vgic-spec 8.1).
 */
import { type GuestProgram, MAX_PROGRAM_SPIS, type Op, SHARES, type Verb } from '../hostile/program.js';

export interface GrowthProgram {
  readonly id: string;
  /** Which interrupts there are n of. */
  readonly on: 'spi' | 'lpi';
  /** Interrupts that it queues at a size: n, and what some need beside them. */
  readonly queued: (n: number) => number;
  readonly program: GuestProgram;
}

/** Priorities of a program: hostile/program.ts, priorityAt. */
const URGENT = 0;
const LEAST_URGENT = 31;
const SCATTERED = 34;
const LAST = SHARES - 1;
const HALF = SHARES / 2;
/** As a share of 960 SPIs more than the EOIs that are told. */
const SOME = 3;
/** EOIs that the five-bit counter of the CPU interface can tell (vgic-spec 1.19). */
const MAX_COUNTED_EOIS = 31;

const op = (verb: Verb, given: Partial<Op> = {}): Op => ({
  verb,
  vcpu: 0,
  from: 0,
  to: SHARES,
  order: 'up',
  value: 0,
  slides: false,
  ...given,
});

/** Enters the guest and leaves it: flush, fold, prune. */
const visit = (vcpu = 0): Op[] => [op('enter', { vcpu }), op('exit', { vcpu })];
const FIRST_ONE = { from: 0, to: 0 };
/** One at the end: up to a 64th of the interrupts stand behind it. */
const LAST_ONE = { from: LAST, to: LAST };

/** The same thing said to SPIs and to LPIs. */
interface Words {
  readonly raise: Verb;
  readonly priority: Verb;
  readonly move: Verb;
  readonly clear: Verb;
}
const WORDS: Readonly<Record<GrowthProgram['on'], Words>> = {
  spi: { raise: 'raise', priority: 'priority', move: 'target', clear: 'unpend' },
  lpi: { raise: 'int', priority: 'lpi-config', move: 'lpi-move', clear: 'lpi-clear' },
};

const once = (setUp: Op[], given: Partial<GuestProgram> = {}): GuestProgram => ({
  model: 'gicv3',
  vcpus: 2,
  setUp,
  round: [],
  rounds: 0,
  ...given,
});

function programsOn(on: GrowthProgram['on']): GrowthProgram[] {
  const { raise, priority, move, clear } = WORDS[on];
  const named = (id: string, setUp: Op[]): GrowthProgram => ({
    id: `${on}-${id}`,
    on,
    queued: (n) => n,
    program: once(setUp),
  });
  const scatter = op(priority, { value: SCATTERED });
  return [
    // Masked, so that a pending test looks at all; the distributor off, an entry, and on again.
    named('flood', [
      ...[op(raise), op('pmr'), op('wfi'), op('dist'), op('dist', { value: 1 }), ...visit()],
      ...[op('dist'), ...visit()],
    ]),
    // An entry that sorts and one that finds it sorted (8.2 row 1).
    named('scattered', [scatter, op(raise), ...visit(), ...visit(), op('dist'), op('dist', { value: 1 })]),
    // The last to come is the first to go; then it changes its mind, and what is in LRs comes back active.
    named('urgent-last', [
      op(priority, { value: LEAST_URGENT }),
      op(priority, { ...LAST_ONE, value: URGENT }),
      ...[op(raise, { to: LAST }), op(raise, LAST_ONE)],
      op(priority, { ...LAST_ONE, value: LEAST_URGENT }),
      op(priority, { ...LAST_ONE, value: URGENT }),
      ...[op('ack', { value: 64 }), op('exit')],
      ...[op('drain'), op('exit')],
    ]),
    // Nothing on the list is for this vCPU any more.
    named('all-moved', [scatter, op(raise), op(move, { value: 1 }), ...visit(), ...visit(1)]),
    // Each migration begins at the head again, behind as many that stay (8.2 row 6). The exit comes before any sort.
    named('half-moved', [
      ...[op('enter'), op(raise), op(move, { vcpu: 1, from: HALF, value: 1 }), op('exit')],
      ...visit(1),
    ]),
    // Every one that moves is more urgent than all that it comes to.
    named('urgent-movers', [
      op(priority, { to: HALF, value: LEAST_URGENT }),
      op(priority, { from: HALF, value: URGENT }),
      ...[op(move, { to: HALF, value: 1 }), op('enter'), op(raise)],
      ...[op(move, { vcpu: 1, from: HALF, value: 1 }), op('exit'), ...visit(1)],
    ]),
    // Queued, and no longer pending: all leave at an exit.
    named('parked', [op('enter'), op(raise), op(clear, { vcpu: 1 }), op('exit')]),
  ];
}

const SPI_PROGRAMS: readonly GrowthProgram[] = [
  ...programsOn('spi'),
  // Queued, and no longer enabled: the pending test of Xen looks behind all of them.
  own('spi', 'disabled', [
    ...[op('priority', { value: SCATTERED }), op('raise'), op('disable')],
    ...[op('wfi'), op('dist'), op('dist', { value: 1 }), ...visit()],
  ]),
  // Active for ever (8.2 row 12), with the end of some of them told by EOIcount.
  own('spi', 'active', [
    ...[op('priority', { value: SCATTERED }), op('raise'), op('activate'), op('wfi')],
    ...[op('enter'), ...countEois(MAX_COUNTED_EOIS), op('exit')],
    ...[...visit(), op('deactivate'), ...visit()],
  ]),
  // EOIcount says that two ended, and one active interrupt is somewhere behind the last list register (8.2 row 20).
  own('spi', 'counted-eois', [op('raise'), op('activate', FIRST_ONE), op('enter'), ...countEois(2), op('exit')]),
  // SGIs of several senders keep less urgent interrupts out (8.2 row 22).
  {
    id: 'spi-senders',
    on: 'spi',
    queued: (n) => n + 1,
    program: once(
      [
        // SGIs have priority 0 from reset, and half of the others too: the list registers are full all the same.
        ...[op('priority', { value: SCATTERED }), op('priority', { to: HALF, value: URGENT }), op('raise')],
        ...[op('sgi', { vcpu: 1, value: 16 }), op('sgi', { vcpu: 2, value: 16 })],
        ...[...visit(), op('ack', { value: 64 }), op('exit'), ...visit()],
      ],
      { model: 'gicv2', vcpus: 3 },
    ),
  },
];

const LPI_PROGRAMS: readonly GrowthProgram[] = [
  ...programsOn('lpi'),
  // The same as on SPIs, which alone can be made active from outside, behind all the LPIs; then EnableLPIs off (8.2 row 19).
  {
    ...own('lpi', 'counted-eois', [
      ...[op('int'), op('activate', LAST_ONE), op('enter'), ...countEois(2), op('exit'), op('lpis-off')],
    ]),
    queued: (n) => n + 1,
  },
  // SPIs before all the LPIs: one whose priority changes, and some that are active and pending until EOIcount ends them.
  {
    ...own('lpi', 'active-spis', [
      ...[op('priority', { value: URGENT }), op('raise'), op('activate', { to: SOME }), op('int')],
      ...[op('priority', { ...LAST_ONE, value: LEAST_URGENT }), op('priority', { ...LAST_ONE, value: URGENT })],
      ...[op('enter'), ...countEois(MAX_COUNTED_EOIS), op('exit')],
    ]),
    queued: (n) => n + Math.min(n, MAX_PROGRAM_SPIS),
  },
];

export const growthPrograms: readonly GrowthProgram[] = [...SPI_PROGRAMS, ...LPI_PROGRAMS];

/** Ends of an interrupt that is in no list register. */
function countEois(times: number): Op[] {
  return Array.from({ length: times }, () => op('eoi', LAST_ONE));
}

function own(on: GrowthProgram['on'], id: string, setUp: Op[]): GrowthProgram {
  return { id: `${on}-${id}`, on, queued: (n) => n, program: once(setUp) };
}
