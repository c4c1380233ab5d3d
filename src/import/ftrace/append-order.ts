/** Which of the appends under way reached a list first: the next flushes of that list show it. */
import type { Lookahead } from './lookahead.js';
import type { QueueOperation } from './operation.js';
import { runQueue } from './scores.js';
import type { Shadow } from './shadow.js';
import { KEY_MACHINE } from './step.js';
import type { AppendInterval, PruneOperation, Timeline } from './timeline.js';

export class AppendOrder {
  readonly #timeline: Timeline;
  readonly #shadow: Shadow;
  readonly #lookahead: Lookahead;

  constructor(timeline: Timeline, shadow: Shadow, lookahead: Lookahead) {
    this.#timeline = timeline;
    this.#shadow = shadow;
    this.#lookahead = lookahead;
  }

  /** ap_add lines of two CPUs may stand in the wrong order. Each is to be written before the next is asked for. */
  *overtaking(append: AppendInterval): Generator<AppendInterval> {
    const wrongIf = (order: readonly AppendInterval[]): number =>
      this.#foresee(
        append.to,
        order.flatMap(({ ops }) => ops),
        () => undefined,
      );
    for (const other of [...this.#timeline.pending]) {
      if (other === append || other.type !== 'append' || other.to !== append.to || append.to < 0) continue;
      const inOrder = wrongIf([append, other]);
      if (inOrder > 0 && wrongIf([other, append]) < inOrder) yield other;
    }
  }

  /** Appends that reached the list before a move to it did. */
  *before({ sync, moves, held }: PruneOperation): Generator<AppendInterval> {
    for (const append of [...this.#timeline.pending]) {
      if (append.type !== 'append' || !moves.some((move) => move.to === append.to)) continue;
      const wrongIf = (first: readonly QueueOperation[]): number =>
        this.#foresee(append.to, first, () => this.#shadow.prune(sync.vcpu, held));
      const inTime = wrongIf([]);
      if (inTime > 0 && wrongIf(append.ops) < inTime) yield append;
    }
  }

  /** Contradictions in what the recording shows of a list after these appends and then `next`. */
  #foresee(vcpu: number, appends: readonly QueueOperation[], next: () => void): number {
    return this.#lookahead.foresee(
      KEY_MACHINE,
      vcpu,
      (run) => {
        for (const op of appends) {
          run.add(op);
          runQueue(this.#shadow, op, true);
        }
        next();
      },
      null,
    );
  }
}
