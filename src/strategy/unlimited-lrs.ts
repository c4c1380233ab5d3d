import { fifo } from './fifo.js';
import type { ApListStrategy } from './strategy.js';

/** No interrupt waits for a list register, so nothing has to be chosen and the guest sees all of them in its own order. */
export const unlimitedLrs: ApListStrategy = {
  ...fifo,
  id: 'unlimited-lrs',
  summary: 'as many list registers as the model holds (64), filled in arrival order: the guest itself orders',
  models: 'the bound of hardware: GICv2 can have 64 list registers, GICv3 16',
  lrs: 'unlimited',
  isOnRequest: true,
};
