/** What a guest is assumed to be able to do, and how much of it. */
import { UsageError } from '../base/errors.js';
import { findSimilar } from '../base/similar.js';
import { type GuestProgram, VERBS, type VerbInfo, verbInfo } from '../hostile/program.js';

/**
 * `mmio`: distributor registers of SPIs; `sgi`: software-generated interrupts; `lpis`: an ITS and its command queue;
 * `device`: a device raises and lowers interrupts when the guest wants it. The CPU interface every guest has.
 */
export type Capability = 'mmio' | 'sgi' | 'lpis' | 'device';
export const CAPABILITIES: readonly Capability[] = ['mmio', 'sgi', 'lpis', 'device'];

export interface Attacker {
  readonly may: readonly Capability[];
  /** vCPUs at most. */
  readonly vcpus: number;
  /** Register writes that one exit does; `unlimited`: a vCPU writes without entering, which no hypervisor allows. */
  readonly writesPerExit: number | 'unlimited';
  /** Guest instructions of one program at most, at the size that counts. */
  readonly instructions: number;
}

/** Enough to pend, rank, retarget and disable every SPI several times over. */
export const defaultAttacker: Attacker = { may: ['mmio', 'sgi'], vcpus: 2, writesPerExit: 1, instructions: 4096 };

/** As expand.ts takes it. */
export const writesOf = ({ writesPerExit }: Attacker): number =>
  writesPerExit === 'unlimited' ? Number.POSITIVE_INFINITY : writesPerExit;

/** Parses `mmio,sgi,device`; throws UsageError with the choices. */
export function parseCapabilities(text: string): Capability[] {
  const named = text.split(',').map((part) => part.trim());
  return [...new Set(named)].map((name) => {
    const found = CAPABILITIES.find((capability) => capability === name);
    if (found !== undefined) return found;
    const similar = findSimilar(name, CAPABILITIES);
    const guess = similar === undefined ? '' : ` (Did you mean ${similar}?)`;
    throw new UsageError(`unknown capability '${name}'${guess}; of: ${CAPABILITIES.join(', ')}`);
  });
}

const mayUse = ({ may }: Attacker, { needs }: VerbInfo): boolean => needs === 'cpu' || may.includes(needs);

/** The verbs that an attacker has, in the order of VERBS. */
export const verbsOf = (attacker: Attacker): VerbInfo[] => VERBS.filter((info) => mayUse(attacker, info));

/** Why this attacker cannot run the program, in words, or undefined. Instructions are counted elsewhere (evaluate.ts). */
export function findForbidden(program: GuestProgram, attacker: Attacker): string | undefined {
  if (program.vcpus > attacker.vcpus) return `${program.vcpus} vCPUs, where the attacker has ${attacker.vcpus}`;
  for (const { verb } of [...program.setUp, ...program.round]) {
    const info = verbInfo(verb);
    if (!mayUse(attacker, info)) return `'${verb}' needs '${info.needs}', which the attacker has not`;
  }
  return undefined;
}
