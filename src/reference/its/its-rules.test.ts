/** The reference and the rules of the ITS that no shipped scenario shows. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { SPI_BASE } from '../../gic/intid.js';
import { ReferenceTarget } from '../reference-target.js';
import { createItsMachine, encodeCommand, itsOf, OPCODES, startIts } from './its-machine.js';
import { ITS_RULES } from './test-its-rules.js';

for (const { name, flavours, run } of ITS_RULES) {
  test(name, () => {
    for (const flavour of flavours) {
      const target = new ReferenceTarget(createItsMachine(flavour, 2));
      startIts(target);
      run(target);
    }
  });
}

test('a save meets an LPI of the hardware, whose state it cannot have (6.9)', () => {
  const target = new ReferenceTarget(createItsMachine('kvm-7.2', 1));
  startIts(target);
  const its = itsOf(target);
  its.command(encodeCommand({ opcode: OPCODES.MAPD, device: 1, bits: 2, itt: 0x4020_0000, valid: true }));
  its.command(encodeCommand({ opcode: OPCODES.MAPC, collection: 1, target: 0, valid: true }));
  its.command(encodeCommand({ opcode: OPCODES.MAPTI, device: 1, event: 1, lpi: 8192, collection: 1 }));
  const irq = target.vgic.state.lpis.get(8192);
  assert.ok(irq);
  irq.hw = true;
  irq.hostIrq = SPI_BASE;
  assert.equal(its.save(), -13);
});

test('machines without LPIs and flavours without an ITS of their own have none', () => {
  const machine = createItsMachine('kvm-7.2', 1);
  assert.equal(new ReferenceTarget({ ...machine, nrLpis: 0 }).its(), undefined);
  assert.equal(new ReferenceTarget({ ...machine, model: 'gicv2', nrLpis: 0 }).its(), undefined);
  assert.equal(new ReferenceTarget({ ...machine, flavour: 'xen-new', model: 'gicv2' }).its(), undefined);
});
