/** Opens what a user names as a trace: a .vgt file, or anything `import` reads, imported into memory. */
import { InputError, UsageError } from '../base/errors.js';
import { flavourNamed } from '../gic/flavour/index.js';
import type { Machine } from '../gic/intid.js';
import type { BlockSource, TraceIdentity } from '../replay/replay.js';
import { openTrace, type TraceReader } from '../trace/reader.js';
import { type ByteSource, createMemorySource, createMemoryTarget, type MemoryTarget } from '../trace/source.js';
import { checkBlockRanges, type ValidationReport, validateTrace } from '../trace/validate.js';
import { openRecording } from './recording.js';
import { resolveShipped, shippedName } from './shipped.js';
import { hashSource, openFileSource } from './trace-files.js';

/** A trace that can be replayed several times. */
export interface OpenInput {
  readonly identity: TraceIdentity;
  /** Bytes of the trace. */
  readonly size: number;
  /** A fresh pass over the events; ranges of every block are checked before they are handed out. */
  open(): BlockSource;
  /** The same for code that looks at the file itself. */
  openReader(): TraceReader;
  /** Checks what `open` does not: the life cycle of each vCPU, gaps, the declared fidelity. */
  validate(): ValidationReport;
  close(): void;
}

/** What is kept in memory (imports, pipes) may be this large; beyond it the user is asked to make a file. */
const MAX_IN_MEMORY_BYTES = 1 << 30;

export interface InputOptions {
  readonly allowTruncated?: boolean | undefined;
  /** Flavour to replay as, instead of the trace's own. */
  readonly flavour?: string | undefined;
}

/** `path`: a file, a recording folder, a pipe, or "-" for standard input. Throws InputError if it is none of ours. */
export async function openInput(named: string, options: InputOptions = {}): Promise<OpenInput> {
  const path = resolveShipped(named);
  const recording = await openRecording(path);
  if (recording.format === 'vgt' && recording.size >= 0) {
    await recording.close();
    const file = openFileSource(path);
    return openSource(file, path, options, file.close);
  }
  const name = path === '-' ? 'standard input' : path;
  const target = limitTarget(createMemoryTarget(name));
  // A pipe can be read once; replays need several passes.
  if (recording.format === 'vgt') for await (const piece of recording.pieces()) target.write(piece);
  // The importers are many files: loaded where there is something to import, not at the start of every verb.
  else await (await import('./import-any.js')).importRecording(recording, target);
  return openSource(createMemorySource(target.bytes(), name), path, options, () => {});
}

function limitTarget(target: MemoryTarget): MemoryTarget {
  let size = 0;
  return {
    ...target,
    write(bytes) {
      size += bytes.length;
      if (size > MAX_IN_MEMORY_BYTES)
        throw new InputError(
          target.name,
          `byte ${size}`,
          'too much to hold in memory',
          'import it to a .vgt file first',
        );
      target.write(bytes);
    },
  };
}

/** Why a flavour cannot replay a machine, or undefined. */
export function findFlavourLack(machine: Machine, flavourId: string): string | undefined {
  const flavour = flavourNamed(flavourId);
  if (!flavour.guestModels.includes(machine.model)) return `${flavourId} has no ${machine.model} machine`;
  return machine.nrLpis > 0 && !flavour.hasLpis ? `${flavourId} has no LPIs` : undefined;
}

/** The recorded machine under the flavour asked for. Throws UsageError if that hypervisor has no such machine. */
function machineOf(machine: Machine, flavour: string | undefined, path: string): Machine {
  const id = flavour ?? machine.flavour;
  const lack = findFlavourLack(machine, id);
  if (lack === undefined) return id === machine.flavour ? machine : { ...machine, flavour: id };
  throw new UsageError(`${path}: cannot be replayed as ${id}: ${lack}`);
}

function openSource(source: ByteSource, path: string, options: InputOptions, close: () => void): OpenInput {
  const openReader = (): TraceReader => openTrace(source, { allowTruncated: options.allowTruncated ?? false });
  const open = (): BlockSource => {
    const reader = openReader();
    const machine = machineOf(reader.header.machine, options.flavour, path);
    return {
      header: { ...reader.header, machine },
      next(block) {
        if (!reader.next(block)) return false;
        checkBlockRanges(block, machine, source.name);
        return true;
      },
    };
  };
  const { header } = open();
  const origin = header.fidelity === 0 ? (header.importer.name === 'vgr1' ? 'golden' : 'synthetic') : 'recorded';
  const sha256 = hashSource(source);
  return {
    // A shipped trace has one name, wherever the package lies: results are the same bytes everywhere.
    identity: { path: shippedName(sha256) ?? path, sha256, origin, madeFor: openReader().header.machine.flavour },
    size: source.size,
    open,
    openReader,
    validate: () => validateTrace(source),
    close,
  };
}
