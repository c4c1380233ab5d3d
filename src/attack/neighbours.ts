/**
 * All programs one small step away from one: what a climb to the next peak looks at. Steps that make it shorter are among
 * them, so that a peak says no more than it needs, and so are steps of spans from a quarter down to a single share.
 */
import { doing, type GuestProgram, type Op, SHARES, SPAN_ORDERS, verbInfo } from '../hostile/program.js';
import { type Attacker, verbsOf } from './attacker.js';
import { PLAIN_SPANS, plainValues, preparationOf, type Span, withOrder, withSpan } from './plain.js';

const PARTS = ['setUp', 'round'] as const;
const STRIDES = [16, 8, 4, 2, 1];
const FEW_ROUNDS = [0, 1, 2, 4, 8];
/** vCPUs that an operation is tried on. */
const FEW_VCPUS = 3;

const isSpan = ({ from, to }: Span): boolean => from >= 0 && from <= to && to <= SHARES && from < SHARES;

/** No two are the same, none is the program itself. */
export function neighboursOf(program: GuestProgram, attacker: Attacker): GuestProgram[] {
  const found = new Map<string, GuestProgram>();
  const add = (given: Partial<GuestProgram>): void => {
    const changed = { ...program, ...given };
    found.set(JSON.stringify(changed), changed);
  };
  const { setUp, round } = program;
  for (const rounds of [...FEW_ROUNDS, program.rounds - 1, program.rounds + 1]) if (rounds >= 0) add({ rounds });
  if (round.length > 0) add({ setUp: [...setUp, ...round], round: [], rounds: 0 });
  for (let vcpus = 1; vcpus <= Math.min(attacker.vcpus, FEW_VCPUS); vcpus++) add({ vcpus });
  add({ vcpus: attacker.vcpus });
  add({ model: program.model === 'gicv3' ? 'gicv2' : 'gicv3' });
  for (const part of PARTS) for (const ops of listsFrom(program[part], attacker)) add({ [part]: ops });
  for (const moved of movedEnds(program)) add(moved);
  found.delete(JSON.stringify(program));
  return [...found.values()];
}

/**
 * Programs with one plain operation more, on all interrupts, at a place of the set-up: by one vCPU, or by each. What an
 * operation needs comes with it, once just before it and once before all others.
 */
export function insertionsOf(program: GuestProgram, attacker: Attacker, place: number): GuestProgram[] {
  const vcpus = Array.from({ length: Math.min(program.vcpus, FEW_VCPUS) }, (_none, vcpu) => vcpu);
  const { setUp } = program;
  const [before, after] = [setUp.slice(0, place), setUp.slice(place)];
  const putEach = (ops: readonly Op[]): GuestProgram[] => {
    const needed = ops.flatMap((op): Op[] => {
      const preparation = preparationOf(op);
      return preparation === undefined ? [] : [preparation];
    });
    const put = (...first: readonly Op[]): GuestProgram => ({ ...program, setUp: [...first, ...ops, ...after] });
    return needed.length === 0 ? [put(...before)] : [put(...before, ...needed), put(...needed, ...before)];
  };
  return verbsOf(attacker).flatMap(({ verb, on }) =>
    plainValues(verb, attacker).flatMap((value) => {
      const ops = vcpus.map((vcpu) => doing(verb, { vcpu, value, ...(on === 'nothing' ? { to: 0 } : {}) }));
      return [...ops.flatMap((op) => putEach([op])), ...putEach(ops)];
    }),
  );
}

function listsFrom(ops: readonly Op[], attacker: Attacker): Op[][] {
  const lists: Op[][] = [];
  ops.forEach((op, at) => {
    const put = (...put: readonly Op[]): number => lists.push([...ops.slice(0, at), ...put, ...ops.slice(at + 1)]);
    put();
    for (const changed of opsFrom(op, attacker)) put(changed);
    for (let vcpu = 0; vcpu < Math.min(attacker.vcpus, FEW_VCPUS); vcpu++) {
      if (vcpu === op.vcpu) continue;
      put({ ...op, vcpu });
      // Each vCPU does the same.
      put(op, { ...op, vcpu });
    }
    if (at > 0) lists.push([...ops.slice(0, at - 1), op, ops[at - 1], ...ops.slice(at + 1)]);
  });
  return lists;
}

function opsFrom(op: Op, attacker: Attacker): Op[] {
  const values = [...plainValues(op.verb, attacker), op.value + 1, Math.max(0, op.value - 1)];
  const changed = verbInfo(op.verb).value === 'unused' ? [] : values.map((value) => ({ ...op, value }));
  if (verbInfo(op.verb).on === 'nothing') return changed;
  for (const span of PLAIN_SPANS) changed.push(withSpan(op, span));
  for (const stride of STRIDES)
    for (const step of [-stride, stride])
      for (const span of [
        { from: op.from + step, to: op.to },
        { from: op.from, to: op.to + step },
        { from: op.from + step, to: op.to + step },
      ])
        if (isSpan(span)) changed.push(withSpan(op, span));
  for (const order of SPAN_ORDERS) changed.push(withOrder(op, order));
  changed.push({ ...op, slides: !op.slides });
  return changed;
}

/** Where spans end or begin at one share, all of them move together. */
function movedEnds(program: GuestProgram): GuestProgram[] {
  const ends = [...program.setUp, ...program.round].flatMap(({ from, to }) => [from, to]);
  const inner = [...new Set(ends)].filter((end) => end > 0 && end < SHARES);
  return inner.flatMap((end) =>
    STRIDES.flatMap((stride) => [end - stride, end + stride])
      .filter((moved) => moved > 0 && moved < SHARES)
      .map((moved) => withEnd(program, end, moved)),
  );
}

function withEnd(program: GuestProgram, end: number, moved: number): GuestProgram {
  const at = (share: number): number => (share === end ? moved : share);
  const ops = (list: readonly Op[]): Op[] =>
    list.map((op) => {
      const span = { from: at(op.from), to: at(op.to) };
      return isSpan(span) ? withSpan(op, span) : op;
    });
  return { ...program, setUp: ops(program.setUp), round: ops(program.round) };
}
