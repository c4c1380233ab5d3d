/** Stored results → the cells of a run. Each kind of result gives what it has: counters, times, or both. */
import { compareText } from '../base/number-format.js';
import type { Comparison } from '../compare/comparison.js';
import { type CellResult, type ExactPart, type MeasuredPart, PATH_NAMES } from '../replay/result.js';
import { estimateTime } from '../stats/randomisation.js';
import type { HistoryCell, HistoryFacts, HistoryMachine, HistoryTime } from './record.js';
import { fingerprintOf } from './record.js';

/** What a result says of the machine it was made on. */
export type SaidMachine = Partial<Omit<HistoryMachine, 'image'>>;

export interface ResultFacts {
  readonly cells: readonly HistoryCell[];
  /** Null: the result does not say where it was made. */
  readonly machine: SaidMachine | null;
  /** Of a comparison, its second side. */
  readonly commit: string | null;
}

/** "trace/flavour/strategy"; `strategy.id` has the parameters in it. */
const cellName = ({ trace, strategy }: ExactPart): string => `${trace.name}/${trace.machine.flavour}/${strategy.id}`;

function countersOf({ paths }: ExactPart): Record<string, number> {
  const counters: Record<string, number> = {};
  for (const path of PATH_NAMES) {
    const { calls, steps } = paths[path];
    if (calls === 0) continue;
    counters[`${path}/steps/sum`] = steps.sum;
    counters[`${path}/steps/max`] = steps.max;
  }
  return counters;
}

const timeOf = ({ estimate, low, high }: MeasuredPart): HistoryTime => ({ estimate, low, high });

const sortCells = (cells: readonly HistoryCell[]): HistoryCell[] =>
  [...cells].sort((a, b) => compareText(a.cell, b.cell) || compareText(a.traceSha256 ?? '', b.traceSha256 ?? ''));

/** Cells as `replay` and runs store them. */
export function fromCells(results: readonly Pick<CellResult, 'exact' | 'measured'>[]): ResultFacts {
  const measured = results.find((result) => result.measured)?.measured;
  return {
    cells: sortCells(
      results.map(({ exact, measured: time }) => ({
        cell: cellName(exact),
        traceSha256: exact.trace.sha256,
        counters: countersOf(exact),
        time: time ? timeOf(time) : null,
      })),
    ),
    machine: measured ? { cpu: measured.cpu, node: measured.node } : null,
    commit: null,
  };
}

/** The part of a report.json that is read here. */
export interface StoredReport {
  readonly exact: { readonly cells: readonly Pick<CellResult, 'exact'>[] };
  readonly measured: {
    readonly on: { readonly cpu: string; readonly node: string; readonly os: string } | null;
    readonly cells: readonly { readonly trace: string; readonly strategy: string; readonly measured: MeasuredPart }[];
  } | null;
}

/** A report names a measured trace by its name, and by more where two have the same: such a time is left out. */
export function fromReport({ exact, measured }: StoredReport): ResultFacts {
  const nrNamed = (cell: Pick<CellResult, 'exact'>): number =>
    exact.cells.filter(
      (other) => other.exact.trace.name === cell.exact.trace.name && other.exact.strategy.id === cell.exact.strategy.id,
    ).length;
  const facts = fromCells(
    exact.cells.map((cell) => ({
      exact: cell.exact,
      measured:
        (nrNamed(cell) === 1
          ? measured?.cells.find(
              ({ trace, strategy }) => trace === cell.exact.trace.name && strategy === cell.exact.strategy.id,
            )?.measured
          : null) ?? null,
    })),
  );
  const on = measured?.on;
  return { ...facts, machine: on ? { cpu: on.cpu, node: on.node, os: on.os } : facts.machine };
}

/** The part of what `bench --json` prints that is read here. */
export interface StoredBench {
  readonly machine: { readonly cpu: string; readonly cores: number; readonly os: string; readonly node: string };
  readonly results: readonly {
    /** sha256 of the trace. */
    readonly id: string;
    /** "PATH, replayed as FLAVOUR". */
    readonly title: string;
    readonly flavour: string;
    readonly arms: readonly {
      readonly name: string;
      readonly estimate: number;
      readonly low: number;
      readonly high: number;
    }[];
  }[];
}

/** `control`: the name of the arm that repeats the first one, which is no cell. */
export function fromBench({ machine, results }: StoredBench, control: string): ResultFacts {
  const cells = results.flatMap(({ id, title, flavour, arms }) =>
    arms
      .filter(({ name }) => name !== control)
      .map(({ name, estimate, low, high }) => ({
        cell: `${nameInTitle(title)}/${flavour}/${name}`,
        traceSha256: id,
        counters: {},
        time: { estimate, low, high },
      })),
  );
  const { cpu, cores, os, node } = machine;
  return { cells: sortCells(cells), machine: { cpu, cores, os, node }, commit: null };
}

/** File name without folder and .vgt: the name of the trace in every trace that this program wrote by its usual name. */
const nameInTitle = (title: string): string =>
  title
    .replace(/, replayed as [^,]*$/, '')
    .replace(/^.*[/\\]/, '')
    .replace(/\.vgt$/, '');

/**
 * The second side of a comparison: times alone, since equal counters do not stand in it. Cells of two strategies are named by
 * trace and flavour there.
 */
export function fromComparison({ cells, b, machine }: Comparison): ResultFacts {
  return {
    cells: sortCells(
      cells.flatMap(({ cell, time }) =>
        time === null || time.samples.b.length === 0
          ? []
          : [
              {
                cell: b.kind === 'strategy' ? `${cell}/${b.name}` : cell,
                traceSha256: null,
                counters: {},
                time: { estimate: estimateTime(time.samples.b), low: null, high: null },
              },
            ],
      ),
    ),
    machine: machine ?? null,
    commit: b.commit,
  };
}

/** A machine that can be described here: the one that this runs on. */
export interface MachineHere extends HistoryFacts {
  /** As `doctor` gives it. */
  readonly fingerprint: string;
}

/** The machine of a result: this one unless the result says something else of it. */
export function machineOf(said: SaidMachine | null, here: MachineHere): HistoryMachine {
  const { fingerprint, ...facts } = here;
  const isHere =
    said === null ||
    ((said.fingerprint ?? fingerprint) === fingerprint &&
      (said.cpu?.trim() ?? facts.cpu) === facts.cpu &&
      (said.cores ?? facts.cores) === facts.cores &&
      (said.os ?? facts.os) === facts.os &&
      (said.node ?? facts.node) === facts.node);
  if (isHere) return { fingerprint: fingerprintOf(fingerprint, facts), ...facts };
  const { cpu = UNKNOWN, cores = null, os = UNKNOWN, node = UNKNOWN } = said;
  const elsewhere = { cpu: cpu.trim(), cores, os, node, image: null };
  return { fingerprint: fingerprintOf(said.fingerprint ?? null, elsewhere), ...elsewhere };
}

const UNKNOWN = 'unknown';
