/**
 * Instructions of the longest call of each path, at most: the largest number of each operation in any one call, although they
 * need not be of the same call, and of each entry the dearest branch. So it is a bound within the model, not an estimate; on
 * workloads whose calls are alike it is near the mean call (predict.test.ts).
 */
import type { OperationName } from '../vgic/operations.js';
import { type Counts, operation } from './counts.js';
import type { Weights } from './fit.js';
import { FITTED } from './fitted.js';
import type { LockMode } from './native.js';
import { ANALOGY_ERROR, leftOutError } from './predict.js';

export interface LongestCalls {
  readonly inject: number;
  readonly flush: number;
  readonly fold: number;
  readonly prune: number;
  readonly pending: number;
}

/** The bound of each path with the error of the fit on top. */
export function boundLongestCalls(counts: Counts, locks: LockMode): LongestCalls {
  const w = FITTED.weights[locks];
  const { paths, depth, lookupNodes } = counts;
  const withError = (value: number, figure: 'inject' | 'flush' | 'fold' | 'prune'): number =>
    value * (1 + leftOutError(figure, locks));
  const { inject, prune } = paths;
  const appended =
    w['injection queued'] +
    inject.most.comparisons * w.passed +
    inject.most.visits * w['other visit'] +
    lookupNodes.most.other * w['LPI node'] +
    // A hybrid sorts where its list reaches the threshold.
    (operation(counts, 'sort comparisons') > paths.flush.comparisons ? depth.max * w['sorted entry'] : 0);
  // What migrated in one exit was on the list, and is among all that did.
  const migrated = Math.min(operation(counts, 'migrated'), depth.max) * w.migrated;
  const pruned =
    w['prune call'] +
    prune.most.visits * (w.visited + w['oracle to the end'] + w.released) +
    prune.most.comparisons * w.passed +
    migrated;
  const pending = w['pending test'] + paths.pending.most.visits * w['pending visit'];
  return {
    inject: inject.calls === 0 ? 0 : withError(appended, 'inject'),
    flush: depth.max === 0 ? 0 : withError(boundFlush(counts, w), 'flush'),
    fold: depth.max === 0 ? 0 : withError(boundFold(counts, w), 'fold'),
    prune: depth.max === 0 ? 0 : withError(pruned, 'prune'),
    pending: paths.pending.calls === 0 ? 0 : pending * (1 + ANALOGY_ERROR),
  };
}

function boundFlush(counts: Counts, w: Weights): number {
  const { depth, machine } = counts;
  const { most } = counts.paths.flush;
  const isV2 = machine.model === 'gicv2';
  const happened = (name: OperationName): boolean => operation(counts, name) > 0;
  const passes = happened('depth entries') ? w['depth call'] + depth.max * w['depth entry'] : 0;
  const senders = happened('depth entries with senders') ? depth.max * w['depth senders'] : 0;
  const tests = happened('order-tested entries') ? depth.max * w['order test'] : 0;
  const comparison = Math.max(w.comparison, w['other comparison']);
  const sort = most.comparisons > 0 ? depth.max * w['sorted entry'] + most.comparisons * comparison : 0;
  const picks = happened('picks') ? w.pick + depth.max * w['picked over'] : 0;
  const distributed = happened('distributed entries') ? most.visits * w.distributed : 0;
  // Every visit that no pass over the whole list accounts for is of the walk.
  const walked = happened('depth entries')
    ? Math.max(most.visits - depth.max, Math.min(depth.max, machine.nrLr))
    : most.visits;
  const walk = Math.max(w.walked + w['oracle to the end'], happened('walked entries') ? 0 : w['other visit']);
  const fill = Math.max(w['fill edge'], w['fill level'], w['fill active'], isV2 ? w['fill GICv2 SGI'] : 0);
  const mapped = happened('filled mapped') ? w['fill mapped'] : 0;
  return (
    w.flush +
    passes +
    senders +
    tests +
    sort +
    picks +
    distributed +
    walked * walk +
    most.lrWrites * (w.filled + fill + mapped) +
    machine.nrLr * w.cleared
  );
}

/** With the exit around fold and prune. */
function boundFold(counts: Counts, w: Weights): number {
  const { most } = counts.paths.fold;
  const isV2 = counts.machine.model === 'gicv2';
  const mapped = operation(counts, 'folded mapped') > 0 ? w['fold mapped'] : 0;
  return (
    w['fold call'] +
    w.exit +
    (isV2 ? w['exit on GICv2'] : 0) +
    most.visits * (Math.max(w.folded, w['folded on GICv2']) + w.notified + mapped) +
    most.comparisons * w.passed +
    counts.lookupNodes.most.fold * w['LPI node']
  );
}
