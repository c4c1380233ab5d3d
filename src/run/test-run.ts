/** Test support: a plan of small units and the run of it. */
import type { Study } from '../study/study.js';
import type { Plan, Shard } from './plan.js';
import { unitsOf } from './plan.js';
import { createHeader, finish, headerLine, type RunMachine, unitLine } from './run-file.js';
import type { Unit } from './unit.js';

const MACHINE: RunMachine = {
  fingerprint: '0123456789ab',
  node: 'v20.0.0',
  os: 'Linux 6.1',
  arch: 'x64',
  cpu: 'a CPU',
  cores: 2,
};

/** One unit for each cost. */
export function makePlan(costs: readonly number[], changes: Partial<Plan> = {}): Plan {
  return {
    tool: { name: 'vgic-replay', version: '1.2.3' },
    code: '0'.repeat(64),
    verb: 'report',
    command: 'vgic-replay report a.vgt --seed 1',
    options: { seed: 1, flavour: null, strategies: null, check: false, allowTruncated: false },
    traces: [{ path: 'a.vgt', sha256: '1'.repeat(64), name: 'a', kind: 'other' }],
    strategies: [{ id: 'fifo', spec: 'fifo', summary: 'in order of arrival', models: 'bhyve', sha256: null }],
    reference: null,
    units: costs.map((cost, at): Unit => ({ kind: 'study', id: `study s${at}`, cost, study: `s${at}` })),
    ...changes,
  };
}

const makeStudy = (id: string): Study => ({
  id,
  title: id,
  topic: id,
  thread: 'a thread',
  question: 'which?',
  answer: [`The one of ${id}.`, 'No other.'],
  chart: null,
  tables: [],
  limits: [],
});

/** The file of one shard; its units in the order in which they were begun. */
export const makeRunText = (plan: Plan, shard: Shard): string =>
  [
    headerLine(createHeader(plan, shard, [MACHINE])),
    ...unitsOf(plan, shard).map(({ id }) => unitLine(finish(id, makeStudy(id)))),
  ].join('');
