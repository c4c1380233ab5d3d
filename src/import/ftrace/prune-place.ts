/**
 * When a prune is run. KVM walks the list from the fold to the last removal and lets go of the list lock at every move,
 * so other CPUs may enter between two of them. One PRUNE stands for all that nobody came between.
 */
import type { Removal, SyncOperation } from './operation.js';
import type { PruneOperation, Scheduled } from './timeline.js';

interface Move {
  readonly removal: Removal;
  /** The move takes effect behind this line ... */
  place: number;
  /** ... and before this one, which saw it. */
  deadline: number;
}

/** The parts of a prune, in order. `ahead`: what follows the fold, in the order of lines. */
export function prunesOf(sync: SyncOperation, ahead: Iterable<Scheduled>): PruneOperation[] {
  const moves: Move[] = sync.removals
    .filter((removal) => removal.to >= 0)
    .map((removal) => ({ removal, place: removal.line, deadline: Number.POSITIVE_INFINITY }));
  const part = (line: number, from: number, end: number): PruneOperation => ({
    type: 'prune',
    line,
    tick: sync.tick,
    sync,
    isWhole: from === 0 && end === moves.length,
    moves: moves.slice(from, end).map((move) => move.removal),
    held: moves.slice(end).map((move) => move.removal),
  });
  if (moves.length === 0) return [part(sync.removals[0]?.line ?? sync.line, 0, 0)];
  for (const op of ahead) {
    if (op.line > sync.closeLine) break;
    for (const move of moves) see(move, op);
  }
  const parts: PruneOperation[] = [];
  let from = 0;
  let place = 0;
  let deadline = Number.POSITIVE_INFINITY;
  for (const [i, move] of moves.entries()) {
    const next = Math.max(place, move.place);
    if (deadline <= next) {
      parts.push(part(place, from, i));
      from = i;
      deadline = Number.POSITIVE_INFINITY;
    }
    place = next;
    deadline = Math.min(deadline, move.deadline);
  }
  parts.push(part(place, from, moves.length));
  return parts;
}

/** What an operation says about the moment of a move: it saw the interrupt, or put another one behind it. */
function see(move: Move, op: Scheduled): void {
  const { key, to } = move.removal;
  const atMost = (line: number): void => {
    if (line > move.place) move.deadline = Math.min(move.deadline, line);
  };
  if (op.type === 'queue') {
    if (op.key === key) atMost(op.line);
    if (op.appendedTo === to) atMost(op.closeLine);
  } else if (op.type === 'sync') {
    for (const other of op.removals) if (other.to === to || other.key === key) atMost(other.line);
  } else if (op.type === 'prune') {
    if (op.moves.some((other) => other.to === to)) atMost(op.line);
  } else if (op.type === 'flush' && op.vcpu === to && op.line > move.place) {
    // KVM asks without the list lock whether a list is empty: it does not see what another CPU is in the middle of.
    if (op.populates.length === 0 && op.sortCount < 0 && op.line < move.deadline) move.place = op.line;
    else atMost(op.line);
  }
}
