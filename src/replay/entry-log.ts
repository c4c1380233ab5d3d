/**
 * Guest entries and exits in columns, a set a vCPU. When there are more than were asked for, neighbours of each vCPU are joined and
 * an element stands for twice as many.
 */

/** An element is one entry, or `count` of one vCPU on end. */
export interface EntryColumns {
  /** Of the first entry. */
  readonly entryTick: number[];
  /** Of the last exit; -1 where there was none. */
  readonly exitTick: number[];
  /** Most interrupts on the list after an entry, list registers in use, steps of the entry's flush and of the exit's fold and prune. */
  readonly depth: number[];
  readonly usedLrs: number[];
  readonly entrySteps: number[];
  readonly exitSteps: number[];
  readonly count: number[];
}

export interface EntryLog {
  enter(vcpu: number, tick: number, depth: number, usedLrs: number, steps: number): void;
  /** `isFirst`: the guest left here (not the rest of an exit that was recorded in two events). */
  exit(vcpu: number, tick: number, steps: number, isFirst: boolean): void;
  columns(): readonly EntryColumns[];
  /** Most entries that an element stands for. */
  perSample(): number;
}

export function createEntryLog(nrVcpus: number, most: number): EntryLog {
  const columns = Array.from({ length: nrVcpus }, emptyColumns);
  /** Of the exit in progress. */
  const exitSteps = new Float64Array(nrVcpus);
  let samples = 0;
  let perSample = 1;
  const room = Math.max(most, nrVcpus);

  function joinNeighbours(): void {
    perSample *= 2;
    samples = 0;
    for (const own of columns) {
      join(own, perSample);
      samples += own.count.length;
    }
  }

  return {
    columns: () => columns,
    perSample: () => perSample,
    enter(vcpu, tick, depth, usedLrs, steps) {
      const own = columns[vcpu];
      const isFull = (): boolean => own.count.length === 0 || own.count[own.count.length - 1] >= perSample;
      // In the end there is one element a vCPU, and one more entry fits into the last.
      while (isFull() && samples >= room) joinNeighbours();
      exitSteps[vcpu] = 0;
      if (isFull()) {
        push(own, tick, depth, usedLrs, steps);
        samples += 1;
        return;
      }
      const last = own.count.length - 1;
      own.depth[last] = Math.max(own.depth[last], depth);
      own.usedLrs[last] = Math.max(own.usedLrs[last], usedLrs);
      own.entrySteps[last] = Math.max(own.entrySteps[last], steps);
      own.count[last] += 1;
    },
    exit(vcpu, tick, steps, isFirst) {
      const own = columns[vcpu];
      const last = own.count.length - 1;
      if (last < 0) return;
      exitSteps[vcpu] += steps;
      own.exitSteps[last] = Math.max(own.exitSteps[last], exitSteps[vcpu]);
      if (isFirst) own.exitTick[last] = tick;
    },
  };
}

const emptyColumns = (): EntryColumns => ({
  entryTick: [],
  exitTick: [],
  depth: [],
  usedLrs: [],
  entrySteps: [],
  exitSteps: [],
  count: [],
});

function push(own: EntryColumns, tick: number, depth: number, usedLrs: number, steps: number): void {
  own.entryTick.push(tick);
  own.exitTick.push(-1);
  own.depth.push(depth);
  own.usedLrs.push(usedLrs);
  own.entrySteps.push(steps);
  own.exitSteps.push(0);
  own.count.push(1);
}

/** Neighbours become one as long as no element stands for more than `perSample`. */
function join(own: EntryColumns, perSample: number): void {
  const { entryTick, exitTick, depth, usedLrs, entrySteps, exitSteps, count } = own;
  let to = -1;
  for (let from = 0; from < count.length; from++) {
    if (to >= 0 && count[to] + count[from] <= perSample) {
      for (const column of [exitTick, depth, usedLrs, entrySteps, exitSteps])
        column[to] = Math.max(column[to], column[from]);
      count[to] += count[from];
      continue;
    }
    to += 1;
    for (const column of [entryTick, exitTick, depth, usedLrs, entrySteps, exitSteps, count]) column[to] = column[from];
  }
  for (const column of [entryTick, exitTick, depth, usedLrs, entrySteps, exitSteps, count]) column.length = to + 1;
}
