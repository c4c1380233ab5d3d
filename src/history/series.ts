/**
 * Series of the history, and where they change. Times: one series a cell and machine, change points by statistics
 * (stats/change-points.ts); another machine or runner image begins another series and is never a change. Exact counters: one
 * series a cell whatever the machine, and any step is the change.
 */
import { compareText } from '../base/number-format.js';
import { CHANGE_POINT_PLAN, type ChangePointPlan, findChangePoints } from '../stats/change-points.js';
import type { HistoryMachine, HistoryRun } from './record.js';

export interface SeriesPoint {
  /** Index of the run in the history. */
  readonly run: number;
  readonly when: string;
  readonly commit: string | null;
  readonly value: number;
}

interface SeriesName {
  readonly cell: string;
  /** Another trace under the same name begins another series. */
  readonly traceSha256: string | null;
}

export interface TimeSeries extends SeriesName {
  readonly kind: 'time';
  readonly machine: HistoryMachine;
  /** ns per event. */
  readonly points: readonly SeriesPoint[];
}

export interface CounterSeries extends SeriesName {
  readonly kind: 'counter';
  /** "flush/steps/max". */
  readonly counter: string;
  readonly points: readonly SeriesPoint[];
}

export interface AllSeries {
  readonly times: readonly TimeSeries[];
  readonly counters: readonly CounterSeries[];
}

/** In the order of the cells' names; points in the order of the history. */
export function seriesOf(runs: readonly HistoryRun[]): AllSeries {
  const times = new Map<string, TimeSeries & { points: SeriesPoint[] }>();
  const counters = new Map<string, CounterSeries & { points: SeriesPoint[] }>();
  for (const [run, { when, commit, machine, cells }] of runs.entries()) {
    for (const { cell, traceSha256, counters: counted, time } of cells) {
      const key = `${cell}\n${traceSha256}`;
      if (time !== null) {
        const id = `${key}\n${machine.fingerprint}`;
        const series = times.get(id) ?? { kind: 'time', cell, traceSha256, machine, points: [] };
        times.set(id, series);
        series.points.push({ run, when, commit, value: time.estimate });
      }
      for (const [counter, value] of Object.entries(counted)) {
        const id = `${key}\n${counter}`;
        const series = counters.get(id) ?? { kind: 'counter', cell, traceSha256, counter, points: [] };
        counters.set(id, series);
        series.points.push({ run, when, commit, value });
      }
    }
  }
  return { times: inOrder(times), counters: inOrder(counters) };
}

/** By cell; of one cell as they first occurred. */
const inOrder = <T extends SeriesName>(series: ReadonlyMap<string, T>): T[] =>
  [...series.values()].sort((a, b) => compareText(a.cell, b.cell));

/** A change between two runs that follow each other in one series. */
interface Change extends SeriesName {
  /** Last run of the old level and first of the new one: what changed it lies in (before.commit, at.commit]. */
  readonly last: SeriesPoint;
  readonly first: SeriesPoint;
  /** Relative: 0.05 is 5 % more; null from 0. */
  readonly size: number | null;
}

export interface TimeChange extends Change {
  readonly kind: 'time';
  readonly machine: HistoryMachine;
  /** Medians of the levels, ns per event. */
  readonly before: number;
  readonly after: number;
  readonly p: number;
}

export interface CounterStep extends Change {
  readonly kind: 'counter';
  readonly counter: string;
  readonly before: number;
  readonly after: number;
}

export interface HistoryChanges {
  readonly times: readonly TimeChange[];
  readonly counters: readonly CounterStep[];
}

export function findChanges({ times, counters }: AllSeries, plan: ChangePointPlan = CHANGE_POINT_PLAN): HistoryChanges {
  return {
    times: times.flatMap(({ cell, traceSha256, machine, points }) =>
      findChangePoints(
        points.map(({ value }) => value),
        plan,
      ).map(({ index, before, after, size, p }): TimeChange => {
        const at = { last: points[index - 1], first: points[index] };
        return { kind: 'time', cell, traceSha256, machine, ...at, before, after, size, p };
      }),
    ),
    counters: counters.flatMap(({ cell, traceSha256, counter, points }) =>
      points.flatMap((first, at): CounterStep[] => {
        const last = points[at - 1];
        if (last === undefined || last.value === first.value) return [];
        const [before, after] = [last.value, first.value];
        const size = before === 0 ? null : after / before - 1;
        return [{ kind: 'counter', cell, traceSha256, counter, last, first, before, after, size }];
      }),
    ),
  };
}

/** More time, or more steps. */
export const isWorse = ({ before, after }: TimeChange | CounterStep): boolean => after > before;

/** Those that came with a run after `run`. */
export const changesAfter = ({ times, counters }: HistoryChanges, run: number): HistoryChanges => ({
  times: times.filter(({ first }) => first.run > run),
  counters: counters.filter(({ first }) => first.run > run),
});

/** What a page shows of a history: computed once, rendered in any format. */
export interface HistoryView {
  readonly runs: number;
  readonly series: AllSeries;
  readonly changes: HistoryChanges;
}

export function viewHistory(runs: readonly HistoryRun[]): HistoryView {
  const series = seriesOf(runs);
  return { runs: runs.length, series, changes: findChanges(series) };
}
