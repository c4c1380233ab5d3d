/** A guest that is bad for some strategies: program, size, what it reaches, and how to see it again. */
import { flavours } from '../gic/flavour/index.js';
import type { GuestProgram, ProgramSize } from '../hostile/program.js';
import type { Attacker } from './attacker.js';
import { dimensions } from './dimensions.js';
import type { Target } from './evaluate.js';
import { type JsonPlace, readAttacker, readProgram, readSize } from './saved-json.js';

export const FINDING_SCHEMA = 'vgic-replay/finding/1';

/** What a program reaches under one strategy. */
export interface Reached extends Target {
  readonly figure: number;
  /** Declared worst case, where there is one for the dimension. */
  readonly bound: number | null;
}

export interface Finding {
  /** flavour, dimension and the strategy it is worst for: the name of its file. */
  readonly name: string;
  /** Id of dimensions.ts. */
  readonly dimension: string;
  readonly size: ProgramSize;
  readonly attacker: Attacker;
  readonly program: GuestProgram;
  /** The largest figure first; all of one flavour. */
  readonly reached: readonly Reached[];
  /** sha256 of the .vgt trace of the program. */
  readonly traceSha256: string;
  /** The commands that made it. */
  readonly commands: readonly string[];
}

export const findingName = (dimension: string, { flavour, strategy }: Target): string =>
  `${flavour}-${dimension}-${strategy}`.replace(/[^a-z0-9.]+/g, '-');

export const saveFinding = (finding: Finding): string =>
  `${JSON.stringify({ schema: FINDING_SCHEMA, ...finding }, null, 2)}\n`;

export function readFinding(place: JsonPlace): Finding {
  place.at('schema').oneOf([FINDING_SCHEMA]);
  const reached = place.at('reached').list((item) => ({
    flavour: item.at('flavour').oneOf(flavours.map(({ id }) => id)),
    strategy: item.at('strategy').text(),
    figure: item.at('figure').figure(),
    bound: item.at('bound').value === null ? null : item.at('bound').figure(),
  }));
  if (reached.length === 0) place.at('reached').fail('an empty list');
  return {
    name: place.at('name').text(),
    dimension: place.at('dimension').oneOf(dimensions.map(({ id }) => id)),
    size: readSize(place.at('size')),
    attacker: readAttacker(place.at('attacker')),
    program: readProgram(place.at('program')),
    reached,
    traceSha256: place.at('traceSha256').text(),
    commands: place.at('commands').list((item) => item.text()),
  };
}
