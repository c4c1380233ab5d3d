/**
 * Guest programs of the growth gate: each is there to make the longest call of a path as long as it gets at a size. They
 * come for SPIs (to 960) and, in flavours that have them, for LPIs (to 57,344: vgic-spec 8.1).
 */
import { doing, type GuestProgram, MAX_PROGRAM_SPIS, type Op, SHARES, type Verb } from '../hostile/program.js';

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

/** Enters the guest and leaves it: flush, fold, prune. */
const visit = (vcpu = 0): Op[] => [doing('enter', { vcpu }), doing('exit', { vcpu })];
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
  const scatter = doing(priority, { value: SCATTERED });
  return [
    // Masked, so that a pending test looks at all; the distributor off, an entry, and on again.
    named('flood', [
      ...[doing(raise), doing('pmr'), doing('wfi'), doing('dist'), doing('dist', { value: 1 }), ...visit()],
      ...[doing('dist'), ...visit()],
    ]),
    // An entry that sorts and one that finds it sorted (8.2 row 1).
    named('scattered', [scatter, doing(raise), ...visit(), ...visit(), doing('dist'), doing('dist', { value: 1 })]),
    // The last to come is the first to go; then it changes its mind, and what is in LRs comes back active.
    named('urgent-last', [
      doing(priority, { value: LEAST_URGENT }),
      doing(priority, { ...LAST_ONE, value: URGENT }),
      ...[doing(raise, { to: LAST }), doing(raise, LAST_ONE)],
      doing(priority, { ...LAST_ONE, value: LEAST_URGENT }),
      doing(priority, { ...LAST_ONE, value: URGENT }),
      ...[doing('ack', { value: 64 }), doing('exit')],
      ...[doing('drain'), doing('exit')],
    ]),
    // Nothing on the list is for this vCPU any more.
    named('all-moved', [scatter, doing(raise), doing(move, { value: 1 }), ...visit(), ...visit(1)]),
    // Each migration begins at the head again, behind as many that stay (8.2 row 6). The exit comes before any sort.
    named('half-moved', [
      ...[doing('enter'), doing(raise), doing(move, { vcpu: 1, from: HALF, value: 1 }), doing('exit')],
      ...visit(1),
    ]),
    // Every one that moves is more urgent than all that it comes to.
    named('urgent-movers', [
      doing(priority, { to: HALF, value: LEAST_URGENT }),
      doing(priority, { from: HALF, value: URGENT }),
      ...[doing(move, { to: HALF, value: 1 }), doing('enter'), doing(raise)],
      ...[doing(move, { vcpu: 1, from: HALF, value: 1 }), doing('exit'), ...visit(1)],
    ]),
    // Queued, and no longer pending: all leave at an exit.
    named('parked', [doing('enter'), doing(raise), doing(clear, { vcpu: 1 }), doing('exit')]),
  ];
}

const SPI_PROGRAMS: readonly GrowthProgram[] = [
  ...programsOn('spi'),
  // Queued, and no longer enabled: the pending test of Xen looks behind all of them.
  own('spi', 'disabled', [
    ...[doing('priority', { value: SCATTERED }), doing('raise'), doing('disable')],
    ...[doing('wfi'), doing('dist'), doing('dist', { value: 1 }), ...visit()],
  ]),
  // Active for ever (8.2 row 12), with the end of some of them told by EOIcount.
  own('spi', 'active', [
    ...[doing('priority', { value: SCATTERED }), doing('raise'), doing('activate'), doing('wfi')],
    ...[doing('enter'), ...countEois(MAX_COUNTED_EOIS), doing('exit')],
    ...[...visit(), doing('deactivate'), ...visit()],
  ]),
  // EOIcount says that two ended, and one active interrupt is somewhere behind the last list register (8.2 row 20).
  own('spi', 'counted-eois', [
    doing('raise'),
    doing('activate', FIRST_ONE),
    doing('enter'),
    ...countEois(2),
    doing('exit'),
  ]),
  // SGIs of several senders keep less urgent interrupts out (8.2 row 22).
  {
    id: 'spi-senders',
    on: 'spi',
    queued: (n) => n + 1,
    program: once(
      [
        // SGIs have priority 0 from reset, and half of the others too: the list registers are full all the same.
        ...[doing('priority', { value: SCATTERED }), doing('priority', { to: HALF, value: URGENT }), doing('raise')],
        ...[doing('sgi', { vcpu: 1, value: 16 }), doing('sgi', { vcpu: 2, value: 16 })],
        ...[...visit(), doing('ack', { value: 64 }), doing('exit'), ...visit()],
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
      ...[doing('int'), doing('activate', LAST_ONE), doing('enter'), ...countEois(2), doing('exit'), doing('lpis-off')],
    ]),
    queued: (n) => n + 1,
  },
  // SPIs before all the LPIs: one whose priority changes, and some that are active and pending until EOIcount ends them.
  {
    ...own('lpi', 'active-spis', [
      ...[doing('priority', { value: URGENT }), doing('raise'), doing('activate', { to: SOME }), doing('int')],
      ...[doing('priority', { ...LAST_ONE, value: LEAST_URGENT }), doing('priority', { ...LAST_ONE, value: URGENT })],
      ...[doing('enter'), ...countEois(MAX_COUNTED_EOIS), doing('exit')],
    ]),
    queued: (n) => n + Math.min(n, MAX_PROGRAM_SPIS),
  },
];

export const growthPrograms: readonly GrowthProgram[] = [...SPI_PROGRAMS, ...LPI_PROGRAMS];

/** Ends of an interrupt that is in no list register. */
function countEois(times: number): Op[] {
  return Array.from({ length: times }, () => doing('eoi', LAST_ONE));
}

function own(on: GrowthProgram['on'], id: string, setUp: Op[]): GrowthProgram {
  return { id: `${on}-${id}`, on, queued: (n) => n, program: once(setUp) };
}
