/** Events of the ITS and of the guest memory it works on → the model (vgic/its). vgic-spec section 6. */

import { ITS_COMMAND_WORDS } from '../gic/its-command.js';
import { ITS_COMMAND, ITS_CONTROL, ITS_MMIO, ITS_WORD, MEM_AT, MEM_WRITE, MSI } from '../trace/events.js';
import type { Vgic } from '../vgic/vgic.js';
import type { System, SystemKind } from './systems.js';

/** INTID field of ITS_CONTROL. */
export const CONTROL_SAVE = 0;
export const CONTROL_RESTORE = 1;
export const CONTROL_DROP_ALL = 2;
export const CONTROL_SAVE_PENDING = 3;

function createItsSystem(vgic: Vgic): System {
  const words = new Int32Array(ITS_COMMAND_WORDS);
  let address = 0;
  let memoryFaults = 0;
  let ignored = 0;

  function control(request: number): void {
    const its = vgic.its();
    if (request === CONTROL_SAVE) its?.save();
    else if (request === CONTROL_RESTORE) its?.restore();
    else if (request === CONTROL_DROP_ALL) its?.dropAll();
    else its?.savePending();
  }

  return {
    run(kind, _vcpu, intid, value) {
      const its = vgic.its();
      if (its === undefined) {
        ignored += 1;
        return;
      }
      switch (kind) {
        case MEM_AT:
          address = intid * 2 ** 32 + (value >>> 0);
          break;
        case MEM_WRITE:
          if (!its.memory.poke(address, value, intid)) memoryFaults += 1;
          address += intid;
          break;
        case ITS_MMIO:
          its.write(intid, value);
          break;
        case ITS_WORD:
          words[intid] = value;
          break;
        case ITS_COMMAND:
          its.command(words);
          words.fill(0);
          break;
        case MSI:
          its.signalMsi(value >>> 16, value & 0xffff);
          break;
        case ITS_CONTROL:
          control(intid);
      }
    },
    counts() {
      const counts: Record<string, number> = { ...vgic.its()?.counts() };
      if (memoryFaults > 0) counts['guest writes outside its memory'] = memoryFaults;
      if (ignored > 0) counts['events without an ITS'] = ignored;
      return counts;
    },
  };
}

export const itsSystem: SystemKind = {
  name: 'its',
  hears: [MEM_AT, MEM_WRITE, ITS_MMIO, ITS_WORD, ITS_COMMAND, MSI, ITS_CONTROL],
  create: createItsSystem,
};
