import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type EventBlock, findKind, wordIntid, wordKind, wordVcpu } from '../trace/events.js';
import { createColumnSink } from '../workload/column-sink.js';
import { expandProgram, MAX_COMMANDS } from './expand.js';
import { doing, type GuestProgram, interruptsAt, type Op, priorityAt, programMachine } from './program.js';

const nameOf = (block: EventBlock, at: number): string => {
  const word = block.word[at];
  return `${findKind(wordKind(word))?.name} v${wordVcpu(word)} ${wordIntid(word)} ${block.value[at] >>> 0}`;
};

function expand(program: GuestProgram, n: number, writesPerExit = 1): string[] {
  const size = { n, nrLr: 4 };
  const sink = createColumnSink();
  const machine = programMachine(program, size, 'kvm-6.1', false);
  expandProgram(program, machine, { ...interruptsAt(program, size), writesPerExit }, sink);
  const names = Array.from({ length: sink.block.count }, (_, at) => nameOf(sink.block, at));
  // Without what every program begins with: three events an SPI, one an LPI.
  return names.slice(3 * interruptsAt(program, size).spis + interruptsAt(program, size).lpis);
}

const once = (...setUp: Op[]): GuestProgram => ({ model: 'gicv3', vcpus: 2, setUp, round: [], rounds: 0 });

test('a register write traps: the vCPU enters first, leaves to write, and goes back in', () => {
  assert.deepEqual(expand(once(doing('pend')), 40), [
    'flush v0 0 0',
    'sync v0 0 0',
    'mmio-dist v0 516 4294967295',
    'flush v0 0 0',
    'sync v0 0 0',
    'mmio-dist v0 520 255',
    'flush v0 0 0',
    'sync v0 0 0',
  ]);
});

test('without a budget a vCPU that is out of the guest writes where it is', () => {
  assert.deepEqual(expand(once(doing('pend')), 40, Number.POSITIVE_INFINITY), [
    'mmio-dist v0 516 4294967295',
    'mmio-dist v0 520 255',
  ]);
});

test('an access to active states takes all vCPUs out of the guest', () => {
  assert.deepEqual(expand(once(doing('enter', { vcpu: 1 }), doing('activate', { from: 0, to: 0 })), 40).slice(1, 8), [
    'flush v0 0 0',
    'sync v0 0 0',
    'sync v1 0 0',
    'mmio-dist v0 772 1',
    'flush v1 0 0',
    'flush v0 0 0',
    'sync v0 0 0',
  ]);
});

test('the span of one interrupt slides with the rounds', () => {
  const round = [doing('raise', { from: 63, to: 63, slides: true })];
  assert.deepEqual(expand({ model: 'gicv3', vcpus: 1, setUp: [], round, rounds: 3 }, 64), [
    'inject v0 95 1',
    'inject v0 32 1',
    'inject v0 33 1',
  ]);
});

test('four priorities in a row are one write, others one each', () => {
  assert.equal(expand(once(doing('priority', { value: 34 })), 64).filter((name) => name.startsWith('sync')).length, 17);
  const down = expand(once(doing('priority', { value: 34, order: 'down' })), 64);
  assert.equal(down.filter((name) => name.startsWith('sync')).length, 65);
});

test('commands for LPIs are one write', () => {
  assert.deepEqual(expand(once(doing('int', { to: 3 })), 64), [
    'flush v0 0 0',
    'sync v0 0 0',
    'inject v0 8192 1',
    'inject v0 8193 1',
    'inject v0 8194 1',
    'flush v0 0 0',
    'sync v0 0 0',
  ]);
});

test('no CWRITER write stands for more commands than its queue holds', () => {
  const commands = expand(once(doing('int')), MAX_COMMANDS + 1);
  const firstTrap = commands.indexOf('sync v0 0 0');
  assert.deepEqual(commands.slice(firstTrap + 1 + MAX_COMMANDS, firstTrap + 6 + MAX_COMMANDS), [
    'flush v0 0 0',
    'sync v0 0 0',
    `inject v0 ${8192 + MAX_COMMANDS} 1`,
    'flush v0 0 0',
    'sync v0 0 0',
  ]);
});

test('the CPU interface: EOImode keeps the PMR, acknowledges by the rules, priority drops', () => {
  const program = once(
    doing('pmr', { value: 0x80 }),
    doing('eoi-mode', { value: 1 }),
    doing('ack-nested', { value: 2 }),
    doing('drop', { value: 1 }),
  );
  assert.deepEqual(expand(program, 1), [
    'pmr v0 0 128',
    `cpuif v0 0 ${0x80 | (2 << 8) | (1 << 10)}`,
    'flush v0 0 0',
    'ack v0 0 4',
    'ack v0 0 4',
    'priority-drop v0 0 0',
    'sync v0 0 0',
  ]);
});

test('the CPU interface: groups and EOImode are set one without the other', () => {
  const values = expand(
    once(doing('groups', { value: 1 }), doing('eoi-mode', { value: 1 }), doing('groups', { value: 2 })),
    8,
  );
  assert.deepEqual(
    values.map((name) => Number(name.split(' ').at(-1)) >>> 8),
    [1, 5, 6],
  );
});

test('a DIR may trap and halt the guest: every vCPU in it leaves', () => {
  assert.deepEqual(expand(once(doing('enter', { vcpu: 1 }), doing('dir', { to: 0 })), 1), [
    'flush v1 0 0',
    'flush v0 0 0',
    'deactivate v0 32 1',
    'sync v0 0 0',
    'sync v1 0 0',
    'flush v0 0 0',
    'flush v1 0 0',
    'sync v0 0 0',
    'sync v1 0 0',
  ]);
});

test('a read of active states is one access a register; a private interrupt has its bit where the GIC has it', () => {
  const reads = expand(once(doing('active-read')), 40).filter((name) => name.startsWith('mmio-dist-read'));
  assert.deepEqual(reads, ['mmio-dist-read v0 772 4', 'mmio-dist-read v0 776 4']);
  const pend = once(doing('pend-private', { value: 3 }));
  assert.ok(expand(pend, 1).includes(`mmio-redist v0 ${0x10200} 8`));
  assert.ok(expand({ ...pend, model: 'gicv2' }, 1).includes(`mmio-dist v0 ${0x200} 8`));
});

test('the ladders of appendix A', () => {
  const rung = (ladder: number, n: number): number[] => Array.from({ length: n }, (_, i) => priorityAt(ladder, i, n));
  assert.deepEqual(rung(33, 4), [248, 168, 88, 0]);
  assert.deepEqual(rung(34, 3), [
    0,
    (Number((2654435761n >> 7n) % 32n) << 3) >>> 0,
    Number(((2n * 2654435761n) >> 7n) % 32n) << 3,
  ]);
  assert.deepEqual(rung(5, 2), [40, 40]);
});
