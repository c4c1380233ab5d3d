/** Runs of a history for tests: one cell, one counter, one time each. */
import { createGenerator } from '../base/rng.js';
import { fingerprintOf, HISTORY_SCHEMA, type HistoryRun, type MachineFacts } from './record.js';

const MACHINE: MachineFacts = { cpu: 'A CPU', cores: 2, os: 'Linux 6.1', node: 'v20.0.0', image: null };

export interface RunFigures {
  readonly at: number;
  readonly commit?: string | null;
  readonly machine?: Partial<MachineFacts>;
  readonly cell?: string;
  readonly traceSha256?: string;
  readonly counters?: Readonly<Record<string, number>>;
  /** ns per event. */
  readonly time?: number | null;
}

/** `at`: number of the run, one a day. */
export function makeRun({ at, commit, machine, cell, traceSha256, counters, time }: RunFigures): HistoryRun {
  const facts = { ...MACHINE, ...machine };
  return {
    schema: HISTORY_SCHEMA,
    when: new Date(Date.UTC(2026, 0, 1 + at)).toISOString(),
    commit: commit === undefined ? `${at}`.padStart(4, '0').padEnd(40, 'c') : commit,
    ref: 'main',
    tool: { name: 'vgic-replay', version: '0.1.0' },
    machine: { fingerprint: fingerprintOf(facts), ...facts },
    cells: [
      {
        cell: cell ?? 'linux-boot/kvm-6.1/buckets',
        traceSha256: traceSha256 ?? 'a'.repeat(64),
        counters: counters ?? { 'flush/steps/sum': 1000, 'flush/steps/max': 30 },
        time: time === null ? null : { estimate: time ?? 40, low: null, high: null },
      },
    ],
  };
}

/** Noise of up to `share` on both sides of 1, seeded. */
export function createNoise(seed: number, share: number): () => number {
  const generator = createGenerator(seed);
  return () => 1 + share * (generator.nextUint32() / 2 ** 31 - 1);
}
