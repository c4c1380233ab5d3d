/**
 * Xen's default vGIC: two lists a vCPU, both sorted when an interrupt enters them, and list registers that keep their
 * content between entries. vgic-spec 1.22. A machine of its own behind the interface of the others. Nothing here
 * allocates after createXenOldVgic() but `list.order`.
 *
 * `usedLrs` is the highest list register in use + 1; those below it that are free are empty words. `list` shows inflight;
 * what an ap_list strategy is asked to do has no counterpart.
 */
import { assert } from '../../base/errors.js';
import { flavourNamed } from '../../gic/flavour/index.js';
import type { Machine } from '../../gic/intid.js';
import type { ApList } from '../ap-list.js';
import { createGuestInterface } from '../guest.js';
import { createLrWords } from '../lr-words.js';
import { slotOf } from '../state.js';
import type { Vgic } from '../vgic.js';
import { createXenOldState, resetXenOldState, type XenOldState } from './columns.js';
import { createEntryExit } from './entry-exit.js';
import { createInject } from './inject.js';
import { createListRegisters } from './list-registers.js';
import { createMmio } from './mmio.js';
import { createRegisters } from './registers.js';

export interface XenOldVgic extends Vgic {
  readonly columns: XenOldState;
}

function refuse(): never {
  assert(false, 'xen-old has no ap_list');
}

export function createXenOldVgic(machine: Machine): XenOldVgic {
  // On another hypervisor's machine it is the shipped one.
  const isOwn = flavourNamed(machine.flavour).structure === 'two-lists';
  const columns = createXenOldState(isOwn ? machine : { ...machine, flavour: 'xen-old' });
  const { s, inflight, lrUsed, kicks } = columns;
  const { nrLr, queuedRows } = s;
  /** Any of them may be mapped. */
  const lpiRows = Array.from({ length: s.nrSlots - s.lpiSlotBase }, (_, row) => s.lpiSlotBase + row);
  const listRegisters = createListRegisters(columns);
  const injected = createInject(columns, listRegisters);
  const registers = createRegisters(columns, listRegisters, injected);
  const guest = createGuestInterface(s, () => {});
  const list: ApList = {
    length: (vcpu) => queuedRows[vcpu],
    order: inflight.order,
    insert: refuse,
    touch: refuse,
    touchAll: refuse,
    select: refuse,
    prune: refuse,
    hasPending: refuse,
    dropLpis: refuse,
    after: refuse,
  };
  return {
    state: s,
    columns,
    list,
    kicks,
    ...createEntryExit(columns, listRegisters),
    ...guest,
    ...injected,
    ...registers,
    ...createMmio(columns, registers, injected),
    setLrState(vcpu, lr, state) {
      // Recorded for a machine that fills its list registers otherwise: a free one stays empty.
      if (lr < nrLr && lrUsed[vcpu * nrLr + lr] === 1) guest.setLrState(vcpu, lr, state);
    },
    its: () => undefined,
    findLpi: (intid) => slotOf(s, 0, intid),
    lpiRows: () => lpiRows,
    reset: () => resetXenOldState(columns),
    ...createLrWords(s),
  };
}
