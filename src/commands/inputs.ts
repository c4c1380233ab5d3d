/** Opens what a user names as a trace: a .vgt file, or anything `import` reads, imported into memory. */
import { InputError } from '../base/errors.js';
import type { BlockSource, TraceIdentity } from '../replay/replay.js';
import { openTrace, type TraceReader } from '../trace/reader.js';
import { type ByteSource, createMemorySource, createMemoryTarget } from '../trace/source.js';
import { checkBlockRanges } from '../trace/validate.js';
import { detectFormat, importInto } from './import-any.js';
import { hashSource, openFileSource } from './trace-files.js';

/** A trace that can be replayed several times. */
export interface OpenInput {
  readonly identity: TraceIdentity;
  /** A fresh pass over the events; ranges of every block are checked before they are handed out. */
  open(): BlockSource;
  /** The same for code that looks at the file itself. */
  openReader(): TraceReader;
  close(): void;
}

/** Imports kept in memory may be this large; beyond it the user is asked to import to a file. */
const MAX_IN_MEMORY_BYTES = 1 << 30;

export async function openInput(path: string, options: { allowTruncated?: boolean } = {}): Promise<OpenInput> {
  const format = await detectFormat(path);
  if (format === 'vgt') {
    const file = openFileSource(path);
    // A pipe can be read once; replays need several passes.
    const source = file.size < 0 ? createMemorySource(readAll(file), file.name) : file;
    return openSource(source, path, options, file.close);
  }
  const target = createMemoryTarget(path);
  await importInto(path, target, { format });
  return openSource(createMemorySource(target.bytes(), path), path, options, () => {});
}

function openSource(
  source: ByteSource,
  path: string,
  options: { allowTruncated?: boolean },
  close: () => void,
): OpenInput {
  const openReader = (): TraceReader => openTrace(source, { allowTruncated: options.allowTruncated });
  const open = (): BlockSource => {
    const reader = openReader();
    return {
      header: reader.header,
      next(block) {
        if (!reader.next(block)) return false;
        checkBlockRanges(block, reader.header.machine, source.name);
        return true;
      },
    };
  };
  const { header } = open();
  const origin = header.fidelity === 0 ? (header.importer.name === 'vgr1' ? 'golden' : 'synthetic') : 'recorded';
  return { identity: { path, sha256: hashSource(source), origin }, open, openReader, close };
}

function readAll(source: ByteSource): Uint8Array {
  const target = createMemoryTarget(source.name);
  const chunk = new Uint8Array(1 << 20);
  for (let offset = 0; ; ) {
    const got = source.read(chunk, offset, chunk.length);
    if (got === 0) return target.bytes();
    target.write(chunk.subarray(0, got));
    offset += got;
    if (offset > MAX_IN_MEMORY_BYTES)
      throw new InputError(source.name, `byte ${offset}`, 'too much for a pipe', 'write it to a file and name that');
  }
}
