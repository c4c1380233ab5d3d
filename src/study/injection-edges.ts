/** Injections that do not simply queue (vgic-spec 1.7, 1.24, 2.2): each case is played on the real core of every flavour. */
import { NR_LPIS } from '../gic/intid.js';
import { LR_ACTIVE, LR_PENDING } from '../gic/lr.js';
import { sortOnFlush } from '../strategy/sort-on-flush.js';
import { createQueueWindow, type QueueWindow } from '../vgic/queue-window.js';
import { createVgic, type Vgic } from '../vgic/vgic.js';
import { queuedOn } from '../vgic/word.js';
import { END_WORDS } from './injection-window.js';
import type { StudyTable } from './study.js';
import { studyMachine } from './study-machine.js';

const SPI = 40;
const NR_SPIS = 32;

interface EdgeBench {
  readonly vgic: Vgic;
  readonly window: QueueWindow;
}

interface EdgeCase {
  readonly name: string;
  /** Needs a machine with an ITS; Xen has none. */
  readonly nrLpis?: number;
  /** What happened, step by step. */
  play(bench: EdgeBench): string;
}

function createEdgeBench(flavour: string, nrLpis: number): EdgeBench {
  const isXen = flavour === 'xen-new';
  const vgic = createVgic(studyMachine(flavour, 2, NR_SPIS, 4, isXen ? 0 : nrLpis), sortOnFlush.create({}));
  return { vgic, window: createQueueWindow(vgic.state, vgic) };
}

/** The whole injection path: how it ended, and who was kicked. */
function inject({ vgic, window }: EdgeBench, vcpu: number, intid: number, level: number): string {
  const { kicks, broadcasts } = vgic.state.cost;
  const attempt = window.begin(vcpu, intid, level);
  while (attempt.end === undefined) window.proceed(attempt);
  const { cost } = vgic.state;
  const told = cost.broadcasts > broadcasts ? 'broadcast' : cost.kicks > kicks ? `kick ${attempt.target}` : 'no kick';
  return `${END_WORDS[attempt.end]}, ${told}`;
}

function whereIs({ vgic: { state } }: EdgeBench, intid = SPI): string {
  const list = queuedOn(state.word[state.spiSlotBase + intid - 32]);
  return list < 0 ? 'on no list' : `on list ${list}`;
}

function setUp({ vgic }: EdgeBench, enabled: boolean, level = false): void {
  vgic.setConfig(0, SPI, level);
  vgic.setTarget(SPI, 0);
  if (enabled) vgic.setEnable(0, SPI, true, false);
}

/** What LR 0 of vCPU 0 holds after an entry. */
function enter({ vgic }: EdgeBench): string {
  vgic.flush(0);
  const { usedLrs, lrHi } = vgic.state;
  if (usedLrs[0] === 0) return 'no LR';
  const pending = (lrHi[0] & LR_PENDING) !== 0 ? 'P' : '';
  const active = (lrHi[0] & LR_ACTIVE) !== 0 ? 'A' : '';
  return `LR ${pending}${active}`;
}

const CASES: readonly EdgeCase[] = [
  { name: 'INTID beyond the SPIs', play: (bench) => inject(bench, 0, 32 + NR_SPIS, 1) },
  { name: 'LPI that no MAPTI made', nrLpis: NR_LPIS, play: (bench) => inject(bench, 0, 8200, 1) },
  { name: 'private INTID without a vCPU', play: (bench) => inject(bench, -1, 27, 1) },
  {
    name: 'edge, level 0',
    play(bench) {
      setUp(bench, true);
      return inject(bench, 0, SPI, 0);
    },
  },
  {
    name: 'level raised twice',
    play(bench) {
      setUp(bench, true, true);
      return `${inject(bench, 0, SPI, 1)}; again: ${inject(bench, 0, SPI, 1)}`;
    },
  },
  {
    name: 'edge twice',
    play(bench) {
      setUp(bench, true);
      return `${inject(bench, 0, SPI, 1)}; again: ${inject(bench, 0, SPI, 1)}`;
    },
  },
  {
    name: 'disabled edge, enabled later',
    play(bench) {
      setUp(bench, false);
      const first = inject(bench, 0, SPI, 1);
      bench.vgic.setEnable(0, SPI, true, false);
      return `${first}; enabled: ${whereIs(bench)}`;
    },
  },
  {
    name: 'edge with the distributor off, on later',
    play(bench) {
      setUp(bench, true);
      bench.vgic.setDistEnable(false);
      const first = inject(bench, 0, SPI, 1);
      bench.vgic.setDistEnable(true);
      return `${first}; on: ${whereIs(bench)}; again: ${inject(bench, 0, SPI, 1)}`;
    },
  },
  {
    name: 'level with the distributor off, on later',
    play(bench) {
      setUp(bench, true, true);
      bench.vgic.setDistEnable(false);
      const first = inject(bench, 0, SPI, 1);
      bench.vgic.setDistEnable(true);
      return `${first}; on: ${whereIs(bench)}; again: ${inject(bench, 0, SPI, 1)}`;
    },
  },
  {
    name: 'ITARGETSR or IROUTER never written',
    play(bench) {
      bench.vgic.setEnable(0, SPI, true, false);
      const first = inject(bench, 0, SPI, 1);
      bench.vgic.setTarget(SPI, 0);
      return `${first}; target 0: ${whereIs(bench)}; again: ${inject(bench, 0, SPI, 1)}`;
    },
  },
  {
    name: 'ISACTIVER on a disabled idle interrupt',
    play(bench) {
      setUp(bench, false);
      bench.vgic.setActive(0, SPI, true, false);
      const queued = whereIs(bench);
      bench.vgic.prune(0);
      return `${queued}; prune: ${whereIs(bench)}; entry: ${enter(bench)}`;
    },
  },
  {
    name: 'ISACTIVER with the distributor off',
    play(bench) {
      setUp(bench, true);
      bench.vgic.setDistEnable(false);
      bench.vgic.setActive(0, SPI, true, false);
      return `${whereIs(bench)}; entry: ${enter(bench)}`;
    },
  },
  {
    name: 'queued, retargeted, injected again',
    play(bench) {
      setUp(bench, true);
      inject(bench, 0, SPI, 1);
      bench.vgic.setTarget(SPI, 1);
      return `${inject(bench, 0, SPI, 1)}; ${whereIs(bench)}`;
    },
  },
  {
    name: 'line falls while active',
    play(bench) {
      setUp(bench, true, true);
      inject(bench, 0, SPI, 1);
      bench.vgic.flush(0);
      bench.vgic.ack(0, SPI, 2);
      bench.vgic.sync(0);
      return inject(bench, 0, SPI, 0);
    },
  },
];

export function edgeTable(flavours: readonly string[]): StudyTable {
  const rows = CASES.map(({ name, nrLpis = 0, play }) => [
    name,
    ...flavours.map((flavour) => play(createEdgeBench(flavour, nrLpis))),
  ]);
  return {
    caption: 'Edge cases of the injection path: how each ends, who is kicked, and where the interrupt is afterwards',
    columns: ['case', ...flavours],
    rowHeads: 1,
    rows,
  };
}
