/** Fields of the probe lines: state of an interrupt, list registers, list entries. Undefined: the line is broken. */
import { LPI_END, NR_PRIVATE_IRQS } from '../../gic/intid.js';
import { readNumber, readToken, splitWords } from './line.js';
import { type IrqFields, VCPU_UNKNOWN } from './step.js';
import type { FtraceSurvey } from './survey.js';

/** Pointers below this are list entries' INTIDs; above, it is the low half of the list head's address. */
const LIST_HEAD_MIN = 0x100000;
const LIST_SHOWN = 10;

/** A vCPU number of the machine behind `key`, or -1. */
export function readVcpu(survey: FtraceSurvey, text: string, key: string): number {
  const vcpu = readNumber(text, key);
  return Number.isInteger(vcpu) && vcpu >= 0 && vcpu < survey.nrVcpus ? vcpu : -1;
}

/** An INTID behind `key`, or -1. */
export function readIntid(text: string, key: string): number {
  const intid = readNumber(text, key);
  return Number.isInteger(intid) && intid >= 0 && intid < LPI_END ? intid : -1;
}

/** vCPU of a struct kvm_vcpu address: -1 for none, VCPU_UNKNOWN for one that never ran. */
export function vcpuOfPointer(survey: FtraceSurvey, pointer: string): number {
  if (pointer === '0x0' || pointer === '') return -1;
  const vcpu = survey.vcpuOfPointer.get(pointer);
  return vcpu !== undefined && vcpu < survey.nrVcpus ? vcpu : VCPU_UNKNOWN;
}

/** False for NaN. */
const isField = (value: number): boolean => value >= 0 && value < LPI_END;

/** Of a vgic_queue or lr_populate line. */
export function readIrqFields(survey: FtraceSurvey, text: string): IrqFields | undefined {
  const fields = {
    intid: readIntid(text, 'intid='),
    line: readNumber(text, 'line='),
    latch: readNumber(text, 'latch='),
    active: readNumber(text, 'active='),
    enabled: readNumber(text, 'en='),
    hw: readNumber(text, 'hw='),
    priority: readNumber(text, 'prio='),
    group: readNumber(text, 'grp='),
    level: readNumber(text, 'cfg='),
    source: readNumber(text, 'src='),
  };
  const { intid, line, latch, active, enabled, hw, priority, group, level, source } = fields;
  const areState = isField(line) && isField(latch) && isField(active) && isField(enabled) && isField(hw);
  if (!areState || !isField(intid) || !isField(priority) || !isField(group) || !isField(level) || !isField(source))
    return undefined;
  const queued = vcpuOfPointer(survey, readToken(text, 'onvcpu='));
  const target = vcpuOfPointer(survey, readToken(text, 'target='));
  return { ...fields, queued, target };
}

/** The vCPU whose private interrupt a line speaks of; 0 for SPIs and LPIs, which have none. */
export const ownerOf = (fields: IrqFields): number => (fields.intid < NR_PRIVATE_IRQS ? Math.max(0, fields.target) : 0);

/** Of an lr_flush or lr_fold line. Undefined: the line is broken. */
export function readLrs(text: string, nrLr: number): { used: number; lo: number[]; hi: number[] } | undefined {
  const used = readNumber(text, 'used=');
  if (!(used >= 0 && used <= nrLr)) return undefined;
  const lo: number[] = [];
  const hi: number[] = [];
  for (let i = 0; i < used; i++) {
    const words = splitWords(readToken(text, `lr${i}=`));
    if (words === undefined) return undefined;
    lo.push(words.lo);
    hi.push(words.hi);
  }
  return { used, lo, hi };
}

/** a0..a9; the list head is -1. */
export function readList(text: string): number[] {
  const list: number[] = [];
  for (let i = 0; i < LIST_SHOWN; i++) {
    const intid = readNumber(text, `a${i}=`);
    if (Number.isNaN(intid)) break;
    list.push(intid >= LIST_HEAD_MIN ? -1 : intid);
  }
  return list;
}
