/** Register banks by the names of scenarios: where each lies, and which words a GICv3 guest finds in its redistributor. */
import { NR_PRIVATE_IRQS } from '../gic/intid.js';
import type { Frame } from './target.js';

interface Bank {
  /** Byte offset in the distributor. */
  readonly base: number;
  /** Bits an interrupt in the words that exist once a vCPU for private interrupts; 0: nothing is banked. */
  readonly bankedBits: number;
}

/** vgic-spec E.4; identification registers, IGRPMODR and NSACR as in the architecture (IHI 0069). */
const BANKS: Readonly<Record<string, Bank>> = {
  CTLR: { base: 0x000, bankedBits: 0 },
  TYPER: { base: 0x004, bankedBits: 0 },
  IIDR: { base: 0x008, bankedBits: 0 },
  STATUSR: { base: 0x010, bankedBits: 0 },
  IGROUPR: { base: 0x080, bankedBits: 1 },
  ISENABLER: { base: 0x100, bankedBits: 1 },
  ICENABLER: { base: 0x180, bankedBits: 1 },
  ISPENDR: { base: 0x200, bankedBits: 1 },
  ICPENDR: { base: 0x280, bankedBits: 1 },
  ISACTIVER: { base: 0x300, bankedBits: 1 },
  ICACTIVER: { base: 0x380, bankedBits: 1 },
  IPRIORITYR: { base: 0x400, bankedBits: 8 },
  ITARGETSR: { base: 0x800, bankedBits: 0 },
  ICFGR: { base: 0xc00, bankedBits: 2 },
  IGRPMODR: { base: 0xd00, bankedBits: 1 },
  NSACR: { base: 0xe00, bankedBits: 2 },
  SGIR: { base: 0xf00, bankedBits: 0 },
  CPENDSGIR: { base: 0xf10, bankedBits: 0 },
  SPENDSGIR: { base: 0xf20, bankedBits: 0 },
  IROUTER: { base: 0x6000, bankedBits: 0 },
};
const SGI_FRAME = 0x10000;

export const registerNames: readonly string[] = Object.keys(BANKS);

/** Frame and byte offset of an access at `offset` of the bank; the name has been checked. */
export function locateRegister(name: string, offset: number, isV3Guest: boolean): { frame: Frame; offset: number } {
  const { base, bankedBits } = BANKS[name];
  const isPrivate = offset * 8 < NR_PRIVATE_IRQS * bankedBits;
  return isV3Guest && isPrivate
    ? { frame: 'redist', offset: SGI_FRAME + base + offset }
    : { frame: 'dist', offset: base + offset };
}
