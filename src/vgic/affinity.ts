/** Which vCPU has which affinity: vgic-spec 2.4. Values are the low word of IROUTER: Aff0, Aff1, Aff2, a byte each. */

export const affinityOf = (vcpu: number): number => (vcpu & 0xf) | (((vcpu >>> 4) & 0xff) << 8) | ((vcpu >>> 12) << 16);

/** The vCPU of an affinity, whatever bits 31:24 hold, or a number that no machine has: Aff0 ends at 15. */
export function vcpuOfAffinity(affinity: number): number {
  const aff0 = affinity & 0xff;
  return aff0 < 16
    ? aff0 + 16 * ((affinity >>> 8) & 0xff) + 4096 * ((affinity >>> 16) & 0xff)
    : Number.MAX_SAFE_INTEGER;
}
