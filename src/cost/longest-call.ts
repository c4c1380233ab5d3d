/**
 * Instructions of the longest call of each path, at most: the largest number of each operation in any one call, although they
 * need not be of the same call, and of each entry the dearest branch. So it is a bound within the model, not an estimate; on
 * workloads whose calls are alike it is near the mean call (predict.test.ts).
 */
import { type Counts, operation } from './counts.js';
import { FITTED } from './fitted.js';
import type { LockMode } from './native.js';
import { leftOutError } from './predict.js';

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
  const { paths, depth, machine } = counts;
  const walked = Math.max(paths.flush.most.visits - depth.max, Math.min(depth.max, machine.nrLr));
  const isSorting = paths.flush.most.comparisons > 0;
  const tests = operation(counts, 'order-tested entries') > 0 ? w['order test'] : 0;
  const picks = operation(counts, 'picks') > 0 ? w.pick + depth.max * w['picked over'] : 0;
  const fill = Math.max(w['fill edge'], w['fill level'], machine.model === 'gicv3' ? 0 : w['fill GICv2 SGI']);
  const fold = Math.max(w.folded, w['folded on GICv2']) + w.notified;
  const flush =
    w.flush +
    w['depth call'] +
    depth.max * (w['depth entry'] + w['depth senders'] * (machine.model === 'gicv3' ? 0 : 1) + tests) +
    (isSorting ? depth.max * w['sorted entry'] + paths.flush.most.comparisons * w.comparison : 0) +
    picks +
    walked * (w.walked + w['oracle to the end']) +
    paths.flush.most.lrWrites * (w.filled + fill) +
    machine.nrLr * w.cleared;
  const prune = w['prune call'] + paths.prune.most.visits * (w.visited + w['oracle to the end'] + w.released);
  const inject =
    w['injection queued'] + paths.inject.most.comparisons * w.passed + paths.inject.most.visits * w['other visit'];
  const pending = w['pending test'] + paths.pending.most.visits * w['pending visit'];
  const withError = (value: number, figure: 'inject' | 'flush' | 'fold' | 'prune'): number =>
    value * (1 + leftOutError(figure, locks));
  return {
    inject: paths.inject.calls === 0 ? 0 : withError(inject, 'inject'),
    flush: depth.max === 0 ? 0 : withError(flush, 'flush'),
    fold: depth.max === 0 ? 0 : withError(w['fold call'] + paths.fold.most.visits * fold, 'fold'),
    prune: depth.max === 0 ? 0 : withError(prune, 'prune'),
    pending: paths.pending.calls === 0 ? 0 : pending * 1.5,
  };
}
