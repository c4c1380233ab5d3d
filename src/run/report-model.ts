/** The model of a report, made of the stored results of a run alone. */
import { createModel, type DepthTimeline, type ReportModel } from '../report/model.js';
import { cellsOf, type Run, resultsOf } from './run-file.js';

const deepest = ({ bins }: DepthTimeline): number => Math.max(...bins.map(({ max }) => max));

/** `run`: whole. */
export function modelOf(run: Pick<Run, 'header' | 'units'>): ReportModel {
  const { plan } = run.header;
  const timelines = resultsOf(run, 'replay').flatMap(({ timeline }) => timeline ?? []);
  // The first of the deepest ones.
  const shown = timelines.reduce<DepthTimeline | undefined>(
    (best, each) => (best === undefined || deepest(each) > deepest(best) ? each : best),
    undefined,
  );
  return {
    ...createModel(plan.tool, cellsOf(run)),
    command: plan.command,
    seed: plan.verb === 'report' ? plan.options.seed : null,
    ...(plan.reference === null ? {} : { reference: plan.reference }),
    kinds: Object.fromEntries(plan.traces.map(({ name, kind }) => [name, kind])),
    strategyNotes: plan.strategies.map(({ id, summary, models }) => ({ id, summary, models })),
    sweeps: resultsOf(run, 'sweep'),
    timelines: shown === undefined ? [] : [shown],
    verify: resultsOf(run, 'verify'),
    evidence: resultsOf(run, 'evidence')[0] ?? null,
    studies: resultsOf(run, 'study'),
  };
}
