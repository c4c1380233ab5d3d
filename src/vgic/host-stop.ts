/** What a guest can make a host die of; and a strategy from outside that threw an exception (strategy/outside.ts). */
export type HostStopKind = 'host-assertion' | 'host-deadlock' | 'strategy-fault';

/** The hypervisor stops here: an assertion fails, or a CPU waits for a lock that it holds. Nothing after it has an effect. */
export class HostStop extends Error {
  readonly kind: HostStopKind;
  constructor(kind: HostStopKind, message: string) {
    super(message);
    this.kind = kind;
  }
}
