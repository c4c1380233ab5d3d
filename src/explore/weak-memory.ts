/**
 * Threads on a multi-copy-atomic machine (Armv8): each thread may emit its memory operations in any order that its barriers
 * and dependencies allow, and every operation is seen by all others at once (vgic-spec 4.4, "Rules for the enumeration").
 * So no store buffer is needed: a write that waits in one is a write that is emitted late.
 */
import { assert } from '../base/errors.js';
import type { Move, Problem, State, Step, System } from './system.js';

/** Index of a shared variable. */
export type Location = number;

export type Operation =
  | { readonly kind: 'write'; readonly at: Location; readonly value: number }
  /** `note`: what the words of the step say besides, such as when the value counts. */
  | { readonly kind: 'read'; readonly at: Location; readonly note?: string }
  /**
   * Writes `value` if operation `given` (a read of the same block) read `equals`; one step either way. It belongs to its read:
   * that dependency, the same location and mb order it. `wmb`: behind a wmb also after earlier writes.
   */
  | {
      readonly kind: 'write-if';
      readonly at: Location;
      readonly value: number;
      readonly given: number;
      readonly equals: number;
      readonly wmb: boolean;
    }
  | { readonly kind: 'mb' | 'wmb' | 'rmb' };

/** stop: leave the loop. loop: next turn. schedule: give up the CPU, and sleep if `sleeps` says so at that moment. */
export type Decision = 'stop' | 'loop' | 'schedule';

/** Operations that may overtake each other, and what the thread decides when all are done: a step, and a full barrier. */
export interface Block {
  readonly operations: readonly Operation[];
  /** Given the value each operation read (0 for others). Absent: the thread is done with its last operation. */
  readonly decide?: (values: readonly number[]) => Decision;
}

export interface WeakThread {
  readonly name: string;
  /** One turn of its loop. */
  readonly turn: Block;
  /** What a sleeper does after it was woken, before its next turn. */
  readonly woken?: Block;
}

export interface WeakModel {
  /** Name and initial value of each location. */
  readonly locations: readonly (readonly [string, number])[];
  readonly threads: readonly WeakThread[];
  /** A thread that schedules sleeps while this holds. */
  readonly sleeps: { readonly at: Location; readonly equals: number };
  readonly maxTurns: number;
  /** Words for a value of a location. */
  readonly valueName: (at: Location, value: number) => string;
  /** Words for a decision (`stays`: it sleeps now) or for being woken; absent: those of a vCPU that waits. */
  readonly decisionName?: (decision: Decision | 'wake', stays: boolean) => string;
  /** What is wrong when nobody can go on. `asleep`: indices of sleeping threads. */
  readonly atRest: (memory: readonly number[], asleep: readonly number[]) => Problem | null;
}

// Where a thread is.
const IN_TURN = 0;
const ASLEEP = 1;
const IN_WOKEN = 2;
const DONE = 3;
/** Out of turns: not followed further. */
const CUT = 4;

// Step ids: operations of the turn by index, of the woken block from WOKEN_BASE, decisions from DECISION_BASE. A write-if that
// does not write has an id of its own.
const LEFT_ALONE = 16;
const WOKEN_BASE = 32;
const DECISION_BASE = 64;
const DECISIONS: readonly (Decision | 'wake')[] = ['stop', 'loop', 'schedule', 'wake'];
const idOf = (decision: Decision | 'wake'): number => DECISION_BASE + DECISIONS.indexOf(decision);

const isBarrier = (operation: Operation): boolean => !('at' in operation);

/** For each operation the bits of those that must have been emitted before it. */
function orderOf({ operations }: Block): number[] {
  return operations.map((later, j) => {
    let before = 0;
    for (let i = 0; i < j; i++) if (isOrdered(operations, i, later, j)) before |= 1 << i;
    return before;
  });
}

function isOrdered(operations: readonly Operation[], i: number, later: Operation, j: number): boolean {
  const earlier = operations[i];
  if (!('at' in earlier) || !('at' in later)) return false;
  if (earlier.at === later.at) return true;
  if (later.kind === 'write-if' && later.given === i) return true;
  const between = operations.slice(i + 1, j).map(({ kind }) => kind);
  if (between.includes('mb')) return true;
  if (earlier.kind === 'read') return later.kind === 'read' && between.includes('rmb');
  const isHeldBack = later.kind === 'write' || (later.kind === 'write-if' && later.wmb);
  return isHeldBack && between.includes('wmb');
}

const bitsOf = ({ operations }: Block): number =>
  operations.reduce((bits, operation, at) => (isBarrier(operation) ? bits : bits | (1 << at)), 0);

interface CompiledBlock extends Block {
  readonly before: readonly number[];
  readonly all: number;
}

const compile = (block: Block): CompiledBlock => ({ ...block, before: orderOf(block), all: bitsOf(block) });

export function createWeakSystem(model: WeakModel): System {
  const nrLocations = model.locations.length;
  const threads = model.threads.map(({ name, turn, woken }) => ({
    name,
    turn: compile(turn),
    woken: woken === undefined ? undefined : compile(woken),
  }));
  const nrValues = Math.max(
    ...model.threads.flatMap((t) => [t.turn.operations.length, t.woken?.operations.length ?? 0]),
  );
  assert(nrValues <= LEFT_ALONE, `blocks of at most ${LEFT_ALONE} operations`);
  // A thread in the state: place, turn, bits of emitted operations, values they read.
  const [PLACE, TURN, EMITTED, VALUES] = [0, 1, 2, 3];
  const baseOf = (thread: number): number => nrLocations + thread * (VALUES + nrValues);
  const initial = [
    ...model.locations.map(([, value]) => value),
    ...threads.flatMap(() => new Array<number>(VALUES + nrValues).fill(0)),
  ];
  const blockAt = (thread: number, place: number): CompiledBlock => {
    const { turn, woken } = threads[thread];
    return place === IN_WOKEN && woken !== undefined ? woken : turn;
  };

  const enter = (next: number[], base: number, place: number): void => {
    next[base + PLACE] = place;
    next.fill(0, base + EMITTED, base + VALUES + nrValues);
  };
  const nextTurn = (next: number[], base: number): void => {
    next[base + TURN]++;
    enter(next, base, next[base + TURN] < model.maxTurns ? IN_TURN : CUT);
  };

  const emit = (state: State, thread: number, index: number): Step => {
    const base = baseOf(thread);
    const place = state[base + PLACE];
    const block = blockAt(thread, place);
    const next = [...state];
    const isDone = apply(block.operations[index], next, base + VALUES, index);
    const id = index + (place === IN_WOKEN ? WOKEN_BASE : 0) + (isDone ? 0 : LEFT_ALONE);
    const value = isDone ? next[locationOf(block.operations[index])] : 0;
    next[base + EMITTED] |= 1 << index;
    if (block.decide === undefined && next[base + EMITTED] === block.all) enter(next, base, DONE);
    return { thread, id, value, next, problem: null };
  };

  const decide = (state: State, thread: number): Step => {
    const base = baseOf(thread);
    const { decide: choose } = blockAt(thread, state[base + PLACE]);
    const decision = choose?.(state.slice(base + VALUES, base + VALUES + nrValues)) ?? 'stop';
    const next = [...state];
    const value = decision === 'schedule' ? state[model.sleeps.at] : 0;
    if (decision === 'stop') enter(next, base, DONE);
    else if (decision === 'schedule' && value === model.sleeps.equals) enter(next, base, ASLEEP);
    else nextTurn(next, base);
    return { thread, id: idOf(decision), value, next, problem: null };
  };

  const wake = (state: State, thread: number): Step => {
    const base = baseOf(thread);
    const next = [...state];
    if (threads[thread].woken === undefined) nextTurn(next, base);
    else enter(next, base, IN_WOKEN);
    return { thread, id: idOf('wake'), value: state[model.sleeps.at], next, problem: null };
  };

  const stepsOf = (state: State, thread: number): Step[] => {
    const base = baseOf(thread);
    const place = state[base + PLACE];
    if (place === DONE || place === CUT) return [];
    if (place === ASLEEP) return state[model.sleeps.at] === model.sleeps.equals ? [] : [wake(state, thread)];
    const { operations, before, all } = blockAt(thread, place);
    const emitted = state[base + EMITTED];
    if (emitted === all) return [decide(state, thread)];
    return operations.flatMap((operation, index) => {
      const isReady = (emitted & (1 << index)) === 0 && (before[index] & ~emitted) === 0;
      return isReady && !isBarrier(operation) ? [emit(state, thread, index)] : [];
    });
  };

  /** Bits of the locations that the thread may still touch. */
  const ahead = (state: State, thread: number): number => {
    const base = baseOf(thread);
    const place = state[base + PLACE];
    if (place === DONE || place === CUT) return 0;
    const { turn, woken } = threads[thread];
    if (turn.decide === undefined)
      return touched(turn.operations.filter((_, at) => !(state[base + EMITTED] & (1 << at))));
    return touched([...turn.operations, ...(woken?.operations ?? [])]) | (1 << model.sleeps.at);
  };

  const operationOf = ({ thread, id }: Move): Operation | undefined => {
    if (id >= DECISION_BASE) return undefined;
    return (id >= WOKEN_BASE ? threads[thread].woken : threads[thread].turn)?.operations[id % LEFT_ALONE];
  };

  /** Locations that the program names before this operation and that the thread touches after it. */
  const overtaken = (from: State, { thread, id }: Move): string[] => {
    const base = baseOf(thread);
    const earlier = blockAt(thread, from[base + PLACE]).operations.slice(0, id % LEFT_ALONE);
    const late = earlier.filter((operation, at) => !isBarrier(operation) && (from[base + EMITTED] & (1 << at)) === 0);
    return [...new Set(late.map((operation) => model.locations[locationOf(operation)][0]))];
  };

  return {
    threads: threads.map(({ name }) => name),
    initial,
    stepsFrom: (state) => threads.flatMap((_, thread) => stepsOf(state, thread)),
    reduce(state, steps) {
      const free = steps.find((step) => {
        const operation = operationOf(step);
        const touches = operation === undefined ? (looksAtTask(step) ? 1 << model.sleeps.at : 0) : touched([operation]);
        return threads.every((_, other) => other === step.thread || (ahead(state, other) & touches) === 0);
      });
      return free === undefined ? steps : [free];
    },
    problemOf(state, steps) {
      if (steps.length > 0) return null;
      const asleep = threads.flatMap((_, thread) => (state[baseOf(thread) + PLACE] === ASLEEP ? [thread] : []));
      return model.atRest(state.slice(0, nrLocations), asleep);
    },
    describe(move, from) {
      const operation = operationOf(move);
      if (operation === undefined) return describeDecision(model, move);
      const at = locationOf(operation);
      const [name] = model.locations[at];
      if ((move.id & LEFT_ALONE) !== 0) return `leaves ${name} alone`;
      const value = model.valueName(at, move.value);
      const what = operation.kind === 'read' ? `reads ${name}: ${value}` : `${name} := ${value}`;
      const names = overtaken(from, move);
      const notes = names.length === 0 ? [] : [`overtakes ${names.join(' and ')}`];
      if (operation.kind === 'read' && operation.note !== undefined) notes.push(operation.note);
      return notes.length === 0 ? what : `${what} (${notes.join('; ')})`;
    },
  };
}

/** The memory is at the start of `next`. False: a write-if that did not write. */
function apply(operation: Operation, next: number[], values: number, index: number): boolean {
  const at = locationOf(operation);
  if (operation.kind === 'read') next[values + index] = next[at];
  if (operation.kind === 'write-if' && next[values + operation.given] !== operation.equals) return false;
  if (operation.kind === 'write' || operation.kind === 'write-if') next[at] = operation.value;
  return true;
}

function locationOf(operation: Operation): Location {
  assert('at' in operation, 'a barrier is no step');
  return operation.at;
}

const touched = (operations: readonly Operation[]): number =>
  operations.reduce((bits, operation) => ('at' in operation ? bits | (1 << operation.at) : bits), 0);

/** Of the decisions, these read the location of `sleeps`. */
const looksAtTask = ({ id }: Move): boolean => id === idOf('schedule') || id === idOf('wake');

function describeDecision({ sleeps, locations, valueName, decisionName }: WeakModel, { id, value }: Move): string {
  const decision = DECISIONS[id - DECISION_BASE];
  const stays = value === sleeps.equals;
  if (decisionName !== undefined) return decisionName(decision, stays);
  const seen = `${locations[sleeps.at][0]} is ${valueName(sleeps.at, value)}`;
  if (decision === 'wake') return `woken: ${seen}`;
  if (decision === 'schedule') return `schedule: ${seen}, ${stays ? 'sleeps' : 'goes round'}`;
  return decision === 'stop' ? 'stops waiting' : 'goes round';
}
