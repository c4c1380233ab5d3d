/**
 * Does this SGI go to `vcpu`? Targets are firstVcpu + n for every bit n of `list`; `allButSelf` ignores the list.
 * vgic-spec 2.4.
 */
export function isSgiTarget(
  vcpu: number,
  sender: number,
  firstVcpu: number,
  list: number,
  allButSelf: boolean,
): boolean {
  if (allButSelf) return vcpu !== sender;
  const bit = vcpu - firstVcpu;
  return bit >= 0 && bit < 32 && ((list >>> bit) & 1) === 1;
}
