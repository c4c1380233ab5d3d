/** `vgic-replay verify`: does the model put into the list registers what the recorded kernel did? */
import type { Command } from 'commander';
import { FidelityError, UsageError } from '../base/errors.js';
import { formatInteger } from '../base/number-format.js';
import { createCoreTranslator } from '../replay/core-translator.js';
import { strategiesFor } from '../replay/create-model.js';
import { CAUSES, type Mismatch, type VerifyRecord, verifyTrace } from '../replay/verify.js';
import { type ItsMismatch, type ItsRecord, verifyIts } from '../replay/verify-its.js';
import { FLAVOUR_HELP, parseFlavour } from './flavour-option.js';
import { openInput } from './inputs.js';
import { CHECK_HELP, replayChecked } from './invariant-check.js';
import { requireSoundTrace } from './replay-checks.js';
import { type Terminal, tool } from './terminal.js';

interface VerifyOptions {
  readonly json?: boolean;
  readonly show: string;
  readonly flavour?: string;
  readonly check?: boolean;
}

export function registerVerify(program: Command, terminal: Terminal): void {
  program
    .command('verify')
    .description('replay recordings and compare every list register with the recorded one, at every guest entry')
    .argument('<traces...>', 'L3 recordings (.vgt, or a recording folder or ftrace text)')
    .option('--json', 'print the full record as JSON')
    .option('--flavour <id>', FLAVOUR_HELP, parseFlavour)
    .option('--check', CHECK_HELP)
    .option('--show <n>', 'mismatches shown per recording', '5')
    .action(async (paths: string[], { json, show, flavour, check }: VerifyOptions) => {
      const maxShown = Number(show);
      if (!Number.isInteger(maxShown) || maxShown < 0)
        throw new UsageError(`--show must be a whole number, not '${show}'`);
      const records: VerifiedPath[] = [];
      for (const path of paths) {
        if (check) await checkPath(path, flavour);
        const record = await verifyPath(path, maxShown, flavour);
        records.push(record);
        if (json !== true) terminal.out(describe(record));
      }
      if (json === true) terminal.out(JSON.stringify({ schema: 'vgic-replay/verify/1', tool, records }, null, 2));
      requireAgreement(records);
      records.forEach(requireItsAgreement);
    });
}

interface VerifiedPath extends VerifyRecord {
  /** Hypervisor replayed, and the one that the recording names. */
  readonly flavour: string;
  readonly madeFor: string;
  /** Places at which the recording lost events. */
  readonly gaps: number;
  /** Null: the recording shows no MSI. */
  readonly its: ItsRecord | null;
}

/** Races excuse single entries, not a replay that goes its own way. */
const LEAST_AGREEMENT = 0.997;

function requireAgreement(records: readonly VerifiedPath[]): void {
  for (const { trace, entries, identical, causes, flavour, madeFor, gaps } of records) {
    const faults = causes['model-fault'];
    if (faults === 0 && identical >= LEAST_AGREEMENT * entries) continue;
    if (flavour !== madeFor)
      throw new FidelityError(
        `${trace}: ${entries - identical} of ${entries} entries of this recording of ${madeFor} are not what ${flavour} does; leave out --flavour unless the recording was labelled wrongly`,
      );
    if (gaps > 0 && faults === 0)
      throw new FidelityError(
        `${trace}: ${entries - identical} of ${entries} entries differ from the recording, which lost events and does not say what they changed; record it again with larger buffers`,
      );
    const blame =
      faults > 0
        ? `${faults} of the differences have no cause but a fault of the model`
        : 'too many for races to excuse';
    throw new FidelityError(
      `${trace}: ${entries - identical} of ${entries} entries differ from the recording, ${blame}; report it with the trace`,
    );
  }
}

function requireItsAgreement({ trace, its, flavour, madeFor }: VerifiedPath): void {
  const wrong = its?.prediction?.differences ?? 0;
  if (wrong === 0) return;
  const remedy =
    flavour === madeFor
      ? 'report it with the trace'
      : `it was recorded on ${madeFor}, whose ITS is another; leave out --flavour`;
  throw new FidelityError(
    `${trace}: ${formatInteger(wrong)} of what the recording shows of MSIs differs from the ITS of ${flavour}; ${remedy}`,
  );
}

/** A pass of its own: verify takes over recorded list registers where they differ, which no machine does by itself. */
async function checkPath(path: string, flavour?: string): Promise<void> {
  const input = await openInput(path, { flavour });
  try {
    const source = input.open();
    const chosen = strategiesFor(source.header.machine, undefined);
    replayChecked(source, chosen, input.identity, () => requireSoundTrace(path, input));
  } finally {
    input.close();
  }
}

/** Refuses a trace that holds no recorded list registers. */
export async function verifyPath(path: string, maxShown: number, flavour?: string): Promise<VerifiedPath> {
  const input = await openInput(path, { flavour });
  try {
    const source = input.open();
    if (source.header.fidelity < 3) {
      throw new FidelityError(
        `${path}: fidelity L${source.header.fidelity}: verify compares recorded list registers, which only an L3 recording holds; record with traces/record`,
      );
    }
    const { madeFor } = input.identity;
    const { flavour: replayed, nrLpis } = source.header.machine;
    const record = verifyTrace(source, maxShown);
    const its = nrLpis > 0 ? verifyIts(input.open(), createCoreTranslator, maxShown) : null;
    const showsMsis = its !== null && its.asked + its.translations > 0;
    const gaps = source.header.gaps.length;
    return { ...record, flavour: replayed, madeFor: madeFor ?? replayed, gaps, its: showsMsis ? its : null };
  } finally {
    input.close();
  }
}

const percent = (part: number, whole: number): string =>
  whole === 0 ? '-' : `${((100 * part) / whole).toFixed(part === whole ? 0 : 3)} %`;

function describe(record: VerifiedPath): string {
  const { entries, identical, causes, mismatches, flavour, madeFor, its } = record;
  const replayed = `replayed as ${flavour}${flavour === madeFor ? '' : `, recorded on ${madeFor}: differences are expected`}`;
  const rows: [string, string][] = [
    ['entries compared', `${entries}, identical ${identical} (${percent(identical, entries)})`],
    ['re-ordered', `${record.reordered} steps, by what was recorded under the locks`],
    [
      'mismatches',
      `${record.explained} explained, ${record.unexplained} unexplained (${CAUSES.map((cause) => `${cause} ${causes[cause]}`).join(', ')})`,
    ],
    ['UIE (overflow) bit', `${record.uieIdentical} of ${entries} identical`],
    ['LRs read back at exit', `${record.foldsIdentical} of ${record.folds} identical`],
    ['ap_list depth at sorts', `${record.sortsIdentical} of ${record.sorts} identical`],
    ['ap_list order', `${record.listsIdentical} of ${record.lists} identical`],
    [
      'from the recording',
      `${record.decisionsFromRecording} decisions, ${record.lostEvents} events lost, ${record.divergences} acknowledges without LR`,
    ],
  ];
  if (its !== null) rows.push(['MSIs', describeMsis(its)]);
  const head = [
    `${record.trace}  L${record.fidelity}, ${replayed}`,
    ...rows.map(([name, text]) => `  ${name.padEnd(24)}${text}`),
  ];
  const wrongMsis = its?.prediction?.mismatches ?? [];
  return [...head, ...mismatches.map(describeMismatch), ...wrongMsis.map(describeWrongMsi)].join('\n');
}

function describeMsis({ asked, hits, misses, translations, prediction }: ItsRecord): string {
  if (prediction === null)
    return `${formatInteger(hits)} hits, ${formatInteger(misses)} misses, ${formatInteger(translations)} translations; without the guest's ITS commands nothing is predicted`;
  const { outcomesAgree, lpis, lpisAgree } = prediction;
  return `${formatInteger(outcomesAgree)} of ${formatInteger(asked)} hits and misses, ${formatInteger(lpisAgree)} of ${formatInteger(lpis)} LPIs as recorded`;
}

const nameLpi = (lpi: number | null, none: string): string => (lpi === null ? none : `LPI ${lpi}`);

function describeWrongMsi({ event, what, device, eventId, recorded, predicted }: ItsMismatch): string {
  const none = what === 'cache' ? 'a miss' : 'no LPI';
  return `  event ${event}: ${what} of MSI ${eventId} of device ${device}: recorded ${nameLpi(recorded, none)}, model ${nameLpi(predicted, none)}`;
}

const describeMismatch = ({ event, vcpu, recorded, model, cause, reason }: Mismatch): string =>
  `  event ${event} vcpu ${vcpu}: ${cause}: ${reason}\n    recorded ${recorded.join(' ') || '(none)'}\n    model    ${model.join(' ') || '(none)'}`;
