/** Instruction counts of the compiled C code: rows of traces/native-costs/*.tsv, and their columns by function group. */
import type { GroupId } from './groups.js';

export const LOCK_MODES = ['noop', 'lock'] as const;
export type LockMode = (typeof LOCK_MODES)[number];

/** One workload with one kind of locks. */
export interface NativeRow {
  readonly workload: string;
  readonly locks: LockMode;
  readonly columns: Readonly<Record<string, number>>;
}

export function parseLockMode(text: string): LockMode {
  if (text === 'noop' || text === 'lock') return text;
  throw new Error(`locks '${text}', not noop or lock`);
}

/** Columns `workload`, `locks` and numbers, separated by tabs; the first line names them. */
export function parseNativeRows(text: string): NativeRow[] {
  const [head, ...lines] = text.trim().split('\n');
  const names = head.split('\t');
  return lines.map((line) => {
    const cells = line.split('\t');
    const cell = (name: string): string => cells[names.indexOf(name)];
    const numbers = names.filter((name) => name !== 'workload' && name !== 'locks' && name !== 'variant');
    return {
      workload: cell('workload') + (names.includes('variant') ? `/${cell('variant')}` : ''),
      locks: parseLockMode(cell('locks')),
      columns: Object.fromEntries(numbers.map((name) => [name, Number(cell(name))])),
    };
  });
}

/** Instructions of a group alone: what lies in it in native-costs, less what has a group of its own. */
export function instructionsOf(group: Exclude<GroupId, 'queue' | 'guest'>, { columns: c }: NativeRow): number {
  switch (group) {
    case 'depth-pass':
      return c.ir_depth_pass;
    case 'sort':
      return c.ir_sort;
    case 'populate':
      return c.ir_populate;
    case 'flush-loop':
      return c.ir_flush - c.ir_depth_pass - c.ir_sort - c.ir_populate;
    case 'fold':
      return c.ir_fold;
    case 'prune':
      return c.ir_prune;
    case 'exit':
      return c.ir_sync - c.ir_fold - c.ir_prune;
    case 'inject':
      return c.ir_inject;
  }
}

/** What is neither entry, exit nor injection: the groups `queue` and `guest` together. */
export const restOf = ({ columns: c }: NativeRow): number => c.ir_total - c.ir_flush - c.ir_sync - c.ir_inject;
