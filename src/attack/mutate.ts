/** New guest programs: from nothing, from one that is known, from two. Drawn from a seeded generator. */
import type { Generator } from '../base/rng.js';
import {
  type GuestProgram,
  type Op,
  SHARES,
  SPAN_ORDERS,
  type Verb,
  type VerbInfo,
  verbInfo,
} from '../hostile/program.js';
import { type Attacker, verbsOf } from './attacker.js';
import { PLAIN_SPANS, plainValues, preparationOf, snapped, withSpan } from './plain.js';

export interface ProgramSource {
  /** Out of nothing. */
  random(): GuestProgram;
  /** The same of one to five plain operations (plain.ts), done once. */
  plain(): GuestProgram;
  /** One to four small changes. */
  mutate(program: GuestProgram): GuestProgram;
  /** A part of each. */
  recombine(first: GuestProgram, second: GuestProgram): GuestProgram;
  /** One of them whole, with up to three operations in a row of the other somewhere in it. */
  graft(first: GuestProgram, second: GuestProgram): GuestProgram;
}

const MAX_OPS = 10;
const MAX_ROUNDS = 16;
const MAX_SGI_VALUE = 32;
/** Verbs that say how interrupts are, and those that make them pending or active. */
const LAYOUTS: readonly Verb[] = [
  'priority',
  'target',
  'disable',
  'level',
  'group',
  'lpi-config',
  'lpi-move',
  'pmr',
  'groups',
];
const SOURCES: readonly Verb[] = ['pend', 'activate', 'sgi', 'int', 'raise'];
/** Levels and ladders that priorityAt tells apart: it scatters by bits of a product of 2^32 or more. */
const MAX_LADDER = 64;
/** What a list is made of and ordered by: half of all new operations. */
const MAIN: readonly Verb[] = ['pend', 'priority', 'target', 'disable', 'enter', 'int', 'lpi-config', 'lpi-move'];

/** `known`: programs whose operations are worth more than random ones. */
export function createProgramSource(
  rng: Generator,
  attacker: Attacker,
  known: readonly GuestProgram[] = [],
): ProgramSource {
  const verbs = verbsOf(attacker);
  const below = (bound: number): number => rng.nextBelow(bound);
  const pick = <T>(list: readonly T[]): T => list[below(list.length)];
  const chance = (percent: number): boolean => below(100) < percent;

  /** Round shares more often than others: patterns are made of wholes, halves and single interrupts. */
  function randomShare(): number {
    return chance(60) ? pick([0, SHARES / 4, SHARES / 2, (3 * SHARES) / 4, SHARES]) : below(SHARES + 1);
  }

  function randomSpan(): { from: number; to: number } {
    if (chance(50)) return { from: 0, to: SHARES };
    const [a, b] = [randomShare(), randomShare()];
    if (chance(20)) return { from: Math.min(a, SHARES - 1), to: Math.min(a, SHARES - 1) };
    return { from: Math.min(a, b), to: Math.max(a, b) };
  }

  function randomValue(verb: Verb): number {
    if (chance(75)) return pick(plainValues(verb, attacker));
    switch (verb) {
      case 'target':
      case 'lpi-move':
        return below(attacker.vcpus);
      case 'sgi':
        return below(MAX_SGI_VALUE);
      case 'ack':
        return 1 + below(8);
      default:
        // Switches mean their lowest bit; a verb that this search does not know may mean more.
        return verbInfo(verb).value === 'unused' ? 0 : below(MAX_LADDER);
    }
  }

  function opOf({ verb, on }: VerbInfo): Op {
    const span = on === 'nothing' ? { from: 0, to: 0 } : randomSpan();
    return {
      verb,
      vcpu: below(attacker.vcpus),
      ...span,
      order: on === 'nothing' || chance(60) ? 'up' : pick(SPAN_ORDERS),
      value: randomValue(verb),
      slides: on !== 'nothing' && chance(8),
    };
  }

  const knownOps = known.flatMap(({ setUp, round }) => [...setUp, ...round]);

  const main = verbs.filter(({ verb }) => MAIN.includes(verb));

  /** Half of them out of programs that are bad for something. */
  function randomOp(): Op {
    if (knownOps.length === 0 || chance(50)) return opOf(chance(50) ? pick(main) : pick(verbs));
    return chance(50) ? pick(knownOps) : changeOp(pick(knownOps), knownOps);
  }

  /** Into a list, with what the operation needs anywhere before it. */
  function put(ops: Op[], at: number, op: Op): void {
    ops.splice(at, 0, op);
    const preparation = preparationOf(op);
    if (preparation !== undefined && ops.length < MAX_OPS) ops.splice(below(at + 1), 0, preparation);
  }

  const layouts = verbs.filter(({ verb }) => LAYOUTS.includes(verb));
  const sources = verbs.filter(({ verb }) => SOURCES.includes(verb));

  /** As guests do: configure, make pending, then anything. */
  function random(): GuestProgram {
    const list = (from: readonly VerbInfo[], most: number): Op[] =>
      from.length === 0 ? [] : Array.from({ length: below(most + 1) }, () => opOf(pick(from)));
    return {
      model: chance(90) ? 'gicv3' : 'gicv2',
      vcpus: attacker.vcpus - (chance(80) ? 0 : below(attacker.vcpus)),
      setUp: [...list(layouts, 3), ...list(sources, 2), ...list(verbs, 2)],
      round: list(verbs, 4),
      rounds: chance(60) ? 1 : 1 + below(4),
    };
  }

  /** Layout and source in either order, by any vCPU; then anything, or the same again. */
  function plain(): GuestProgram {
    const ops: Op[] = [];
    const add = (from: readonly VerbInfo[]): void => {
      if (from.length === 0) return;
      const info = pick(from);
      const op = { ...opOf(info), value: pick(plainValues(info.verb, attacker)), order: 'up' as const, slides: false };
      put(ops, ops.length, info.on === 'nothing' ? op : withSpan(op, chance(50) ? PLAIN_SPANS[0] : pick(PLAIN_SPANS)));
    };
    if (chance(40)) add(layouts);
    add(sources.length > 0 ? sources : verbs);
    for (let left = below(4); left > 0; left--) add(chance(50) ? layouts : chance(40) ? sources : verbs);
    return { model: chance(70) ? 'gicv3' : 'gicv2', vcpus: attacker.vcpus, setUp: ops, round: [], rounds: 0 };
  }

  /** The span of another operation, or what it leaves out. */
  function relatedSpan(op: Op, ops: readonly Op[]): Op {
    const { from, to } = pick(ops);
    if (chance(50)) return { ...op, from, to };
    return from > SHARES - to ? { ...op, from: 0, to: from } : { ...op, from: to % SHARES, to: SHARES };
  }

  function changeOp(op: Op, ops: readonly Op[]): Op {
    switch (below(9)) {
      case 8:
        return withSpan(op, pick(PLAIN_SPANS));
      case 6:
        return relatedSpan(op, ops);
      case 0:
        return { ...op, vcpu: below(attacker.vcpus) };
      case 1:
        return { ...op, ...randomSpan() };
      case 2: {
        const step = chance(50) ? 1 : -1;
        const moved = Math.min(SHARES, Math.max(0, chance(50) ? op.from + step : op.to + step));
        return chance(50) ? { ...op, from: Math.min(moved, op.to) } : { ...op, to: Math.max(moved, op.from) };
      }
      case 3:
        return { ...op, order: pick(SPAN_ORDERS) };
      case 4:
        return { ...op, slides: !op.slides };
      case 5:
        return opOf(pick(verbs));
      default:
        return { ...op, value: randomValue(op.verb) };
    }
  }

  /** Its ends at the nearest quarters; a span that would be empty stays as it is. */
  function snap(op: Op): Op {
    const [from, to] = [snapped(op.from), snapped(op.to)];
    return from < to ? withSpan(op, { from, to }) : op;
  }

  function changeList(ops: readonly Op[]): Op[] {
    const changed = [...ops];
    const at = chance(25) ? changed.length : below(changed.length + 1);
    const kind = below(changed.length === 0 ? 1 : 7);
    if (kind === 0 && changed.length < MAX_OPS) put(changed, at, randomOp());
    else if (changed.length === 0) return changed;
    else {
      const place = at % changed.length;
      const other = below(changed.length);
      if (kind === 1) changed.splice(place, 1);
      else if (kind === 2 && changed.length < MAX_OPS) changed.splice(other, 0, changed[place]);
      // Each vCPU does the same.
      else if (kind === 6 && changed.length < MAX_OPS)
        changed.splice(place, 0, { ...changed[place], vcpu: below(attacker.vcpus) });
      else if (kind === 3) [changed[place], changed[other]] = [changed[other], changed[place]];
      else changed[place] = changeOp(changed[place], ops);
    }
    return changed;
  }

  function changeOnce(program: GuestProgram): GuestProgram {
    switch (below(14)) {
      case 13: {
        const plainly = (ops: readonly Op[]): Op[] => ops.map(snap);
        return { ...program, setUp: plainly(program.setUp), round: plainly(program.round) };
      }
      case 12: {
        // One vCPU does it all while the others are in the guest, or wait.
        const vcpu = below(attacker.vcpus);
        const done = (ops: readonly Op[]): Op[] => ops.map((op) => ({ ...op, vcpu }));
        return { ...program, setUp: done(program.setUp), round: chance(50) ? done(program.round) : program.round };
      }
      case 0:
        return { ...program, rounds: 1 + below(chance(80) ? 4 : MAX_ROUNDS) };
      case 1:
        return { ...program, vcpus: 1 + below(attacker.vcpus) };
      case 2:
        return chance(50) ? { ...program, model: program.model === 'gicv3' ? 'gicv2' : 'gicv3' } : program;
      case 3: {
        // A step of the rounds done once before them, or the other way round.
        const [head, ...rest] = program.round;
        if (head === undefined)
          return { ...program, setUp: program.setUp.slice(0, -1), round: program.setUp.slice(-1) };
        return { ...program, setUp: [...program.setUp, head].slice(0, MAX_OPS), round: rest };
      }
      case 4:
      case 5:
      case 6:
      case 7:
        return { ...program, setUp: changeList(program.setUp) };
      default:
        return { ...program, round: changeList(program.round) };
    }
  }

  function graft(first: GuestProgram, second: GuestProgram): GuestProgram {
    const [stock, scion] = chance(50) ? [first, second] : [second, first];
    const ops = [...scion.setUp, ...scion.round];
    const from = below(Math.max(1, ops.length));
    const taken = ops.slice(from, from + 1 + below(3));
    const part = stock.round.length > 0 && chance(30) ? 'round' : 'setUp';
    const grown = [...stock[part]];
    grown.splice(below(grown.length + 1), 0, ...taken);
    const { model } = pick([stock, scion]);
    return { ...stock, model, vcpus: Math.max(first.vcpus, second.vcpus), [part]: grown.slice(0, MAX_OPS) };
  }

  return {
    random,
    plain,
    graft,
    mutate(program) {
      let changed = program;
      for (let left = 1 + below(chance(70) ? 2 : 4); left > 0; left--) changed = changeOnce(changed);
      return changed;
    },
    recombine(first, second) {
      const joined = (a: readonly Op[], b: readonly Op[]): Op[] =>
        [...a.slice(0, below(a.length + 1)), ...b.slice(below(b.length + 1))].slice(0, MAX_OPS);
      return {
        model: pick([first, second]).model,
        vcpus: Math.max(first.vcpus, second.vcpus),
        setUp: joined(first.setUp, second.setUp),
        round: chance(50) ? joined(first.round, second.round) : pick([first, second]).round,
        rounds: pick([first, second]).rounds,
      };
    },
  };
}
