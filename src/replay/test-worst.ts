/** Test support: replays events under a strategy and demands that no call is longer than it declares. */
import type { Machine } from '../gic/intid.js';
import type { ChosenStrategy } from '../strategy/index.js';
import { INJECT, wordIntid, wordKind } from '../trace/events.js';
import { HostStop } from '../vgic/host-stop.js';
import { createModel } from './create-model.js';
import { createEngine } from './engine.js';
import { createWorstWatch } from './worst-watch.js';

const NR_SGIS = 16;

/** No guest and no device raises a line of an SGI: a GICv2 SGI without sender is user space's doing. */
const isUserSpaces = (machine: Machine, word: number): boolean =>
  machine.model !== 'gicv3' && wordKind(word) === INJECT && wordIntid(word) < NR_SGIS;

/** Throws at the first call that is longer than declared. */
export function demandWorst(
  machine: Machine,
  words: ArrayLike<number>,
  values: ArrayLike<number>,
  chosen: ChosenStrategy,
): void {
  const vgic = createModel(machine, chosen);
  const engine = createEngine(vgic);
  const watch = createWorstWatch(vgic, chosen);
  for (let event = 0; event < words.length; event++) {
    if (isUserSpaces(machine, words[event])) continue;
    try {
      engine.step(words[event], values[event]);
    } catch (error) {
      if (error instanceof HostStop) return;
      throw error;
    }
    const breach = watch.after();
    if (breach === null) continue;
    const { path, steps, declared, n } = breach;
    throw new Error(
      `${machine.flavour}, ${chosen.label}, event ${event}: ${path} of ${steps} steps, declared ${declared} for n = ${n}, k = ${machine.nrLr}`,
    );
  }
}
