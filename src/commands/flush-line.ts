/** A guest entry as one line of text, in the form of the golden dumps. */
import { lrHex } from '../gic/lr.js';
import type { Vgic } from '../vgic/vgic.js';

/** "F event vcpu used lr…". */
export function flushLine(vgic: Vgic, vcpu: number, event: number): string {
  const { usedLrs, isV2Host } = vgic.state;
  const used = usedLrs[vcpu];
  let line = `F ${event} ${vcpu} ${used}`;
  for (let lr = 0; lr < used; lr++) line += ` ${lrHex(vgic.lrLo(vcpu, lr), vgic.lrHi(vcpu, lr), isV2Host)}`;
  return line;
}
