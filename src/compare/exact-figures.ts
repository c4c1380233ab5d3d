/** The exact part of a cell as named values, one a counter: what a baseline keeps and the gate compares. */
import { type ExactPart, METRIC_NAMES, type Metric, PATH_NAMES } from '../replay/result.js';
import type { SectionId } from '../replay/sections.js';
import type { VerifyRecord } from '../replay/verify.js';

export type Figure = number | string;
/** "flush/steps/max" → value, in the order of the exact part. What is 0 or empty is left out. */
export type Figures = Readonly<Record<string, Figure>>;

function putMetric(figures: Record<string, Figure>, name: string, { sum, max, hist }: Metric): void {
  figures[`${name}/sum`] = sum;
  figures[`${name}/max`] = max;
  figures[`${name}/hist`] = hist.join(' ');
}

function putCounts(figures: Record<string, Figure>, name: string, counts: Readonly<Record<string, number>>): void {
  for (const [key, count] of Object.entries(counts)) figures[`${name}/${key}`] = count;
}

/** Sections that are one path: its figures stand under its name. */
const PATHS_OF_THEIR_OWN: ReadonlySet<SectionId> = new Set(['flush', 'fold', 'prune']);

export function figuresOf(exact: ExactPart): Figures {
  const { paths, sections, amplification, harm, equivalence, stopped, depthAtFlush } = exact;
  const figures: Record<string, Figure> = { lrDigest: exact.lrDigest };
  figures.stopped = stopped === null ? 'no' : `${stopped.kind} at event ${stopped.event}`;
  for (const path of PATH_NAMES) {
    figures[`${path}/calls`] = paths[path].calls;
    for (const metric of METRIC_NAMES) putMetric(figures, `${path}/${metric}`, paths[path][metric]);
  }
  for (const { id, payer, calls, steps, locks } of sections) {
    if (PATHS_OF_THEIR_OWN.has(id)) continue;
    const section = `section ${id}/${payer}`;
    figures[`${section}/calls`] = calls;
    putMetric(figures, `${section}/steps`, steps);
    putMetric(figures, `${section}/locks`, locks);
  }
  figures['amplification/steps'] = amplification.steps;
  figures['amplification/guestInstructions'] = amplification.guestInstructions;
  figures['amplification/worstWindow'] = amplification.worstWindow?.steps ?? 0;
  putCounts(figures, 'harm/inversions', harm.inversions);
  figures['harm/delay/calls'] = harm.delay.calls;
  putMetric(figures, 'harm/delay', harm.delay);
  putCounts(figures, 'harm/waiting', harm.waiting);
  figures['harm/lost'] = harm.lost;
  putCounts(figures, 'guest', { ...exact.guest });
  putCounts(figures, 'kicks', { ...exact.kicks });
  for (const [name, count] of Object.entries(exact.operations)) figures[`operations/${name}`] = count ?? 0;
  for (const [system, counts] of Object.entries(exact.systems)) putCounts(figures, system, counts);
  figures.depthAtFlush = depthAtFlush.map(([depth, flushes]) => `${depth}:${flushes}`).join(' ');
  figures.usedLrs = exact.usedLrs.join(' ');
  const { flushes, identical, tieEquivalent, deviating, holds } = equivalence;
  putCounts(figures, 'equivalence', { flushes, identical, tieEquivalent, deviating });
  figures['equivalence/holds'] = holds ? 'yes' : 'no';
  return withoutZeros(figures);
}

const withoutZeros = (figures: Figures): Figures =>
  Object.fromEntries(Object.entries(figures).filter(([, figure]) => figure !== 0 && figure !== ''));

/** The agreement of a recording with its list registers, as a cell of its own. */
export function verifyFigures(record: VerifyRecord): Figures {
  const { entries, identical, explained, unexplained, folds, foldsIdentical, sorts, sortsIdentical } = record;
  return withoutZeros({ entries, identical, explained, unexplained, folds, foldsIdentical, sorts, sortsIdentical });
}
