/**
 * Window W (vgic-spec 1.8): everything that may happen to an interrupt while its injector holds no lock, on the real core.
 * A change is what another CPU does in one go; several may fall into one window, and every turn of the loop opens another.
 */
import { assert } from '../base/errors.js';
import { sortOnFlush } from '../strategy/sort-on-flush.js';
import { type Attempt, createQueueWindow, type InjectionEnd, type QueueWindow } from '../vgic/queue-window.js';
import { createVgic, type Vgic } from '../vgic/vgic.js';
import { ENABLED, isPending, queuedOn, targetOf, targetOracle } from '../vgic/word.js';
import type { StudyCell, StudyTable } from './study.js';
import { studyMachine } from './study-machine.js';

const SPI = 40;
/** Acknowledge exactly this INTID (trace/events.ts, ACK). */
const EXACTLY = 2;

/** How an injection ended, in the words of a table. */
export const END_WORDS: Readonly<Record<InjectionEnd, string>> = {
  unknown: '-EINVAL',
  refused: 'refused',
  nobody: 'to nobody',
  'queued-already': 'queued already',
  queued: 'queued',
};

export type Trigger = 'edge' | 'level';

/** One virtual GIC of two vCPUs, set up for one interrupt that goes to vCPU 0. */
export interface WindowBench {
  readonly vgic: Vgic;
  readonly window: QueueWindow;
  readonly trigger: Trigger;
}

export interface Change {
  readonly name: string;
  /** Flavours without the register do nothing. */
  apply(bench: WindowBench): void;
}

const wordOf = ({ vgic: { state } }: WindowBench): number => state.word[state.spiSlotBase + SPI - 32];
const oracleOf = (bench: WindowBench): number => targetOracle(wordOf(bench), bench.vgic.state.dist[0] === 1);

/** Another injector: the next edge, or for a level ISPENDR, since the same level is refused. */
function queueElsewhere({ vgic, trigger }: WindowBench): void {
  if (trigger === 'edge') vgic.inject(0, SPI, 1);
  else vgic.setPending(0, SPI, true, false);
}

/** The guest of the vCPU that holds it takes it and is done with it, and the vCPU exits. */
function deliver(bench: WindowBench): void {
  const { vgic, trigger } = bench;
  queueElsewhere(bench);
  const holder = queuedOn(wordOf(bench));
  if (holder < 0) return;
  vgic.flush(holder);
  vgic.ack(holder, SPI, EXACTLY);
  if (trigger === 'level') vgic.inject(0, SPI, 0);
  vgic.eoi(holder, SPI);
  vgic.sync(holder);
}

export const CHANGES: readonly Change[] = [
  { name: 'disabled', apply: ({ vgic }) => vgic.setEnable(0, SPI, false, false) },
  {
    name: 'disabled and enabled again',
    apply({ vgic }) {
      vgic.setEnable(0, SPI, false, false);
      vgic.setEnable(0, SPI, true, false);
    },
  },
  {
    name: 'retargeted',
    apply: (bench) => bench.vgic.setTarget(SPI, 1 - targetOf(wordOf(bench))),
  },
  { name: 'queued by another injector', apply: queueElsewhere },
  { name: 'queued, taken and ended', apply: deliver },
  { name: 'pending state cleared', apply: ({ vgic }) => vgic.setPending(0, SPI, false, false) },
  { name: 'line lowered', apply: ({ vgic }) => vgic.inject(0, SPI, 0) },
  { name: 'distributor off', apply: ({ vgic }) => vgic.setDistEnable(false) },
  {
    name: 'distributor off and on',
    apply({ vgic }) {
      vgic.setDistEnable(false);
      vgic.setDistEnable(true);
    },
  },
  { name: 'made active', apply: ({ vgic }) => vgic.setActive(0, SPI, true, false) },
  {
    name: 'both lists pruned',
    apply({ vgic }) {
      vgic.prune(0);
      vgic.prune(1);
    },
  },
];

export interface Outcome {
  readonly end: InjectionEnd | 'in the window';
  readonly retries: number;
  /** vCPU whose list holds it, -1 none. */
  readonly list: number;
  /** vCPU where it belongs, -1 none. */
  readonly oracle: number;
  /** Does the vCPU where it belongs know (request set, or it has entered since)? */
  readonly isTold: boolean;
  /** It belongs on a list and is on none. */
  readonly isLost: boolean;
  /** Enabled and pending, and on no list because the oracle names nobody. */
  readonly isStranded: boolean;
}

export function createWindowBench(flavour: string, trigger: Trigger): WindowBench {
  const vgic = createVgic(studyMachine(flavour, 2, 32, 4), sortOnFlush.create({}));
  return { vgic, window: createQueueWindow(vgic.state, vgic), trigger };
}

/** An injection with these changes in its windows, one set a window. */
export function injectAcross(bench: WindowBench, windows: readonly (readonly Change[])[]): Outcome {
  const { vgic, window, trigger } = bench;
  vgic.reset();
  vgic.setConfig(0, SPI, trigger === 'level');
  vgic.setTarget(SPI, 0);
  vgic.setEnable(0, SPI, true, false);
  const attempt = window.begin(0, SPI, 1);
  for (const changes of windows) {
    if (attempt.end !== undefined) break;
    for (const change of changes) change.apply(bench);
    window.proceed(attempt);
  }
  return outcomeOf(bench, attempt);
}

function outcomeOf(bench: WindowBench, attempt: Attempt): Outcome {
  const { vgic } = bench;
  const word = wordOf(bench);
  const oracle = oracleOf(bench);
  const list = queuedOn(word);
  return {
    end: attempt.end ?? 'in the window',
    retries: attempt.retries,
    list,
    oracle,
    isTold: oracle >= 0 && vgic.kicks.requestSet[oracle] === 1,
    isLost: attempt.end !== undefined && oracle >= 0 && list < 0,
    isStranded: attempt.end !== undefined && oracle < 0 && list < 0 && (word & ENABLED) !== 0 && isPending(word),
  };
}

export interface Exhaustion {
  readonly sequences: number;
  /** Sequences by turns that found a change. */
  readonly byRetries: readonly number[];
  readonly byEnd: Readonly<Record<string, number>>;
  readonly lost: number;
  readonly untold: number;
  readonly stranded: number;
}

/** All sets of up to two changes, in order. */
const SETS: readonly (readonly Change[])[] = [
  [],
  ...CHANGES.map((change) => [change]),
  ...CHANGES.flatMap((first) => CHANGES.map((second) => [first, second])),
];

/** Every set in the first window; in each window that this opens again every set, down to `depth` windows. */
export function exhaust(bench: WindowBench, depth: number): Exhaustion {
  const byRetries: number[] = [];
  const byEnd: Record<string, number> = {};
  let sequences = 0;
  let lost = 0;
  let untold = 0;
  let stranded = 0;

  function visit(windows: readonly (readonly Change[])[]): void {
    for (const set of SETS) {
      const tried = [...windows, set];
      // The last window stays quiet, so that every injection ends.
      const outcome = injectAcross(bench, tried.length === depth ? [...tried, []] : tried);
      if (outcome.end === 'in the window') {
        assert(tried.length < depth, 'a quiet window ends the injection');
        visit(tried);
        continue;
      }
      sequences++;
      byRetries[outcome.retries] = (byRetries[outcome.retries] ?? 0) + 1;
      byEnd[outcome.end] = (byEnd[outcome.end] ?? 0) + 1;
      if (outcome.isLost) lost++;
      if (outcome.oracle >= 0 && !outcome.isTold) untold++;
      if (outcome.isStranded) stranded++;
    }
  }
  visit([]);
  return { sequences, byRetries, byEnd, lost, untold, stranded };
}

const TRIGGERS: readonly Trigger[] = ['edge', 'level'];

const vcpuOrNone = (vcpu: number): string => (vcpu < 0 ? 'none' : `vCPU ${vcpu}`);
const yesNo = (is: boolean): string => (is ? 'yes' : 'no');

/** One change in the first window, nothing in later ones. Flavours with the same outcome share a row. */
export function windowTable(flavours: readonly string[]): StudyTable {
  const rows: (readonly StudyCell[])[] = [];
  for (const trigger of TRIGGERS) {
    const benches = flavours.map((flavour) => [flavour, createWindowBench(flavour, trigger)] as const);
    for (const change of [{ name: 'nothing', apply: () => {} }, ...CHANGES]) {
      const alike = new Map<string, { names: string[]; outcome: Outcome }>();
      for (const [flavour, bench] of benches) {
        const outcome = injectAcross(bench, [[change], [], []]);
        const key = JSON.stringify(outcome);
        const group = alike.get(key) ?? { names: [], outcome };
        group.names.push(flavour);
        alike.set(key, group);
      }
      for (const { names, outcome } of alike.values()) {
        const who = names.length === flavours.length ? 'all' : names.join(', ');
        const told = outcome.oracle < 0 ? null : yesNo(outcome.isTold);
        rows.push([
          trigger,
          change.name,
          who,
          outcome.retries,
          outcome.end === 'in the window' ? outcome.end : END_WORDS[outcome.end],
          vcpuOrNone(outcome.list),
          told,
          outcome.isLost ? 'lost' : outcome.isStranded ? 'stranded' : 'no',
        ]);
      }
    }
  }
  return {
    caption: 'Window W: one change by another CPU between dropping the irq_lock and taking the list lock',
    columns: ['trigger', 'change', 'flavours', 'retries', 'injection ends', 'on the list of', 'owner told', 'lost'],
    rowHeads: 3,
    rows,
  };
}

/** Windows in a row that may hold changes. */
const EXHAUSTED_DEPTH = 2;

export function exhaustionTable(flavours: readonly string[]): { table: StudyTable; found: readonly Exhaustion[] } {
  const found: Exhaustion[] = [];
  const rows = flavours.flatMap((flavour) =>
    TRIGGERS.map((trigger) => {
      const one = exhaust(createWindowBench(flavour, trigger), EXHAUSTED_DEPTH);
      found.push(one);
      const { sequences, byRetries, byEnd, lost, untold, stranded } = one;
      return [
        flavour,
        trigger,
        sequences,
        byRetries.length - 1,
        byEnd.queued ?? 0,
        byEnd['queued-already'] ?? 0,
        byEnd.nobody ?? 0,
        lost,
        untold,
        stranded,
      ];
    }),
  );
  const table: StudyTable = {
    caption: `Window W, all sequences of up to two changes a window in up to ${EXHAUSTED_DEPTH} windows`,
    columns: [
      'flavour',
      'trigger',
      'sequences',
      'most retries',
      'queued',
      'queued already',
      'to nobody',
      'lost',
      'owner not told',
      'stranded',
    ],
    rowHeads: 2,
    rows,
  };
  return { table, found };
}
