/**
 * When a flush or a fold looked at an interrupt. A flush counts and sorts the list at its first line, then fills one LR after the other;
 * between two lr_populate lines other CPUs may change what it has not come to.
 */
import type { FlushOperation, Moment, SyncOperation } from './operation.js';
import type { FoldedLr } from './shadow.js';
import { irqKey } from './step.js';

/** The moment of decision for one interrupt. `nrLr`: with so many presented, the walk ends. */
export function createVisits(flush: FlushOperation, nrLr: number): (key: number) => Moment {
  const { vcpu, populates, result, closeLine, closeTick } = flush;
  const visits = new Map<number, Moment>(populates.map((populate) => [populate.key, populate]));
  const isFull = populates.length >= nrLr;
  const unseen: Moment = isFull ? flush : { line: closeLine, tick: closeTick };
  const waiting: number[] = [];
  for (const intid of result?.list ?? []) {
    const key = irqKey(vcpu, intid);
    // The end of the list, or the list again.
    if (intid < 0 || waiting.includes(key)) break;
    const visit = visits.get(key);
    if (visit === undefined) waiting.push(key);
    else for (const passed of waiting.splice(0)) visits.set(passed, visit);
  }
  return (key) => visits.get(key) ?? unseen;
}

/** LRs are folded one after the other, each under its interrupt's lock: not before this line. */
export function findFoldLines({ vcpu, line, acks }: SyncOperation, lrs: readonly FoldedLr[]): Map<number, number> {
  const lines = new Map<number, number>();
  let from = line;
  for (const { intid } of lrs) {
    for (const ack of acks) if (ack.intid === intid) from = Math.max(from, ack.line);
    lines.set(irqKey(vcpu, intid), from);
  }
  return lines;
}
