/** Test support: the streams of traces/native-costs and golden files, replayed and counted. */
import { readFileSync } from 'node:fs';
import { createEngine } from '../replay/engine.js';
import { readVgr1, tracesFolder } from '../replay/test-traces.js';
import { strategyNamed } from '../strategy/index.js';
import { createVgic } from '../vgic/vgic.js';
import { type Counts, countsOfVgic } from './counts.js';
import type { Sample } from './fit.js';
import { VARIANT_IDS, VARIANTS, type VariantSample } from './fit-variants.js';
import { type LockMode, type NativeRow, parseNativeRows } from './native.js';

export const readNative = (name: string): string => readFileSync(new URL(`native-costs/${name}`, tracesFolder), 'utf8');

/** `path` below traces/, e.g. `golden/sgi_v3-s01.bin.gz`. */
export function countReplay(path: string, strategy = 'sort-on-flush'): Counts {
  const { header, word, value } = readVgr1(path);
  const vgic = createVgic(header.machine, strategyNamed(strategy).create);
  createEngine(vgic).run(word, value, word.length);
  return countsOfVgic(vgic, word.length);
}

const nativeRows: readonly NativeRow[] = parseNativeRows(readNative('native-costs.tsv'));
const countsOf = new Map<string, Counts>();

export function nativeCounts(workload: string): Counts {
  const known = countsOf.get(workload);
  if (known !== undefined) return known;
  const counts = countReplay(`native-costs/${workload}-nlr4.bin.gz`);
  countsOf.set(workload, counts);
  return counts;
}

export const nativeSamples = (locks: LockMode): Sample[] =>
  nativeRows.filter((row) => row.locks === locks).map((row) => ({ row, counts: nativeCounts(row.workload) }));

/** sgi_v3 has no stream in native-costs: golden files of the same generator stand for it, of other seeds and lengths. */
const STAND_INS: Readonly<Record<string, string>> = { sgi_v3: 'golden/sgi_v3-s01.bin.gz' };

const variantRows = parseNativeRows(readNative('native-variants.tsv'));
const variantCounts = new Map<string, Counts>();

export const variantSamples = (locks: LockMode): VariantSample[] =>
  variantRows
    .filter((row) => row.locks === locks)
    .map((row) => {
      const [workload, name] = row.workload.split('/');
      const variant = VARIANT_IDS.find((id) => id === name);
      if (variant === undefined) throw new Error(`no variant ${name}`);
      return {
        workload,
        variant,
        locks,
        perEvent: row.columns.ir_event,
        counts: countVariant(workload, row.workload, VARIANTS[variant]),
      };
    });

function countVariant(workload: string, key: string, strategy: string): Counts {
  if (strategy === 'sort-on-flush' && !isStandIn(workload)) return nativeCounts(workload);
  const known = variantCounts.get(key);
  if (known !== undefined) return known;
  const counts = countReplay(STAND_INS[workload] ?? `native-costs/${workload}-nlr4.bin.gz`, strategy);
  variantCounts.set(key, counts);
  return counts;
}

export const isStandIn = (workload: string): boolean => STAND_INS[workload] !== undefined;
