/** What each kind of step tells a model, and in which state a scenario begins. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Machine } from '../gic/intid.js';
import { runScenario } from './run.js';
import { parseWritten, SMALL_MACHINE, type WrittenStep } from './test-scenarios.js';
import { createScriptedTarget, type ScriptedTarget } from './test-target.js';

function runOn(flavour: string, steps: readonly WrittenStep[], config: object = SMALL_MACHINE): ScriptedTarget {
  const targets: ScriptedTarget[] = [];
  const scenario = parseWritten({ flavours: [flavour], config: { ...config }, steps });
  const { notRun } = runScenario(scenario, flavour, (machine) => {
    targets.push(createScriptedTarget(machine));
    return targets[0];
  });
  assert.equal(notRun, undefined);
  return targets[0];
}

const V3_MACHINE = { ...SMALL_MACHINE, guestModel: 'gicv3', hostGic: 'gicv3' };
const callsOf = (flavour: string, steps: readonly WrittenStep[], config?: object): string[] =>
  runOn(flavour, steps, config).calls;
const NOTHING = { op: 'expectFatal' };

test('the start: CPU interfaces on, group 0 only for a GICv2 guest, the distributor off', () => {
  const v2 = runOn('kvm-7.2', [NOTHING]);
  assert.deepEqual(v2.preparations(), ['cpuif 0 0 0x3f8', 'cpuif 1 0 0x3f8']);
  const v3 = runOn('kvm-7.2', [NOTHING], V3_MACHINE);
  assert.deepEqual(v3.preparations(), ['cpuif 0 0 0x2f8', 'cpuif 1 0 0x2f8']);
  const expected: Machine = {
    flavour: 'kvm-7.2',
    model: 'gicv3',
    nrVcpus: 2,
    nrSpis: 64,
    nrLpis: 0,
    nrLr: 2,
    distEnabledAtStart: false,
    pmrAtStart: 0xf8,
  };
  assert.deepEqual(v3.machine, expected);
});

test('the start of Xen: nobody runs, vCPU 0 is current', () => {
  for (const flavour of ['xen-new', 'xen-old']) {
    const { preparations } = runOn(flavour, [NOTHING]);
    assert.deepEqual(preparations().slice(2), ['running 0 0 0x0', 'running 1 0 0x0', 'current 0 0 0x0'], flavour);
  }
});

test('a GICv2 guest on a GICv3 host is a machine of its own; spis has a default', () => {
  const { spis: _, ...config } = { ...SMALL_MACHINE, hostGic: 'gicv3' };
  const { machine } = runOn('kvm-6.1', [NOTHING], config);
  assert.deepEqual([machine.model, machine.nrSpis], ['gicv2-on-gicv3', 64]);
});

test('LPIs exist where a scenario names one', () => {
  const step = { op: 'expectIrq', vcpu: 0, intid: 8192, expect: { '*': { exists: false } } };
  assert.equal(runOn('kvm-7.2', [step], V3_MACHINE).machine.nrLpis, 57344);
});

const access = (op: string, reg: string, offset: number, value?: string, len = 4): WrittenStep =>
  value === undefined ? { op, vcpu: 1, reg, offset, len } : { op, vcpu: 1, reg, offset, len, value };

test('registers of private interrupts lie in the redistributor of a GICv3 guest, and nowhere else', () => {
  const steps = [
    access('mmioWrite', 'CTLR', 0, '0x2'),
    access('mmioWrite', 'ISENABLER', 0, '0x1'),
    access('mmioWrite', 'ISENABLER', 4, '0x1'),
    access('mmioWrite', 'IPRIORITYR', 0x1f, '0xa0', 1),
    access('mmioWrite', 'IPRIORITYR', 0x20, '0xa0', 1),
    access('mmioRead', 'ICFGR', 4),
    access('mmioRead', 'ICFGR', 8),
    access('mmioWrite', 'IROUTER', 8 * 33, '0x100000001', 8),
  ];
  assert.deepEqual(callsOf('kvm-7.2', steps, V3_MACHINE), [
    'write 1 dist 0x0 4 0x2 0x0',
    'write 1 redist 0x10100 4 0x1 0x0',
    'write 1 dist 0x104 4 0x1 0x0',
    'write 1 redist 0x1041f 1 0xa0 0x0',
    'write 1 dist 0x420 1 0xa0 0x0',
    'read 1 redist 0x10c04 4',
    'read 1 dist 0xc08 4',
    'write 1 dist 0x6108 8 0x1 0x1',
  ]);
  assert.deepEqual(callsOf('kvm-7.2', steps.slice(1, 2)), ['write 1 dist 0x100 4 0x1 0x0']);
});

test('SGI registers: list, affinity, broadcast, group 0 only, nobody', () => {
  const sgi = (reg: string, value: string): WrittenStep => ({ op: 'sysregWrite', vcpu: 0, reg, value });
  const steps = [
    sgi('SGI1R', '0x3000005'),
    sgi('SGI1R', '0x10004000000'),
    sgi('SGI0R', '0x3010002'),
    sgi('SGI1R', '0x100000000ff'),
    // Aff1 = 16 and Aff2 = 1 name vCPUs that no event can name, and no machine has.
    sgi('SGI1R', '0x3100001'),
    sgi('SGI1R', '0x103000001'),
    // The range selector is ignored.
    sgi('SGI1R', '0x100003000001'),
  ];
  assert.deepEqual(callsOf('kvm-7.2', steps, V3_MACHINE), [
    'sgi 0 3 0x5',
    'sgi 0 20 0x0',
    `sgi 0 ${3 | (16 << 5) | (1 << 13)} 0x2`,
    'sgi 0 16 0x0',
    'sgi 0 3 0x1',
  ]);
});

test('every other step', () => {
  const steps: readonly WrittenStep[] = [
    { op: 'inject', vcpu: null, intid: 40, level: 1 },
    { op: 'inject', vcpu: 1, intid: 27, level: 0 },
    { op: 'setCpuif', vcpu: 1, pmr: '0x80' },
    { op: 'setCpuif', vcpu: 1, eoiMode: 1, grp0: 1 },
    { op: 'mapHw', vcpu: 1, intid: 27, hwIntid: 27 },
    { op: 'mapHw', vcpu: 1, intid: 26, hwIntid: 30, swResample: 1 },
    { op: 'physLine', hwIntid: 27, level: 1 },
    { op: 'physActive', hwIntid: 45, value: 1 },
    { op: 'expectPhys', hwIntid: 27 },
    { op: 'expectPhys', hwIntid: 45 },
    { op: 'lpiMap', intid: 8192, vcpu: 1, priority: '0xa4', enabled: 1 },
    { op: 'lpiTrigger', intid: 8192 },
    { op: 'lpiMove', intid: 8192, vcpu: 1 },
    { op: 'lpiUnmap', intid: 8192 },
    { op: 'lpisDisable', vcpu: 1 },
    { op: 'flush', vcpu: 1 },
    { op: 'guestAck', vcpu: 1 },
    { op: 'guestEoi', vcpu: 1, intid: 3, source: 2 },
    { op: 'guestEoi', vcpu: 1, intid: 40 },
    { op: 'guestDir', vcpu: 1, intid: 3, source: 2 },
    { op: 'sync', vcpu: 1 },
    { op: 'setVcpuRunning', vcpu: 1, running: 1 },
    { op: 'setCurrentVcpu', vcpu: 1 },
  ];
  assert.deepEqual(callsOf('kvm-7.2', steps, V3_MACHINE), [
    'inject 0 40 1',
    'inject 1 27 0',
    'cpuif 1 0 0x280',
    'cpuif 1 0 0x780',
    'hw-map 1 27 0x1b',
    'hw-map 1 26 0x1001e',
    'phys-pending 0 27 0x1',
    'phys-pending 1 27 0x1',
    'phys-active 0 45 0x1',
    'phys 1 27',
    'phys 0 45',
    'lpi-map 1 8192 0x1a400',
    'inject 0 8192 0x1',
    'lpi-move 1 8192 0x0',
    'lpi-unmap 0 8192 0x0',
    'lpi-flush 1 0 0x0',
    'flush 1 0 0x0',
    'acknowledge 1',
    'eoi 1 3 0x201',
    'eoi 1 40 0x1',
    'deactivate 1 3 2',
    'sync 1 0 0x0',
    'running 1 0 0x1',
    'current 1 0 0x0',
  ]);
});

test('the pending test of xen-old is asked on the vCPU itself', () => {
  const ask = { op: 'expectPendingIrq', vcpu: 1 };
  assert.deepEqual(callsOf('xen-old', [ask]), ['current 1 0 0x0']);
  assert.deepEqual(callsOf('xen-new', [ask]), []);
});

test('a private interrupt without a vCPU is refused before it reaches the model', () => {
  const step = { op: 'inject', vcpu: null, intid: 27, level: 1, expect: { '*': { returns: -22 } } };
  assert.deepEqual(callsOf('kvm-7.2', [step]), []);
});
