/**
 * Puts records of several CPUs in the order of their times. Each CPU's come in order, in bundles that were read one CPU
 * after the other: a bounded window is enough.
 */
export interface Timed {
  /** Nanoseconds since an arbitrary moment. */
  readonly tick: number;
}

/** Records held back: some hundred milliseconds of a busy host. */
export const WINDOW = 1 << 19;

interface Entry<T> {
  readonly item: T;
  /** Equal times keep the order in which they came. */
  readonly sequence: number;
}

export class TimeOrder<T extends Timed> {
  readonly #visit: (item: T) => void;
  readonly #window: number;
  /** A binary heap, the earliest first. */
  readonly #heap: Entry<T>[] = [];
  #sequence = 0;

  constructor(visit: (item: T) => void, window = WINDOW) {
    this.#visit = visit;
    this.#window = window;
  }

  add(item: T): void {
    const heap = this.#heap;
    const entry = { item, sequence: this.#sequence++ };
    let at = heap.length;
    heap.push(entry);
    while (at > 0) {
      const parent = (at - 1) >> 1;
      if (!isBefore(entry, heap[parent])) break;
      heap[at] = heap[parent];
      at = parent;
    }
    heap[at] = entry;
    if (heap.length > this.#window) this.#visit(this.#takeFirst());
  }

  /** No more will come. */
  finish(): void {
    while (this.#heap.length > 0) this.#visit(this.#takeFirst());
  }

  #takeFirst(): T {
    const heap = this.#heap;
    const [first] = heap;
    const last = heap.pop() as Entry<T>;
    if (heap.length === 0) return first.item;
    let at = 0;
    for (;;) {
      let child = 2 * at + 1;
      if (child >= heap.length) break;
      if (child + 1 < heap.length && isBefore(heap[child + 1], heap[child])) child++;
      if (!isBefore(heap[child], last)) break;
      heap[at] = heap[child];
      at = child;
    }
    heap[at] = last;
    return first.item;
  }
}

const isBefore = <T extends Timed>(a: Entry<T>, b: Entry<T>): boolean =>
  a.item.tick < b.item.tick || (a.item.tick === b.item.tick && a.sequence < b.sequence);
