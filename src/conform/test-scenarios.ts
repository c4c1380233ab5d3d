/** Test support: the scenario files of traces/conformance, and scenarios written in a test. */
import { readdirSync, readFileSync } from 'node:fs';
import { gunzipSync } from 'node:zlib';
import { parseScenarios, type Scenario } from './scenario.js';

/** Flavours of the core that must pass every shipped scenario: one that is finished goes here. */
export const CORE_FLAVOURS: readonly string[] = ['kvm-6.1', 'kvm-7.2', 'kvm-6.19', 'xen-new', 'xen-old'];

const folder = new URL('../../../traces/conformance/', import.meta.url);

export const shippedFiles: readonly string[] = readdirSync(folder)
  .filter((name) => /\.json(\.gz)?$/.test(name))
  .sort();

export function readShippedText(name: string): string {
  const bytes = readFileSync(new URL(name, folder));
  return (name.endsWith('.gz') ? gunzipSync(bytes) : bytes).toString('utf8');
}

/** The scenarios of every shipped file. */
export const readShipped = (): Scenario[] =>
  shippedFiles.flatMap((name) => parseScenarios(name, readShippedText(name)));

export interface WrittenStep {
  readonly op: string;
  readonly [name: string]: unknown;
}

export interface WrittenScenario {
  readonly id?: string;
  readonly flavours: readonly string[];
  readonly config?: Readonly<Record<string, unknown>>;
  readonly steps: readonly WrittenStep[];
}

export const SMALL_MACHINE = { kind: 'vgic', guestModel: 'gicv2', hostGic: 'gicv2', vcpus: 2, spis: 64, nrLr: 2 };

/** A file's text with these scenarios; ids are S1, S2 … where none is given. */
export const fileOf = (scenarios: readonly WrittenScenario[]): string =>
  JSON.stringify({
    schema: { version: 1 },
    scenarios: scenarios.map((scenario, at) => ({ id: `S${at + 1}`, config: SMALL_MACHINE, ...scenario })),
  });

export const parseWritten = (scenario: WrittenScenario): Scenario => parseScenarios('test', fileOf([scenario]))[0];
