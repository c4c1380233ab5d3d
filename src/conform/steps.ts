/** What a scenario file may say: every kind of step with its parameters and the fields it may expect. */

/** How a value is written in the file; `fieldProblem` says what is wrong with one. */
export type FieldType =
  | 'vcpu'
  | 'vcpu-or-null'
  | 'count'
  | 'errno'
  | 'bit'
  | 'hex'
  | 'width'
  | 'register'
  | 'system-register'
  | 'trigger'
  | 'lr-state'
  | 'text'
  | 'counts'
  | 'bits'
  | 'lrs'
  | 'objects'
  | 'result';

export type Fields = Readonly<Record<string, FieldType>>;

export interface StepShape {
  readonly params: Fields;
  readonly optional: Fields;
  /** Fields that `expect` may hold; empty: the step takes no `expect`. */
  readonly expect: Fields;
  /** Of these, the ones that Xen's default vGIC answers instead (`undefined`: the same). */
  readonly expectXenOld?: Fields;
  /** A step of the ITS, its tables or its memory. */
  readonly needsIts: boolean;
  readonly needsLpis: boolean;
}

interface ShapeParts {
  readonly params?: Fields;
  readonly optional?: Fields;
  readonly expect?: Fields;
  readonly expectXenOld?: Fields;
  readonly needsLpis?: boolean;
}

const step = ({ params = {}, optional = {}, expect = {}, ...rest }: ShapeParts): StepShape => ({
  params,
  optional,
  expect,
  needsIts: false,
  needsLpis: false,
  ...rest,
});
const itsStep = (parts: ShapeParts): StepShape => ({ ...step(parts), needsIts: true });

const ACCESS: Fields = { vcpu: 'vcpu', reg: 'register', offset: 'count', len: 'width' };
const GUEST_END: ShapeParts = { params: { vcpu: 'vcpu', intid: 'count' }, optional: { source: 'count' } };
const LPI_FIELDS: Fields = {
  exists: 'bit',
  enabled: 'bit',
  pendingLatch: 'bit',
  priority: 'hex',
  target: 'vcpu-or-null',
  onListOf: 'vcpu-or-null',
  references: 'count',
};

/** The fields of one entry of `lrs`. */
export const LR_FIELDS: Fields = {
  raw: 'hex',
  slot: 'count',
  intid: 'count',
  state: 'lr-state',
  priority: 'hex',
  group: 'bit',
  hw: 'bit',
  pintid: 'count',
  eoi: 'bit',
  source: 'count',
};

/** Kind of step → its shape. What each means: traces/conformance/README.md. */
export const STEPS: Readonly<Record<string, StepShape>> = {
  mmioWrite: step({ params: { ...ACCESS, value: 'hex' } }),
  mmioRead: step({ params: ACCESS, expect: { value: 'hex' } }),
  sysregWrite: step({ params: { vcpu: 'vcpu', reg: 'system-register', value: 'hex' } }),
  inject: step({
    params: { intid: 'count', level: 'bit' },
    optional: { vcpu: 'vcpu-or-null' },
    expect: { returns: 'errno' },
  }),
  setCpuif: step({ params: { vcpu: 'vcpu' }, optional: { pmr: 'hex', grp0: 'bit', grp1: 'bit', eoiMode: 'bit' } }),
  mapHw: step({
    params: { intid: 'count', hwIntid: 'count' },
    optional: { vcpu: 'vcpu-or-null', swResample: 'bit' },
  }),
  physLine: step({ params: { hwIntid: 'count', level: 'bit' } }),
  physActive: step({ params: { hwIntid: 'count', value: 'bit' } }),
  expectPhys: step({ params: { hwIntid: 'count' }, expect: { pending: 'bit', active: 'bit' } }),
  lpiMap: step({ params: { intid: 'count', vcpu: 'vcpu', priority: 'hex', enabled: 'bit' }, needsLpis: true }),
  lpiTrigger: step({ params: { intid: 'count' }, needsLpis: true }),
  lpiMove: step({ params: { intid: 'count', vcpu: 'vcpu' }, needsLpis: true }),
  lpiUnmap: step({ params: { intid: 'count' }, needsLpis: true }),
  lpisDisable: step({ params: { vcpu: 'vcpu' }, needsLpis: true }),
  flush: step({ params: { vcpu: 'vcpu' } }),
  sync: step({ params: { vcpu: 'vcpu' } }),
  guestAck: step({ params: { vcpu: 'vcpu' }, expect: { intid: 'count', source: 'count' } }),
  guestEoi: step(GUEST_END),
  guestDir: step({ ...GUEST_END, expect: { trapped: 'bit' } }),
  expectLrs: step({ params: { vcpu: 'vcpu' }, expect: { lrs: 'lrs', hcr: 'hex', eoiCount: 'count' } }),
  expectIrq: step({
    params: { intid: 'count' },
    optional: { vcpu: 'vcpu-or-null' },
    expect: {
      ...LPI_FIELDS,
      lineLevel: 'bit',
      active: 'bit',
      isPending: 'bit',
      config: 'trigger',
      group: 'bit',
      hw: 'bit',
      sources: 'hex',
      activeSource: 'count',
      onLr: 'bit',
    },
    expectXenOld: {
      exists: 'bit',
      queued: 'bit',
      active: 'bit',
      visible: 'bit',
      enabled: 'bit',
      migrating: 'bit',
      prioritySnapshot: 'hex',
      inInflight: 'bit',
      inLrPending: 'bit',
    },
  }),
  expectApList: step({
    params: { vcpu: 'vcpu' },
    expect: { list: 'counts' },
    expectXenOld: { inflight: 'counts', lrPending: 'counts' },
  }),
  expectPendingIrq: step({ params: { vcpu: 'vcpu' }, expect: { value: 'bit' } }),
  expectKicks: step({
    expect: {
      kicks: 'counts',
      requestSet: 'bits',
      halts: 'count',
      processUpdate: 'bits',
      broadcasts: 'count',
      activeSpis: 'count',
      unblocks: 'counts',
      ipis: 'counts',
    },
  }),
  expectAckNotified: step({ params: { intid: 'count' }, expect: { count: 'count' } }),
  expectLockAcquisitions: step({ expect: { count: 'count' } }),
  setVcpuRunning: step({ params: { vcpu: 'vcpu', running: 'bit' } }),
  setCurrentVcpu: step({ params: { vcpu: 'vcpu' } }),
  expectLpi: step({ params: { lpi: 'count' }, expect: LPI_FIELDS, needsLpis: true }),
  expectFatal: step({ expect: { kind: 'text' } }),
  itsCmd: itsStep({
    params: { cmd: 'text' },
    optional: {
      device: 'count',
      event: 'count',
      lpi: 'count',
      collection: 'count',
      target: 'count',
      fromTarget: 'count',
      toTarget: 'count',
      itt: 'hex',
      bits: 'count',
      valid: 'bit',
      opcode: 'hex',
    },
    expect: { result: 'result' },
  }),
  lpiConfigByte: itsStep({ params: { lpi: 'count', value: 'hex' } }),
  pendingTableBit: itsStep({ params: { vcpu: 'vcpu', lpi: 'count', value: 'bit' } }),
  itsSave: itsStep({ expect: { result: 'result' } }),
  itsRestore: itsStep({ expect: { result: 'result' } }),
  itsReset: itsStep({}),
  memWrite: itsStep({ params: { addr: 'hex', value: 'hex' } }),
  expectMem: itsStep({ params: { addr: 'hex' }, expect: { value: 'hex' } }),
  expectItsTables: itsStep({ expect: { devices: 'objects', collections: 'objects' } }),
  expectPendingTableBit: itsStep({ params: { vcpu: 'vcpu', lpi: 'count' }, expect: { value: 'bit' } }),
};

const isCount = (value: unknown): boolean => Number.isSafeInteger(value) && (value as number) >= 0;
const isBit = (value: unknown): boolean => value === 0 || value === 1 || typeof value === 'boolean';
const isOneOf = (choices: readonly unknown[]) => (value: unknown) => choices.includes(value);
const isListOf = (test: (value: unknown) => boolean) => (value: unknown) => Array.isArray(value) && value.every(test);

export const TRIGGERS = ['edge', 'level'] as const;
export const LR_STATES = ['inactive', 'pending', 'active', 'pending+active'] as const;

interface TypeRule {
  readonly test: (value: unknown, nrVcpus: number) => boolean;
  readonly wanted: string;
}

/** Names of registers are checked where their offsets are known (registers.ts); structures where they are read. */
const RULES: Readonly<Record<FieldType, TypeRule>> = {
  vcpu: { test: (value, nrVcpus) => isCount(value) && (value as number) < nrVcpus, wanted: 'the index of a vCPU' },
  'vcpu-or-null': {
    test: (value, nrVcpus) => value === null || (isCount(value) && (value as number) < nrVcpus),
    wanted: 'the index of a vCPU, or null',
  },
  count: { test: isCount, wanted: 'a whole number' },
  errno: { test: (value) => Number.isSafeInteger(value) && (value as number) <= 0, wanted: '0 or a negative errno' },
  bit: { test: isBit, wanted: '0, 1, true or false' },
  hex: {
    test: (value) => isCount(value) || (typeof value === 'string' && /^0x[0-9a-f]{1,16}$/i.test(value)),
    wanted: 'a hex string such as "0xf8"',
  },
  width: { test: isOneOf([1, 2, 4, 8]), wanted: '1, 2, 4 or 8' },
  register: { test: (value) => typeof value === 'string', wanted: 'the name of a register' },
  'system-register': { test: isOneOf(['SGI1R', 'SGI0R']), wanted: 'SGI1R or SGI0R' },
  trigger: { test: isOneOf(TRIGGERS), wanted: TRIGGERS.join(' or ') },
  'lr-state': { test: isOneOf(LR_STATES), wanted: `one of ${LR_STATES.join(', ')}` },
  text: { test: (value) => typeof value === 'string', wanted: 'a string' },
  counts: { test: isListOf(isCount), wanted: 'a list of whole numbers' },
  bits: { test: isListOf(isBit), wanted: 'a list of 0 and 1' },
  lrs: { test: Array.isArray, wanted: 'a list of list registers' },
  objects: { test: isListOf((value) => typeof value === 'object' && value !== null), wanted: 'a list of objects' },
  result: { test: (value) => typeof value === 'string' || Number.isSafeInteger(value), wanted: 'OK or an error code' },
};

/** What is wrong with `value` as a field of that type, or undefined. */
export function fieldProblem(type: FieldType, value: unknown, nrVcpus: number): string | undefined {
  const rule = RULES[type];
  return rule.test(value, nrVcpus) ? undefined : `must be ${rule.wanted}, not ${JSON.stringify(value)}`;
}
