/** What a row of the catalogue is: a workload that says what it hurts (vgic-spec 8.2), and how a guest program becomes one. */
import { flavourNamed } from '../gic/flavour/index.js';
import { MAX_VCPUS, type Machine, NR_LPIS } from '../gic/intid.js';
import type { EventSink } from '../trace/events.js';
import { ATTACK_FAMILY } from '../workload/spec.js';
import type { Workload, WorkloadParam, WorkloadParams } from '../workload/workload.js';
import { expandProgram } from './expand.js';
import {
  type GuestProgram,
  interruptsAt,
  MAX_PROGRAM_SPIS,
  type Op,
  type ProgramSize,
  programMachine,
} from './program.js';

export interface HostileWorkload extends Workload {
  /** Number of its row in vgic-spec 8.2. */
  readonly row: number;
  /** Who pays: whose time, and whether with interrupts off. */
  readonly hurts: string;
  /** Bound of the row, in the words of the table. */
  readonly bound: string;
  /** Flavours of which the row is true; its machine is one of the first. */
  readonly flavours: readonly string[];
}

/** A row that is a guest program: what searches start from. */
export interface HostileProgram extends HostileWorkload {
  program(params: WorkloadParams): GuestProgram;
  size(params: WorkloadParams): ProgramSize;
}

export const isProgram = (workload: HostileWorkload): workload is HostileProgram => 'program' in workload;

/** Register writes that one exit does: each traps by itself. */
const WRITES_PER_EXIT = 1;

export interface ProgramRow {
  /** Without the family. */
  readonly name: string;
  readonly row: number;
  readonly summary: string;
  readonly hurts: string;
  readonly bound: string;
  readonly flavours: readonly string[];
  readonly params: readonly WorkloadParam[];
  /** vCPUs, 1 if not given. */
  readonly vcpus?: number | ((params: WorkloadParams) => number);
  /** A GICv2 guest on every flavour. */
  readonly model?: GuestProgram['model'];
  readonly setUp: readonly Op[] | ((params: WorkloadParams) => readonly Op[]);
  readonly round: readonly Op[] | ((params: WorkloadParams) => readonly Op[]);
  /** Interrupts, if `n` counts something else. */
  readonly interrupts?: number;
}

/** Value of a field that may depend on the parameters. */
const resolve = <T>(field: T | ((params: WorkloadParams) => T), params: WorkloadParams): T =>
  typeof field === 'function' ? (field as (params: WorkloadParams) => T)(params) : field;

/** The workload of a row: deterministic, without a seed. */
export function programRow(given: ProgramRow): HostileProgram {
  const { name, row, summary, hurts, bound, flavours } = given;
  const params = needsV2(flavours) ? [...given.params, v2] : given.params;
  const program = (values: WorkloadParams): GuestProgram => ({
    model: values.v2 === 1 ? 'gicv2' : (given.model ?? 'gicv3'),
    vcpus: resolve(given.vcpus ?? 1, values),
    setUp: resolve(given.setUp, values),
    round: resolve(given.round, values),
    rounds: values.rounds,
  });
  const size = (values: WorkloadParams): ProgramSize => ({ n: given.interrupts ?? values.n, nrLr: values.lrs });
  const machine = (values: WorkloadParams): Machine =>
    programMachine(program(values), size(values), flavours[0], isXen(flavours[0]));
  return {
    id: `${ATTACK_FAMILY}${name}`,
    row,
    summary,
    hurts,
    bound,
    flavours,
    params,
    program,
    size,
    machine,
    generate(values: WorkloadParams, sink: EventSink): void {
      const written = program(values);
      const interrupts = interruptsAt(written, size(values));
      expandProgram(written, machine(values), { ...interrupts, writesPerExit: WRITES_PER_EXIT }, sink);
    },
  };
}

const isXen = (flavour: string): boolean => flavourNamed(flavour).isXen;

/** Made for KVM, true of a Xen that has GICv2 guests alone. */
const needsV2 = (flavours: readonly string[]): boolean => !isXen(flavours[0]) && flavours.some(isXen);

const param = (name: string, summary: string, fallback: number, min: number, max: number): WorkloadParam => ({
  name,
  summary,
  default: fallback,
  min,
  max,
});

/** The parameters of a row; `n` is its size. */
export const spis = (n: number): WorkloadParam => param('n', 'SPIs', n, 1, MAX_PROGRAM_SPIS);
export const lpis = (n: number): WorkloadParam => param('n', 'LPIs', n, 1, NR_LPIS);
export const vcpus = (n: number, max = MAX_VCPUS): WorkloadParam => param('n', 'vCPUs', n, 2, max);
export const rounds = (count: number): WorkloadParam => param('rounds', 'rounds', count, 1, 1_000_000);
export const lrs: WorkloadParam = param('lrs', 'number of list registers', 4, 1, 16);
export const v2: WorkloadParam = param('v2', '1: a GICv2 guest, the only one that xen-new has', 0, 0, 1);
export const other = param;
