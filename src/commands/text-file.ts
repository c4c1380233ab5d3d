/** Text that is read whole: findings and saved searches. */
import { readFileSync } from 'node:fs';
import { InputError } from '../base/errors.js';

/** Throws InputError if there is no such file. */
export function readText(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    throw new InputError(path, 'byte 0', `cannot be read (${code})`, 'check the path and its permissions');
  }
}
