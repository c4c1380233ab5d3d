/** The rows of vgic-spec 8.2, in its order: command line, searches, figures and tests iterate this list. */

import type { HostileWorkload } from '../hostile-workload.js';
import { activeAccess, activeForEver, dirElsewhere, neverEoi, shuffledEoi } from './active.js';
import { deviceInsert, equalInterrupts, levelHeld, pendSgi } from './devices.js';
import { discardStorm, intWalks, invallStorm, lpisToggle, mapdLoop, maptiGrowth, movallStorm } from './its-commands.js';
import { lpiFlood } from './lpis.js';
import { enableToggle, maintenanceExits, neverAck, parkBelowPmr, pendStorm, priorityChurn } from './pending.js';
import { timerInPast } from './timer.js';
import { affinityPingPong, distToggle, multiSgi, sgiBroadcast } from './vcpus.js';

export const hostileWorkloads: readonly HostileWorkload[] = [
  neverAck,
  priorityChurn,
  enableToggle,
  pendStorm,
  sgiBroadcast,
  affinityPingPong,
  lpiFlood,
  intWalks,
  invallStorm,
  movallStorm,
  discardStorm,
  mapdLoop,
  maptiGrowth,
  neverEoi,
  activeForEver,
  activeAccess,
  levelHeld,
  timerInPast,
  distToggle,
  parkBelowPmr,
  maintenanceExits,
  lpisToggle,
  shuffledEoi,
  dirElsewhere,
  multiSgi,
  deviceInsert,
  equalInterrupts,
  pendSgi,
];

/** What a row of the table says and the model cannot show. */
export interface Unmodelled {
  readonly row: number;
  readonly what: string;
  readonly why: string;
}

export const unmodelled: readonly Unmodelled[] = [
  {
    row: 7,
    what: '"tens of ms" in one section',
    why: 'the model counts steps; what a step takes is a cost model and a machine',
  },
  {
    row: 8,
    what: 'a queue of 32,767 commands in one write',
    why: 'the generated guest has a queue of 64 KiB, 2,047 commands a write; the cost of a command is the same',
  },
  {
    row: 9,
    what: 'allocation churn',
    why: 'the model allocates no kernel memory: it counts the nodes that are walked, not what is freed and made',
  },
  { row: 13, what: 'waiting for config_lock', why: 'an event is atomic: halts are counted, nobody waits' },
  { row: 21, what: 'waiting for config_lock', why: 'as row 13' },
];
