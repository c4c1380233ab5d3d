/** Byte offsets of the registers that a driver sets an ITS up with. GIC architecture IHI 0069; vgic-spec 2.5, 6.2. */

export const GITS_CTLR = 0x00;
export const GITS_CBASER = 0x80;
export const GITS_CWRITER = 0x88;
/** BASER 0 and 1, as KVM has them. */
export const GITS_BASER_DEVICES = 0x100;
export const GITS_BASER_COLLECTIONS = 0x108;

/** In the RD_base frame of a redistributor. */
export const GICR_CTLR = 0x00;
export const GICR_PROPBASER = 0x70;
export const GICR_PENDBASER = 0x78;
