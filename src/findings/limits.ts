/** Chapter: what the model cannot know, and what measurements of the compiled C code say about it. */
import { formatDecimal, formatInteger } from '../base/number-format.js';
import { VARIANT_IDS, type VariantId } from '../cost/fit-variants.js';
import type { LockMode } from '../cost/native.js';
import { numberColumn, type TableCell, textColumn } from '../report/document.js';
import { type Chapter, list, type Source } from './chapter.js';
import type { FindingsData } from './data.js';
import { COLD_FLUSH, NATIVE_MACHINE, NOT_MEASURED, WARM_FLUSH } from './native-measurements.js';
import { longestOf } from './reach.js';
import { FLUSH, recordedOf, stepsPerEntry, sumCosts } from './sort-cost.js';

interface Measured {
  readonly workload: string;
  readonly noop: (variant: VariantId) => number;
  readonly lock: (variant: VariantId) => number;
}

/** Instructions an event of each workload of native-variants.tsv. */
function variantsOf({ variants }: FindingsData): Measured[] {
  const workloads = [...new Set(variants.map(({ workload }) => workload.split('/')[0]))];
  return workloads.map((workload) => {
    const of =
      (locks: LockMode) =>
      (variant: VariantId): number =>
        variants.find((row) => row.workload === `${workload}/${variant}` && row.locks === locks)?.columns.ir_event ?? 0;
    return { workload, noop: of('noop'), lock: of('lock') };
  });
}

const SOURCE: Source = {
  command: 'cat src/findings/native-measurements.ts',
  of: NATIVE_MACHINE,
};

export function describeLimits(data: FindingsData): Chapter {
  const coldest = COLD_FLUSH.map(
    ({ depth, low }) => [depth, low, WARM_FLUSH.find((warm) => warm.depth === depth)] as const,
  )
    .filter(([, , warm]) => warm !== undefined)
    .map(([depth, low, warm]) => ({ depth, ratio: low / (warm?.ns ?? 1) }));
  const shallow = coldest[0];
  const deep = coldest[coldest.length - 1];
  const linux = recordedOf(data, 'linux-guest');
  const [upstream, insert] = [FLUSH, 'check-and-insert'].map((strategy) => sumCosts(linux, strategy));
  const measured = variantsOf(data);
  const [typical] = measured;
  const sameSide =
    upstream === undefined || insert === undefined
      ? ''
      : ` The model says ${stepsPerEntry(insert) >= stepsPerEntry(upstream) ? 'the same' : 'the contrary'} of the recorded Linux guests: ${formatDecimal(stepsPerEntry(upstream))} steps an entry, ${formatDecimal(stepsPerEntry(insert))} with both.`;
  const flush = longestOf(data.reach, 'kvm-6.1', FLUSH, 'flush');
  return {
    id: 'limits',
    title: 'What the model cannot know',
    verdict: `A step has no time of its own. In compiled C a short list costs ${formatInteger(Math.round(shallow.ratio))} times as much with cold caches as with warm ones, a long one ${formatDecimal(deep.ratio)} times: what honest guests feel is cache misses, entry and exit, not list work; what hostile guests cause is list work.`,
    blocks: [
      list([
        `**Caches.** Warm, an entry with ${shallow.depth} interrupt takes ${formatInteger(WARM_FLUSH[0].ns)} ns in the C code, cold ${formatInteger(COLD_FLUSH[0].low)} to ${formatInteger(COLD_FLUSH[0].high)} ns. With ${formatInteger(deep.depth)} interrupts of random priority: ${formatInteger(WARM_FLUSH[WARM_FLUSH.length - 1].ns / 1000)} µs warm, ${formatInteger(COLD_FLUSH[COLD_FLUSH.length - 1].low / 1000)} to ${formatInteger(COLD_FLUSH[COLD_FLUSH.length - 1].high / 1000)} µs cold${flush === undefined ? '' : ` (the model's worst entry at ${formatInteger(data.reach.spis)} is ${formatInteger(flush.steps)} steps)`}.`,
        '**Entry and exit.** Neither the world switch nor the system-register accesses are in any figure here; on hardware they dominate an entry whose list is short, and are the same for all strategies.',
        '**Contention.** Events are atomic and one after another: nobody spins for a lock, and a critical section that others wait for costs more than its own length. Lock counts are given so that it can be estimated.',
        '**Speed of emulation.** The recordings were made under emulation: how many interrupts come between two entries depends on how fast a guest runs, and hardware may see shorter or longer lists. Which interrupts exist, and how guests program them, does not depend on it.',
        `**Steps are not instructions.** Sorting on insertion *on top of* the order test, as a patch to upstream would do it, costs ${formatInteger(typical.lock('sorted'))} instructions an event in compiled C where upstream costs ${formatInteger(typical.lock('stock'))} (${typical.workload}, real locks): ${typical.lock('sorted') > typical.lock('stock') ? 'more, because' : 'not more, though'} priority writes, active changes and enables break the order anyway, so that the test at entry stays.${sameSide}`,
        `**What was not measured.** ${NOT_MEASURED}`,
      ]),
      {
        kind: 'table',
        table: {
          caption: 'Compiled C code, variants of the sort: instructions an event (no-op locks / real locks), 4 LRs',
          columns: [
            textColumn('workload'),
            ...['upstream', 'order test', 'order test and insertion', 'top-k'].map(numberColumn),
          ],
          rowHeads: 1,
          rows: measured.map(({ workload, noop, lock }): TableCell[] => [
            workload,
            ...VARIANT_IDS.map((variant) => `${formatInteger(noop(variant))} / ${formatInteger(lock(variant))}`),
          ]),
        },
        source: { ...SOURCE, command: 'cat traces/native-costs/native-variants.tsv' },
      },
      {
        kind: 'table',
        table: {
          caption: 'Compiled C code, one entry in ns: every priority rewritten, 4 LRs, real locks',
          columns: [
            textColumn('interrupts on the list'),
            numberColumn('warm'),
            numberColumn('cold, least'),
            numberColumn('cold, most'),
          ],
          rowHeads: 1,
          rows: WARM_FLUSH.map(({ depth, ns }): TableCell[] => {
            const cold = COLD_FLUSH.find((each) => each.depth === depth);
            return [formatInteger(depth), ns, cold?.low ?? null, cold?.high ?? null];
          }),
        },
        source: SOURCE,
      },
    ],
  };
}
