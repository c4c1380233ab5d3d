/** A counterexample of `explore` as a trace: one SCHEDULE_STEP a step, the model in the name, the failure in the title. */
import { InputError } from '../base/errors.js';
import { type Exploration, models } from '../explore/index.js';
import type { Model, Variant } from '../explore/model.js';
import type { Move } from '../explore/system.js';
import type { BlockSource } from '../replay/replay.js';
import { createEventBlock, findKind, SCHEDULE_STEP, wordIntid, wordKind, wordVcpu } from '../trace/events.js';
import { noImportCounts, type TraceHeader } from '../trace/header.js';
import { createTraceWriter } from '../trace/writer.js';
import { openOutput } from './outputs.js';
import { tool } from './terminal.js';

const nameOf = (model: string, variant: string): string => `${model}-${variant}`;
const titleOf = (problem: string): string => `Counterexample: ${problem}`;

/** Writes the schedule of a variant that was found to be broken. */
export function writeSchedule(path: string, exploration: Exploration): void {
  const target = openOutput(path);
  try {
    const writer = createTraceWriter(target, headerOf(exploration));
    for (const { thread, id, value } of exploration.schedule) writer.event(SCHEDULE_STEP, thread, id, value, 1);
    writer.finish();
    target.commit();
  } finally {
    target.abort();
  }
}

function headerOf({ model, variant, problem, threads }: Exploration): TraceHeader {
  return {
    // A schedule has threads, no machine: one vCPU stands for each, the rest is the smallest there is.
    machine: {
      flavour: 'kvm-7.2',
      model: 'gicv3',
      nrVcpus: threads.length,
      nrSpis: 32,
      nrLpis: 0,
      nrLr: 1,
      distEnabledAtStart: true,
      pmrAtStart: 0xf8,
    },
    fidelity: 0,
    name: nameOf(model, variant),
    title: titleOf(problem?.text ?? 'none'),
    tickNs: 1000,
    clock: 'none',
    provenance: {
      tool: 'vgic-replay explore',
      kernel: '',
      when: '',
      how: `vgic-replay explore ${model}:${variant}`,
      licence: 'Apache-2.0',
      sourceSha256: '',
    },
    importer: { name: 'explore', version: tool.version },
    guestAccesses: 'events',
    counts: noImportCounts(),
    gaps: [],
  };
}

const REMEDY = 'name a file that "vgic-replay explore -o" wrote';

export interface SavedSchedule {
  readonly model: Model;
  readonly variant: Variant;
  /** Read from the file as they are asked for. */
  readonly moves: Iterable<Move>;
  /** Is this the failure that the file states? */
  states(problem: string): boolean;
}

/** Throws InputError if the trace is no schedule of a model of ours. */
export function readSchedule(source: BlockSource, file: string): SavedSchedule {
  const { name, title } = source.header;
  for (const model of models)
    for (const variant of model.variants)
      if (nameOf(model.id, variant.id) === name)
        return { model, variant, moves: movesOf(source, file), states: (problem) => titleOf(problem) === title };
  throw new InputError(file, 'header', `the trace "${name}" is no schedule of a model`, REMEDY);
}

function* movesOf(source: BlockSource, file: string): Generator<Move> {
  for (const block = createEventBlock(); source.next(block); ) {
    for (let at = 0; at < block.count; at++) {
      const word = block.word[at];
      const kind = wordKind(word);
      if (kind !== SCHEDULE_STEP)
        throw new InputError(
          file,
          `event ${block.firstEvent + at}`,
          `${findKind(kind)?.name ?? kind} is no step of a schedule`,
          REMEDY,
        );
      yield { thread: wordVcpu(word), id: wordIntid(word), value: block.value[at] };
    }
  }
}
