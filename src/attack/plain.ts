/**
 * Plain operations: spans of wholes, halves and quarters, values at the ends of what they may be. The worst guests known are
 * a few of these, and a search that tries them before odd ones finds them sooner.
 */
import { doing, NEXT_VCPU, type Op, SHARES, type SpanOrder, type Verb, verbInfo } from '../hostile/program.js';
import type { Attacker } from './attacker.js';

export type Span = Pick<Op, 'from' | 'to'>;

const QUARTER = SHARES / 4;
const LAST = SHARES - 1;

/** All, the halves, a quarter and the rest at both ends, the first interrupt and the last. */
export const PLAIN_SPANS: readonly Span[] = [
  { from: 0, to: SHARES },
  { from: 0, to: 2 * QUARTER },
  { from: 2 * QUARTER, to: SHARES },
  { from: 0, to: QUARTER },
  { from: QUARTER, to: SHARES },
  { from: 0, to: 3 * QUARTER },
  { from: 3 * QUARTER, to: SHARES },
  { from: 0, to: 0 },
  { from: LAST, to: LAST },
];

/** All alike, rising, falling, and scattered once. */
export const PLAIN_LADDERS: readonly number[] = [0, 31, 32, 33, 34];
/** An SGI that all others get, and one that vCPU 0 gets. */
const PLAIN_SGIS: readonly number[] = [0, 16];

/** Values of a verb that are worth a try before any other. */
export function plainValues(verb: Verb, { vcpus }: Attacker): readonly number[] {
  switch (verb) {
    case 'priority':
    case 'lpi-config':
    case 'lpi-map':
      return PLAIN_LADDERS;
    case 'target':
    case 'lpi-move':
      return [...Array.from({ length: Math.min(vcpus, 3) }, (_none, vcpu) => vcpu), NEXT_VCPU];
    case 'pmr':
      return [0, 0x80, 0xf8];
    case 'sgi':
      return PLAIN_SGIS;
    case 'ack':
    case 'ack-nested':
    case 'drop':
      return [1, 2, 4, 32];
    case 'drain':
    case 'groups':
      return [0, 1, 2, 3];
    default:
      return verbInfo(verb).value === 'unused' ? [0] : [0, 1];
  }
}

/**
 * What an operation needs before it, since it would find things as they are from the start: a DIR is ignored but in EOImode 1,
 * which alone has EOIs that drop the priority and nothing else (vgic-spec 1.16); the distributor and all interrupts are on.
 */
export function preparationOf(op: Op): Op | undefined {
  switch (op.verb) {
    case 'dir':
    case 'drop':
      return doing('eoi-mode', { vcpu: op.vcpu, to: 0, value: 1 });
    case 'dist':
      return (op.value & 1) === 1 ? { ...op, value: 0 } : undefined;
    case 'enable':
      return { ...op, verb: 'disable' };
    default:
      return undefined;
  }
}

const isRound = (share: number): boolean => share % QUARTER === 0;

/** What makes an operation less plain than another, counted: odd ends, an order, a sliding span. */
export const oddnessOf = ({ verb, from, to, order, slides }: Op): number =>
  verbInfo(verb).on === 'nothing'
    ? 0
    : (isRound(from) ? 0 : 1) + (isRound(to) ? 0 : 1) + (order === 'up' ? 0 : 1) + (slides ? 1 : 0);

/** The quarter that is nearest. */
export const snapped = (share: number): number => Math.min(SHARES, QUARTER * Math.round(share / QUARTER));

export const withSpan = (op: Op, { from, to }: Span): Op => ({ ...op, from, to });
export const withOrder = (op: Op, order: SpanOrder): Op => ({ ...op, order });
