/** meta.json beside a recording: what the text itself does not say. Every field is optional. */
import { InputError } from '../../base/errors.js';
import { MAX_NR_LR, MAX_SPIS, maxVcpusOf, SPI_BASE } from '../../gic/intid.js';
import type { FtraceSurvey } from './survey.js';

export interface RecordingMeta {
  readonly name?: string;
  readonly description?: string;
  readonly guest_command?: string;
  readonly vcpus?: number;
  readonly host?: {
    readonly kernel?: string;
    readonly emulator?: string;
    readonly emulator_machine?: string;
    readonly list_registers?: number;
  };
  readonly trace?: { readonly clock?: string };
  readonly threads?: Readonly<Record<string, { readonly vcpu?: number; readonly kvm_vcpu_pointer?: string }>>;
}

type JsonObject = Readonly<Record<string, unknown>>;

const isObject = (value: unknown): value is JsonObject =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

/** Texts that go into the header of the trace; half a surrogate pair is no text. */
const TEXTS: readonly (readonly string[])[] = [
  ['name'],
  ['description'],
  ['guest_command'],
  ['host', 'kernel'],
  ['host', 'emulator'],
  ['host', 'emulator_machine'],
  ['trace', 'clock'],
];

/** Throws InputError if a field that is read is of another kind than it must be. Numbers are looked at where they are used. */
function requireKinds(meta: JsonObject, file: string): void {
  const refuse = (field: string, kind: string): never => {
    throw new InputError(file, field, `is no ${kind}`, `give it as a ${kind}, or leave it out`);
  };
  for (const part of ['host', 'trace', 'threads'])
    if (meta[part] !== undefined && !isObject(meta[part])) refuse(part, 'object');
  for (const path of TEXTS) {
    const holder = path.length > 1 ? meta[path[0]] : meta;
    const text = isObject(holder) ? holder[path[path.length - 1]] : undefined;
    if (text !== undefined && (typeof text !== 'string' || /\p{Surrogate}/u.test(text))) refuse(path.join('.'), 'text');
  }
  for (const [pid, thread] of Object.entries(isObject(meta.threads) ? meta.threads : {}))
    if (!isObject(thread)) refuse(`threads.${pid}`, 'object');
}

/** `file`: name for messages. Throws InputError if the text is not the JSON object of a recording. */
export function parseRecordingMeta(text: string, file: string): RecordingMeta {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    value = null;
  }
  if (!isObject(value))
    throw new InputError(file, 'line 1', 'not the JSON object of a recording', 'give its meta.json, or none');
  requireKinds(value, file);
  return value as RecordingMeta;
}

const isCount = (value: unknown, max: number): value is number =>
  typeof value === 'number' && Number.isInteger(value) && value > 0 && value <= max;

/** The survey with what meta.json knows better: threads that never ran, list registers, served interrupts. */
export function completeSurvey(survey: FtraceSurvey, meta: RecordingMeta): FtraceSurvey {
  const vcpuOfPid = new Map(survey.vcpuOfPid);
  const vcpuOfPointer = new Map(survey.vcpuOfPointer);
  let { nrVcpus, nrSpis, nrLr } = survey;
  const maxVcpus = maxVcpusOf(survey.model);
  for (const [pid, thread] of Object.entries(meta.threads ?? {})) {
    const { vcpu, kvm_vcpu_pointer: pointer } = thread;
    if (typeof vcpu !== 'number' || !(Number.isInteger(vcpu) && vcpu >= 0 && vcpu < maxVcpus)) continue;
    nrVcpus = Math.max(nrVcpus, vcpu + 1);
    if (!vcpuOfPid.has(Number(pid))) vcpuOfPid.set(Number(pid), vcpu);
    if (typeof pointer === 'string' && !vcpuOfPointer.has(pointer)) vcpuOfPointer.set(pointer, vcpu);
  }
  if (isCount(meta.vcpus, maxVcpus)) nrVcpus = Math.max(nrVcpus, meta.vcpus);
  if (isCount(meta.host?.list_registers, MAX_NR_LR)) nrLr = meta.host.list_registers;
  // The recordings' own VMM takes the number of interrupts, private ones included.
  const served = /^tinyvmm .*-n (\d+)/.exec(meta.guest_command ?? '');
  if (served !== null) nrSpis = Math.min(MAX_SPIS, Math.max(0, Number(served[1]) - SPI_BASE));
  return { ...survey, vcpuOfPid, vcpuOfPointer, nrVcpus, nrSpis, nrLr };
}
