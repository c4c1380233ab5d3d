/** Test support: steps and combinations of ITS scenarios that the shipped ones leave out, with what vgic-spec 6 says of them. */
import type { WrittenScenario, WrittenStep } from './test-scenarios.js';

const KVM: readonly string[] = ['kvm-6.1', 'kvm-6.19', 'kvm-7.2'];
const AFTER_61: readonly string[] = ['kvm-6.19', 'kvm-7.2'];
const ITT = '0x40200000';

const everywhere = (op: string, args: object, expected: object): WrittenStep => ({
  op,
  ...args,
  expect: { '*': expected },
});
const command = (result: string, cmd: string, operands: object): WrittenStep =>
  everywhere('itsCmd', { cmd, ...operands }, { result });
const lpi = (number: number, fields: object): WrittenStep =>
  everywhere('expectLpi', { lpi: number }, { exists: true, ...fields });
const list = (vcpu: number, intids: readonly number[]): WrittenStep =>
  everywhere('expectApList', { vcpu }, { list: intids });
const tables = (devices: readonly object[], collections: readonly object[]): WrittenStep =>
  everywhere('expectItsTables', {}, { devices, collections });
const memory = (addr: string, value: string): WrittenStep => everywhere('expectMem', { addr }, { value });
const save = (result = 'OK'): WrittenStep => everywhere('itsSave', {}, { result });
const restore = (result = 'OK'): WrittenStep => everywhere('itsRestore', {}, { result });
const its = (id: string, steps: readonly WrittenStep[], flavours = KVM, vcpus = 2): WrittenScenario => ({
  id,
  flavours,
  config: { kind: 'its', vcpus, map: 'see schema.itsMemoryMap' },
  steps,
});

/** Device 5 with events 1 and 3 in collection 1 on vCPU 1. */
const MAPPED: readonly WrittenStep[] = [
  command('OK', 'MAPD', { device: 5, itt: ITT, bits: 4, valid: 1 }),
  command('OK', 'MAPC', { collection: 1, target: 1, valid: 1 }),
  { op: 'lpiConfigByte', lpi: 8192, value: '0xa1' },
  { op: 'lpiConfigByte', lpi: 8195, value: '0x41' },
  command('OK', 'MAPTI', { device: 5, event: 1, lpi: 8192, collection: 1 }),
  command('OK', 'MAPTI', { device: 5, event: 3, lpi: 8195, collection: 1 }),
];
const INT_1 = { device: 5, event: 1 };

const RAW_RESULTS: readonly (readonly [number, string])[] = [
  [0x01, '0x010107'],
  [0x03, '0x010307'],
  [0x04, '0x010507'],
  [0x05, 'OK'],
  [0x08, 'OK'],
  [0x09, 'OK'],
  [0x0a, '0x010a04'],
  [0x0b, '0x010a04'],
  [0x0c, '0x010c07'],
  [0x0d, '0x010d09'],
  [0x0e, 'OK'],
  [0x0f, '0x010f07'],
  [0x00, '-ENODEV'],
  [0x02, '-ENODEV'],
  [0x06, '-ENODEV'],
  [0x07, '-ENODEV'],
  [0x10, '-ENODEV'],
  [0xff, '-ENODEV'],
];

const targetsOf = (nrVcpus: number): WrittenScenario =>
  its(
    `targets-of-${nrVcpus}`,
    [
      command('OK', 'MAPC', { collection: 1, target: nrVcpus - 1, valid: 1 }),
      command('0x010902', 'MAPC', { collection: 1, target: nrVcpus, valid: 1 }),
      command('0x010902', 'MAPC', { collection: 1, target: 0xffffffff, valid: 1 }),
      command('0x010e01', 'MOVALL', { fromTarget: 0, toTarget: nrVcpus }),
      command('0x010e01', 'MOVALL', { fromTarget: nrVcpus, toTarget: nrVcpus }),
      command('OK', 'MOVALL', { fromTarget: 0, toTarget: 0 }),
    ],
    KVM,
    nrVcpus,
  );

export const ITS_SCENARIOS: readonly WrittenScenario[] = [
  its('start', [
    everywhere('expectKicks', {}, { kicks: [0, 0], requestSet: [0, 0], halts: 0 }),
    everywhere('expectLrs', { vcpu: 0 }, { lrs: [], hcr: '0x1' }),
  ]),
  ...[1, 2, 3, 4, 5, 6, 7, 8].map(targetsOf),
  its('raw', [
    ...RAW_RESULTS.map(([opcode, result]) => command(result, 'RAW', { opcode: `0x${opcode.toString(16)}` })),
    tables([], []),
  ]),
  its('operands-left-out', [
    ...MAPPED,
    command('OK', 'MAPC', { collection: 1 }),
    command('OK', 'MAPD', { device: 5 }),
    memory('0x40000028', '0x0'),
    everywhere('expectLpi', { lpi: 8192 }, { exists: false }),
  ]),
  its(
    'unmap-checks-target',
    [...MAPPED, command('0x010902', 'MAPC', { collection: 1, target: 2, valid: 0 })],
    ['kvm-6.1'],
  ),
  its(
    'unmap-does-not-check-target',
    [...MAPPED, command('OK', 'MAPC', { collection: 1, target: 2, valid: 0 })],
    AFTER_61,
  ),
  its('unmapped-collection', [
    ...MAPPED,
    command('OK', 'INT', INT_1),
    command('OK', 'MAPC', { collection: 1, target: 1, valid: 0 }),
    command('OK', 'MAPTI', { device: 5, event: 1, lpi: 8200, collection: 1 }),
    // The LPI is shared and keeps target and latch; the collection is a new one.
    command('OK', 'MAPTI', { device: 5, event: 2, lpi: 8192, collection: 1 }),
    lpi(8192, { pendingLatch: 1, target: 1, onListOf: 1, references: 3 }),
    command('0x010307', 'INT', { device: 5, event: 2 }),
    command('0x010f07', 'DISCARD', { device: 5, event: 2 }),
    command('OK', 'MAPC', { collection: 1, target: 0, valid: 1 }),
    lpi(8192, { target: 0, onListOf: 1, references: 3 }),
    command('0x010f07', 'DISCARD', INT_1),
    command('0x010109', 'MOVI', { ...INT_1, collection: 1 }),
    command('OK', 'INV', INT_1),
    command('OK', 'CLEAR', INT_1),
    lpi(8192, { pendingLatch: 0 }),
    command('OK', 'DISCARD', { device: 5, event: 2 }),
    tables(
      [
        {
          id: 5,
          bits: 4,
          itt: ITT,
          entries: [
            { event: 1, lpi: 8192, collection: null },
            { event: 3, lpi: 8195, collection: null },
          ],
        },
      ],
      [{ id: 1, target: 0 }],
    ),
  ]),
  its('a-run', [
    ...MAPPED,
    command('OK', 'INT', INT_1),
    command('OK', 'INT', { device: 5, event: 3 }),
    list(1, [8192, 8195]),
    everywhere('expectKicks', {}, { kicks: [0, 2], requestSet: [0, 1] }),
    { op: 'flush', vcpu: 1 },
    everywhere(
      'expectLrs',
      { vcpu: 1 },
      {
        lrs: [
          { slot: 0, intid: 8192, state: 'pending', priority: '0xa0', group: 1, hw: 0 },
          { slot: 1, intid: 8195, state: 'pending', priority: '0x40', group: 1, hw: 0 },
        ],
      },
    ),
    save('-EBUSY'),
    restore('-EBUSY'),
    everywhere('guestAck', { vcpu: 1 }, { intid: 8195 }),
    { op: 'guestEoi', vcpu: 1, intid: 8195 },
    { op: 'sync', vcpu: 1 },
    list(1, [8192]),
    everywhere('expectPendingIrq', { vcpu: 1 }, { value: true }),
    command('OK', 'CLEAR', INT_1),
    { op: 'flush', vcpu: 1 },
    everywhere('guestAck', { vcpu: 1 }, { intid: 1023 }),
    { op: 'sync', vcpu: 1 },
    list(1, []),
    everywhere('expectIrq', { intid: 8192 }, { exists: true, references: 1, group: 1, config: 'edge', active: 0 }),
    save(),
  ]),
  its('lpis-off', [
    ...MAPPED,
    command('OK', 'INT', INT_1),
    { op: 'lpisDisable', vcpu: 1 },
    list(1, []),
    lpi(8192, { pendingLatch: 0, onListOf: null, references: 1 }),
    command('-EBUSY', 'INT', INT_1),
    // A mapping still imports its pending bit.
    { op: 'pendingTableBit', vcpu: 1, lpi: 8200, value: 1 },
    { op: 'lpiConfigByte', lpi: 8200, value: '0x81' },
    command('OK', 'MAPTI', { device: 5, event: 7, lpi: 8200, collection: 1 }),
    lpi(8200, { pendingLatch: 1, onListOf: 1, references: 2 }),
    everywhere('expectPendingTableBit', { vcpu: 1, lpi: 8200 }, { value: 0 }),
    command('OK', 'MAPC', { collection: 1, target: 0, valid: 1 }),
    command('OK', 'INT', INT_1),
    list(0, [8192]),
  ]),
  its('memory-that-is-none', [
    { op: 'memWrite', addr: '0x50000000', value: '0xffff' },
    { op: 'memWrite', addr: '0xffffffffffffffff', value: '0x1' },
    memory('0x50000000', '0x0'),
    memory('0x41fffff8', '0x0'),
    command('OK', 'MAPD', { device: 5, itt: '0x42000000', bits: 4, valid: 1 }),
    command('0x010a05', 'MAPTI', { device: 5, event: 1, lpi: 8192, collection: 1 }),
  ]),
  its('restore-over-live', [
    ...MAPPED,
    save(),
    restore('-EEXIST'),
    command('0x010307', 'INT', INT_1),
    restore(),
    lpi(8192, { references: 2, target: 1 }),
    // Look-ups find the older device, whose entries are orphans.
    command('0x010307', 'INT', INT_1),
    command('OK', 'MAPD', { device: 5, valid: 0 }),
    command('OK', 'INT', INT_1),
    list(1, [8192]),
  ]),
  its('lpi-above-65535', [
    ...MAPPED,
    save(),
    { op: 'itsReset' },
    { op: 'memWrite', addr: '0x40200008', value: '0x0002000100000001' },
    restore(),
    lpi(65536, { enabled: 0, priority: '0x0', target: 1, references: 1 }),
    { op: 'lpiConfigByte', lpi: 65536, value: '0x21' },
    command('OK', 'INT', INT_1),
    list(1, []),
    command('OK', 'INV', INT_1),
    list(1, [65536]),
    { op: 'flush', vcpu: 1 },
    everywhere('guestAck', { vcpu: 1 }, { intid: 65536 }),
    { op: 'guestEoi', vcpu: 1, intid: 65536 },
    { op: 'sync', vcpu: 1 },
    list(1, []),
    save(),
    memory('0x40200008', '0x0002000100000001'),
    { op: 'itsReset' },
    { op: 'memWrite', addr: '0x40200008', value: '0x0002ffffffff0001' },
    restore('-EFAULT'),
    tables([], []),
  ]),
  its('ranges', [
    command('0x010801', 'MAPD', { device: 65536, itt: ITT, bits: 4, valid: 1 }),
    command('0x010801', 'MAPD', { device: 0xffffffff, itt: '0x0', bits: 1, valid: 0 }),
    command('OK', 'MAPD', { device: 8191, itt: ITT, bits: 16, valid: 1 }),
    command('0x010903', 'MAPTI', { device: 8191, event: 65535, lpi: 65535, collection: 8192 }),
    command('OK', 'MAPTI', { device: 8191, event: 65535, lpi: 65535, collection: 8191 }),
    command('0x010a05', 'MAPTI', { device: 8191, event: 65536, lpi: 65535, collection: 8191 }),
    command('OK', 'MAPD', { device: 1, itt: ITT, bits: 32, valid: 0 }),
    command('0x010802', 'MAPD', { device: 1, itt: ITT, bits: 32, valid: 1 }),
    command('OK', 'MAPI', { device: 8191, event: 8192, collection: 8191 }),
    command('0x010a06', 'MAPI', { device: 8191, event: 8191, collection: 8191 }),
  ]),
  {
    ...its('list-registers-given', [
      ...MAPPED,
      command('OK', 'INT', INT_1),
      command('OK', 'INT', { device: 5, event: 3 }),
      { op: 'flush', vcpu: 1 },
      everywhere('expectLrs', { vcpu: 1 }, { lrs: [{ intid: 8195, state: 'pending' }] }),
    ]),
    config: { kind: 'its', vcpus: 2, nrLr: 1 },
  },
];
