/** Repeated replays of one block on one vGIC: always the same closures, as the JIT knows them from the first replay. */
import type { Machine } from '../gic/intid.js';
import type { ChosenStrategy } from '../strategy/index.js';
import type { EventBlock } from '../trace/events.js';
import { digestHex } from '../vgic/digest.js';
import { resetState } from '../vgic/state.js';
import type { Vgic } from '../vgic/vgic.js';
import { QUEUED_FIELD } from '../vgic/word.js';
import { createModel } from './create-model.js';
import { createEngine } from './engine.js';

export interface Replays {
  readonly vgic: Vgic;
  /** Replays the block once, without a reset. */
  run(): void;
  /** Back to the state before the first event; the digest runs on. */
  reset(): void;
  /** Digest over everything replayed so far, 8 hex digits. */
  digest(): string;
}

export function createReplays(machine: Machine, chosen: ChosenStrategy, block: EventBlock): Replays {
  const vgic = createModel(machine, chosen);
  const engine = createEngine(vgic);
  return {
    vgic,
    run: () => engine.run(block.word, block.value, block.count),
    reset: () => resetVgic(vgic),
    digest: () => digestHex(engine.digest()),
  };
}

/** Empties every ap_list through the port all strategies have, then puts the columns back. */
export function resetVgic(vgic: Vgic): void {
  const { state, list } = vgic;
  for (let slot = 0; slot < state.nrSlots; slot++) {
    const queued = state.word[slot] & QUEUED_FIELD;
    // Nothing enabled, pending or active, so the oracle sends the row nowhere and prune lets go of it.
    state.word[slot] = queued;
    if (queued !== 0) list.touch(slot);
  }
  for (let vcpu = 0; vcpu < state.nrVcpus; vcpu++) if (list.length(vcpu) > 0) list.prune(vcpu);
  resetState(state);
}
