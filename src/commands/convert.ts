/** `vgic-replay convert`: slice, merge, split, redact and recompress traces. */
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { setImmediate } from 'node:timers/promises';
import type { Command } from 'commander';
import { EXIT_INPUT, UsageError, UserError } from '../base/errors.js';
import { printable } from '../base/printable.js';
import { traceNameOf } from '../import/trace-name.js';
import { joinHeaders, passByTime, passInTurn } from '../trace/edit/merge.js';
import { createRedaction, redactHeader } from '../trace/edit/redact.js';
import { createSelection, isShared } from '../trace/edit/select.js';
import { createSlice, type SliceBounds, type SliceOutcome, WHOLE } from '../trace/edit/slice.js';
import { EditError, type EventStage } from '../trace/edit/stage.js';
import { FLUSH, GROUP, GROUP_ONE } from '../trace/events.js';
import type { Fidelity, TraceHeader } from '../trace/header.js';
import { type ConvertFlags, readBounds, readFormat, readIntids, readRedaction, readVcpus } from './convert-options.js';
import { CONVERT_FORMATS, type ConvertOutput, formatNamed, openConvertOutput, wantsGzip } from './convert-output.js';
import { type OpenInput, openInput } from './inputs.js';
import { abortOnSignal, cannotWrite, isSameFile } from './outputs.js';
import type { Terminal } from './terminal.js';
import { describeWritten } from './written-line.js';

export function registerConvert(program: Command, terminal: Terminal): void {
  program
    .command('convert')
    .description(
      'make traces of traces: a slice, one of several, one a vCPU, one that can be shared; .vgt or JSON lines, gzip or not',
    )
    .argument('<traces...>', '.vgt files, or anything import reads; several are merged; - is standard input')
    .requiredOption(
      '-o, --output <file>',
      'trace to write: .vgt or .jsonl, both also .gz, - for standard output; a folder with --split',
    )
    .option('--from <place>', 'begin here: index of an event, or a time since the start (1500us, 2.5s)')
    .option('--to <place>', 'end before this')
    .option('--limit <n>', 'at most so many events from there on, and the ground truth of the last')
    .option('--setup <how>', 'what comes before --from: keep it without its times, or only the config', 'keep')
    .option('--vcpu <list>', 'only these vCPUs run, as 0,2-3')
    .option('--intid <list>', 'only these interrupts, as 27,40-47')
    .option('--append', 'several traces: one behind the other, instead of by time')
    .option('--split <by>', 'vcpu: one trace a vCPU, in the folder of --output')
    .option('--redact [what]', 'for sharing: texts,intids,times (default: all)')
    .option('--coarse <time>', 'with --redact: times become multiples of this', '1ms')
    .option('--block-encoding <form>', 'smallest, or plain: 12 bytes an event, nothing to expand', 'smallest')
    .option(
      '-f, --format <name>',
      `${CONVERT_FORMATS.join(' or ')} (default: as the name of the output says, else vgt)`,
    )
    .option('--gzip', 'pack the output (default: if it ends in .gz)')
    .option('--name <name>', 'name of the trace')
    .option('--allow-truncated', 'take what is left of a file that was cut off')
    .action((paths: string[], flags: ConvertFlags) => runConvert(paths, flags, terminal));
}

async function runConvert(paths: readonly string[], flags: ConvertFlags, terminal: Terminal): Promise<void> {
  if (flags.split !== undefined && flags.split !== 'vcpu') throw new UsageError(`--split ${flags.split}: only vcpu`);
  if (flags.split !== undefined && flags.vcpu !== undefined)
    throw new UsageError('--split and --vcpu exclude one another');
  if (flags.split !== undefined && flags.output === '-')
    throw new UsageError('--split writes several files: name a folder with --output');
  if (paths.filter((path) => path === '-').length > 1)
    throw new UsageError('standard input can be read once; name one of the traces as a file');
  if (flags.append === true && paths.length === 1) throw new UsageError('--append: name several traces');
  if (flags.blockEncoding !== 'smallest' && flags.blockEncoding !== 'plain')
    throw new UsageError(`--block-encoding ${flags.blockEncoding}: one of smallest, plain`);
  readFormat(flags);
  const same = paths.find((path) => isSameFile(path, flags.output));
  if (same !== undefined) throw new UsageError(`${flags.output}: is an input itself; name another file with --output`);
  const inputs: OpenInput[] = [];
  const outputs: ConvertOutput[] = [];
  const disarm = abortOnSignal(terminal, () => {
    for (const output of outputs) output.abort();
  });
  try {
    for (const path of paths) inputs.push(await openInput(path, { allowTruncated: flags.allowTruncated }));
    await convert(paths, inputs, outputs, flags, terminal);
  } catch (error) {
    if (error instanceof EditError) throw new UserError(`${paths.join(', ')}: ${error.message}`, EXIT_INPUT);
    throw error;
  } finally {
    for (const output of outputs) output.abort();
    for (const input of inputs) input.close();
    disarm();
  }
}

/** What a pass over all events found that decides how they may be cut. */
interface Facts {
  readonly hasShared: boolean;
  readonly isByWord: boolean;
  /** vCPUs that enter the guest. */
  readonly runners: ReadonlySet<number>;
}

const NO_FACTS: Facts = { hasShared: false, isByWord: false, runners: new Set() };

type Run = (stage: EventStage) => Promise<void>;

async function findFacts(run: Run): Promise<Facts> {
  let hasShared = false;
  let isByWord = false;
  const runners = new Set<number>();
  await run({
    event(kind, vcpu, intid) {
      if (kind === FLUSH) runners.add(vcpu);
      else if (!hasShared && isShared(kind, intid)) hasShared = true;
      if (kind === GROUP || kind === GROUP_ONE) isByWord = true;
    },
    gap() {},
    end() {},
  });
  return { hasShared, isByWord, runners };
}

async function convert(
  paths: readonly string[],
  inputs: readonly OpenInput[],
  outputs: ConvertOutput[],
  flags: ConvertFlags,
  terminal: Terminal,
): Promise<void> {
  const headers = inputs.map((input) => input.openReader().header);
  const joined = joinHeaders(headers, paths);
  const format = readFormat(flags);
  const bounds = readBounds(flags, joined.tickNs);
  const redaction = readRedaction(flags, joined.tickNs);
  const intids = flags.intid === undefined ? undefined : readIntids(flags.intid);
  const run: Run = async (stage) => {
    const readers = inputs.map((input) => input.openReader());
    const pass = flags.append === true ? passInTurn(readers, stage) : passByTime(readers, stage);
    for (const _ of pass) await setImmediate();
    if (readers.some(({ truncatedAt }) => truncatedAt !== null)) isCut = true;
  };
  let isCut = false;
  const isPartial = flags.vcpu !== undefined || flags.split !== undefined || intids !== undefined;
  const facts = isPartial || redaction !== undefined ? await findFacts(run) : NO_FACTS;
  const groups =
    flags.split === undefined
      ? [flags.vcpu === undefined ? undefined : readVcpus(flags.vcpu)]
      : [...Array(joined.machine.nrVcpus).keys()].map((vcpu) => new Set([vcpu]));
  if (flags.split !== undefined) makeFolder(flags.output);
  const stem = flags.name ?? (redaction?.texts === true ? 'redacted' : joined.name || traceNameOf(paths[0]));
  const written: string[] = [];
  for (const vcpus of groups) {
    for (const vcpu of vcpus ?? [])
      if (vcpu >= joined.machine.nrVcpus)
        throw new UsageError(`--vcpu ${vcpu}: the machine has ${joined.machine.nrVcpus} vCPUs`);
    const isExact =
      intids === undefined && (!facts.hasShared || [...facts.runners].every((vcpu) => vcpus?.has(vcpu) ?? true));
    const isSelected = vcpus !== undefined || intids !== undefined;
    const lowered = (isSelected && !isExact) || (isSlice(bounds) && bounds.setup === 'config');
    const fidelity = (lowered ? Math.min(joined.fidelity, 2) : joined.fidelity) as Fidelity;
    const name = flags.split === undefined ? stem : `${stem}-vcpu${[...(vcpus ?? [])].join('-')}`;
    const path =
      flags.split === undefined ? flags.output : join(flags.output, `${fileNameOf(name)}.${format ?? 'vgt'}`);
    const before: TraceHeader = { ...joined, fidelity, name };
    const plain = redaction?.texts === true ? { ...redactHeader(before), name } : before;
    const output = openConvertOutput(path, plain, {
      format: format ?? formatNamed(path),
      encoding: flags.blockEncoding === 'plain' ? 'plain' : 'smallest',
      gzip: flags.gzip ?? wantsGzip(path),
      check: inputs.length > 1,
    });
    outputs.push(output);
    const places = redaction?.texts === true ? hidePlaces(output.stage) : output.stage;
    const { model, nrSpis } = joined.machine;
    const last =
      redaction === undefined
        ? places
        : createRedaction(redaction, { isByWord: facts.isByWord, nrSpis, isGicv2Words: model === 'gicv2' }, places);
    const chosen = isSelected ? createSelection({ vcpus, intids, isExact }, last) : last;
    const slice = createSlice(bounds, chosen);
    await run(slice);
    const outcome = slice.outcome();
    if (!outcome.hasBegun)
      throw new UserError(
        `${paths.join(', ')}: --from ${flags.from}: the trace ends before; see its events and time with "vgic-replay info"`,
        EXIT_INPUT,
      );
    const steps = describeSteps({ paths, inputs, flags, bounds, outcome, lowered, from: joined.fidelity });
    const counts = { ...plain.counts, cutOff: isCut ? 1 : plain.counts.cutOff };
    const how =
      redaction?.texts === true
        ? 'redacted'
        : [plain.provenance.how, ...steps].filter((text) => text !== '').join('; ');
    const header: TraceHeader = { ...plain, counts, provenance: { ...plain.provenance, how } };
    await output.finish(header);
    written.push(describeWritten(path, header, output.events()), ...steps.map((step) => `  ${step}`));
  }
  for (const output of outputs) output.commit();
  // Standard output may be the trace itself.
  (flags.output === '-' ? terminal.err : terminal.out)(written.join('\n'));
}

const isSlice = ({ fromEvent, fromTick }: SliceBounds): boolean =>
  fromEvent > WHOLE.fromEvent || fromTick > WHOLE.fromTick;

/** The name of a trace is whatever its header says: the file stays in its folder. */
const fileNameOf = (name: string): string => printable(name).replace(/[/\\]/g, '_');

/** Places in the source are lines and names of files. */
const hidePlaces = (next: EventStage): EventStage => ({ ...next, gap: (lost) => next.gap(lost, 'redacted') });

function makeFolder(path: string): void {
  try {
    mkdirSync(path, { recursive: true });
  } catch (error) {
    throw cannotWrite(path, `cannot be made a folder (${(error as NodeJS.ErrnoException).code})`, 'name a folder');
  }
}

interface Steps {
  readonly paths: readonly string[];
  readonly inputs: readonly OpenInput[];
  readonly flags: ConvertFlags;
  readonly bounds: SliceBounds;
  readonly outcome: SliceOutcome;
  readonly lowered: boolean;
  readonly from: number;
}

/** One sentence a step, for the header and for the user. */
function describeSteps({ paths, inputs, flags, bounds, outcome, lowered, from }: Steps): string[] {
  const steps: string[] = [];
  if (paths.length > 1) {
    const sources = inputs.map(({ identity }) => identity.sha256.slice(0, 12)).join(', ');
    steps.push(`${flags.append === true ? 'one behind the other' : 'merged by time'}: sha256 ${sources}`);
  }
  if (isSlice(bounds) || flags.to !== undefined || flags.limit !== undefined) {
    const range = [flags.from ?? 'the start', flags.to ?? 'the end'].join(' to ');
    steps.push(`slice from ${range}: ${outcome.taken} events`);
    if (isSlice(bounds))
      steps.push(
        bounds.setup === 'keep'
          ? `before it ${outcome.kept} events that make the state it begins in, at time 0`
          : `before it ${outcome.kept} events of configuration; what was queued, active or in list registers there is not known`,
      );
  }
  if (flags.vcpu !== undefined || flags.split !== undefined) steps.push('only some vCPUs run');
  if (flags.intid !== undefined) steps.push('only some interrupts occur');
  if (lowered && from > 2)
    steps.push(`L2 instead of L${from}: list registers and exits are not those of the machine any more`);
  return steps;
}
