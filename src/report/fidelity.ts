/** The fidelity section: is the model the real thing, on what evidence, and what was never put to the test. */

import { formatInteger, formatShare, plural } from '../base/number-format.js';
import type { Block, Section, Table, TableCell } from './document.js';
import { groupColumns, numberColumn, textColumn } from './document.js';
import type { Evidence } from './evidence.js';
import type { Facts } from './facts.js';
import type { ReportModel, VerifyResult } from './model.js';
import { traceTable } from './tables.js';
import { judgeModel } from './verdict-trust.js';

/** A count that must be 0. */
const alarmAbove0 = (count: number): TableCell => (count === 0 ? 0 : { alarm: formatInteger(count) });

/** Compared things beside the LRs: "identical of compared", null where nothing of the kind was recorded. */
const ofCompared = (identical: number, compared: number): string | null =>
  compared === 0 ? null : `${formatInteger(identical)} of ${formatInteger(compared)}`;

/** One row a flavour, one group a kind of evidence. A cell without a figure was not measured, and says why. */
export function evidenceTable(
  model: Pick<ReportModel, 'verify'>,
  { flavours, scenarios, golden, fuzz }: Evidence,
): Table {
  const recorded = new Map<string, VerifyResult[]>();
  for (const result of model.verify) recorded.set(result.flavour, [...(recorded.get(result.flavour) ?? []), result]);
  return {
    caption: 'Flavour by kind of evidence; – is not measured',
    columns: [
      textColumn('flavour'),
      ...groupColumns('LRs of recordings', [
        numberColumn('compared'),
        numberColumn('identical'),
        numberColumn('unexplained'),
      ]),
      ...groupColumns('scenarios', [numberColumn('passed'), numberColumn('failed'), numberColumn('not run')]),
      ...groupColumns('golden lines', [numberColumn('compared'), numberColumn('identical')]),
      ...groupColumns('random events', [numberColumn('compared'), numberColumn('differences')]),
      textColumn('stands for'),
    ],
    rowHeads: 1,
    rows: flavours.map(({ id, models }) => {
      const verified = recorded.get(id) ?? [];
      const add = (pick: (result: VerifyResult) => number): number =>
        verified.reduce((sum, result) => sum + pick(result), 0);
      const put = scenarios.find(({ flavour }) => flavour === id);
      const random = fuzz?.find(({ flavour }) => flavour === id);
      const isGolden = golden?.flavour === id;
      return [
        id,
        ...(verified.length === 0
          ? [null, null, null]
          : [
              add(({ entries }) => entries),
              add(({ identical }) => identical),
              alarmAbove0(add((result) => result.unexplained)),
            ]),
        ...(put === undefined ? [null, null, null] : [put.passed, alarmAbove0(put.failed), put.notRun]),
        ...(golden === null || !isGolden
          ? [null, null]
          : [
              golden.lines,
              golden.identical === golden.lines ? golden.identical : { alarm: formatInteger(golden.identical) },
            ]),
        ...(random === undefined ? [null, null] : [random.events, alarmAbove0(random.differences)]),
        models,
      ];
    }),
  };
}

/** What the dashes of the evidence table mean, and where the values come from. */
export function describeSources(
  model: Pick<ReportModel, 'verify'>,
  { scenarios, golden, fuzz, itsImages }: Evidence,
): (readonly [string, string])[] {
  const notRun = scenarios.flatMap(({ flavour, reasons }) =>
    reasons.map(({ reason, scenarios: count }) => `${flavour} ${formatInteger(count)} (${reason})`),
  );
  const runs = (fuzz ?? []).map(
    ({ flavour, machines, seed, version, date }) =>
      `${flavour} on ${date} with version ${version}, seed ${seed}, ${plural(machines, 'machine')}`,
  );
  const images = (itsImages ?? []).map(
    ({ flavour, configurations, mutants, seed, version, date }) =>
      `${flavour} on ${date} with version ${version}, seed ${seed}, ${plural(configurations, 'configuration')} and ${plural(mutants, 'changed image')}`,
  );
  return [
    [
      'LRs of recordings',
      model.verify.length === 0
        ? 'No recording was compared with its list registers in this report.'
        : `${plural(model.verify.length, 'recording')}, each replayed as the hypervisor it was recorded on and compared at every guest entry.`,
    ],
    [
      'scenarios',
      scenarios.length === 0
        ? 'None was run.'
        : `Those of traces/conformance, run for this report. Their values are what the hypervisors’ own functions gave; those of known defects follow from the specification.${notRun.length === 0 ? '' : ` Not run: ${notRun.join(', ')}.`}`,
    ],
    [
      'golden lines',
      golden === null
        ? 'Not compared: the event files are not shipped with the package; a checkout has them.'
        : `One a guest entry: the list registers as compiled C code of ${golden.flavour} filled them, from ${plural(golden.files, 'event file')} replayed for this report. Only ${golden.flavour} has them.`,
    ],
    [
      'random events',
      fuzz === null
        ? 'Not recorded.'
        : `After each of them the whole state was compared with that of a second model, written from the specification alone: ${runs.join('; ')}.`,
    ],
    [
      'ITS images',
      itsImages === null
        ? 'Not recorded.'
        : `Random configurations were saved and restored to what they were; images changed in one way were restored to what the specification says, in no more steps than it says, with nothing left behind: ${images.join('; ')}.`,
    ],
  ];
}

export function verifyTable(model: Pick<ReportModel, 'verify'>): Table {
  return {
    caption: 'Recordings replayed and compared with what the recorded hypervisor did',
    columns: [
      textColumn('recording'),
      textColumn('flavour'),
      ...groupColumns('LRs at entry', [numberColumn('compared'), numberColumn('identical'), textColumn('share')]),
      ...groupColumns('differ, explained by', [numberColumn('cross-CPU window'), numberColumn('unrecorded input')]),
      numberColumn('differ, unexplained'),
      ...groupColumns('order', [numberColumn('re-ordered by the locks'), numberColumn('taken from the outcome')]),
      ...groupColumns('also identical', [
        textColumn('LRs at exit'),
        textColumn('depth at sort'),
        textColumn('list order'),
      ]),
      numberColumn('divergences'),
      numberColumn('lost events'),
      textColumn('command'),
    ],
    rowHeads: 1,
    rows: model.verify.map((result) => [
      result.trace,
      result.flavour,
      result.entries,
      result.identical,
      formatShare(result.identical, result.entries),
      result.causes['cross-cpu-window'],
      result.causes['unrecorded-input'],
      alarmAbove0(result.unexplained),
      result.reordered,
      result.decisionsFromRecording,
      ofCompared(result.foldsIdentical, result.folds),
      ofCompared(result.sortsIdentical, result.sorts),
      ofCompared(result.listsIdentical, result.lists),
      result.divergences,
      result.lostEvents,
      { code: result.command },
    ]),
  };
}

/** One row a mismatch, as many as the comparison kept. */
export function mismatchTable(model: ReportModel): Table {
  return {
    caption: 'Flushes at which the replay and the recording differ',
    columns: [
      textColumn('recording'),
      numberColumn('event'),
      numberColumn('vCPU'),
      textColumn('recorded LRs'),
      textColumn('replayed LRs'),
      textColumn('cause'),
      textColumn('why'),
    ],
    rowHeads: 1,
    rows: model.verify.flatMap(({ trace, mismatches }) =>
      mismatches.map(({ event, vcpu, recorded, model: replayed, cause, reason }) => [
        trace,
        event,
        vcpu,
        recorded.length === 0 ? null : { mono: recorded.join(' ') },
        replayed.length === 0 ? null : { mono: replayed.join(' ') },
        cause,
        reason,
      ]),
    ),
  };
}

/** Every failure by name: scenarios, golden files, random runs. */
function failureTable({ scenarios, golden, fuzz }: Evidence): Table {
  const rows: TableCell[][] = [
    ...scenarios.flatMap(({ flavour, failures }) =>
      failures.map((failure): TableCell[] => [{ alarm: 'scenario' }, flavour, failure]),
    ),
    ...(golden?.differing ?? []).map((file): TableCell[] => [{ alarm: 'golden file' }, golden!.flavour, file]),
    ...(fuzz ?? [])
      .filter(({ differences }) => differences > 0)
      .map(({ flavour, seed, differences }): TableCell[] => [
        { alarm: 'random events' },
        flavour,
        `${plural(differences, 'difference')}, seed ${seed}`,
      ]),
  ];
  return {
    caption: 'What failed',
    columns: [textColumn('evidence'), textColumn('flavour'), textColumn('where')],
    rowHeads: 0,
    rows,
  };
}

export function fidelitySection(model: ReportModel, facts: Facts): Section | null {
  const { evidence } = model;
  if (facts.traces.length === 0 && model.verify.length === 0 && evidence === null) return null;
  const mismatches = mismatchTable(model);
  const failures = evidence === null ? null : failureTable(evidence);
  const explained = model.verify.reduce((sum, result) => sum + result.explained, 0);
  const blocks: Block[] = [{ kind: 'verdicts', verdicts: [judgeModel(model, facts)] }];
  if (failures !== null && failures.rows.length > 0) blocks.push({ kind: 'table', table: failures });
  if (evidence !== null) {
    blocks.push({ kind: 'table', table: evidenceTable(model, evidence) });
    blocks.push({ kind: 'terms', terms: describeSources(model, evidence) });
  }
  if (model.verify.length > 0) blocks.push({ kind: 'table', table: verifyTable(model) });
  if (mismatches.rows.length > 0) {
    blocks.push({
      kind: 'details',
      summary: `Flushes at which they differ${explained > 0 ? ', and why' : ''}`,
      blocks: [{ kind: 'table', table: mismatches }],
    });
  }
  if (facts.traces.length > 0) blocks.push({ kind: 'table', table: traceTable(facts) });
  return { id: 'fidelity', title: 'Fidelity: what the model was checked against', short: 'Fidelity', blocks };
}
