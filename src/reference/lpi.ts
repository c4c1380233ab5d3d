/** What ITS commands and the pending table do to one LPI (vgic-spec 6.4-6.7). */
import { NO_VCPU } from '../gic/intid.js';
import * as ev from '../trace/events.js';
import { createIrq } from './irq.js';
import { countLocks, dropUnusedLpi, type MachineState } from './machine-state.js';
import { queueIrq } from './queue.js';

const PRIORITY_MASK = 0xfc;

const bit = (value: number, position: number): boolean => ((value >>> position) & 1) === 1;

/** An LPI that exists keeps its target, priority and enable, and is referenced once more (native-reference 5.13). */
export function mapLpi(state: MachineState, vcpu: number, intid: number, value: number): void {
  const existing = state.lpis.get(intid);
  if (existing) {
    existing.mapReferences++;
    return;
  }
  if (state.machine.nrLpis === 0) return;
  const irq = createIrq(state.machine, state.flavour, intid, NO_VCPU);
  irq.target = vcpu;
  irq.mapReferences = 1;
  irq.priority = (value >>> 8) & PRIORITY_MASK;
  irq.enabled = bit(value, 16);
  state.lpis.set(intid, irq);
  // Its configuration and its bit of the pending table are read, and each reading offers it for queueing (6.4, 6.7).
  queueIrq(state, irq);
  queueIrq(state, irq);
}

/** An event that names an LPI which exists. */
export function changeLpi(state: MachineState, kind: number, vcpu: number, intid: number, value: number): void {
  const irq = state.lpis.get(intid);
  if (!irq) return;
  switch (kind) {
    case ev.LPI_UNMAP:
      if (irq.mapReferences > 0) irq.mapReferences--;
      dropUnusedLpi(state, irq);
      break;
    case ev.LPI_CONFIG:
      irq.priority = value & PRIORITY_MASK;
      irq.enabled = bit(value, 0);
      queueIrq(state, irq);
      break;
    case ev.LPI_MOVE:
      countLocks(state, 1);
      irq.target = vcpu;
      break;
    case ev.LPI_CLEAR:
      // The one writer of a latch that takes no lock.
      irq.latch = false;
      break;
    case ev.LPI_PENDING:
      irq.latch = bit(value, 0);
      queueIrq(state, irq);
      break;
  }
}
