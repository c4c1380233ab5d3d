/**
 * The verdict in words. Every sentence is computed: which way it points follows from the figures, and a sentence whose
 * figures are missing says that they are missing.
 */

import { describeChange, formatInteger, formatShare, joinWords, plural } from '../base/number-format.js';
import type { Facts, StrategyOnTrace, TraceFacts } from './facts.js';
import { findWorstAttack, isRecordedInFull, sumUsedLrs } from './facts.js';
import { judgeKicks } from './kicks.js';
import type { ReportModel } from './model.js';
import { findSweepCrossovers } from './sweep.js';
import { judgeThreads } from './threads.js';
import { judgeForeign, judgeStops } from './verdict-flavour.js';
import type { Verdict } from './verdict-trust.js';
import { judgeEquivalence, judgeLimits, judgeModel } from './verdict-trust.js';
import { LENGTH_WORDS, RELEVANT_SHARE, STEP_WORDS } from './worth.js';

/** Share of guest entries from which "nearly always" is granted. */
export const NEARLY_ALWAYS = 0.99;
/** The claim of the kernel discussion: fewer than this many LRs are in use. */
export const CLAIMED_LRS = 4;

export function writeVerdicts(model: ReportModel, facts: Facts): Verdict[] {
  if (facts.traces.length === 0) {
    return [{ topic: 'Nothing to judge', text: 'This report has no results.', tone: 'warn' }];
  }
  const trust = judgeModel(model, facts);
  const isDoubtful = trust.tone === 'fail';
  return [
    ...judgeStops(model, facts),
    // A model with faults is the first thing to know, a checked one the reassurance after the answers.
    ...(isDoubtful ? [trust] : []),
    ...judgeForeign(facts),
    judgeOverflow(facts),
    judgeOrdinary(facts),
    judgeAttack(facts),
    ...judgeInjector(facts),
    ...judgeSweeps(model, facts),
    ...judgeUsedLrs(facts),
    ...judgeKicks(facts),
    ...judgeThreads(model.studies),
    judgeEquivalence(facts),
    ...(isDoubtful ? [] : [trust]),
    ...judgeLimits(facts),
  ];
}

/** Both answers in one sentence; empty if neither question was run. */
export function summariseVerdict(facts: Facts): string {
  const { referenceLabel: a, challengerLabel: b } = facts;
  const clauses: string[] = [];
  const { traces, reference, challenger } = sumPaired(facts.traces.filter(({ kind }) => kind === 'linux-guest'));
  if (traces.length > 0) {
    const isSame = Math.abs(challenger.steps - reference.steps) <= RELEVANT_SHARE * reference.steps;
    clauses.push(
      isSame
        ? `for ordinary guests ${b} costs about what ${a} costs`
        : `for ordinary guests ${b} takes ${describeChange(reference.steps, challenger.steps, STEP_WORDS)} ${
            challenger.steps < 0.5 * reference.steps || challenger.steps >= 2 * reference.steps
              ? 'compared with'
              : 'than'
          } ${a}`,
    );
  }
  const attacks = worstOverAttacks(facts);
  const from = attacks.find(({ run }) => run.label === a);
  const to = attacks.find(({ run }) => run.label === b);
  if (from && to) {
    const [best] = attacks.filter(({ run }) => run.label === a || isCandidate(run));
    const change = (steps: number): string => describeChange(from.run.longest.steps, steps, LENGTH_WORDS);
    const isSame = Math.abs(to.run.longest.steps - from.run.longest.steps) <= RELEVANT_SHARE * from.run.longest.steps;
    const effect = isSame
      ? 'it leaves the longest call with interrupts off as it is'
      : `it makes the longest call with interrupts off ${change(to.run.longest.steps)}`;
    const better =
      best !== from && best.run.longest.steps < to.run.longest.steps * (1 - RELEVANT_SHARE)
        ? `, ${best.run.label} makes it ${change(best.run.longest.steps)}`
        : '';
    const nrAttacks = facts.traces.filter(({ kind }) => kind === 'attack').length;
    const where = nrAttacks > 1 ? `worst against worst of ${formatInteger(nrAttacks)}` : from.trace.label;
    clauses.push(`under attack (${where}) ${traces.length > 0 ? effect : effect.replace(/^it/, b)}${better}`);
  }
  const sentence = clauses.join('; ');
  return sentence === '' ? '' : `On ${facts.flavourWords}, ${sentence}.`;
}

const isCandidate = ({ exact }: StrategyOnTrace): boolean => exact.equivalence.declared !== 'bound';

const listCandidates = (trace: TraceFacts): StrategyOnTrace[] =>
  trace.runs.filter((run) => run === trace.reference || isCandidate(run));

/**
 * Each strategy's longest call over all attacks, and the attack it is on; shortest first. A strategy is judged by its own
 * worst attack, not by the attack that is worst for another.
 */
function worstOverAttacks(facts: Facts): { readonly trace: TraceFacts; readonly run: StrategyOnTrace }[] {
  const worst = new Map<string, { readonly trace: TraceFacts; readonly run: StrategyOnTrace }>();
  for (const trace of facts.traces) {
    if (trace.kind !== 'attack') continue;
    for (const run of trace.runs) {
      const known = worst.get(run.label);
      if (!known || run.longest.steps > known.run.longest.steps) worst.set(run.label, { trace, run });
    }
  }
  // The reference first among equals.
  const rank = (label: string): number => (label === facts.referenceLabel ? 0 : 1);
  return [...worst.values()].sort(
    (x, y) => x.run.longest.steps - y.run.longest.steps || rank(x.run.label) - rank(y.run.label),
  );
}

/** The candidate whose longest call is shortest; the first of equals, so the reference wins a draw. */
const findShortest = (trace: TraceFacts): StrategyOnTrace =>
  listCandidates(trace).reduce((best, run) => (run.longest.steps < best.longest.steps ? run : best));

const nameGroup = (traces: readonly TraceFacts[], adjective: string): string => {
  const noun = traces.every(({ trace }) => trace.origin === 'recorded') ? 'recording' : 'trace';
  const words = `${adjective} ${noun}${traces.length === 1 ? '' : 's'}`;
  if (traces.length === 1) return `the only ${words} (${traces[0].label})`;
  return traces.length === 2 ? `both ${words}` : `all ${formatInteger(traces.length)} ${words}`;
};

function judgeOverflow(facts: Facts): Verdict {
  const topic = 'Ordinary guests: does the list outgrow the list registers?';
  const guests = facts.traces.filter(({ kind }) => kind === 'linux-guest');
  if (guests.length === 0) {
    return {
      topic,
      text: 'No trace of this report is declared an ordinary guest, so this is not answered.',
      tone: 'warn',
    };
  }
  const flushes = guests.reduce((sum, trace) => sum + trace.flushes, 0);
  const overflows = guests.reduce((sum, trace) => sum + trace.overflows, 0);
  const group = nameGroup(guests, 'Linux-guest');
  const deepest = guests.reduce((most, trace) => (trace.deepest > most.deepest ? trace : most));
  if (overflows === 0) {
    return {
      topic,
      text:
        `On ${group} the ap_list never outgrew the list registers: it fitted at each of ${plural(flushes, 'flush', 'flushes')} ` +
        `(deepest list: ${plural(deepest.deepest, 'entry', 'entries')} against ${deepest.trace.machine.nrLr} LRs, ${deepest.label}).`,
      tone: 'plain',
    };
  }
  const over = guests.filter((trace) => trace.overflows > 0);
  const worst = over.reduce((most, trace) =>
    trace.overflows / trace.flushes > most.overflows / most.flushes ? trace : most,
  );
  return {
    topic,
    text:
      `The ap_list outgrew the list registers on ${formatInteger(over.length)} of ${formatInteger(guests.length)} Linux-guest ` +
      `${guests.every(({ trace }) => trace.origin === 'recorded') ? 'recordings' : 'traces'}, at ` +
      `${formatInteger(overflows)} of ${formatInteger(flushes)} flushes (${formatShare(overflows, flushes)}); most often on ` +
      `${worst.label}, at ${formatShare(worst.overflows, worst.flushes)} of its flushes. The deepest list held ` +
      `${formatInteger(deepest.deepest)} entries against ${deepest.trace.machine.nrLr} LRs (${deepest.label}).`,
    tone: 'plain',
  };
}

interface PairedTotals {
  readonly traces: readonly TraceFacts[];
  readonly reference: { readonly steps: number; readonly comparisons: number };
  readonly challenger: { readonly steps: number; readonly comparisons: number };
}

/** Sums over the traces on which both strategies ran: a sum over different traces would compare nothing. */
function sumPaired(traces: readonly TraceFacts[]): PairedTotals {
  const both = traces.filter(({ reference, challenger }) => reference && challenger);
  const add = (pick: (trace: TraceFacts) => StrategyOnTrace): { steps: number; comparisons: number } => ({
    steps: both.reduce((sum, trace) => sum + pick(trace).steps, 0),
    comparisons: both.reduce((sum, trace) => sum + pick(trace).comparisons, 0),
  });
  return { traces: both, reference: add((trace) => trace.reference!), challenger: add((trace) => trace.challenger!) };
}

function judgeOrdinary(facts: Facts): Verdict {
  const topic = `Ordinary guests: is ${facts.challengerLabel} worth it?`;
  const { traces, reference, challenger } = sumPaired(facts.traces.filter(({ kind }) => kind === 'linux-guest'));
  if (traces.length === 0) {
    return {
      topic,
      text: `Not answered: no ordinary-guest trace was run under both ${facts.referenceLabel} and ${facts.challengerLabel}.`,
      tone: 'warn',
    };
  }
  const longest = (pick: (trace: TraceFacts) => StrategyOnTrace): number =>
    Math.max(...traces.map((trace) => pick(trace).longest.steps));
  const extra = challenger.comparisons - reference.comparisons;
  const comparisonWords =
    extra === 0
      ? `makes exactly as many comparisons as ${facts.referenceLabel} (${formatInteger(reference.comparisons)})`
      : `makes ${formatInteger(Math.abs(extra))} comparisons ${extra > 0 ? 'more' : 'fewer'} than ${facts.referenceLabel} ` +
        `(${formatInteger(challenger.comparisons)} against ${formatInteger(reference.comparisons)})`;
  const totalWords = describeChange(reference.steps, challenger.steps, STEP_WORDS);
  const share = reference.steps === 0 ? 0 : (challenger.steps - reference.steps) / reference.steps;
  const conclusion =
    Math.abs(share) <= RELEVANT_SHARE
      ? 'for ordinary guests the choice hardly matters'
      : share > 0
        ? 'for ordinary guests it is not worth it'
        : 'for ordinary guests it is the cheaper of the two';
  return {
    topic,
    text:
      `There ${facts.challengerLabel} ${comparisonWords}. All modelled work together: ${totalWords === 'the same' ? 'the same number of steps' : totalWords} ` +
      `(${formatInteger(challenger.steps)} against ${formatInteger(reference.steps)}, on ${plural(traces.length, 'trace')}), so ${conclusion}. ` +
      `The longest single call there goes from ${formatInteger(longest(({ reference }) => reference!))} to ` +
      `${formatInteger(longest(({ challenger }) => challenger!))} steps.`,
    tone: 'plain',
  };
}

const describeLongest = ({ label, longest }: StrategyOnTrace): string =>
  `${formatInteger(longest.steps)} steps under ${label} (${longest.path})`;

function judgeAttack(facts: Facts): Verdict {
  const topic = 'Under attack: how long can a guest keep interrupts off?';
  const worst = findWorstAttack(facts);
  if (!worst) {
    const stopped = facts.stopped.filter(
      ({ trace, run }) => trace.kind === 'attack' && run.label === facts.referenceLabel,
    );
    if (stopped.length > 0) {
      const text = `For ever: on ${joinWords(stopped.map(({ trace }) => trace.label))} the host stops under ${facts.referenceLabel}, so that no longest call can be counted.`;
      return { topic, text, tone: 'fail' };
    }
    return {
      topic,
      text: `Not answered: no trace declared an attack was run under ${facts.referenceLabel}.`,
      tone: 'warn',
    };
  }
  const reference = worst.reference!;
  const candidates = listCandidates(worst);
  const shortest = findShortest(worst);
  const parts = [describeLongest(reference)];
  if (worst.challenger) parts.push(describeLongest(worst.challenger));
  if (shortest !== reference && shortest !== worst.challenger) parts.push(describeLongest(shortest));
  const best =
    candidates.length === 1
      ? 'No other candidate was run.'
      : shortest.longest.steps === reference.longest.steps
        ? `None of the ${formatInteger(candidates.length)} candidates shortens it.`
        : `Of ${formatInteger(candidates.length)} candidates ${shortest.label} has the shortest: ` +
          `${describeChange(reference.longest.steps, shortest.longest.steps, LENGTH_WORDS)} ` +
          `than under ${facts.referenceLabel}${describeClass(shortest)}.`;
  const worstCalls = worstOverAttacks(facts).filter(({ run }) => run === reference || isCandidate(run));
  const nrAttacks = new Set(facts.traces.filter(({ kind }) => kind === 'attack')).size;
  const overall =
    nrAttacks < 2 || worstCalls.length < 2
      ? ''
      : ` Each at its own worst of the ${formatInteger(nrAttacks)} attacks: ${joinWords(
          worstCalls.map(
            ({ trace, run }) =>
              `${run.label} ${formatInteger(run.longest.steps)} (${trace.label}, ${run.longest.path})`,
          ),
        )}.`;
  // A bound that is no better than the best candidate bounds nothing.
  const bounds = worst.runs
    .filter((run) => !isCandidate(run) && run.longest.steps < shortest.longest.steps)
    .map(describeLongest);
  const bound = bounds.length === 0 ? '' : ` For comparison, a bound that is no candidate: ${joinWords(bounds)}.`;
  return {
    topic,
    text:
      `On ${worst.label} (list up to ${formatInteger(worst.deepest)} deep) the longest single call with interrupts off is ` +
      `${joinWords(parts)}. ${best}${overall}${bound}`,
    tone: 'plain',
  };
}

function describeClass({ exact: { equivalence } }: StrategyOnTrace): string {
  if (equivalence.deviating === 0) return '';
  return `, but it presents other interrupts at ${formatInteger(equivalence.deviating)} of ${formatInteger(equivalence.flushes)} flushes`;
}

/** Ordered insertion moves work to whoever injects, which may not be the guest that attacks. */
function judgeInjector(facts: Facts): Verdict[] {
  const worst = findWorstAttack(facts);
  if (!worst?.challenger) return [];
  const from = worst.reference!.exact.paths.inject.steps.max;
  const to = worst.challenger.exact.paths.inject.steps.max;
  const flushFrom = worst.reference!.exact.paths.flush.steps.max;
  const flushTo = worst.challenger.exact.paths.flush.steps.max;
  const bearer = 'the injecting side pays it, which may be a device or another vCPU';
  const text =
    to > from
      ? `On ${worst.label} the longest injection grows from ${formatInteger(from)} to ${formatInteger(to)} steps under ` +
        `${facts.challengerLabel}: ${bearer}. The longest flush goes from ${formatInteger(flushFrom)} to ${formatInteger(flushTo)}.`
      : `On ${worst.label} the longest injection does not grow under ${facts.challengerLabel} (${formatInteger(from)} → ` +
        `${formatInteger(to)} steps); the longest flush goes from ${formatInteger(flushFrom)} to ${formatInteger(flushTo)}.`;
  return [{ topic: 'Under attack: who pays?', text, tone: 'plain' }];
}

function judgeUsedLrs(facts: Facts): Verdict[] {
  const topic = `“Fewer than ${CLAIMED_LRS} LRs nearly always”`;
  const recorded = facts.traces.filter(isRecordedInFull);
  const guests = recorded.filter(({ kind }) => kind === 'linux-guest');
  if (guests.length === 0) {
    return [
      {
        topic,
        text: 'Not checked: no ordinary-guest recording with LR contents (L3) is in this report.',
        tone: 'warn',
      },
    ];
  }
  const below = (traces: readonly TraceFacts[]): { below: number; entries: number } => {
    const used = sumUsedLrs(traces);
    const entries = used.reduce((sum, count) => sum + count, 0);
    return { below: used.slice(0, CLAIMED_LRS).reduce((sum, count) => sum + count, 0), entries };
  };
  const ordinary = below(guests);
  const attacks = below(recorded.filter(({ kind }) => kind === 'attack'));
  const isTrue = ordinary.entries > 0 && ordinary.below / ordinary.entries >= NEARLY_ALWAYS;
  const hostile =
    attacks.entries === 0
      ? ''
      : ` On the recorded attacks it was so at ${formatShare(attacks.below, attacks.entries)} of ${formatInteger(attacks.entries)} entries.`;
  return [
    {
      topic,
      text:
        `${isTrue ? 'True' : 'Not true'} of ordinary guests: fewer than ${CLAIMED_LRS} LRs were in use at ` +
        `${formatInteger(ordinary.below)} of ${formatInteger(ordinary.entries)} guest entries ` +
        `(${formatShare(ordinary.below, ordinary.entries)}) on ${nameGroup(guests, 'Linux-guest')}.${hostile}`,
      tone: 'plain',
    },
  ];
}

function judgeSweeps(model: ReportModel, facts: Facts): Verdict[] {
  const sentences: string[] = [];
  for (const sweep of model.sweeps) {
    const found = findSweepCrossovers(sweep, facts.referenceLabel, facts.challengerLabel, 'perEntry');
    if (!found) continue;
    const first = sweep.depths[0];
    const last = sweep.depths[sweep.depths.length - 1];
    const range = `depth ${formatInteger(first)} to ${formatInteger(last)}`;
    if (found.crossovers.length > 0) {
      const points = found.crossovers.map(
        ({ x, lowerAfter }) =>
          `${lowerAfter === 'b' ? facts.challengerLabel : facts.referenceLabel} is the cheaper from about ${formatInteger(Math.ceil(x))} entries on`,
      );
      sentences.push(`With ${plural(sweep.nrLr, 'LR')}, counting all work of one guest entry, ${joinWords(points)}.`);
    } else {
      const cheaper = { a: facts.referenceLabel, b: facts.challengerLabel, none: null }[found.lowerAtEnd];
      sentences.push(
        cheaper
          ? `With ${plural(sweep.nrLr, 'LR')} the two never change places from ${range}: ${cheaper} is never the dearer.`
          : `With ${plural(sweep.nrLr, 'LR')} the two cost the same from ${range}.`,
      );
    }
  }
  return sentences.length === 0 ? [] : [{ topic: 'Against list depth', text: sentences.join(' '), tone: 'plain' }];
}
