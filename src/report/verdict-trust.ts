/** The part of the verdict that says how far the figures can be trusted: equivalence, fidelity, losses. */
import type { EquivalenceClass } from '../replay/result.js';
import type { Facts } from './facts.js';
import type { ReportModel, VerifyResult } from './model.js';
import { formatInteger, formatShare, joinWords, plural } from './number-format.js';

export interface Verdict {
  /** Short lead, e.g. "Ordinary guests". */
  readonly topic: string;
  readonly text: string;
  /** 'warn': something a reader must know before quoting a figure. */
  readonly tone: 'plain' | 'warn';
}

export function judgeEquivalence(facts: Facts): Verdict {
  const topic = 'Same interrupts in the same list registers?';
  const runs = facts.traces.flatMap((trace) => trace.runs.map((run) => ({ trace, run })));
  // A bound promises nothing, and the reference is what the others are compared with.
  const comparable = runs.filter(
    ({ run }) => run.exact.equivalence.declared !== 'bound' && run.label !== facts.referenceLabel,
  );
  const flushes = comparable.reduce((sum, { run }) => sum + run.exact.equivalence.flushes, 0);
  const broken = runs.filter(({ run }) => !run.exact.equivalence.holds);
  if (flushes === 0 && broken.length === 0)
    return { topic, text: 'No flush was compared with the reference.', tone: 'warn' };
  const counts = new Map<EquivalenceClass, Set<string>>();
  for (const { run } of runs) {
    const { declared } = run.exact.equivalence;
    counts.set(declared, (counts.get(declared) ?? new Set()).add(run.label));
  }
  const classes = [...counts.entries()].map(([name, labels]) => `${formatInteger(labels.size)} ${name}`);
  if (broken.length === 0) {
    return {
      topic,
      text: `Every strategy kept the class it declares (${joinWords(classes.sort())}) over ${formatInteger(flushes)} compared flushes.`,
      tone: 'plain',
    };
  }
  const places = broken.slice(0, 3).map(({ trace, run }) => {
    const at = run.exact.equivalence.firstViolation;
    return `${run.label} on ${trace.label}${at === null ? '' : ` (first at event ${formatInteger(at)})`}`;
  });
  const more = broken.length > 3 ? ` and ${formatInteger(broken.length - 3)} more` : '';
  return {
    topic,
    text: `No: the declared class was broken by ${joinWords(places, more === '' ? 'and' : ',')}${more}. Read the costs of these cells as those of another algorithm.`,
    tone: 'warn',
  };
}

/** Below this share of identical entries no race excuses the rest. */
const LEAST_AGREEMENT = 0.997;

export function judgeModel(model: ReportModel): Verdict {
  const topic = 'Does the model do what the real vGIC did?';
  if (model.verify.length === 0) {
    return {
      topic,
      text: 'Not checked in this report: no recording was compared with the list registers it recorded.',
      tone: 'warn',
    };
  }
  const add = (pick: (result: VerifyResult) => number): number =>
    model.verify.reduce((sum, result) => sum + pick(result), 0);
  const compared = add(({ entries }) => entries);
  const identical = add((result) => result.identical);
  const window = add(({ causes }) => causes['cross-cpu-window']);
  const unrecorded = add(({ causes }) => causes['unrecorded-input']);
  const faults = add(({ causes }) => causes['model-fault']);
  const decisions = add(({ decisionsFromRecording }) => decisionsFromRecording);
  const recordings = plural(model.verify.length, 'recording');
  const causes = [
    window > 0 ? `${formatInteger(window)} where CPUs raced and the recording cannot say which came first` : '',
    unrecorded > 0 ? `${formatInteger(unrecorded)} after inputs it does not contain` : '',
    faults > 0 ? `${formatInteger(faults)} by faults of the model` : '',
  ].filter((words) => words !== '');
  const missed = causes.length === 0 ? '' : ` Missed: ${joinWords(causes)}.`;
  const taken =
    decisions === 0
      ? ' Nothing about order was taken from the recorded outcome.'
      : ` ${plural(decisions, 'decision')} about order ${decisions === 1 ? 'was' : 'were'} taken from the recorded outcome.`;
  const isShort = identical < LEAST_AGREEMENT * compared;
  const lead =
    faults > 0 || isShort ? 'Not fully' : compared === 0 ? 'Not shown' : 'Yes, as far as the recordings can tell';
  return {
    topic,
    text:
      `${lead}: on ${recordings} the replay gave the recorded list registers, bit for bit, at ${formatInteger(identical)} of ` +
      `${formatInteger(compared)} compared flushes (${formatShare(identical, compared)}).${missed}${taken}`,
    tone: faults > 0 || isShort || compared === 0 ? 'warn' : 'plain',
  };
}

/** What limits the figures above; nothing is said where nothing does. */
export function judgeLimits(facts: Facts): Verdict[] {
  const sentences: string[] = [];
  const gaps = facts.traces.filter(
    ({ trace }) => trace.gaps > 0 || trace.counts.lostEvents > 0 || trace.counts.cutOff > 0,
  );
  if (gaps.length > 0) {
    const lost = gaps.reduce((sum, { trace }) => sum + trace.counts.lostEvents, 0);
    sentences.push(
      `${plural(gaps.length, 'trace')} lost events or ${gaps.length === 1 ? 'was' : 'were'} cut off (${formatInteger(lost)} known to be lost): ` +
        `${joinWords(gaps.slice(0, 5).map(({ label }) => label))}${gaps.length > 5 ? ' …' : ''}.`,
    );
  }
  const diverging = facts.traces.flatMap((trace) =>
    trace.runs.filter((run) => run.exact.guest.divergences > 0).map((run) => ({ trace, run })),
  );
  if (diverging.length > 0) {
    const counts = new Map<string, number>();
    for (const { run } of diverging) counts.set(run.label, (counts.get(run.label) ?? 0) + run.exact.guest.divergences);
    const each = [...counts].map(([label, count]) => `${label} ${formatInteger(count)}`);
    sentences.push(
      `Recorded acknowledges of an interrupt that the strategy had not presented: ${joinWords(each)}. ` +
        'There the guest of the recording and the guest of the replay part ways.',
    );
  }
  const low = facts.traces.filter(({ trace }) => trace.origin === 'recorded' && trace.fidelity < 3);
  if (low.length > 0) {
    sentences.push(
      `${plural(low.length, 'recording')} without acknowledges or LR contents (below L3) ${low.length === 1 ? 'is' : 'are'} left out of every statement about real list depth and LR use.`,
    );
  }
  return sentences.length === 0 ? [] : [{ topic: 'Limits', text: sentences.join(' '), tone: 'warn' }];
}
