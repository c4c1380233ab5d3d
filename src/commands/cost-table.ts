/** What `replay` prints of one trace: which path costs how much under which strategy. Exact counts, nothing judged. */

import { formatInteger, formatShare } from '../base/number-format.js';
import { type ExactPart, PATH_NAMES } from '../replay/result.js';
import { wrapText } from '../report/wrap-text.js';
import { guestColumns } from './guest-columns.js';
import { describeSystems } from './system-text.js';

export interface Column {
  readonly head: string;
  readonly isNumber: boolean;
  readonly cells: readonly string[];
}

/** `cells`: the strategies replayed on one trace. No line is longer than `width`, down to 80. */
export function renderCosts(cells: readonly ExactPart[], width: number): string {
  const { trace, guest, depthAtFlush } = cells.find(({ stopped }) => stopped === null) ?? cells[0];
  const { machine } = trace;
  const deepest = depthAtFlush.at(-1)?.[0] ?? 0;
  const summary =
    `${trace.name}, replayed as ${machine.flavour}: ${formatInteger(trace.events)} events, L${trace.fidelity}, ${machine.model}, ` +
    `${counted(machine.nrVcpus, 'vCPU')}, ${counted(machine.nrLr, 'LR')}; ` +
    `${counted(guest.flushes, 'guest entry', 'guest entries')}, deepest ap_list ${formatInteger(deepest)}, ` +
    `all LRs in use at ${formatShare(guest.fullFlushes, guest.flushes)}`;
  return [
    ...wrapText(summary, width),
    '',
    ...alignColumns(costColumns(cells), width),
    '',
    ...alignColumns(guestColumns(cells), width),
    '',
    ...describeSystems(cells, width),
    ...[...describeForeign(trace), ...describeFidelity(trace)].flatMap((caveat) => [...wrapText(caveat, width), '']),
    ...cells.flatMap(describeCaveats).flatMap((caveat) => [...wrapText(caveat, width), '']),
  ].join('\n');
}

/** The guest of a recording does not react to another hypervisor. */
const describeForeign = ({ machine, madeFor }: ExactPart['trace']): string[] =>
  machine.flavour === madeFor
    ? []
    : [`! Made for ${madeFor}: the acknowledges are those of its guest, not a reaction to ${machine.flavour}.`];

/** What a recording below L3 cannot know; a made trace holds all there is. */
function describeFidelity({ origin, fidelity }: ExactPart['trace']): string[] {
  if (origin !== 'recorded' || fidelity === 3) return [];
  return [
    `L${fidelity}: this recording does not hold what register writes, SGIs and LPIs made pending, and the guest is assumed to ` +
      'complete everything at every run. List depth and cost are lower bounds, not findings: record with kprobes (L3).',
  ];
}

/** Stands once under all tables. */
export const COST_LEGEND =
  'steps = list entries visited + comparisons + locks taken + LRs written, as the hypervisor would do them (exact, the ' +
  'same on every machine). Under each path: the most steps of one call, - where there was none. Below: the longest stretch ' +
  'with interrupts off; steps an instruction of the guest, and those of the dearest one with its exit and entry; entries at which ' +
  'a less urgent interrupt was preferred (inversions); most entries on end that one was left out of (wait); interrupts ' +
  'on no list at the end (lost). ' +
  '"vgic-replay report" judges and draws this.';

function costColumns(cells: readonly ExactPart[]): Column[] {
  const column = (head: string, cell: (exact: ExactPart) => string, isNumber = true): Column => ({
    head,
    isNumber,
    cells: cells.map(cell),
  });
  return [
    column('strategy', ({ strategy, stopped }) => `${strategy.id}${stopped === null ? '' : ' !!'}`, false),
    column('steps/event', ({ paths, trace }) => perEvent(sumSteps(paths), trace.events)),
    ...PATH_NAMES.map((path) =>
      column(path, ({ paths }) => (paths[path].calls === 0 ? '-' : formatInteger(paths[path].steps.max))),
    ),
    column('class', ({ equivalence }) => equivalence.declared, false),
  ];
}

const sumSteps = (paths: ExactPart['paths']): number =>
  PATH_NAMES.reduce((sum, path) => sum + paths[path].steps.sum, 0);

const perEvent = (steps: number, events: number): string => (events === 0 ? '-' : (steps / events).toFixed(2));

/** The last column goes first where the terminal is narrow: a promise that does not hold is an error of its own. */
export function alignColumns(columns: readonly Column[], width: number): string[] {
  const widths = columns.map(({ head, cells }) => Math.max(...[head, ...cells].map(({ length }) => length)));
  const total = widths.reduce((sum, each) => sum + each + GUTTER.length, -GUTTER.length);
  const shown = total > width ? columns.slice(0, -1) : columns;
  const line = (texts: readonly string[]): string =>
    texts
      .map((text, at) => (shown[at].isNumber ? text.padStart(widths[at]) : text.padEnd(widths[at])))
      .join(GUTTER)
      .trimEnd();
  return [
    line(shown.map(({ head }) => head)),
    ...columns[0].cells.map((_, row) => line(shown.map(({ cells }) => cells[row]))),
  ];
}

const GUTTER = '  ';

function describeCaveats({ strategy, guest, trace, stopped }: ExactPart, index: number): string[] {
  const caveats: string[] = [];
  if (stopped !== null)
    caveats.push(
      `!! ${strategy.id}: ${trace.machine.flavour} stops for good at event ${formatInteger(stopped.event)} (${stopped.kind}: ${stopped.reason}). Every guest of that machine ends with it; the figures end there.`,
    );
  const { lostEvents, unknownLines } = trace.counts;
  if (index === 0 && lostEvents + trace.gaps > 0)
    caveats.push(`! ${formatInteger(lostEvents)} events were lost in ${counted(trace.gaps, 'gap')} of the recording.`);
  if (index === 0 && unknownLines > 0)
    caveats.push(`! ${formatInteger(unknownLines)} lines of the recording were not understood.`);
  if (guest.divergences > 0)
    caveats.push(
      `! ${strategy.id}: ${formatInteger(guest.divergences)} recorded acknowledges or ends of an interrupt it had not presented; from the first on its guest is not the recorded one.`,
    );
  return caveats;
}

const counted = (number: number, noun: string, nouns = `${noun}s`): string =>
  `${formatInteger(number)} ${number === 1 ? noun : nouns}`;
