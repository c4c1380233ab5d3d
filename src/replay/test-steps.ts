/** Test support: events of vCPU 0, put to a core one after another. */
import * as K from '../trace/events.js';
import { slotOf } from '../vgic/state.js';
import type { Vgic } from '../vgic/vgic.js';
import { createEngine } from './engine.js';

export type Step = readonly [kind: number, intid: number, value: number];

/** Plays the steps; `before` and `after` are called around each. */
export function playSteps(
  vgic: Vgic,
  steps: readonly Step[],
  { before, after }: { before?(word: number, value: number): void; after?(step: number): void } = {},
): void {
  const engine = createEngine(vgic);
  steps.forEach(([kind, intid, value], step) => {
    const word = K.packWord(kind, 0, intid);
    before?.(word, value);
    engine.step(word, value);
    after?.(step);
  });
}

/** An entry in which the guest acknowledges what is most urgent. */
export const ENTER_AND_ACK: readonly Step[] = [
  [K.FLUSH, 0, 0],
  [K.ACK, 0, 0],
];
/** And leaves while it serves it. */
export const SERVE_AND_LEAVE: readonly Step[] = [...ENTER_AND_ACK, [K.SYNC, 0, 0]];

export const slotOn0 = ({ state }: Vgic, intid: number): number => slotOf(state, 0, intid);
