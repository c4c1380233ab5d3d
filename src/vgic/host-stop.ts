/**
 * What a guest can make a host die of. `memory-error`: it uses memory behind an array or a pointer to nothing; what would
 * come of that is not modelled. `strategy-fault`: a strategy from outside threw an exception (strategy/outside.ts).
 */
export type HostStopKind = 'host-assertion' | 'host-deadlock' | 'memory-error' | 'strategy-fault';

/** The hypervisor stops here: an assertion fails, a CPU waits for a lock that it holds, or memory is misused. Nothing after it has an effect. */
export class HostStop extends Error {
  readonly kind: HostStopKind;
  constructor(kind: HostStopKind, message: string) {
    super(message);
    this.kind = kind;
  }
}
