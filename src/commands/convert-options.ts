/** What the user wants of `convert`, as numbers and sets. */
import { UsageError } from '../base/errors.js';
import type { Redaction } from '../trace/edit/redact.js';
import { type SliceBounds, WHOLE } from '../trace/edit/slice.js';
import { INTID_MASK, VCPU_MASK } from '../trace/events.js';
import { CONVERT_FORMATS, type ConvertFormat } from './convert-output.js';

/** As commander hands them over. */
export interface ConvertFlags {
  readonly output: string;
  readonly format?: string;
  readonly from?: string;
  readonly to?: string;
  readonly limit?: string;
  readonly setup: string;
  readonly vcpu?: string;
  readonly intid?: string;
  readonly split?: string;
  readonly append?: boolean;
  readonly redact?: string | true;
  readonly coarse: string;
  readonly blockEncoding: string;
  readonly gzip?: boolean;
  readonly name?: string;
  readonly allowTruncated?: boolean;
}

/** Undefined: what the name of the output says. */
export function readFormat({ format }: ConvertFlags): ConvertFormat | undefined {
  const known = CONVERT_FORMATS.find((name) => name === format);
  if (format !== undefined && known === undefined)
    throw new UsageError(`--format ${format}: one of ${CONVERT_FORMATS.join(', ')}`);
  return known;
}

const UNITS: Readonly<Record<string, number>> = { ns: 1, us: 1e3, ms: 1e6, s: 1e9 };

/** A duration with its unit, in nanoseconds, or undefined. */
function readNs(text: string): number | undefined {
  const match = /^(\d{1,15}(?:\.\d{1,9})?)(ns|us|ms|s)$/.exec(text);
  return match === null ? undefined : Number(match[1]) * UNITS[match[2]];
}

/** Index of an event, or a time since the start of the trace. */
function readPosition(flag: string, text: string, tickNs: number): { event?: number; tick?: number } {
  if (/^\d{1,15}$/.test(text)) return { event: Number(text) };
  const ns = readNs(text);
  if (ns === undefined)
    throw new UsageError(`--${flag} ${text}: give the index of an event, or a time with its unit (ns, us, ms, s)`);
  return { tick: Math.ceil(ns / tickNs) };
}

export function readBounds(flags: ConvertFlags, tickNs: number): SliceBounds {
  const { from, to, limit, setup } = flags;
  if (setup !== 'keep' && setup !== 'config') throw new UsageError(`--setup ${setup}: one of keep, config`);
  const begin = from === undefined ? {} : readPosition('from', from, tickNs);
  const end = to === undefined ? {} : readPosition('to', to, tickNs);
  if (limit !== undefined && !/^\d{1,15}$/.test(limit))
    throw new UsageError(`--limit ${limit}: give a number of events`);
  const bounds = {
    ...WHOLE,
    fromEvent: begin.event ?? 0,
    fromTick: begin.tick ?? 0,
    toEvent: end.event ?? WHOLE.toEvent,
    toTick: end.tick ?? WHOLE.toTick,
    limit: limit === undefined ? WHOLE.limit : Number(limit),
    setup,
  } as const;
  if (bounds.toEvent <= bounds.fromEvent || bounds.toTick <= bounds.fromTick)
    throw new UsageError(`--to ${to} is not behind --from ${from ?? 0}`);
  return bounds;
}

/** "0,2-4" as a set. */
export function readNumbers(flag: string, text: string, most: number): Set<number> {
  const numbers = new Set<number>();
  for (const part of text.split(',')) {
    const match = /^(\d{1,6})(?:-(\d{1,6}))?$/.exec(part.trim());
    const first = Number(match?.[1]);
    const last = Number(match?.[2] ?? match?.[1]);
    if (match === null || last < first || last > most)
      throw new UsageError(`--${flag} ${text}: give numbers up to ${most} and ranges of them, as 0,2-4`);
    for (let number = first; number <= last; number++) numbers.add(number);
  }
  return numbers;
}

export const readVcpus = (text: string): Set<number> => readNumbers('vcpu', text, VCPU_MASK);
export const readIntids = (text: string): Set<number> => readNumbers('intid', text, INTID_MASK);

const REDACTABLE = ['texts', 'intids', 'times'];

export function readRedaction({ redact, coarse }: ConvertFlags, tickNs: number): Redaction | undefined {
  if (redact === undefined) return undefined;
  const wanted = redact === true ? REDACTABLE : redact.split(',');
  const unknown = wanted.find((what) => !REDACTABLE.includes(what));
  if (unknown !== undefined) throw new UsageError(`--redact ${unknown}: one of ${REDACTABLE.join(', ')}`);
  const ns = readNs(coarse);
  if (ns === undefined || ns === 0)
    throw new UsageError(`--coarse ${coarse}: give a time with its unit (ns, us, ms, s)`);
  return {
    texts: wanted.includes('texts'),
    intids: wanted.includes('intids'),
    coarseTicks: wanted.includes('times') ? Math.max(1, Math.round(ns / tickNs)) : 1,
  };
}
