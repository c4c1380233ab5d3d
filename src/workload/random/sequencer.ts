/** Keeps random events well-formed: adds the entries and exits that the next one needs. */
import * as ev from '../../trace/events.js';
import { RAW_ACCESSES, REGISTER_WRITES, WORD_ACCESSES } from '../../trace/register-kinds.js';

export interface ScenarioEvent {
  readonly kind: number;
  readonly vcpu: number;
  readonly intid: number;
  readonly value: number;
}

type Place = 'out' | 'guest' | 'folded';

const GUEST_KINDS: ReadonlySet<number> = new Set([
  ev.SYNC,
  ev.FOLD,
  ev.ACK,
  ev.EOI,
  ev.PRIORITY_DROP,
  ev.DEACTIVATE,
  ev.GUEST_LR_STATE,
  ev.GUEST_DRAIN,
]);
/** What a guest does itself, so that its vCPU has left the guest for it. */
const TRAPPED_KINDS: ReadonlySet<number> = new Set([
  ...REGISTER_WRITES,
  ...RAW_ACCESSES,
  ev.PENDING_QUERY,
  ev.PMR,
  ev.WFI,
]);

export const USER = 1 << 1;
const USER_KINDS: ReadonlySet<number> = new Set([ev.ENABLE, ev.PENDING, ev.ACTIVE, ev.GROUP_ONE]);
const isUserAccess = ({ kind, value }: ScenarioEvent): boolean =>
  kind === ev.LINE_LEVEL || (USER_KINDS.has(kind) && (value & USER) !== 0);

/** ISACTIVER and ICACTIVER, in the distributor or the SGI frame. */
const isActiveBank = (offset: number): boolean => (offset & 0xffff) >= 0x300 && (offset & 0xffff) < 0x400;

/** The exits that these need are events of their own. */
const needsAllOut = (event: ScenarioEvent): boolean => event.kind === ev.ACTIVE || isUserAccess(event);

/** These may force vCPUs out of the guest themselves: raw accesses to active states, and a DIR write that traps. */
const mayHalt = ({ kind, intid, value }: ScenarioEvent): boolean =>
  (WORD_ACCESSES.includes(kind) && isActiveBank(intid)) || (kind === ev.DEACTIVATE && (value & 1) !== 0);

export class Sequencer {
  readonly events: ScenarioEvent[] = [];
  private readonly places: Place[];

  constructor(nrVcpus: number) {
    this.places = Array.from({ length: nrVcpus }, () => 'out');
  }

  add(event: ScenarioEvent): void {
    const { kind, vcpu } = event;
    if (needsAllOut(event)) this.leaveAll();
    else if (GUEST_KINDS.has(kind)) this.enterGuest(vcpu);
    else if (kind === ev.FLUSH || TRAPPED_KINDS.has(kind)) this.leaveGuest(vcpu);
    this.events.push(event);
    if (kind === ev.FLUSH) this.places[vcpu] = 'guest';
    if (kind === ev.SYNC) this.places[vcpu] = 'out';
    if (kind === ev.FOLD) this.places[vcpu] = 'folded';
    // Whoever was forced out is out; an exit of its own makes sure of the others and changes nothing for it.
    if (mayHalt(event)) this.leaveAll();
  }

  private push(kind: number, vcpu: number): void {
    this.events.push({ kind, vcpu, intid: 0, value: 0 });
  }

  private enterGuest(vcpu: number): void {
    if (this.places[vcpu] === 'folded') this.push(ev.PRUNE, vcpu);
    if (this.places[vcpu] !== 'guest') this.push(ev.FLUSH, vcpu);
    this.places[vcpu] = 'guest';
  }

  private leaveAll(): void {
    for (const vcpu of this.places.keys()) this.leaveGuest(vcpu);
  }

  private leaveGuest(vcpu: number): void {
    if (this.places[vcpu] === 'folded') this.push(ev.PRUNE, vcpu);
    if (this.places[vcpu] === 'guest') this.push(ev.SYNC, vcpu);
    this.places[vcpu] = 'out';
  }
}
