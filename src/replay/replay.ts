/** Replays one trace under several strategies in one pass and returns the exact record of each cell. */

import { type ChosenStrategy, reference } from '../strategy/index.js';
import { ABORTED_ENTRY, createEventBlock, type EventBlock, FLUSH, wordKind, wordVcpu } from '../trace/events.js';
import type { TraceHeader } from '../trace/header.js';
import { NR_METRICS, PATH_FLUSH } from '../vgic/counters.js';
import { digestHex } from '../vgic/digest.js';
import { createVgic, type Vgic } from '../vgic/vgic.js';
import { createEngine, type Engine } from './engine.js';
import { createEquivalenceChecker, type EquivalenceChecker } from './equivalence.js';
import { type ExactPart, METRIC_NAMES, type Metric, PATH_NAMES, type PathCost, type PathName } from './result.js';

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
}

interface Cell {
  readonly chosen: ChosenStrategy;
  readonly vgic: Vgic;
  readonly engine: Engine;
  readonly checker: EquivalenceChecker;
}

/** Called at each flush of each cell, after it: for dumps, timelines and checks. */
export type FlushObserver = (vgic: Vgic, vcpu: number, event: number, tick: number, strategyIndex: number) => void;

/**
 * Open loop: every strategy sees the same events, the guest's acknowledges included. The declared class of each is
 * verified at every flush against sort-on-flush, which is replayed alongside if it is not among the chosen.
 */
export function replayTrace(
  source: BlockSource,
  chosen: readonly ChosenStrategy[],
  identity: TraceIdentity,
  onFlush?: FlushObserver,
): ExactPart[] {
  const { machine } = source.header;
  const referenceAt = chosen.findIndex((candidate) => candidate.strategy === reference);
  const vgics = chosen.map((candidate) => createVgic(machine, candidate.create));
  const hidden = referenceAt < 0 ? createVgic(machine, reference.create({})) : undefined;
  const hiddenEngine = hidden === undefined ? undefined : createEngine(hidden);
  const referenceVgic = hidden ?? vgics[referenceAt];
  const cells: Cell[] = chosen.map((candidate, i) => ({
    chosen: candidate,
    vgic: vgics[i],
    engine: createEngine(vgics[i]),
    checker: createEquivalenceChecker(
      vgics[i],
      i === referenceAt ? undefined : referenceVgic,
      candidate.strategy.equivalence,
    ),
  }));

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
        for (const cell of cells) cell.checker.beforeFlush(vcpu);
        for (const cell of cells) cell.engine.step(w, value[i]);
        hiddenEngine?.step(w, value[i]);
        for (let c = 0; c < cells.length; c++) {
          cells[c].checker.afterFlush(vcpu, events + i);
          onFlush?.(cells[c].vgic, vcpu, events + i, tick, c);
        }
      } else {
        if (kind === ABORTED_ENTRY) aborted++;
        for (const cell of cells) cell.engine.step(w, value[i]);
        hiddenEngine?.step(w, value[i]);
      }
    }
    events += count;
  }
  return cells.map((cell) => exactPart(cell, source.header, identity, events, aborted));
}

function exactPart(
  { chosen, vgic, engine, checker }: Cell,
  header: TraceHeader,
  identity: TraceIdentity,
  events: number,
  aborted: number,
): ExactPart {
  const { cost } = vgic.state;
  const depthAtFlush: [number, number][] = [];
  cost.depth.forEach((flushes, depth) => {
    if (flushes > 0) depthAtFlush.push([depth, flushes]);
  });
  const usedLrs = Array.from(cost.used.subarray(0, header.machine.nrLr + 1));
  return {
    trace: {
      name: header.name,
      title: header.title,
      sha256: identity.sha256,
      events,
      fidelity: header.fidelity,
      machine: header.machine,
      counts: header.counts,
      gaps: header.gaps.length,
      origin: identity.origin,
    },
    strategy: { id: chosen.label, params: chosen.params },
    paths: pathCosts(vgic),
    depthAtFlush,
    usedLrs,
    guest: {
      acks: cost.acks,
      spurious: cost.spurious,
      divergences: cost.divergences,
      injections: cost.injections,
      redundantInjections: cost.redundantInjections,
      kicks: cost.kicks,
      fullFlushes: usedLrs[header.machine.nrLr],
      sorts: cost.sorts,
      flushes: cost.calls[PATH_FLUSH],
      abortedEntries: aborted,
    },
    equivalence: checker.result(),
    lrDigest: digestHex(engine.digest()),
    command: `vgic-replay replay ${quoted(identity.path)} --strategy ${chosen.label}`,
  };
}

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
const quoted = (text: string): string => (/^[\w./:=@%+-]+$/.test(text) ? text : `'${text.replaceAll("'", "'\\''")}'`);
