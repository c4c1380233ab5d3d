/** Replays one trace under several strategies in one pass and returns the exact record of each cell. */

import { assert } from '../base/errors.js';
import type { Machine } from '../gic/intid.js';
import { type ChosenStrategy, prunesAtMost, specOf } from '../strategy/index.js';
import { ABORTED_ENTRY, createEventBlock, type EventBlock, FLUSH, wordKind, wordVcpu } from '../trace/events.js';
import type { TraceHeader } from '../trace/header.js';
import { NR_METRICS, PATH_FLUSH } from '../vgic/counters.js';
import { digestHex } from '../vgic/digest.js';
import { HostStop } from '../vgic/host-stop.js';
import type { Vgic } from '../vgic/vgic.js';
import { type AmplificationMeter, createAmplificationMeter } from './amplification.js';
import { createModel, referenceFor } from './create-model.js';
import { createEngine, type Engine } from './engine.js';
import { createEquivalenceChecker, type EquivalenceChecker } from './equivalence.js';
import { createHarmMeter, type HarmMeter } from './harm.js';
import { createInvariantChecker, type InvariantChecker, type Violation } from './invariants.js';
import { operationCounts } from './operation-counts.js';
import {
  type ExactPart,
  type HostStopped,
  METRIC_NAMES,
  type Metric,
  PATH_NAMES,
  type PathCost,
  type PathName,
} from './result.js';

import { sectionFigures } from './sections.js';
import { createWorstCalls, type WorstCalls } from './worst-calls.js';

/** Where blocks come from: a trace reader, or events in memory. */
export interface BlockSource {
  readonly header: TraceHeader;
  /** Fills `block` with the next block; false at the end. */
  next(block: EventBlock): boolean;
}

export interface TraceIdentity {
  /** Path as the user named it; stands in the command that repeats the cell. */
  readonly path: string;
  readonly sha256: string;
  readonly origin: string;
  /** Flavour in the file, where another one is replayed. */
  readonly madeFor?: string;
}

interface Cell {
  readonly chosen: ChosenStrategy;
  readonly vgic: Vgic;
  readonly engine: Engine;
  readonly checker: EquivalenceChecker;
  readonly invariants: InvariantChecker | undefined;
  readonly amplification: AmplificationMeter;
  readonly harm: HarmMeter;
  readonly worst: WorstCalls;
  /** Set when the host stopped; nothing is replayed after it. */
  stopped: HostStopped | null;
}

/** One event for one cell, unless its host has stopped. */
function stepCell(cell: Cell, word: number, value: number, event: number): void {
  if (cell.stopped !== null) return;
  try {
    cell.invariants?.before(word, value);
    cell.amplification.before(word, value);
    cell.harm.before(word);
    cell.engine.step(word, value);
    cell.worst.after(word, event);
    cell.invariants?.after(event);
    cell.amplification.after(word, value, event);
  } catch (error) {
    stopCell(cell, error, event);
  }
}

/** A stop ends the cell and no other; a strategy from outside stops it by an exception. Anything else is a bug. */
function stopCell(cell: Cell, error: unknown, event: number): void {
  if (!(error instanceof HostStop)) throw error;
  cell.stopped = { event, kind: error.kind, reason: error.message };
}

function observeFlush(
  cell: Cell,
  vcpu: number,
  event: number,
  tick: number,
  index: number,
  onFlush: FlushObserver | undefined,
): void {
  if (cell.stopped !== null) return;
  try {
    cell.harm.afterFlush(vcpu);
    onFlush?.(cell.vgic, vcpu, event, tick, index);
  } catch (error) {
    stopCell(cell, error, event);
  }
}

/** Called at each flush of each cell, after it: for dumps, timelines and checks. */
export type FlushObserver = (vgic: Vgic, vcpu: number, event: number, tick: number, strategyIndex: number) => void;

export interface ReplayObservers {
  readonly onFlush?: FlushObserver;
  /**
   * Asks for the invariants (invariants.ts) after every event, and is told the first that a cell breaks. Flavours with
   * ap_lists only.
   */
  readonly onViolation?: (violation: Violation, strategyIndex: number) => void;
}

/**
 * Open loop: every strategy sees the same events, the guest's acknowledges included. The declared class of each is
 * verified at every flush against sort-on-flush, which is replayed alongside if it is not among the chosen.
 */
export function replayTrace(
  source: BlockSource,
  chosen: readonly ChosenStrategy[],
  identity: TraceIdentity,
  { onFlush, onViolation }: ReplayObservers = {},
): ExactPart[] {
  const { machine } = source.header;
  const { strategy: reference } = referenceFor(machine);
  const isChecked = onViolation !== undefined;
  assert(!isChecked || reference.structure === 'ap-list', 'the invariants are those of ap_lists');
  const referenceAt = chosen.findIndex((candidate) => candidate.strategy === reference);
  const vgics = chosen.map((candidate) => createModel(machine, candidate));
  const hidden: HiddenCell | undefined = referenceAt < 0 ? createHidden(machine) : undefined;
  const referenceVgic = hidden?.vgic ?? vgics[referenceAt];
  const cells: Cell[] = chosen.map((candidate, i) => {
    const vgic = vgics[i];
    const { equivalence, structure } = candidate.strategy;
    const checker = createEquivalenceChecker(vgic, i === referenceAt ? undefined : referenceVgic, equivalence);
    return {
      chosen: candidate,
      vgic,
      engine: createEngine(vgic, checker.beforeFlush),
      checker,
      invariants:
        isChecked && structure === 'ap-list'
          ? createInvariantChecker(vgic, {
              keepsOrder: candidate.strategy === reference,
              prunesAtMost: prunesAtMost(candidate),
            })
          : undefined,
      amplification: createAmplificationMeter(vgic),
      harm: createHarmMeter(vgic),
      worst: createWorstCalls(vgic),
      stopped: null,
    };
  });
  const isReferenceStopped = (): boolean => hidden?.isStopped ?? cells[referenceAt].stopped !== null;
  /** What is identical to a host that has stopped? */
  const isComparable = ({ stopped, chosen: { strategy } }: Cell): boolean =>
    stopped === null && (strategy.equivalence !== 'identical' || !isReferenceStopped());

  const block = createEventBlock();
  let events = 0;
  let aborted = 0;
  while (source.next(block)) {
    const { word, value, dt, count } = block;
    let tick = block.firstTick;
    for (let i = 0; i < count; i++) {
      const w = word[i];
      if (i > 0) tick += dt[i] >>> 0;
      const kind = wordKind(w);
      if (kind === FLUSH) {
        const vcpu = wordVcpu(w);
        for (const cell of cells) stepCell(cell, w, value[i], events + i);
        if (hidden !== undefined) stepHidden(hidden, w, value[i]);
        for (let c = 0; c < cells.length; c++) {
          if (isComparable(cells[c])) cells[c].checker.afterFlush(vcpu, events + i);
          observeFlush(cells[c], vcpu, events + i, tick, c, onFlush);
        }
      } else {
        if (kind === ABORTED_ENTRY) aborted++;
        for (const cell of cells) stepCell(cell, w, value[i], events + i);
        if (hidden !== undefined) stepHidden(hidden, w, value[i]);
      }
    }
    events += count;
  }
  cells.forEach((cell, at) => {
    const { invariants } = cell;
    try {
      if (cell.stopped === null) invariants?.finish();
    } catch (error) {
      stopCell(cell, error, events - 1);
    }
    const violation = invariants?.violation() ?? null;
    if (violation !== null) onViolation?.(violation, at);
  });
  return cells.map((cell) => exactPart(cell, source.header, identity, events, aborted));
}

/** The flavour's own algorithm, replayed for comparison alone: nothing is told of it. */
interface HiddenCell {
  readonly vgic: Vgic;
  readonly engine: Engine;
  isStopped: boolean;
}

function createHidden(machine: Machine): HiddenCell {
  const vgic = createModel(machine, referenceFor(machine));
  return { vgic, engine: createEngine(vgic), isStopped: false };
}

function stepHidden(hidden: HiddenCell, word: number, value: number): void {
  if (hidden.isStopped) return;
  try {
    hidden.engine.step(word, value);
  } catch (error) {
    if (!(error instanceof HostStop)) throw error;
    hidden.isStopped = true;
  }
}

function exactPart(
  { chosen, vgic, engine, checker, amplification, harm, worst, stopped }: Cell,
  header: TraceHeader,
  identity: TraceIdentity,
  events: number,
  aborted: number,
): ExactPart {
  const { cost } = vgic.state;
  const systems = engine.systemCounts();
  const depthAtFlush: [number, number][] = [];
  cost.depth.forEach((flushes, depth) => {
    if (flushes > 0) depthAtFlush.push([depth, flushes]);
  });
  const { nrLr } = vgic.state;
  const usedLrs = Array.from(cost.used.subarray(0, nrLr + 1));
  return {
    trace: {
      name: header.name,
      title: header.title,
      sha256: identity.sha256,
      events,
      fidelity: header.fidelity,
      machine: header.machine,
      madeFor: identity.madeFor ?? header.machine.flavour,
      counts: header.counts,
      gaps: header.gaps.length,
      origin: identity.origin,
    },
    strategy: {
      id: chosen.label,
      params: chosen.params,
      ...(chosen.outside === undefined ? {} : { outside: chosen.outside }),
    },
    paths: pathCosts(vgic),
    worstCalls: worst.places(),
    depthAtFlush,
    usedLrs,
    guest: {
      acks: cost.acks,
      spurious: cost.spurious,
      divergences: cost.divergences,
      injections: cost.injections,
      redundantInjections: cost.redundantInjections,
      fullFlushes: usedLrs[nrLr],
      sorts: cost.sorts,
      flushes: cost.calls[PATH_FLUSH],
      abortedEntries: aborted,
    },
    operations: operationCounts(vgic),
    kicks: {
      requests: cost.kicks,
      broadcasts: cost.broadcasts,
      wakeups: cost.wakeups,
      ipis: cost.ipis,
      whileQueued: cost.kicksWhileQueued,
      ipisWhileQueued: cost.ipisWhileQueued,
      spurious: cost.spuriousKicks,
      halts: cost.halts,
    },
    sections: sectionFigures(vgic, systems.its === undefined ? undefined : vgic.its()),
    amplification: amplification.result(),
    harm: harm.result(),
    systems,
    stopped,
    equivalence: checker.result(),
    lrDigest: digestHex(engine.digest()),
    command: `vgic-replay replay ${quoted(identity.path)} --strategy ${quoted(specOf(chosen))}${flavourOption(identity, header)}`,
  };
}

const flavourOption = ({ madeFor }: TraceIdentity, { machine }: TraceHeader): string =>
  madeFor === undefined || madeFor === machine.flavour ? '' : ` --flavour ${machine.flavour}`;

/** Counters of all paths as plain data. Path and metric order: vgic/counters.ts. */
export function pathCosts(vgic: Vgic): Record<PathName, PathCost> {
  const { cost } = vgic.state;
  const metric = (path: number, m: number): Metric => ({
    sum: cost.sum[path * NR_METRICS + m],
    max: cost.max[path * NR_METRICS + m],
    hist: cost.histogram(path, m),
  });
  const paths = PATH_NAMES.map((name, path): [PathName, PathCost] => {
    const metrics = METRIC_NAMES.map((metricName, m) => [metricName, metric(path, m)] as const);
    return [
      name,
      { calls: cost.calls[path], ...(Object.fromEntries(metrics) as Record<(typeof METRIC_NAMES)[number], Metric>) },
    ];
  });
  return Object.fromEntries(paths) as Record<PathName, PathCost>;
}

/** A word of a shell command line. */
export const quoted = (text: string): string =>
  /^[\w./:=,@%+-]+$/.test(text) ? text : `'${text.replaceAll("'", "'\\''")}'`;
