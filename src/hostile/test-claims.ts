/** Test support: a hostile workload replayed under the flavour's own algorithm. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { flavourNamed } from '../gic/flavour/index.js';
import { createModel, referenceFor } from '../replay/create-model.js';
import { createEngine, type Engine } from '../replay/engine.js';
import { strategyNamed } from '../strategy/index.js';
import type { EventBlock } from '../trace/events.js';
import * as Counters from '../vgic/counters.js';
import { HostStop } from '../vgic/host-stop.js';
import type { Vgic } from '../vgic/vgic.js';
import { createColumnSink } from '../workload/column-sink.js';
import { chooseGuest, hostileWorkloads } from './index.js';

export interface Played {
  readonly vgic: Vgic;
  readonly engine: Engine;
  readonly block: EventBlock;
  /** null: nobody stopped. */
  readonly stopped: string | null;
  sum(path: number, metric: number): number;
  max(path: number, metric: number): number;
}

/** `spec` as on the command line; `flavour` and `strategy`: others than the row's own, and the flavour's. */
export function play(spec: string, flavour?: string, strategy?: string): Played {
  const given = chooseGuest(spec);
  const chosen = flavourNamed(flavour ?? given.workload.machine(given.params).flavour);
  const isServed = chosen.guestModels.includes(given.workload.machine(given.params).model);
  const { workload, params } = isServed ? given : chooseGuest(spec, [['v2', '1']]);
  const sink = createColumnSink();
  workload.generate(params, sink);
  const machine = { ...workload.machine(params), flavour: chosen.id };
  const vgic = createModel(machine, strategy === undefined ? referenceFor(machine) : strategyNamed(strategy));
  const engine = createEngine(vgic);
  let stopped: string | null = null;
  try {
    engine.run(sink.block.word, sink.block.value, sink.block.count);
  } catch (error) {
    if (!(error instanceof HostStop)) throw error;
    stopped = error.kind;
  }
  const { cost } = vgic.state;
  return {
    vgic,
    engine,
    block: sink.block,
    stopped,
    sum: (path, metric) => cost.sum[path * Counters.NR_METRICS + metric],
    max: (path, metric) => cost.max[path * Counters.NR_METRICS + metric],
  };
}

/** A test of `what` for each flavour of which the row is true. */
export function claim(row: number, id: string, what: string, check: (played: Played, flavour: string) => void): void {
  const workload = hostileWorkloads.find((candidate) => candidate.id === `attack:${id}`);
  assert.equal(workload?.row, row);
  for (const flavour of workload.flavours)
    test(`${row} ${id}, ${flavour}: ${what}`, () => check(play(workload.id, flavour), flavour));
}
