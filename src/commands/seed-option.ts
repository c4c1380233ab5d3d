/** `--seed` of the verbs that generate. */
import { InvalidArgumentError } from 'commander';

/** Throws InvalidArgumentError unless it is a whole number below 2^32. */
export function parseSeed(text: string): number {
  const seed = Number(text);
  if (text.trim() === '' || !Number.isInteger(seed) || seed < 0 || seed > 0xffff_ffff)
    throw new InvalidArgumentError('It must be a whole number below 2^32.');
  return seed;
}
