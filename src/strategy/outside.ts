/**
 * A strategy from a file of the user's: checked member by member before it runs, and guarded while it does, so that an
 * exception of its names the call and ends its own cell only. Loading the file: commands/strategy-files.ts.
 */
import { InputError } from '../base/errors.js';
import type { Flavour } from '../gic/flavour/flavour.js';
import { flavours } from '../gic/flavour/index.js';
import type { ApList, ApListOps, CreateApList } from '../vgic/ap-list.js';
import { HostStop } from '../vgic/host-stop.js';
import { createState, type VgicState } from '../vgic/state.js';
import { strategies } from './index.js';
import type { ApListStrategy, EquivalenceClass, Growth, WorstCase, WorstCases } from './strategy.js';
import { type StrategyTools, strategyTools } from './tools.js';

/** What a file exports: as ApListStrategy, but `create` is also handed the tools, and `worst` may be left out. */
export interface OutsideStrategy extends Omit<ApListStrategy, 'create' | 'worst'> {
  readonly worst?: ApListStrategy['worst'];
  create(params: Readonly<Record<string, number>>, tools: StrategyTools): CreateApList;
}

const CLASSES: readonly EquivalenceClass[] = ['identical', 'tie-equivalent', 'deviating', 'bound'];
const GROWTHS: readonly Growth[] = ['constant', 'linear', 'n log n', 'quadratic'];
const COSTS = ['insert', 'flush', 'pending', 'prune', 'memory'] as const;
const PATHS = ['inject', 'rekey', 'flush', 'fold', 'prune', 'pending'] as const;
/** Port methods that a list may do without. */
const OPTIONAL_METHODS = ['nextActive', 'lpisLeft'] as const;
const METHODS: readonly (keyof ApList)[] = [
  'length',
  'insert',
  'touch',
  'touchAll',
  'select',
  'prune',
  'hasPending',
  'dropLpis',
  'after',
  'order',
];
const NOT_DECLARED: WorstCase = { growth: 'quadratic', steps: () => Number.POSITIVE_INFINITY, why: 'not declared' };
const undeclaredWorst = (): WorstCases => ({
  inject: NOT_DECLARED,
  rekey: NOT_DECLARED,
  flush: NOT_DECLARED,
  fold: NOT_DECLARED,
  prune: NOT_DECLARED,
  pending: NOT_DECLARED,
});
/** Does it say how long a call may be? Listed strategies do. */
export const declaresWorst = ({ worst }: ApListStrategy): boolean => worst !== undeclaredWorst;

const SEE = 'see "A strategy of your own" in src/strategy/README.md';

type Fields = Readonly<Record<string, unknown>>;
/** Ends with the error that names the file: member, what is wrong, remedy. */
type Refuse = (place: string, what: string, remedy: string) => never;

const isObject = (value: unknown): value is Fields => typeof value === 'object' && value !== null;

/** A value as an error message shows it. */
function shown(value: unknown): string {
  if (value === undefined) return 'missing';
  if (typeof value === 'function') return 'a function';
  const text = typeof value === 'object' && value !== null ? 'an object' : JSON.stringify(value);
  return `${text}`.slice(0, 60);
}

/**
 * The strategy that a module exports as `default` or `strategy`. Throws InputError with member and remedy. `file`: as the
 * user named it. `guarded` false: without guard, for a process that measures.
 */
export function readStrategy(module: Fields, file: string, guarded = true): ApListStrategy {
  const refuse: Refuse = (place, what, remedy) => {
    throw new InputError(file, place, what, `${remedy}; ${SEE}`);
  };
  // A CommonJS file has its exports as the default; a strategy may be one of them.
  const all = module.default;
  const exported = isObject(all) && isObject(all.strategy) && all.id === undefined ? all.strategy : all;
  const found = exported ?? module.strategy;
  if (!isObject(found))
    refuse('export', 'there is no strategy in it', 'end it with "export default { id: …, create: … }"');
  checkTexts(found, refuse);
  checkParams(found, refuse);
  if (typeof found.create !== 'function')
    refuse('create', `is ${shown(found.create)}`, 'give create: (params, tools) => (state, ops) => ({ … })');
  return wrapStrategy(found as Fields & OutsideStrategy, guarded, refuse);
}

function checkTexts(found: Fields, refuse: Refuse): void {
  const { id, structure, equivalence, cost } = found;
  if (typeof id !== 'string' || !/^[a-z][a-z0-9-]*$/.test(id))
    refuse('id', `is ${shown(id)}`, 'give a name in kebab-case, as "lifo"');
  if (strategies.some((listed) => listed.id === id))
    refuse('id', `"${id}" is a built-in strategy`, 'give it another name');
  for (const name of ['summary', 'models']) {
    const text = found[name];
    if (typeof text !== 'string' || text.trim() === '')
      refuse(name, `is ${shown(text)}`, 'give one line of text: it stands in reports');
  }
  if (structure !== 'ap-list') refuse('structure', `is ${shown(structure)}`, 'give "ap-list"');
  if (!CLASSES.some((known) => known === equivalence))
    refuse('equivalence', `is ${shown(equivalence)}`, `give one of ${CLASSES.join(', ')}`);
  if (!isObject(cost)) refuse('cost', `is ${shown(cost)}`, `give { ${COSTS.join(', ')} }`);
  for (const name of COSTS)
    if (typeof cost[name] !== 'string')
      refuse(`cost.${name}`, `is ${shown(cost[name])}`, 'give a text, as "O(1)" or "2 links per interrupt"');
}

function checkParams({ params }: Fields, refuse: Refuse): void {
  if (!isObject(params)) refuse('params', `is ${shown(params)}`, 'give {} if it has none');
  for (const [name, param] of Object.entries(params)) {
    const place = `params.${name}`;
    if (!/^[A-Za-z][A-Za-z0-9-]*$/.test(name)) refuse(place, 'is no name', 'use letters, digits and hyphens');
    if (!isObject(param))
      refuse(place, `is ${shown(param)}`, 'give { name, fallback, min, max, meaning } as hybrid.ts does');
    if (param.name !== name) refuse(`${place}.name`, `is ${shown(param.name)}`, `give "${name}", as its key`);
    if (typeof param.meaning !== 'string') refuse(`${place}.meaning`, `is ${shown(param.meaning)}`, 'give a text');
    const { fallback, min, max } = param;
    for (const [key, value] of Object.entries({ fallback, min, max }))
      if (!Number.isSafeInteger(value)) refuse(`${place}.${key}`, `is ${shown(value)}`, 'give a whole number');
    if (!(Number(min) <= Number(fallback) && Number(fallback) <= Number(max)))
      refuse(place, `${shown(fallback)} is not in ${shown(min)}..${shown(max)}`, 'correct fallback, min or max');
  }
}

/** What it declares for each flavour that has ap_lists. */
function checkWorst(strategy: OutsideStrategy, refuse: Refuse): void {
  if (strategy.worst === undefined) return;
  const give = `give worst: (flavour, params) => ({ ${PATHS.join(', ')} }), or leave it out`;
  if (typeof strategy.worst !== 'function') refuse('worst', `is ${shown(strategy.worst)}`, give);
  for (const flavour of flavours.filter(({ structure }) => structure === 'ap-list')) {
    const worst: unknown = attempt(() => strategy.worst?.(flavour, fallbacksOf(strategy)), 'worst', refuse);
    if (!isObject(worst)) refuse('worst', `returns ${shown(worst)} for ${flavour.id}`, give);
    for (const path of PATHS) checkWorstCase(worst[path], `worst.${path}`, refuse);
  }
}

function checkWorstCase(declared: unknown, place: string, refuse: Refuse): void {
  if (!isObject(declared)) refuse(place, `is ${shown(declared)}`, 'give { growth, steps: ({ n, k }) => number, why }');
  const { growth, steps, why } = declared;
  if (!GROWTHS.some((known) => known === growth))
    refuse(`${place}.growth`, `is ${shown(growth)}`, `give one of ${GROWTHS.join(', ')}`);
  if (typeof why !== 'string') refuse(`${place}.why`, `is ${shown(why)}`, 'give a text');
  if (typeof steps !== 'function')
    refuse(`${place}.steps`, `is ${shown(steps)}`, 'give ({ n, k }) => the most steps of one call');
  const most: unknown = attempt(() => steps({ n: 100, k: 4 }), `${place}.steps`, refuse);
  if (typeof most !== 'number' || !(most >= 0))
    refuse(`${place}.steps`, `of n = 100, k = 4 is ${shown(most)}`, 'return a number of steps');
}

const fallbacksOf = ({ params }: Pick<ApListStrategy, 'params'>): Readonly<Record<string, number>> =>
  Object.fromEntries(Object.entries(params).map(([name, { fallback }]) => [name, fallback]));

/** Its own members alone; made once on trial, so that what is missing is known before a replay. */
function wrapStrategy(found: OutsideStrategy, guarded: boolean, refuse: Refuse): ApListStrategy {
  const { id, summary, models, structure, equivalence, cost, params, prunesAtMost } = found;
  if (prunesAtMost !== undefined && typeof prunesAtMost !== 'function')
    refuse('prunesAtMost', `is ${shown(prunesAtMost)}`, 'give (params) => entries, or leave it out');
  checkWorst(found, refuse);
  const worst =
    found.worst === undefined
      ? undeclaredWorst
      : (flavour: Flavour, values = fallbacksOf(found)): WorstCases =>
          found.worst?.(flavour, values) ?? undeclaredWorst();
  const create = (values: Readonly<Record<string, number>>): CreateApList => {
    const made = attempt(() => found.create(values, strategyTools), 'create', refuse);
    if (typeof made !== 'function')
      refuse('create', `returns ${shown(made)}`, 'return a function: (state, ops) => ({ … })');
    return (state, ops) => {
      const list: unknown = attempt(() => made(state, ops), 'create', refuse);
      if (!isObject(list))
        refuse('create', `the function it returns gives ${shown(list)}`, `return { ${METHODS.join(', ')} }`);
      for (const name of METHODS)
        if (typeof list[name] !== 'function')
          refuse(`create: ${name}`, `is ${shown(list[name])}`, `the list must have { ${METHODS.join(', ')} }`);
      for (const name of OPTIONAL_METHODS)
        if (list[name] !== undefined && typeof list[name] !== 'function')
          refuse(`create: ${name}`, `is ${shown(list[name])}`, 'make it a method, or leave it out');
      const whole = list as Fields & ApList;
      return guarded ? guardList(whole, id, state) : whole;
    };
  };
  const strategy = {
    id,
    summary,
    models,
    structure,
    equivalence,
    cost,
    params,
    worst,
    create,
    ...(prunesAtMost && { prunesAtMost }),
  };
  tryOut(strategy);
  return strategy;
}

function attempt<T>(run: () => T, place: string, refuse: Refuse): T {
  try {
    return run();
  } catch (error) {
    if (error instanceof InputError) throw error;
    refuse(place, describeException(error), 'correct it');
  }
}

/** One vCPU and no interrupt: enough to make a list. */
function tryOut({ create, params }: ApListStrategy): void {
  const machine = { flavour: 'kvm-6.1', model: 'gicv3', nrVcpus: 1, nrSpis: 32, nrLpis: 0, nrLr: 4 } as const;
  const unused: ApListOps = { release: () => {}, populate: () => {}, migrate: () => {} };
  create(fallbacksOf({ params }))(createState({ ...machine, distEnabledAtStart: true, pmrAtStart: 0xf8 }), unused);
}

/** "TypeError: x is undefined (mine.js:12:5)": the place is the first one in a file, if the exception knows any. */
export function describeException(error: unknown): string {
  if (!(error instanceof Error)) return `threw ${shown(error)}`;
  const place = /\/([^/\s()]+\.[cm]?[jt]s:\d+:\d+)/.exec(error.stack?.slice(error.message.length) ?? '');
  const [message] = error.message.split('\n');
  return `threw ${error.name}: ${message}${place === null ? '' : ` (${place[1]})`}`;
}

/**
 * Every method with its exceptions turned into a HostStop, which ends this cell and no other. Two numbers are the most
 * that a method takes; nothing is allocated while all is well.
 */
function guardList(list: ApList, id: string, { intidOfSlot }: VgicState): ApList {
  const guard =
    <T>(name: keyof ApList, what: (at: number) => string, method: (a: number, b: number) => T) =>
    (a: number, b = 0): T => {
      try {
        return method.call(list, a, b);
      } catch (error) {
        // The core stopped inside a call of ours, or a method called another.
        if (error instanceof HostStop) throw error;
        throw new HostStop('strategy-fault', `${name} of strategy ${id} (${what(a)}) ${describeException(error)}`);
      }
    };
  const ofVcpu = (vcpu: number): string => `list of vCPU ${vcpu}`;
  const ofRow = (slot: number): string => `row ${slot}, INTID ${intidOfSlot[slot]}`;
  return {
    length: guard('length', ofVcpu, list.length),
    insert: guard('insert', ofVcpu, list.insert),
    touch: guard('touch', ofRow, list.touch),
    touchAll: guard('touchAll', ofVcpu, list.touchAll),
    select: guard('select', ofVcpu, list.select),
    prune: guard('prune', ofVcpu, list.prune),
    hasPending: guard('hasPending', ofVcpu, list.hasPending),
    dropLpis: guard('dropLpis', ofVcpu, list.dropLpis),
    after: guard('after', ofVcpu, list.after),
    order: guard('order', ofVcpu, list.order),
    ...(list.nextActive && { nextActive: guard('nextActive', ofVcpu, list.nextActive) }),
    ...(list.lpisLeft && { lpisLeft: guard('lpisLeft', ofVcpu, list.lpisLeft) }),
  };
}
