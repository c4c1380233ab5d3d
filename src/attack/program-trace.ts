/** A guest program at a size as a trace: what any verb that takes traces can replay. */
import { flavourNamed } from '../gic/flavour/index.js';
import { expandProgram } from '../hostile/expand.js';
import { type GuestProgram, interruptsOn, type ProgramSize, programMachine } from '../hostile/program.js';
import { noImportCounts } from '../trace/header.js';
import { createMemoryTarget } from '../trace/source.js';
import { createTraceWriter } from '../trace/writer.js';
import { type Attacker, writesOf } from './attacker.js';

export interface ProgramTrace {
  readonly name: string;
  readonly title: string;
  readonly program: GuestProgram;
  readonly size: ProgramSize;
  readonly attacker: Attacker;
  readonly flavour: string;
  /** The command that makes it. */
  readonly how: string;
}

/** The bytes of the trace; they depend on nothing else. */
export function traceOfProgram(trace: ProgramTrace): Uint8Array {
  const { name, title, program, size, attacker, flavour, how } = trace;
  const machine = programMachine(program, size, flavour, flavourNamed(flavour).isXen);
  const target = createMemoryTarget(name);
  const header = {
    machine,
    fidelity: 0,
    name,
    title,
    tickNs: 1000,
    clock: 'none',
    provenance: { tool: 'vgic-replay', kernel: '', when: '', how, licence: 'Apache-2.0', sourceSha256: '' },
    importer: { name: 'attack', version: '1' },
    guestAccesses: 'events',
    counts: noImportCounts(),
    gaps: [],
  } as const;
  // Nothing is added to the header at the end, so no room is kept for it.
  const writer = createTraceWriter(target, header, { reserve: 0 });
  const interrupts = interruptsOn(program, size, machine);
  expandProgram(program, machine, { ...interrupts, writesPerExit: writesOf(attacker) }, writer);
  writer.finish();
  return target.bytes();
}
