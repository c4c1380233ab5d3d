/**
 * Go's benchmark text: one line a process that was timed, or one line of exact counters where nothing was. "benchstat a b"
 * compares two such files; "benchstat -col side f" the two sides of a comparison. An op is one event of the trace. Exact
 * counters are units of their own that are declared exact: a difference of 1 is one. Grammar: golang.org/design/14313-benchmark-format.
 */
import type { CellComparison, Comparison, CounterChange } from '../../compare/comparison.js';
import type { CellResult } from '../../replay/result.js';
import { figuresOf, nameCells } from './cell-figures.js';
import type { Reporter } from './reporter.js';

interface Value {
  readonly value: number;
  readonly unit: string;
}

const TIME_UNIT = 'ns/op';

/** White space ends a field, "/" a part of a name. */
const word = (text: string): string => text.replace(/[\s/]+/g, '_');

/**
 * "trace/flavour/strategy" as key=value parts. "-1" is Go's number of threads: without it the end of a name such as
 * "ipi-4" would be taken for one.
 */
function benchmarkName(cell: string): string {
  const match = NAME.exec(cell);
  if (match === null) return `BenchmarkReplay/cell=${word(cell)}-1`;
  const [, trace, flavour, strategy] = match;
  return `BenchmarkReplay/trace=${word(trace)}/flavour=${word(flavour)}/strategy=${word(strategy)}-1`;
}

/** Names of traces may have slashes in them, those of flavours have none and begin with the hypervisor's. */
const NAME = /^(.+)\/((?:kvm|xen)-[^/]+)\/(.+)$/s;

const resultLine = (cell: string, iterations: number, values: readonly Value[]): string =>
  [benchmarkName(cell), iterations, ...values.map(({ value, unit }) => `${value} ${unit}`)].join('\t');

/** The value of a configuration line goes to the end of the line. */
const configLine = (key: string, value: string): string => `${key}: ${value.replace(/\s+/g, ' ').trim() || '-'}`;

const unitLines = (units: Iterable<string>): string[] =>
  [...new Set(units)].map((unit) => `Unit ${unit} assume=exact better=lower`);

const document = (lines: readonly string[]): string => lines.map((line) => `${line}\n`).join('');

function linesOf(name: string, cell: CellResult): string[] {
  const { measured, exact } = cell;
  const counted = figuresOf(cell).map(({ id, value }): Value => ({ value, unit: id }));
  if (measured === null) return [resultLine(name, exact.trace.events, counted)];
  return measured.nsPerEvent.map((time) =>
    resultLine(name, exact.trace.events, [{ value: time, unit: TIME_UNIT }, ...counted]),
  );
}

/** The machine of each cell that was timed. A configuration line holds until the next of its key; an empty one ends it. */
function cellLines(cells: readonly CellResult[]): string[] {
  let machine = '';
  return [...nameCells(cells)].flatMap(([cell, name]) => {
    const { measured } = cell;
    const own =
      measured === null ? ['cpu:', 'node:'] : [configLine('cpu', measured.cpu), configLine('node', measured.node)];
    const isNew = own.join() !== machine && (measured !== null || machine !== '');
    if (isNew) machine = measured === null ? '' : own.join();
    return [...(isNew ? own : []), ...linesOf(name, cell)];
  });
}

/** A digest is no measurement. */
const isNumber = ({ before, after }: CounterChange): boolean => typeof before === 'number' || typeof after === 'number';

/** "flush/steps/max" as a unit. */
const unitOf = ({ counter }: CounterChange): string => word(counter).replaceAll('_', '-');

function sideLines({ a, b, cells }: Comparison, side: 'a' | 'b'): string[] {
  const other = a.name === b.name ? ` (${side})` : '';
  const lines = cells.flatMap((cell) => sideOf(cell, side));
  return lines.length === 0 ? [] : [configLine('side', `${(side === 'a' ? a : b).name}${other}`), ...lines];
}

/** What was timed of one side; each line has the counters that changed and are numbers on that side. */
function sideOf({ cell, changes, time }: CellComparison, side: 'a' | 'b'): string[] {
  const counted = changes.flatMap((change): Value[] => {
    const value = side === 'a' ? change.before : change.after;
    return typeof value === 'number' ? [{ value, unit: unitOf(change) }] : [];
  });
  const times = time?.samples[side] ?? [];
  if (times.length > 0) return times.map((value) => resultLine(cell, 1, [{ value, unit: TIME_UNIT }, ...counted]));
  return counted.length === 0 ? [] : [resultLine(cell, 1, counted)];
}

export const benchstat: Reporter = {
  id: 'benchstat',
  summary: 'Go benchmark text: "benchstat a b", or "benchstat -col side f"',
  cells: ({ cells }) => document([...unitLines(cells.flatMap(figuresOf).map(({ id }) => id)), ...cellLines(cells)]),
  comparison: (comparison) =>
    document([
      ...unitLines(comparison.cells.flatMap(({ changes }) => changes.filter(isNumber).map(unitOf))),
      ...sideLines(comparison, 'a'),
      ...sideLines(comparison, 'b'),
    ]),
};
