/** Thread "Support arch timers with a userspace gic": the question of 5.4, and what an expiry costs. vgic-spec 5. */
import { formatInteger } from '../base/number-format.js';
import type { VmGuards } from '../vgic/timer/vm-life.js';
import type { StudyChart, StudyKind, StudyTable } from './study.js';
import { countTicks, timerVariants } from './timer-cost.js';
import { countLives, describeSteps, type LifeCount } from './timer-life.js';
import { HARM_HOST, HARMS } from './timer-life-machine.js';

const NR_VCPUS = 2;
const MAX_LENGTH = 8;
const EXPIRIES = 1000;

interface Setting {
  readonly flavour: string;
  readonly name: string;
  readonly guards: Partial<VmGuards>;
  readonly checksOwner: boolean;
  readonly masksHost: boolean;
  /** The creation of a vCPU is two steps. */
  readonly splits?: boolean;
}

const AS_SHIPPED: Setting = { flavour: 'kvm-7.2', name: 'all', guards: {}, checksOwner: true, masksHost: true };
const LATE: Setting = {
  ...AS_SHIPPED,
  name: 'without -EBUSY after a run',
  guards: { vgicBeforeRun: false },
};
const LATE_UNOWNED: Setting = { ...LATE, name: 'without -EBUSY after a run, PPIs without owner', checksOwner: false };
/** Broken on purpose: shows that a host which is interrupted too often would be noticed. */
const UNMASKED: Setting = { ...AS_SHIPPED, name: 'all, but the host does not mask its interrupt', masksHost: false };
const SETTINGS: readonly Setting[] = [
  AS_SHIPPED,
  { ...AS_SHIPPED, flavour: 'kvm-6.1' },
  LATE,
  LATE_UNOWNED,
  { ...AS_SHIPPED, name: 'without -EEXIST', guards: { oneVgic: false } },
  { ...AS_SHIPPED, name: 'without -EEXIST and -EBUSY', guards: { oneVgic: false, vgicBeforeRun: false } },
  { ...AS_SHIPPED, name: 'without -ENODEV at the first run', guards: { initialisedAtRun: false } },
  { ...AS_SHIPPED, name: 'all; creation of a vCPU in two steps', splits: true },
  {
    ...AS_SHIPPED,
    name: 'without -EBUSY during a creation; creation in two steps',
    guards: { noVcpuInCreation: false },
    splits: true,
  },
  UNMASKED,
];

const countSetting = ({ flavour, guards, checksOwner, masksHost, splits = false }: Setting): LifeCount =>
  countLives({ flavour, guards, checksOwner, masksHost, splits, nrVcpus: NR_VCPUS, maxLength: MAX_LENGTH });

function lifeTable(counts: ReadonlyMap<Setting, LifeCount>): StudyTable {
  return {
    caption: `All sequences of 1 to ${MAX_LENGTH} steps on ${NR_VCPUS} vCPUs, by the checks that are in place. A sequence may show several harms.`,
    columns: [
      'flavour',
      'checks',
      'sequences',
      'vgic added after a run',
      'harmful',
      ...HARMS.map(({ name }) => name),
      'shortest harmful sequence',
    ],
    rowHeads: 2,
    rows: [...counts].map(([{ flavour, name }, count]) => [
      flavour,
      name,
      count.sequences,
      count.late,
      count.harmful,
      ...count.byHarm,
      count.shortest === null ? null : describeSteps(count.shortest),
    ]),
  };
}

function harmTable(count: LifeCount): StudyTable {
  return {
    caption: `${LATE_UNOWNED.name}: the shortest sequence of each harm`,
    columns: ['harm', 'steps', 'sequence'],
    rowHeads: 1,
    rows: HARMS.map(({ name }, harm) => {
      const steps = count.shortestByHarm[harm];
      return [name, steps?.length ?? null, steps === null ? null : describeSteps(steps)];
    }),
  };
}

function costTable(): StudyTable {
  return {
    caption: `${formatInteger(EXPIRIES)} timer expiries on one vCPU, each handled by the guest before the next`,
    columns: [
      'variant',
      'guest exits',
      'host timer interrupts',
      'soft timer starts',
      'traps',
      'returns to tell a level',
      'returns for the interrupt controller',
      'injections',
      'of these redundant',
      'masks',
      'active-state writes',
      'vgic locks',
    ],
    rowHeads: 1,
    rows: timerVariants.map((variant) => {
      const cost = countTicks(variant, EXPIRIES);
      return [
        variant.name,
        cost.guestExits,
        cost.hostInterrupts,
        cost.softTimerStarts,
        cost.traps,
        cost.exitsToUser,
        cost.controllerExits,
        cost.injections,
        cost.redundantInjections,
        cost.masks,
        cost.activeStateWrites,
        cost.locks,
      ];
    }),
  };
}

/** From the length of the shortest harmful sequence on: fewer have no place on a logarithmic axis. */
function harmChart(shipped: LifeCount, late: LifeCount, unowned: LifeCount): StudyChart | null {
  if (late.shortest === null || unowned.shortest === null) return null;
  const first = Math.max(late.shortest.length, unowned.shortest.length);
  const from = (counts: readonly number[]): number[] => counts.slice(first - 1);
  const last = MAX_LENGTH - 1;
  const share = (100 * late.harmfulByLength[last]) / late.sequencesByLength[last];
  return {
    id: 'timer-orders',
    title: 'Orders of a VM’s life that go wrong without the check',
    finding: `Of the sequences of ${MAX_LENGTH} steps ${share.toFixed(1)} % are harmful without -EBUSY, ${formatInteger(shipped.harmfulByLength[last])} of ${formatInteger(shipped.sequencesByLength[last])} with it.`,
    xAxis: 'steps',
    yAxis: 'sequences',
    xs: from(late.sequencesByLength.map((_, at) => at + 1)),
    series: [
      { name: 'all', values: from(late.sequencesByLength) },
      { name: 'harmful', values: from(late.harmfulByLength) },
      { name: 'harmful, PPIs without owner', values: from(unowned.harmfulByLength) },
    ],
  };
}

function answer(shipped: LifeCount, late: LifeCount, unowned: LifeCount, unmasked: LifeCount): [string, string] {
  const steps = (count: LifeCount): string =>
    count.shortest === null ? 'none' : `${count.shortest.length} steps (${describeSteps(count.shortest)})`;
  const clausesOf = (count: LifeCount, shows: (harm: number) => boolean): string =>
    HARMS.flatMap(({ bit, clause }, harm) =>
      bit !== HARM_HOST && shows(harm) ? [`${clause} (${formatInteger(count.byHarm[harm])})`] : [],
    ).join(', ') || 'nothing';
  const harms = clausesOf(late, (harm) => late.byHarm[harm] > 0);
  const more = clausesOf(unowned, (harm) => late.byHarm[harm] === 0 && unowned.byHarm[harm] > 0);
  const onHost = late.harmsHost + unowned.harmsHost;
  return [
    `As shipped, no: ${formatInteger(shipped.late)} of ${formatInteger(shipped.sequences)} sequences of up to ${MAX_LENGTH} steps add a vgic after a run and ${formatInteger(shipped.harmful)} go wrong; without the -EBUSY check ${formatInteger(late.late)} of ${formatInteger(late.sequences)} add one and ${formatInteger(late.harmful)} go wrong, the shortest after ${steps(late)}.`,
    `What goes wrong is the guest’s own: ${harms}; if the vgic did not test the owner of a PPI either, also: ${more}; the host is interrupted more than once an expiry in ${formatInteger(onHost)} of these sequences, and in ${formatInteger(unmasked.harmsHost)} of ${formatInteger(unmasked.sequences)} if it is made not to mask its timer interrupt.`,
  ];
}

export const timerStudy: StudyKind = {
  id: 'timer',
  title: 'Arch timers with and without a vgic',
  run() {
    const counts = new Map(SETTINGS.map((setting) => [setting, countSetting(setting)]));
    const countOf = (setting: Setting): LifeCount => counts.get(setting)!;
    const late = countOf(LATE);
    const unowned = countOf(LATE_UNOWNED);
    return {
      id: timerStudy.id,
      title: timerStudy.title,
      topic: 'Arch timers: what if a vgic is added after a run?',
      thread: '[PATCH v3 3/5] KVM: arm/arm64: Support arch timers with a userspace gic',
      question:
        'A VM created with a userspace irqchip is run, then a vgic is added: can unprivileged user space reach wrong state, or hurt the host?',
      answer: answer(countOf(AS_SHIPPED), late, unowned, countOf(UNMASKED)),
      chart: harmChart(countOf(AS_SHIPPED), late, unowned),
      tables: [lifeTable(counts), harmTable(unowned), costTable()],
      limits: [
        'One virtual timer a vCPU, a GICv3 guest, a host with active states, each vCPU on a CPU of its own; PPI numbers are fixed, so the test that all vCPUs use the same ones never fails.',
        'Steps do not overlap: races between system calls are left out, but for a vgic while a vCPU is being created, for which the specification names no harm.',
        'Whether a vCPU may be created behind an initialised vgic is not specified; here it may.',
        'Without -ENODEV, and with a second vgic, the rows of the vgic are taken to be at reset when it is initialised: mapping and owner are lost.',
        'The static key of CVE-2024-53195 is left out: the specification says that its count could underflow, but not which steps count it up and down.',
        'Costs: a guest that acknowledges, re-arms with one access and ends the interrupt; with a userspace irqchip the acknowledge and the end return to user space, but for P76.',
      ],
    };
  },
};
