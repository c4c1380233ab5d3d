import assert from 'node:assert/strict';
import { test } from 'node:test';
import { InputError } from '../../base/errors.js';
import * as K from '../../trace/events.js';
import type { TraceHeader } from '../../trace/header.js';
import { createFtraceImporter, isFtrace } from './importer.js';

const VCPU0 = '0xffff0000c0000000';
const VCPU1 = '0xffff0000c1000000';
const VCPU2 = '0xffff0000c2000000';

interface Imported {
  readonly header: TraceHeader;
  /** `kind vcpu intid value`, ground truth and facts left out. */
  readonly inputs: string[];
  readonly all: string[];
  readonly ticks: number[];
  readonly warnings: string[];
}

function importText(text: string, acks?: string): Imported {
  const all: string[] = [];
  const inputs: string[] = [];
  const ticks: number[] = [];
  const warnings: string[] = [];
  let tick = 0;
  const importer = createFtraceImporter(
    'lab/trace.txt',
    {
      event(kind, vcpu, intid, value, dt) {
        const line = `${K.findKind(kind)?.name} ${vcpu} ${intid} ${value}`;
        all.push(line);
        tick += dt;
        ticks.push(tick);
        if (kind < K.FIRST_FACT) inputs.push(line);
      },
    },
    { ...(acks === undefined ? {} : { acks }), onWarning: ({ place, what }) => warnings.push(`${place}: ${what}`) },
  );
  importer.push(new TextEncoder().encode(text));
  return { header: importer.end(), inputs, all, ticks, warnings };
}

/** Numbers the lines 10 microseconds apart; a line is [thread, cpu, flags, event text]. */
type Line = readonly [thread: string, cpu: number, flags: string, text: string];
const write = (lines: readonly Line[], stepUs = 10): string =>
  lines
    .map(([thread, cpu, flags, text], i) => {
      const time = (100 + (i * stepUs) / 1e6).toFixed(6);
      return `${thread.padStart(16)} [00${cpu}] ${flags}   ${time}: ${text}\n`;
    })
    .join('');

const THREADS = ['CPU 0/KVM-11', 'CPU 1/KVM-12', 'CPU 2/KVM-13'] as const;
const POINTERS = [VCPU0, VCPU1, VCPU2] as const;
const vcpuLine = (vcpu: number, text: string, flags = 'd....'): Line => [THREADS[vcpu], vcpu, flags, text];

const queueText = (intid: number, fields: Record<string, string | number> = {}): string => {
  const all = {
    line: 0,
    latch: 1,
    active: 0,
    en: 1,
    hw: 0,
    prio: '0xa0',
    grp: 1,
    cfg: 0,
    src: '0x0',
    onvcpu: '0x0',
    target: VCPU0,
    ...fields,
  };
  const shown = Object.entries(all).map(([key, value]) => `${key}=${value}`);
  return `intid=${intid} ${shown.join(' ')}`;
};
const queueLine = (intid: number, fields?: Record<string, string | number>): string =>
  `vgic_queue: (vgic_queue_irq_unlock+0x0/0x2f0) ${queueText(intid, fields)}`;

/** A flush that filled LRs with these SGIs, then entry, exit without any guest access, and prune of `deleted`. */
function run(vcpu: number, intids: readonly number[], deleted: readonly number[] = [], states = '5'): Line[] {
  const pointer = POINTERS[vcpu];
  const word = (intid: number): string => `0x${states}0a00000${intid.toString(16).padStart(8, '0')}`;
  const lrs = [0, 1, 2, 3].map((lr) => `lr${lr}=${lr < intids.length ? word(intids[lr]) : '0x0'}`).join(' ');
  const list = [0, 1, 2, 3, 4, 5, 6, 7, 8, 9].map((i) => `a${i}=${intids[i] ?? 147960472}`).join(' ');
  const lines = [vcpuLine(vcpu, `vgic_flush: (kvm_vgic_flush_hwstate+0x0/0x470) vcpu=${vcpu} vcpup=${pointer}`)];
  for (const [lr, intid] of intids.entries()) {
    const fields = queueText(intid, { onvcpu: pointer, target: pointer });
    lines.push(vcpuLine(vcpu, `lr_populate: (vgic_v3_populate_lr+0x0/0x260) vcpu=${vcpu} lr=${lr} ${fields}`));
  }
  if (intids.length > 0) {
    const head = `vcpu=${vcpu} used=${intids.length} hcr=0x1 vmcr=0xf84c000a apr=0x0`;
    lines.push(vcpuLine(vcpu, `lr_flush: (__vgic_v3_restore_state+0x0/0x80) ${head} ${lrs} ${list}`));
  }
  lines.push(vcpuLine(vcpu, 'kvm_entry: PC: 0x0000000040000000'));
  lines.push(vcpuLine(vcpu, `vgic_sync: (kvm_vgic_sync_hwstate+0x0/0x580) vcpu=${vcpu}`));
  if (intids.length > 0) {
    const after = deleted.length > 0 ? lrs.replaceAll(`=0x${states}`, '=0x1') : lrs;
    const head = `vcpu=${vcpu} used=${intids.length} hcr=0x1 vmcr=0xf84c000a apr=0x0`;
    lines.push(vcpuLine(vcpu, `lr_fold: (vgic_v3_fold_lr_state+0x0/0x250) ${head} ${after}`));
  }
  for (const intid of deleted) lines.push(vcpuLine(vcpu, `ap_del: (x+0x0/0x0) vcpu=${vcpu} intid=${intid}`));
  lines.push(vcpuLine(vcpu, 'kvm_exit: TRAP: HSR_EC: 0x0001 (WFx), PC: 0x0000000040000000', '.....'));
  return lines;
}

/** Guest set-up: distributor on, SGI priorities as in `queueText`. */
const SET_UP: readonly Line[] = [
  ...run(0, []),
  ...run(1, []),
  vcpuLine(0, 'kvm_mmio: mmio write len 4 gpa 0x8000000 val 0x12', '.....'),
  ...[0, 1].flatMap((vcpu) =>
    [0, 4, 8, 12].map((first) =>
      vcpuLine(
        vcpu,
        `kvm_mmio: mmio write len 4 gpa 0x${(0x80b0400 + vcpu * 0x20000 + first).toString(16)} val 0xa0a0a0a0`,
        '.....',
      ),
    ),
  ),
  ...run(0, []),
  ...run(1, []),
];

const sgiLines = (sender: number, target: number, intid: number): Line[] => [
  vcpuLine(
    sender,
    `sgi_write: (vgic_v3_dispatch_sgi+0x0/0x290) vcpu=${sender} reg=0x${((intid << 24) | (1 << target)).toString(16)} grp1=1`,
  ),
  vcpuLine(sender, queueLine(intid, { target: POINTERS[target] })),
  vcpuLine(sender, `ap_add: (vgic_queue_irq_unlock+0x118/0x2f0) vcpu=${target} intid=${intid}`),
];

const tail = (imported: Imported, from: string): string[] => {
  const at = imported.inputs.indexOf(from);
  assert.ok(at >= 0, `${from} in ${imported.inputs.join(', ')}`);
  return imported.inputs.slice(at);
};

test('thread names with spaces, flags and equal times are read; kinds follow the order of the lines', () => {
  const imported = importText(write([...SET_UP, ...sgiLines(0, 1, 3), ...run(1, [3], [3])], 0));
  assert.deepEqual(tail(imported, 'sgi 0 3 2'), ['sgi 0 3 2', 'flush 1 0 0', 'guest-lr-state 1 0 0', 'sync 1 0 0']);
  assert.deepEqual(imported.warnings, []);
  assert.equal(imported.header.machine.nrVcpus, 2);
  assert.equal(imported.header.machine.model, 'gicv3');
  assert.equal(imported.header.machine.nrLr, 4);
  assert.equal(imported.header.fidelity, 3);
  assert.equal(imported.header.name, 'lab');
  assert.ok(imported.ticks.every((tick) => tick === 0));
});

test('an SGI with no append yet does not go before the flush that went without it', () => {
  const [announce, queue, append] = sgiLines(0, 1, 3);
  const during = run(1, []);
  const imported = importText(
    write([...SET_UP, announce, queue, ...during.slice(0, 2), append, ...during.slice(2), ...run(1, [3], [3])]),
  );
  assert.deepEqual(imported.warnings, []);
  const late = tail(imported, 'sgi 0 3 2');
  assert.deepEqual(
    late.filter((line) => line.startsWith('flush')),
    ['flush 1 0 0'],
  );
  assert.equal(imported.inputs[imported.inputs.indexOf('sgi 0 3 2') - 1], 'flush 1 0 0');
  assert.equal(imported.header.counts.reordered, 1);
});

test('an SGI whose ap_add line stands behind the flush that shows it goes before that flush', () => {
  const [announce, queue, append] = sgiLines(0, 1, 3);
  const during = run(1, [3], [3]);
  // The ap_add line comes long after the append: by time alone the flush would be first.
  const late = Array.from({ length: 20 }, () => vcpuLine(1, 'irq_handler_entry: irq=2 name=IPI', 'd.h..'));
  const imported = importText(
    write([...SET_UP, announce, queue, ...during.slice(0, 4), ...late, append, ...during.slice(4)]),
  );
  assert.deepEqual(tail(imported, 'sgi 0 3 2').slice(0, 2), ['sgi 0 3 2', 'flush 1 0 0']);
  assert.equal(imported.header.counts.decisionsFromRecording, 1);
  assert.deepEqual(imported.warnings, []);
});

test('without anything concurrent no decision is taken', () => {
  const imported = importText(write([...SET_UP, ...sgiLines(0, 1, 3), ...run(1, [3], [3]), ...run(0, [])]));
  assert.equal(imported.header.counts.decisionsFromRecording, 0);
  assert.equal(imported.header.counts.reordered, 0);
});

test("a hard interrupt's vgic_queue between its_cached and the LPI belongs to the timer", () => {
  const lpi = { target: VCPU0, prio: '0x40', latch: 0 };
  const device = (text: string): Line => ['device-30', 1, 'd....', text];
  const hard = (text: string): Line => ['device-30', 1, 'd.h..', text];
  const imported = importText(
    write([
      ...SET_UP,
      vcpuLine(0, 'lpi_config: (update_lpi_config+0x0/0x1bc) intid=8200 filter=0x0'),
      vcpuLine(0, queueLine(8200, lpi)),
      vcpuLine(0, queueLine(8200, lpi)),
      ...run(0, []),
      device('its_cached: (vgic_its_inject_cached_translation+0x0/0x1d0) addr_lo=0x8090040 data=8 dev=0x0'),
      hard('irq_handler_entry: irq=12 name=kvm guest vtimer'),
      hard('vgic_update_irq_pending: VCPU: 1, IRQ 27, level: 1'),
      hard(queueLine(27, { cfg: 1, hw: 1, line: 1, latch: 0, en: 0, prio: '0x0', target: VCPU1 })),
      device(queueLine(8200, { ...lpi, latch: 1 })),
      device('ap_add: (vgic_queue_irq_unlock+0x118/0x2f0) vcpu=0 intid=8200'),
      ...run(1, []),
    ]),
  );
  assert.deepEqual(imported.warnings, []);
  assert.ok(imported.inputs.includes(`lpi-map 0 8200 ${(0x40 << 8) | (1 << 16)}`));
  assert.ok(imported.inputs.includes('lpi-pending 0 8200 0'));
  assert.deepEqual(tail(imported, 'inject 1 27 1').slice(0, 2), ['inject 1 27 1', 'inject 0 8200 1']);
  assert.equal(imported.header.machine.nrLpis, 57344);
});

const mmio = (vcpu: number, address: number, length: number, value: number): Line =>
  vcpuLine(
    vcpu,
    `kvm_mmio: mmio write len ${length} gpa 0x${address.toString(16)} val 0x${value.toString(16)}`,
    '.....',
  );

/** SPIs 40 and 41, pending on the list of vCPU 0, are routed to vCPUs 1 and 2: its next prune moves them. */
const TWO_ROUTED: readonly Line[] = [
  ...SET_UP,
  ...run(2, []),
  mmio(0, 0x8000428, 4, 0xa0a0a0a0),
  mmio(0, 0x8000104, 4, 0x300),
  ...[40, 41].map((intid) => vcpuLine(0, queueLine(intid, { latch: 0 }))),
  mmio(0, 0x8000204, 4, 0x300),
  ...[40, 41].flatMap((intid) => [
    vcpuLine(0, queueLine(intid)),
    vcpuLine(0, `ap_add: (vgic_queue_irq_unlock+0x118/0x2f0) vcpu=0 intid=${intid}`),
  ]),
  ...run(0, [40, 41]),
  mmio(0, 0x8006140, 8, 1),
  mmio(0, 0x8006148, 8, 2),
];
const moveLine = (intid: number, to: number): Line =>
  vcpuLine(0, `ap_move: (kvm_vgic_sync_hwstate+0x410/0x580) vcpu=0 to=${to} intid=${intid}`);
/** The flush of vCPU 0 that presents neither, and its exit up to the prune. */
const beforeMoves = (): Line[] => {
  const lines = run(0, []);
  const list = `a0=40 a1=41 ${[2, 3, 4, 5, 6, 7, 8, 9].map((i) => `a${i}=147960472`).join(' ')}`;
  const head = 'vcpu=0 used=0 hcr=0x1 vmcr=0xf84c000a apr=0x0 lr0=0x0 lr1=0x0 lr2=0x0 lr3=0x0';
  lines.splice(1, 0, vcpuLine(0, `lr_flush: (__vgic_v3_restore_state+0x0/0x80) ${head} ${list}`));
  return lines.slice(0, -1);
};
const leave = vcpuLine(0, 'kvm_exit: TRAP: HSR_EC: 0x0024 (DABT_LOW), PC: 0x0000000040000000', '.....');

test('a flush that found its list empty comes before the move that another CPU was in the middle of', () => {
  const imported = importText(
    write([
      ...TWO_ROUTED,
      ...beforeMoves(),
      moveLine(40, 1),
      moveLine(41, 2),
      // The list is found empty without its lock.
      ...run(1, []),
      leave,
      ...run(1, [40], [40]),
      ...run(2, [41], [41]),
    ]),
  );
  assert.deepEqual(imported.warnings, []);
  const order = tail(imported, 'target 0 41 2').slice(1, 5);
  assert.deepEqual(order, ['flush 0 0 0', 'flush 1 0 0', 'sync 0 0 0', 'sync 1 0 0']);
});

test('a prune that lets others in between two moves is written in parts', () => {
  const imported = importText(
    write([
      ...TWO_ROUTED,
      ...beforeMoves(),
      moveLine(40, 1),
      ...run(1, [40], [40]),
      ...run(2, []),
      moveLine(41, 2),
      leave,
      ...run(2, [41], [41]),
    ]),
  );
  assert.deepEqual(imported.warnings, []);
  assert.deepEqual(
    tail(imported, 'target 0 41 2').filter((line) => !line.startsWith('guest-lr-state')),
    [
      ...['target 0 41 2', 'flush 0 0 0', 'fold 0 0 0', 'target 0 41 0', 'prune 0 0 0', 'target 0 41 2'],
      ...['flush 1 0 0', 'sync 1 0 0', 'flush 2 0 0', 'sync 2 0 0'],
      ...['prune 0 0 0', 'flush 2 0 0', 'sync 2 0 0'],
    ],
  );
});

test('LRs are folded one by one: a pend before the kvm_ack_irq of a fold is undone by that fold', () => {
  const exit = run(0, [40], [40]).map(
    ([thread, cpu, flags, text]): Line => [thread, cpu, flags, text.replace('cfg=0', 'cfg=1')],
  );
  const imported = importText(
    write([
      ...SET_UP,
      mmio(0, 0x8000428, 4, 0xa0a0a0a0),
      mmio(0, 0x8000c08, 4, 0),
      mmio(0, 0x8000104, 4, 0x100),
      vcpuLine(0, queueLine(40, { latch: 0, cfg: 1 })),
      mmio(0, 0x8000204, 4, 0x100),
      vcpuLine(0, queueLine(40, { cfg: 1 })),
      vcpuLine(0, 'ap_add: (vgic_queue_irq_unlock+0x118/0x2f0) vcpu=0 intid=40'),
      ...exit.slice(0, -2),
      mmio(1, 0x8000204, 4, 0x100),
      vcpuLine(1, queueLine(40, { cfg: 1, onvcpu: VCPU0 })),
      vcpuLine(0, 'kvm_ack_irq: irqchip 0 pin 8'),
      ...exit.slice(-2),
    ]),
  );
  assert.deepEqual(imported.warnings, []);
  assert.deepEqual(tail(imported, 'pending 1 40 1'), ['pending 1 40 1', 'guest-lr-state 0 0 0', 'sync 0 0 0']);
});

test('an injection without a vgic_queue was redundant and stays in the trace', () => {
  const inject = vcpuLine(0, 'vgic_update_irq_pending: VCPU: 0, IRQ 27, level: 0', '.....');
  const imported = importText(write([...SET_UP, inject, ...run(0, [])]));
  assert.ok(imported.inputs.includes('inject 0 27 0'));
  assert.deepEqual(imported.warnings, []);
});

test('a preempted register write goes on after the thread is scheduled in again', () => {
  const enable = (intid: number): Line => vcpuLine(0, queueLine(intid, { latch: 0, prio: '0x0' }));
  const imported = importText(
    write([
      ...SET_UP,
      vcpuLine(0, 'kvm_mmio: mmio write len 4 gpa 0x8000104 val 0x3', '.....'),
      enable(32),
      vcpuLine(0, 'vgic_put: (__vgic_v3_save_aprs+0x0/0x80) vcpu=0 vmcr=0xf84c000a'),
      vcpuLine(0, 'vgic_load: (kvm_vgic_load+0x0/0x50) vcpu=0'),
      vcpuLine(0, 'kvm_timer_update_irq: VCPU: 0, IRQ 27, level 0', '.....'),
      vcpuLine(0, 'vgic_update_irq_pending: VCPU: 0, IRQ 27, level: 0', '.....'),
      enable(33),
      ...run(0, []),
    ]),
  );
  assert.deepEqual(imported.warnings, []);
  assert.ok(imported.inputs.includes('enable 0 32 1'));
  assert.ok(imported.inputs.includes('enable 0 33 1'));
});

test('guest accesses of the tsv come between entry and exit; EOImode decides what EOIR means', () => {
  const lines = [...SET_UP, ...sgiLines(0, 1, 3), ...run(1, [3], [3])];
  const entry = lines.findLastIndex((line) => line[3].startsWith('kvm_entry')) + 1;
  const acks = [
    'trace_time\thost_cpu\tvcpu\tentry_line\tregister\tvalue',
    `100.0\t0\t1\t${entry}\tICV_PMR\t0xf8`,
    `100.0\t0\t1\t${entry}\tICV_CTLR\t0x2`,
    `100.0\t0\t1\t${entry}\tICV_IAR1\t0x3`,
    `100.0\t0\t1\t${entry}\tICV_EOIR1\t0x3`,
    `100.0\t0\t1\t${entry}\tICV_DIR\t0x3`,
    '100.0\t0\t-\t0\tICV_PMR\t0xf8',
  ].join('\n');
  const imported = importText(write(lines), acks);
  assert.deepEqual(tail(imported, 'sgi 0 3 2'), [
    'sgi 0 3 2',
    'flush 1 0 0',
    'pmr 1 0 248',
    'ack 1 3 2',
    'priority-drop 1 3 0',
    'deactivate 1 3 0',
    'sync 1 0 0',
  ]);
  assert.equal(imported.header.guestAccesses, 'recorded');
  assert.equal(imported.header.counts.decisionsFromRecording, 0);
  assert.equal(imported.warnings.length, 1, 'the row of no run');
});

test('lost events are counted, placed and kept in the trace', () => {
  const text = `${write([...SET_UP])}CPU:1 [LOST 42 EVENTS]\n${write([...run(0, [])])}`;
  const { header, all, warnings } = importText(text);
  assert.equal(header.counts.lostEvents, 42);
  assert.equal(header.gaps.length, 1);
  assert.equal(header.gaps[0].place, `line ${SET_UP.length + 1}`);
  assert.ok(all.includes('lost 0 0 42'));
  assert.deepEqual(warnings, [`line ${SET_UP.length + 1}: 42 events were lost`]);
});

test('unknown lines and unknown events are counted and named by line', () => {
  const text = `# tracer: nop\n${write([...SET_UP])}what is this\n${write([vcpuLine(0, 'sched_switch: prev_comm=x')])}`;
  const { header, warnings } = importText(text);
  assert.equal(header.counts.unknownLines, 2);
  assert.deepEqual(warnings, [
    `line ${SET_UP.length + 2}: not a trace line`,
    `line ${SET_UP.length + 3}: unknown event sched_switch`,
  ]);
});

test('a text that ends in the middle of a line says so', () => {
  const text = write([...SET_UP, ...sgiLines(0, 1, 3)]).slice(0, -30);
  const { header } = importText(text);
  assert.equal(header.counts.cutOff, 1);
  assert.equal(importText(write([...SET_UP])).header.counts.cutOff, 0);
});

test('fields out of range are reported, never executed', () => {
  const bad = [
    vcpuLine(0, 'vgic_update_irq_pending: VCPU: 900, IRQ 27, level: 1', '.....'),
    vcpuLine(0, queueLine(99999999)),
    vcpuLine(0, 'lr_flush: (x+0x0/0x0) vcpu=55 used=9'),
    vcpuLine(0, 'kvm_mmio: mmio write len zero gpa junk val junk', '.....'),
    vcpuLine(0, 'sgi_write: (x+0x0/0x0) vcpu=77 reg=0x0 grp1=1'),
  ];
  const { header, warnings } = importText(write([...SET_UP, ...bad]));
  assert.equal(header.counts.unknownLines, bad.length);
  assert.equal(warnings.length, bad.length);
});

const STOCK = [
  'vgic_update_irq_pending: VCPU: 0, IRQ 40, level: 1',
  'kvm_entry: PC: 0x0000000040000000',
  'kvm_exit: IRQ: HSR_EC: 0x0000 (UNKNOWN), PC: 0x0000000040000000',
  'vgic_update_irq_pending: VCPU: 0, IRQ 40, level: 0',
];
const STOCK_EVENTS = [
  'config 0 40 1',
  'enable 0 40 1',
  'inject 0 40 1',
  'flush 0 0 0',
  'guest-drain 0 0 0',
  'sync 0 0 0',
  'inject 0 40 0',
];

test('stock tracepoints of all three printers become an L1 trace', () => {
  const tracefs = write(STOCK.map((text) => vcpuLine(0, text)));
  const traceCmd = `cpus=2\n${STOCK.map((text, i) => `       CPU 0/KVM-11    [000]   100.00000${i}: ${text}\n`).join('')}`;
  const perf = STOCK.map((text, i) => `       CPU 0/KVM    11 [000]   100.00000${i}:        kvm:${text}\n`).join('');
  for (const text of [tracefs, traceCmd, perf]) {
    const { header, inputs } = importText(text);
    assert.deepEqual(inputs, STOCK_EVENTS);
    assert.equal(header.fidelity, 1);
    assert.equal(header.guestAccesses, 'drain');
    assert.match(header.provenance.how, /assumed/);
    assert.equal(header.counts.unknownLines, 0);
    assert.equal(isFtrace(new TextEncoder().encode(text)), true);
  }
});

test('text that is no ftrace is refused in one line', () => {
  for (const text of ['', 'hello\nworld\n', '{"json": true}\n'.repeat(3000)]) {
    assert.throws(
      () => importText(text),
      (error: Error) => error instanceof InputError && error.exitCode === 4 && !error.message.includes('\n'),
    );
    assert.equal(isFtrace(new TextEncoder().encode(text)), false);
  }
});
