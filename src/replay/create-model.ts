/** The model of a machine: its flavour's virtual GIC with one strategy. */
import type { Machine } from '../gic/intid.js';
import { type ChosenStrategy, reference, strategyNamed } from '../strategy/index.js';
import { createVgic, type Vgic } from '../vgic/vgic.js';

/** The strategy that is the flavour's own algorithm. */
export const referenceFor = (_machine: Machine): ChosenStrategy => strategyNamed(reference.id);

export const createModel = (machine: Machine, chosen: ChosenStrategy): Vgic => createVgic(machine, chosen.create);
