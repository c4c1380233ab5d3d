/**
 * One run in the history: a line of a file that is only ever appended to (default `.vgic-history.jsonl`). Exact counters and
 * times stand apart, as in a result (replay/result.ts). JSON schema: reports/history.schema.json.
 */
import { createHash } from 'node:crypto';

export const HISTORY_SCHEMA = 'vgic-replay/history/1';

/** What times depend on beside the code. */
export interface MachineFacts {
  readonly cpu: string;
  readonly cores: number | null;
  readonly os: string;
  readonly node: string;
  /** Image of a hosted runner, as the runner names it; null elsewhere. */
  readonly image: string | null;
}

export interface HistoryMachine extends MachineFacts {
  /** First 12 hex digits of the sha256 of the facts, or the name that the user gave it. */
  readonly fingerprint: string;
}

/** ns per event of the replay. */
export interface HistoryTime {
  readonly estimate: number;
  readonly low: number | null;
  readonly high: number | null;
}

export interface HistoryCell {
  /** "trace/flavour/strategy", as in a comparison. */
  readonly cell: string;
  /** Null where the result does not say it. */
  readonly traceSha256: string | null;
  /** "flush/steps/max" → value: steps of each path that was called, over all calls and in the longest one. */
  readonly counters: Readonly<Record<string, number>>;
  readonly time: HistoryTime | null;
}

export interface HistoryRun {
  readonly schema: typeof HISTORY_SCHEMA;
  /** ISO 8601, UTC. */
  readonly when: string;
  /** Full hash; null where there is none. */
  readonly commit: string | null;
  /** Branch or tag. */
  readonly ref: string | null;
  readonly tool: { readonly name: string; readonly version: string };
  readonly machine: HistoryMachine;
  readonly cells: readonly HistoryCell[];
}

const FINGERPRINT_DIGITS = 12;

/** Any fact that differs makes another machine: its times begin a series of their own. */
export function fingerprintOf({ cpu, cores, os, node, image }: MachineFacts): string {
  return createHash('sha256')
    .update(JSON.stringify([cpu, cores, os, node, image]))
    .digest('hex')
    .slice(0, FINGERPRINT_DIGITS);
}

/** "CPU, 2 cores, Linux 6.1, Node v20, image x". */
export const describeMachine = ({ cpu, cores, os, node, image }: MachineFacts): string =>
  [
    cpu,
    ...(cores === null ? [] : [`${cores} cores`]),
    os,
    `Node ${node}`,
    ...(image === null ? [] : [`image ${image}`]),
  ].join(', ');

/** A commit as people name it. */
export const shortCommit = (commit: string | null): string => (commit === null ? 'no commit' : commit.slice(0, 10));
