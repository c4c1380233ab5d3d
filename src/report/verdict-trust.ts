/** The part of the verdict that says how far the figures can be trusted: equivalence, fidelity, losses. */

import { formatInteger, formatShare, joinWords, plural } from '../base/number-format.js';
import type { EquivalenceClass } from '../replay/result.js';
import type { Facts } from './facts.js';
import type { ReportModel, VerifyResult } from './model.js';

export interface Verdict {
  /** Short lead, e.g. "Ordinary guests". */
  readonly topic: string;
  readonly text: string;
  /** 'warn': something a reader must know before quoting a figure; 'fail': something that must not be. */
  readonly tone: 'plain' | 'warn' | 'fail';
  /** Id of the section that says more. */
  readonly section?: string;
}

/** The word in front of a topic, so that nothing hangs on colour. */
export const TAGS: Readonly<Record<Verdict['tone'], string>> = { plain: '', warn: 'Caution', fail: 'Alarm' };

export function judgeEquivalence(facts: Facts): Verdict {
  const topic = 'Same interrupts in the same list registers?';
  const runs = facts.traces.flatMap((trace) => trace.all.map((run) => ({ trace, run })));
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

interface Finding {
  readonly text: string;
  readonly state: 'holds' | 'fails' | 'unknown';
}

/** Short: is the model the real thing, and on what evidence? */
export function judgeModel(model: ReportModel, facts: Facts): Verdict {
  const topic = 'Is the model the real thing?';
  const recordings = judgeRecordings(model, facts);
  const findings = [recordings, ...judgeEvidence(model, facts)];
  const failed = findings.filter(({ state }) => state === 'fails');
  const rest = findings.filter(({ state }) => state !== 'fails');
  const isShown = findings.some(({ state }) => state === 'holds');
  const shown = recordings.state === 'holds' ? 'Yes, as far as it was checked.' : 'In part.';
  const lead = failed.length > 0 ? 'Not everywhere.' : isShown ? shown : 'Not checked.';
  return {
    topic,
    text: [lead, ...[...failed, ...rest].map(({ text }) => text)].join(' '),
    tone: failed.length > 0 ? 'fail' : isShown ? 'plain' : 'warn',
  };
}

function judgeRecordings({ verify }: ReportModel, facts: Facts): Finding {
  const add = (pick: (result: VerifyResult) => number): number => verify.reduce((sum, result) => sum + pick(result), 0);
  const compared = add(({ entries }) => entries);
  if (compared === 0) {
    const isForeign = facts.traces.length > 0 && facts.traces.every((trace) => trace.isForeign);
    const text = isForeign
      ? `No list registers recorded on ${facts.flavourWords} are here to compare with.`
      : 'No recording was compared with the list registers it recorded.';
    return { text, state: 'unknown' };
  }
  const identical = add((result) => result.identical);
  const window = add(({ causes }) => causes['cross-cpu-window']);
  const unrecorded = add(({ causes }) => causes['unrecorded-input']);
  const unexplained = add((result) => result.unexplained);
  const decisions = add(({ decisionsFromRecording }) => decisionsFromRecording);
  const causes = [
    unexplained > 0 ? `${formatInteger(unexplained)} unexplained, so by faults of the model` : '',
    window > 0 ? `${formatInteger(window)} where CPUs raced and the recording cannot say which came first` : '',
    unrecorded > 0 ? `${formatInteger(unrecorded)} after inputs it does not contain` : '',
  ].filter((words) => words !== '');
  const missed = causes.length === 0 ? '' : ` Missed: ${joinWords(causes)}.`;
  const taken =
    decisions === 0
      ? ' Nothing about order was taken from the recorded outcome.'
      : ` ${plural(decisions, 'decision')} about order ${decisions === 1 ? 'was' : 'were'} taken from the recorded outcome.`;
  const isShort = identical < LEAST_AGREEMENT * compared;
  return {
    text:
      `Recordings: on ${formatInteger(verify.length)} the replay gave the recorded list registers, bit for bit, at ${formatInteger(identical)} of ` +
      `${formatInteger(compared)} compared flushes (${formatShare(identical, compared)}).${missed}${taken}`,
    state: unexplained > 0 || isShort ? 'fails' : 'holds',
  };
}

/** Scenarios, golden lines and random runs: those of the flavours replayed here, and every failure of any other. */
function judgeEvidence({ evidence }: ReportModel, facts: Facts): Finding[] {
  if (evidence === null) return [];
  const findings: Finding[] = [];
  const here = new Set(facts.traces.map(({ flavour }) => flavour));
  for (const { flavour, passed, failed, notRun } of evidence.scenarios) {
    const put = passed + failed;
    if (failed > 0) {
      const text = `Scenarios: ${formatInteger(failed)} of ${formatInteger(put)} of ${flavour} failed.`;
      findings.push({ text, state: 'fails' });
    } else if (here.has(flavour)) {
      const left = notRun === 0 ? '' : `, ${formatInteger(notRun)} not run`;
      const text = `Scenarios: ${formatInteger(passed)} of ${formatInteger(put)} of ${flavour} passed${left}.`;
      findings.push({ text, state: put > 0 ? 'holds' : 'unknown' });
    }
  }
  const { golden, fuzz } = evidence;
  if (golden !== null && golden.identical < golden.lines) {
    const text = `Golden lines: ${formatInteger(golden.lines - golden.identical)} of ${formatInteger(golden.lines)} of ${golden.flavour} differ from the compiled C code.`;
    findings.push({ text, state: 'fails' });
  } else if (golden !== null && here.has(golden.flavour)) {
    const text = `Golden lines: all ${formatInteger(golden.lines)} are those of the compiled C code.`;
    findings.push({ text, state: golden.lines > 0 ? 'holds' : 'unknown' });
  }
  for (const { flavour, events, differences } of fuzz ?? []) {
    if (differences === 0 && !here.has(flavour)) continue;
    const text = `Random events: ${plural(differences, 'difference')} from a second model in ${formatInteger(events)} of ${flavour}.`;
    findings.push({ text, state: differences > 0 ? 'fails' : 'holds' });
  }
  return findings;
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
    trace.all.filter((run) => run.exact.guest.divergences > 0).map((run) => ({ trace, run })),
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
