/** The history on disk: read whole, appended by one write, never left with half a line. */
import { closeSync, fstatSync, fsyncSync, ftruncateSync, openSync, readFileSync, writeSync } from 'node:fs';
import { InputError } from '../base/errors.js';
import type { HistoryRun } from '../history/record.js';
import { viewHistory } from '../history/series.js';
import { type HistoryStore, historyLine, readHistory } from '../history/store-text.js';
import type { ReportModel } from '../report/model.js';
import { cannotWrite } from './outputs.js';
import type { Terminal } from './terminal.js';

const codeOf = (error: unknown): string => (error as NodeJS.ErrnoException).code ?? String(error);

/** Says it if the last line was cut off. `mayBeNew`: a file that is not there is an empty history. */
export function readHistoryFile(file: string, terminal: Terminal, mayBeNew: boolean): HistoryStore {
  let text: string;
  try {
    text = readFileSync(file, 'utf8');
  } catch (error) {
    const code = codeOf(error);
    if (code === 'ENOENT' && mayBeNew) return { runs: [], torn: null, bytes: 0, size: 0, isOpen: false };
    throw new InputError(
      file,
      'byte 0',
      `cannot be read (${code})`,
      "name the history with --file; 'vgic-replay history add' begins one",
    );
  }
  const store = readHistory(text, file);
  if (store.torn !== null) terminal.err(`${file}: line ${store.torn} was cut off and is left out`);
  return store;
}

/** What was read of the file is not what is there. */
class OvertakenError extends Error {}

/**
 * Appends one line behind the whole ones; what a crash left behind them goes, unless another process has written since they
 * were read. If the line cannot be written whole, the file is as it was before.
 */
export function appendHistory(file: string, { torn, bytes, size, isOpen }: HistoryStore, run: HistoryRun): void {
  const line = Buffer.from(`${isOpen ? '\n' : ''}${historyLine(run)}`);
  let fd: number;
  try {
    fd = openSync(file, 'a');
  } catch (error) {
    throw cannotWrite(
      file,
      `cannot be written (${codeOf(error)})`,
      'nothing was added: name a writable file with --file',
    );
  }
  let written = 0;
  let end = bytes;
  try {
    end = fstatSync(fd).size;
    if ((torn !== null || isOpen) && end !== size) throw new OvertakenError();
    if (torn !== null) {
      ftruncateSync(fd, bytes);
      end = bytes;
    }
    written = writeSync(fd, line);
    if (written !== line.length) throw Object.assign(new Error('short write'), { code: 'ENOSPC' });
    fsyncSync(fd);
  } catch (error) {
    if (error instanceof OvertakenError)
      throw cannotWrite(file, 'was written to by another process', 'nothing was added: add it again');
    if (written > 0 && fstatSync(fd).size === end + written) ftruncateSync(fd, end);
    throw cannotWrite(file, `cannot be written (${codeOf(error)})`, 'nothing was added: make room and add it again');
  } finally {
    closeSync(fd);
  }
}

/** The model with the history of a file beside it. */
export const addHistory = (model: ReportModel, file: string, terminal: Terminal): ReportModel => ({
  ...model,
  history: viewHistory(readHistoryFile(file, terminal, false).runs),
});
