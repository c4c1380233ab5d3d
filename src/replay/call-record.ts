/**
 * One cell replayed with its time kept: each guest entry and exit, and who worked how much in which call. For timelines and
 * profiles; counters alone come from replay.ts. Memory is bounded: where there is too much, neighbours are joined.
 */
import type { Machine } from '../gic/intid.js';
import type { ChosenStrategy } from '../strategy/index.js';
import { createEventBlock, FLUSH, FOLD, findKind, PRUNE, SYNC, wordKind, wordVcpu } from '../trace/events.js';
import { ACTOR_COMMAND, ACTOR_HOST, METRIC_STEPS, NR_METRICS, NR_PATHS, PATH_FLUSH } from '../vgic/counters.js';
import { HostStop } from '../vgic/host-stop.js';
import type { Vgic } from '../vgic/vgic.js';
import { createModel } from './create-model.js';
import { createEngine } from './engine.js';
import { createEntryLog, type EntryColumns } from './entry-log.js';
import type { BlockSource } from './replay.js';
import { PATH_NAMES, type PathName } from './result.js';

/** A path, or the search for an LPI by its number, which stands beside the paths. */
export type Work = PathName | 'lpi-lookup';
export const WORK_NAMES: readonly Work[] = [...PATH_NAMES, 'lpi-lookup'];
const LOOKUP = WORK_NAMES.indexOf('lpi-lookup');

/** Steps of one kind of event on one path, by one actor, within one window of events. */
export interface WorkItem {
  /** Number of the window; its first event is `window` × `eventsPerWindow`. */
  readonly window: number;
  /** A vCPU; ACTOR_HOST: a device, a timer or user space; ACTOR_COMMAND: an ITS command of no known vCPU. */
  readonly actor: number;
  /** Kind of event as in JSON lines: "inject", "flush". */
  readonly event: string;
  readonly work: Work;
  readonly steps: number;
}

export interface CallRecord {
  readonly trace: string;
  readonly strategy: string;
  readonly machine: Machine;
  readonly events: number;
  readonly tickNs: number;
  /** One element a vCPU. */
  readonly entries: readonly EntryColumns[];
  /** Most entries of one vCPU that an element of the columns stands for; 1: each has its own. */
  readonly entriesPerSample: number;
  /** In the order in which they first occur. */
  readonly work: readonly WorkItem[];
  readonly eventsPerWindow: number;
  /** The event at which the hypervisor stopped for good, or null; nothing after it is recorded. */
  readonly stoppedAt: number | null;
}

export interface CallLimits {
  /** Entries that are kept one by one, over all vCPUs. */
  readonly entries: number;
  /** Windows into which the events are divided. */
  readonly windows: number;
}

export const CALL_LIMITS: CallLimits = { entries: 1_000_000, windows: 4096 };

export function recordCalls(source: BlockSource, chosen: ChosenStrategy, limits: CallLimits = CALL_LIMITS): CallRecord {
  const { machine, name, tickNs } = source.header;
  const vgic = createModel(machine, chosen);
  const engine = createEngine(vgic);
  const meter = createStepMeter(vgic);
  const entries = createEntryLog(machine.nrVcpus, limits.entries);
  const work = createWorkLog(limits.windows);
  const block = createEventBlock();
  let events = 0;
  let stoppedAt: number | null = null;
  while (source.next(block)) {
    const { word, value, dt, count } = block;
    let tick = block.firstTick;
    for (let i = 0; i < count && stoppedAt === null; i++) {
      const w = word[i];
      if (i > 0) tick += dt[i] >>> 0;
      try {
        engine.step(w, value[i]);
      } catch (error) {
        if (!(error instanceof HostStop)) throw error;
        stoppedAt = events + i;
        break;
      }
      const kind = wordKind(w);
      const vcpu = wordVcpu(w);
      const total = meter.read();
      const isEntry = kind === FLUSH;
      const isExit = kind === SYNC || kind === FOLD || kind === PRUNE;
      if (isEntry) entries.enter(vcpu, tick, vgic.list.length(vcpu), vgic.state.usedLrs[vcpu], meter.steps[PATH_FLUSH]);
      if (isExit) entries.exit(vcpu, tick, total, kind !== PRUNE);
      if (total > 0) work.add(events + i, isEntry || isExit ? vcpu : vgic.state.cost.actor, kind, meter.steps);
    }
    events += count;
  }
  return {
    trace: name,
    strategy: chosen.label,
    machine,
    events,
    tickNs,
    entries: entries.columns(),
    entriesPerSample: entries.perSample(),
    work: work.items(),
    eventsPerWindow: work.eventsPerWindow(),
    stoppedAt,
  };
}

/** Steps since the last reading, by path and in all. */
function createStepMeter({ state: { cost } }: Vgic): { readonly steps: Float64Array; read(): number } {
  const before = new Float64Array(NR_PATHS);
  const steps = new Float64Array(WORK_NAMES.length);
  let totalBefore = 0;
  return {
    steps,
    read() {
      const total = cost.totalSteps - totalBefore;
      totalBefore = cost.totalSteps;
      steps[LOOKUP] = total;
      for (let path = 0; path < NR_PATHS; path++) {
        const now = cost.sum[path * NR_METRICS + METRIC_STEPS];
        steps[path] = now - before[path];
        steps[LOOKUP] -= steps[path];
        before[path] = now;
      }
      return total;
    },
  };
}

/** Actors from ACTOR_COMMAND on, kinds of events and works as one number. */
const KINDS = 128;
const WORKS = 8;
const keyOf = (actor: number, kind: number, work: number): number =>
  ((actor - ACTOR_COMMAND) * KINDS + kind) * WORKS + work;

function createWorkLog(most: number) {
  let eventsPerWindow = 1;
  let windows: { readonly window: number; readonly steps: Map<number, number> }[] = [];

  const addTo = (log: typeof windows, window: number, key: number, steps: number): void => {
    let last = log.at(-1);
    if (last === undefined || last.window !== window) {
      last = { window, steps: new Map() };
      log.push(last);
    }
    last.steps.set(key, (last.steps.get(key) ?? 0) + steps);
  };

  function joinNeighbours(): void {
    const joined: typeof windows = [];
    for (const { window, steps } of windows) for (const [key, count] of steps) addTo(joined, window >>> 1, key, count);
    windows = joined;
    eventsPerWindow *= 2;
  }

  return {
    eventsPerWindow: () => eventsPerWindow,
    add(event: number, actor: number, kind: number, steps: Float64Array): void {
      while (Math.floor(event / eventsPerWindow) >= most) joinNeighbours();
      const window = Math.floor(event / eventsPerWindow);
      for (let work = 0; work < steps.length; work++)
        if (steps[work] > 0) addTo(windows, window, keyOf(actor, kind, work), steps[work]);
    },
    items: (): WorkItem[] =>
      windows.flatMap(({ window, steps }) =>
        [...steps].map(([key, count]) => {
          const kind = Math.floor(key / WORKS) % KINDS;
          return {
            window,
            actor: Math.floor(key / (WORKS * KINDS)) + ACTOR_COMMAND,
            event: findKind(kind)?.name ?? `kind ${kind}`,
            work: WORK_NAMES[key % WORKS],
            steps: count,
          };
        }),
      ),
  };
}

/** An actor in words. */
export const actorName = (actor: number): string =>
  actor === ACTOR_HOST ? 'host' : actor === ACTOR_COMMAND ? 'ITS command' : `vCPU ${actor}`;
