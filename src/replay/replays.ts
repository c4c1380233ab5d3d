/** Repeated replays of one block on one vGIC: always the same closures, as the JIT knows them from the first replay. */
import type { Machine } from '../gic/intid.js';
import type { ChosenStrategy } from '../strategy/index.js';
import type { EventBlock } from '../trace/events.js';
import { digestHex } from '../vgic/digest.js';
import type { Vgic } from '../vgic/vgic.js';
import { createModel } from './create-model.js';
import { createEngine, type Engine } from './engine.js';

export interface Replays {
  readonly vgic: Vgic;
  /** Replays the block once, without a reset. */
  run(): void;
  /** Back to the state before the first event; the digest runs on. */
  reset(): void;
  /** Digest over everything replayed so far, 8 hex digits. */
  digest(): string;
  /** What the systems beside the core counted since the reset. */
  systemCounts(): ReturnType<Engine['systemCounts']>;
}

export function createReplays(machine: Machine, chosen: ChosenStrategy, block: EventBlock): Replays {
  const vgic = createModel(machine, chosen);
  const engine = createEngine(vgic);
  return {
    vgic,
    run: () => engine.run(block.word, block.value, block.count),
    reset() {
      vgic.reset();
      engine.resetSystems();
    },
    digest: () => digestHex(engine.digest()),
    systemCounts: engine.systemCounts,
  };
}
