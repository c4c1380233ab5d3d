/** Lines that become facts: which fact, whose, where in the trace; and that nothing else of the trace changes with them. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import * as K from '../../trace/events.js';
import { openTrace } from '../../trace/reader.js';
import { createMemorySource } from '../../trace/source.js';
import { createFtraceImporter } from './importer.js';

const RECORDED = new URL('../../../../traces/recorded/', import.meta.url);
const POINTERS = ['0xffff0000c0000000', '0xffff0000c1000000'] as const;

interface Event {
  /** `kind vcpu intid value`. */
  readonly text: string;
  readonly isFact: boolean;
  readonly tick: number;
}

interface Imported {
  readonly events: readonly Event[];
  readonly warnings: readonly string[];
  readonly unknownLines: number;
}

/** A line is [thread, cpu, flags, event text]; lines are 10 microseconds apart. */
type Line = readonly [thread: string, cpu: number, flags: string, text: string];
const write = (lines: readonly Line[]): string =>
  lines
    .map(([thread, cpu, flags, text], i) => {
      const time = (100 + i / 1e5).toFixed(6);
      return `${thread.padStart(16)} [00${cpu}] ${flags}   ${time}: ${text}\n`;
    })
    .join('');

function importLines(lines: readonly Line[]): Imported {
  const events: Event[] = [];
  const warnings: string[] = [];
  let tick = 0;
  const importer = createFtraceImporter(
    'lab/trace.txt',
    {
      event(kind, vcpu, intid, value, dt) {
        tick += dt;
        const isFact = kind >= K.MSI_CACHED && kind <= K.GUEST_ITS_WORD;
        events.push({ text: `${K.findKind(kind)?.name} ${vcpu} ${intid} ${value}`, isFact, tick });
      },
    },
    { onWarning: ({ place, what }) => warnings.push(`${place}: ${what}`) },
  );
  importer.push(new TextEncoder().encode(write(lines)));
  return { unknownLines: importer.end().counts.unknownLines, events, warnings };
}

const factsOf = ({ events }: Imported): string[] => events.filter(({ isFact }) => isFact).map(({ text }) => text);
const rest = ({ events }: Imported): Event[] => events.filter(({ isFact }) => !isFact);
const textsOf = ({ events }: Imported): string[] => events.map(({ text }) => text);

const vcpuLine = (vcpu: number, text: string, flags = 'd....'): Line => [
  `CPU ${vcpu}/KVM-${11 + vcpu}`,
  vcpu,
  flags,
  text,
];
const device = (pid: number, text: string, flags = 'd....'): Line => [`device-${pid}`, 1, flags, text];
const flush = (vcpu: number): Line => vcpuLine(vcpu, `vgic_flush: (x+0x0/0x0) vcpu=${vcpu} vcpup=${POINTERS[vcpu]}`);
/** A guest run with an empty ap_list. */
const run = (vcpu: number, ...within: readonly Line[]): Line[] => [
  flush(vcpu),
  vcpuLine(vcpu, 'kvm_entry: PC: 0x0000000040000000'),
  ...within,
  vcpuLine(vcpu, `vgic_sync: (x+0x0/0x0) vcpu=${vcpu}`),
  vcpuLine(vcpu, 'kvm_exit: IRQ: HSR_EC: 0x0000 (UNKNOWN), PC: 0x0000000040000000', '.....'),
];
const queueLine = (intid: number, latch = 0): string =>
  `vgic_queue: (x+0x0/0x0) intid=${intid} line=0 latch=${latch} active=0 en=1 hw=0 prio=0x40 grp=1 cfg=0 src=0x0 onvcpu=0x0 target=${POINTERS[0]}`;
const appendLine = (intid: number): string => `ap_add: (x+0x0/0x0) vcpu=0 intid=${intid}`;
const cached = (event: number, dev = '0x8'): string =>
  `its_cached: (x+0x0/0x0) addr_lo=0x8090040 data=${event} dev=${dev}`;
const trigger = (event: number, dev = '0x8'): string => `its_trigger: (x+0x0/0x0) dev=${dev} event=${event}`;
/** MAPTI of an LPI: its configuration is read, then its pending bit. */
const mapLines = (intid: number): Line[] => [
  vcpuLine(0, `lpi_config: (x+0x0/0x0) intid=${intid} filter=0x0`),
  vcpuLine(0, queueLine(intid)),
  vcpuLine(0, queueLine(intid)),
];
const SET_UP: readonly Line[] = [
  ...run(0),
  ...run(1),
  vcpuLine(0, 'kvm_mmio: mmio write len 4 gpa 0x8000000 val 0x12', '.....'),
  ...mapLines(8200),
  ...mapLines(8201),
  ...run(0),
];

const DEVICE_8 = 8 << 16;

test('an MSI says what its thread queued: a hit names the LPI, a miss names none and its translation does', () => {
  const imported = importLines([
    ...SET_UP,
    device(30, cached(1)),
    device(30, trigger(1)),
    device(30, queueLine(8200, 1)),
    device(30, appendLine(8200)),
    device(30, cached(2)),
    device(30, queueLine(8201, 1)),
    device(30, appendLine(8201)),
    ...run(1),
  ]);
  assert.deepEqual(imported.warnings, []);
  assert.deepEqual(factsOf(imported), [
    `msi-cached 0 0 ${DEVICE_8 | 1}`,
    `its-trigger 0 8200 ${DEVICE_8 | 1}`,
    `msi-cached 0 8201 ${DEVICE_8 | 2}`,
  ]);
  // Each stands before what came of it.
  const texts = textsOf(imported);
  const from = texts.indexOf(`msi-cached 0 0 ${DEVICE_8 | 1}`);
  assert.deepEqual(texts.slice(from, from + 5), [
    `msi-cached 0 0 ${DEVICE_8 | 1}`,
    `its-trigger 0 8200 ${DEVICE_8 | 1}`,
    'inject 0 8200 1',
    `msi-cached 0 8201 ${DEVICE_8 | 2}`,
    'inject 0 8201 1',
  ]);
});

test('MSIs of two threads at once keep their own LPIs; a question that nothing followed is a miss', () => {
  const imported = importLines([
    ...SET_UP,
    device(30, cached(1)),
    device(31, cached(2)),
    device(31, queueLine(8201, 1)),
    device(31, appendLine(8201)),
    device(30, queueLine(8200, 1)),
    device(30, appendLine(8200)),
    // Could not sleep for the tables: a worker asks again.
    device(30, cached(1)),
    device(32, cached(1)),
    device(32, trigger(1)),
    ...run(1),
  ]);
  assert.deepEqual(factsOf(imported), [
    `msi-cached 0 8200 ${DEVICE_8 | 1}`,
    `msi-cached 0 8201 ${DEVICE_8 | 2}`,
    `msi-cached 0 0 ${DEVICE_8 | 1}`,
    `msi-cached 0 0 ${DEVICE_8 | 1}`,
    `its-trigger 0 0 ${DEVICE_8 | 1}`,
  ]);
});

test("a hard interrupt's timer between an MSI and its LPI does not lend the MSI its INTID", () => {
  const imported = importLines([
    ...SET_UP,
    device(30, cached(1)),
    device(30, 'kvm_timer_update_irq: VCPU: 1, IRQ 27, level 1', 'd.h..'),
    device(30, 'vgic_update_irq_pending: VCPU: 1, IRQ 27, level: 1', 'd.h..'),
    device(30, queueLine(27).replace('cfg=0', 'cfg=1').replace(POINTERS[0], POINTERS[1]), 'd.h..'),
    device(30, queueLine(8200, 1)),
    device(30, appendLine(8200)),
    ...run(1),
  ]);
  assert.deepEqual(factsOf(imported), [`msi-cached 0 8200 ${DEVICE_8 | 1}`, 'timer-level 1 27 1']);
});

const TIMERS: readonly Line[] = [
  vcpuLine(1, 'kvm_timer_update_irq: VCPU: 0, IRQ 30, level 0', '.....'),
  vcpuLine(1, 'irq_handler_entry: irq=12 name=kvm guest vtimer', 'd.h..'),
  vcpuLine(0, 'irq_handler_entry: irq=13 name=kvm guest ptimer', 'd.h..'),
  vcpuLine(0, 'kvm_timer_hrtimer_expire: arch_timer_ctx_index: 1', 'd.h..'),
];

test('timers: the level names its vCPU, a host interrupt and an expiry are of the vCPU whose thread they met', () => {
  const imported = importLines([
    ...SET_UP,
    ...TIMERS,
    // Of no vCPU that is known.
    ['<idle>-0', 1, 'd.h..', 'irq_handler_entry: irq=12 name=kvm guest vtimer'],
    ['<idle>-0', 1, 'd.h..', 'kvm_timer_hrtimer_expire: arch_timer_ctx_index: 1'],
    // Of no timer of the guest.
    vcpuLine(0, 'irq_handler_entry: irq=11 name=arch_timer', 'd.h..'),
    vcpuLine(0, 'irq_handler_entry: irq=2 name=IPI', 'd.h..'),
    ...run(1),
  ]);
  assert.deepEqual(imported.warnings, []);
  assert.deepEqual(factsOf(imported), [
    'timer-level 0 30 0',
    'host-timer-irq 1 27 0',
    'host-timer-irq 0 30 0',
    'timer-expired 0 0 0',
  ]);
});

test('stock tracepoints show timers too', () => {
  const imported = importLines([
    vcpuLine(0, 'kvm_entry: PC: 0x0000000040000000'),
    vcpuLine(1, 'kvm_entry: PC: 0x0000000040000000'),
    ...TIMERS,
    vcpuLine(1, 'vgic_update_irq_pending: VCPU: 0, IRQ 30, level: 0'),
    vcpuLine(0, 'kvm_exit: IRQ: HSR_EC: 0x0000 (UNKNOWN), PC: 0x0000000040000000'),
  ]);
  assert.deepEqual(textsOf(imported), [
    'flush 0 0 0',
    'flush 1 0 0',
    'timer-level 0 30 0',
    'host-timer-irq 1 27 0',
    'host-timer-irq 0 30 0',
    'timer-expired 0 0 0',
    'enable 0 30 1',
    'inject 0 30 0',
    'guest-drain 0 0 0',
    'sync 0 0 0',
  ]);
});

const mmio = (vcpu: number, address: number, value: string): Line =>
  vcpuLine(vcpu, `kvm_mmio: mmio write len 8 gpa 0x${address.toString(16)} val ${value}`, '.....');
/** The guest's copy of a command, and the write that issues it. */
const command = (first: string, second: string, third: string): Line[] => [
  mmio(1, 0xa000040, first),
  mmio(1, 0xa000048, second),
  mmio(1, 0xa000050, third),
  mmio(1, 0x8080088, '0x20'),
];
const wordsOf = (...words: readonly number[]): string[] => words.map((word, i) => `guest-its-word 1 ${i} ${word}`);

test('an ITS command is six words of 32 bits: at the line of its effect if it has one, else where it was issued', () => {
  const move = command('0x800000001', '0x1', '0x2');
  const clear = command('0x800000004', '0x1', '0xffffffff00000000');
  const msi = (event: number, lpi: number): Line[] => [
    device(30, cached(event)),
    device(30, queueLine(lpi, 1)),
    device(30, appendLine(lpi)),
  ];
  const imported = importLines([
    ...SET_UP,
    ...move,
    ...msi(1, 8200),
    vcpuLine(1, `lpi_affinity: (x+0x0/0x0) intid=8200 x1=${POINTERS[0]} x2=0x0`),
    ...clear,
    ...msi(2, 8201),
    ...run(1),
  ]);
  assert.deepEqual(imported.warnings, []);
  assert.deepEqual(factsOf(imported), [
    `msi-cached 0 8200 ${DEVICE_8 | 1}`,
    ...wordsOf(0x01, 8, 1, 0, 2, 0),
    ...wordsOf(0x04, 8, 1, 0, 0, -1),
    `msi-cached 0 8201 ${DEVICE_8 | 2}`,
  ]);
  const texts = textsOf(imported);
  assert.ok(texts.indexOf('lpi-move 0 8200 0') > texts.indexOf('guest-its-word 1 5 0'));
});

test('a command that was copied but never issued is none', () => {
  assert.deepEqual(factsOf(importLines([...SET_UP, ...command('0x1', '0x1', '0x2').slice(0, 3), ...run(1)])), []);
});

test('a broken line is counted, and makes no fact', () => {
  const imported = importLines([
    ...SET_UP,
    device(30, 'its_cached: (x+0x0/0x0) addr_lo=0x8090040'),
    device(30, trigger(1, '0x12345')),
    vcpuLine(0, 'kvm_timer_update_irq: VCPU: 900, IRQ 27, level 1'),
    vcpuLine(0, 'kvm_timer_update_irq: VCPU: 0, IRQ 99, level 1'),
    ...run(1),
  ]);
  assert.deepEqual(factsOf(imported), []);
  assert.equal(imported.unknownLines, 2);
});

test('a fact parts no exit in two and moves no event in time', () => {
  const within = vcpuLine(1, 'irq_handler_entry: irq=12 name=kvm guest vtimer', 'd.h..');
  const lines = (fact: Line): Line[] => [
    ...SET_UP,
    ...run(0, fact).map((line): Line => (line[3].startsWith('kvm_exit') ? fact : line)),
    fact,
    ...run(1),
  ];
  const withFacts = importLines(lines(within));
  const without = importLines(lines(vcpuLine(1, 'irq_handler_entry: irq=2 name=IPI', 'd.h..')));
  assert.equal(factsOf(withFacts).length, 3);
  assert.deepEqual(rest(withFacts), rest(without));
  for (const [i, { tick }] of withFacts.events.entries()) assert.ok(i === 0 || tick >= withFacts.events[i - 1].tick);
});

test('every LPI that a recording injects has the fact it came from', () => {
  for (const name of ['bare-lpi', 'virtio-pci-blk', 'virtio-pci-net']) {
    const reader = openTrace(createMemorySource(readFileSync(new URL(`${name}.vgt`, RECORDED)), name));
    const block = K.createEventBlock();
    /** LPI → facts that name it, less the events that it explains. */
    const open = new Map<number, number>();
    let lpis = 0;
    while (reader.next(block)) {
      for (let i = 0; i < block.count; i++) {
        const kind = K.wordKind(block.word[i]);
        const intid = K.wordIntid(block.word[i]);
        const isFact = kind === K.MSI_CACHED || kind === K.ITS_TRIGGER;
        if (intid < 8192 || !(isFact || kind === K.INJECT)) continue;
        if (!isFact) lpis++;
        open.set(intid, (open.get(intid) ?? 0) + (isFact ? 1 : -1));
      }
    }
    assert.ok(lpis > 2000);
    assert.deepEqual(
      [...open.values()].filter((count) => count !== 0),
      [],
      name,
    );
  }
});
