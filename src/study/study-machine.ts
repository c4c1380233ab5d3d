import { flavourNamed } from '../gic/flavour/index.js';
import type { Machine } from '../gic/intid.js';
import { synthesizeMachine } from '../workload/workload.js';

/** The machine of a study: GICv2 on Xen, whose new vGIC has no other, else GICv3; distributor on, PMR open. */
export function studyMachine(flavour: string, nrVcpus: number, nrSpis: number, nrLr: number, nrLpis = 0): Machine {
  const model = flavourNamed(flavour).isXen ? 'gicv2' : 'gicv3';
  return { ...synthesizeMachine(nrVcpus, nrSpis, nrLr, nrLpis), flavour, model };
}
