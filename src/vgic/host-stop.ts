/** What a guest can make a host die of. */
export type HostStopKind = 'host-assertion' | 'host-deadlock';

/** The hypervisor stops here: an assertion fails, or a CPU waits for a lock that it holds. Nothing after it has an effect. */
export class HostStop extends Error {
  readonly kind: HostStopKind;
  constructor(kind: HostStopKind, message: string) {
    super(message);
    this.kind = kind;
  }
}
