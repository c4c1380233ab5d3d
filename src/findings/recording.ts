/** What the shipped recordings say: how long lists are at guest entry, and what each strategy costs on them. */
import { countsOfVgic } from '../cost/counts.js';
import { predict } from '../cost/predict.js';
import { createModel, referenceFor } from '../replay/create-model.js';
import { createEngine } from '../replay/engine.js';
import type { BlockSource, TraceIdentity } from '../replay/replay.js';
import type { ChosenStrategy } from '../strategy/index.js';
import { createEventBlock, FLUSH, wordKind, wordVcpu } from '../trace/events.js';
import type { Fidelity } from '../trace/header.js';
import type { ApList } from '../vgic/ap-list.js';
import { METRIC_COMPARISONS, METRIC_LOCKS, METRIC_STEPS, NR_METRICS, NR_PATHS, PATH_FLUSH } from '../vgic/counters.js';
import type { Vgic } from '../vgic/vgic.js';
import { priorityOf } from '../vgic/word.js';

/** A trace to look at, opened by whoever may touch files. */
export interface Recording {
  /** As the manifest has it: a Linux guest, a bare-metal guest that attacks, or another bare-metal guest. */
  readonly kind: RecordingKind;
  readonly identity: TraceIdentity;
  open(): BlockSource;
}

export const RECORDING_KINDS = ['linux-guest', 'other', 'attack'] as const;
export type RecordingKind = (typeof RECORDING_KINDS)[number];

/** Entries of about one shape: what stood on the list, what came since the vCPU's last entry, priority levels on it. */
export interface EntryShape {
  readonly stand: number;
  readonly arrivals: number;
  readonly levels: number;
  readonly entries: number;
}

export interface RecordedEntries {
  readonly name: string;
  readonly path: string;
  readonly sha256: string;
  readonly kind: RecordingKind;
  readonly fidelity: Fidelity;
  readonly flavour: string;
  readonly model: string;
  readonly nrLr: number;
  readonly vcpus: number;
  readonly entries: number;
  /** index = LRs in use at guest entry, value = entries. */
  readonly usedLrs: readonly number[];
  /** [list length at entry, entries], ascending, lengths that occur. */
  readonly depths: readonly (readonly [number, number])[];
  /** Entries at which the flavour's own algorithm sorted. */
  readonly sorts: number;
  /** Those entries by shape, each figure rounded to a power of two (or 0). */
  readonly sorted: readonly EntryShape[];
}

/** Steps and their parts over all paths of one replay. */
export interface StrategyCost {
  readonly strategy: string;
  readonly entries: number;
  readonly steps: number;
  readonly comparisons: number;
  readonly locks: number;
  /** Of the compiled C code with real locks, as the cost model predicts them; null: it has no such code. */
  readonly instructions: number | null;
}

/** A strategy that tells how many rows joined each vCPU's list. */
function countInserts({ create, ...chosen }: ChosenStrategy, inserted: Float64Array): ChosenStrategy {
  return {
    ...chosen,
    create: (state, ops): ApList => {
      const list = create(state, ops);
      return {
        ...list,
        insert(vcpu, slot) {
          inserted[vcpu]++;
          list.insert(vcpu, slot);
        },
      };
    },
  };
}

/** Distinct priorities on a vCPU's list. */
const levelsOf = ({ list, state: { word } }: Vgic, vcpu: number): number =>
  new Set(list.order(vcpu).map((slot) => priorityOf(word[slot]))).size;

const roundToPower = (value: number): number => (value === 0 ? 0 : 2 ** Math.round(Math.log2(value)));

/** Replays under the flavour's own algorithm and looks at every entry. */
export function gatherEntries({ kind, identity, open }: Recording): RecordedEntries {
  const source = open();
  const { machine, name, fidelity } = source.header;
  const inserted = new Float64Array(machine.nrVcpus);
  const vgic = createModel(machine, countInserts(referenceFor(machine), inserted));
  const engine = createEngine(vgic);
  const { cost } = vgic.state;
  const shapes = new Map<string, { stand: number; arrivals: number; levels: number; entries: number }>();
  const block = createEventBlock();
  while (source.next(block)) {
    for (let event = 0; event < block.count; event++) {
      const word = block.word[event];
      if (wordKind(word) !== FLUSH) {
        engine.step(word, block.value[event]);
        continue;
      }
      const vcpu = wordVcpu(word);
      const depth = vgic.list.length(vcpu);
      const levels = depth > 1 ? levelsOf(vgic, vcpu) : depth;
      const sorts = cost.sorts;
      engine.step(word, block.value[event]);
      if (cost.sorts > sorts) {
        const seen = [Math.max(0, depth - inserted[vcpu]), inserted[vcpu], levels].map(roundToPower);
        const [stand, arrivals] = seen;
        const key = seen.join();
        const shape = shapes.get(key) ?? { stand, arrivals, levels: seen[2], entries: 0 };
        shape.entries++;
        shapes.set(key, shape);
      }
      inserted[vcpu] = 0;
    }
  }
  const depths: [number, number][] = [];
  cost.depth.forEach((entries, depth) => {
    if (entries > 0) depths.push([depth, entries]);
  });
  return {
    name,
    path: identity.path,
    sha256: identity.sha256,
    kind,
    fidelity,
    flavour: machine.flavour,
    model: machine.model,
    nrLr: machine.nrLr,
    vcpus: machine.nrVcpus,
    entries: cost.calls[PATH_FLUSH],
    usedLrs: Array.from(cost.used.subarray(0, machine.nrLr + 1)),
    depths,
    sorts: cost.sorts,
    sorted: [...shapes.values()].sort((a, b) => a.stand - b.stand || a.arrivals - b.arrivals || a.levels - b.levels),
  };
}

/** The whole trace under one strategy. */
export function gatherCost({ open }: Recording, chosen: ChosenStrategy): StrategyCost {
  const source = open();
  const vgic = createModel(source.header.machine, chosen);
  const engine = createEngine(vgic);
  const block = createEventBlock();
  let events = 0;
  while (source.next(block)) {
    engine.run(block.word, block.value, block.count);
    events += block.count;
  }
  return costOf(chosen.label, vgic, events);
}

/** Of a vGIC that has replayed so many events. */
export function costOf(strategy: string, vgic: Vgic, events: number): StrategyCost {
  const { cost, flavour } = vgic.state;
  const total = (metric: number): number => {
    let sum = 0;
    for (let path = 0; path < NR_PATHS; path++) sum += cost.sum[path * NR_METRICS + metric];
    return sum;
  };
  return {
    strategy,
    entries: cost.calls[PATH_FLUSH],
    steps: total(METRIC_STEPS),
    comparisons: total(METRIC_COMPARISONS),
    locks: total(METRIC_LOCKS),
    instructions:
      flavour.structure === 'ap-list' ? Math.round(predict(countsOfVgic(vgic, events), 'lock').instructions) : null,
  };
}
