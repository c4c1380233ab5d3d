/** What holds of the reference ITS after any step, and after a save and a restore (vgic-spec B). */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { createGenerator } from '../../base/rng.js';
import type { MachineState } from '../machine-state.js';
import { ReferenceTarget } from '../reference-target.js';
import { ItsTraceGenerator } from './arbitrary-its.js';
import { drawItsMachine, ITS_FLAVOURS } from './its-differential.js';
import { createItsMachine, encodeCommand, itsOf, OPCODES, startIts } from './its-machine.js';
import { takeItsStep } from './its-steps.js';
import { allItes } from './tables.js';

const NR_SEEDS = 12;
const NR_STEPS = 300;

function checkState(state: MachineState): void {
  const { its, lpis, vcpus } = state;
  assert.ok(its);
  const ites = allItes(its);
  for (const [intid, irq] of lpis) {
    assert.equal(irq.intid, intid);
    assert.equal(irq.mapReferences, ites.filter((ite) => ite.irq === irq).length, `references of LPI ${intid}`);
    const isHeld = irq.mapReferences > 0 || irq.queued >= 0 || vcpus.some(({ lastLrIrq }) => lastLrIrq === irq);
    assert.ok(isHeld, `LPI ${intid} is nobody's`);
  }
  for (const { irq, collection } of ites) {
    assert.equal(lpis.get(irq.intid), irq, `LPI ${irq.intid} of an ITE`);
    assert.ok(collection === undefined || its.collections.includes(collection), 'an ITE has a collection that is gone');
  }
  for (const { irq } of its.cache) assert.ok(irq.mapReferences > 0, `LPI ${irq.intid} is cached and not mapped`);
  if (its.switches.cacheSize === 'sixteen-per-vcpu') assert.ok(its.cache.length <= 16 * vcpus.length);
  for (const vcpu of vcpus) for (const irq of vcpu.apList) assert.equal(irq.queued, vcpu.index);
  const ids = its.collections.map(({ id }) => id);
  assert.equal(new Set(ids).size, ids.length, 'a collection is there twice');
}

test('LPIs are held by what refers to them, and by nothing else (B.9)', () => {
  let mostEntries = 0;
  for (let seed = 1; seed <= NR_SEEDS; seed++) {
    const random = createGenerator(1000 + seed);
    const target = new ReferenceTarget(drawItsMachine(random, ITS_FLAVOURS));
    startIts(target);
    const generator = new ItsTraceGenerator(random, target);
    for (let at = 0; at < NR_STEPS; at++) {
      const step = generator.next();
      takeItsStep(target, step);
      checkState(target.vgic.state);
      mostEntries = Math.max(mostEntries, target.vgic.state.lpis.size);
    }
  }
  assert.ok(mostEntries > 10);
});

const MAX_DEVICE = 8191;
const MAX_BITS = 6;
const NR_LPIS_DRAWN = 64;
const ITTS = 0x4020_0000;
const ITT_SIZE = 0x1000;

const mappings = fc.record({
  flavour: fc.constantFrom(...ITS_FLAVOURS),
  devices: fc.uniqueArray(
    fc.record({
      id: fc.nat(MAX_DEVICE),
      bits: fc.integer({ min: 1, max: MAX_BITS }),
      events: fc.uniqueArray(fc.nat(2 ** MAX_BITS - 1), { maxLength: 12 }),
    }),
    { selector: ({ id }) => id, maxLength: 8 },
  ),
  /** Undefined: the collection is known only from MAPTI. */
  targets: fc.array(fc.option(fc.nat(1), { nil: undefined }), { minLength: 1, maxLength: 4 }),
  lpis: fc.infiniteStream(fc.nat(NR_LPIS_DRAWN - 1)),
});

test('a save and a restore give the same mappings, sorted (B.13)', () => {
  const property = fc.property(mappings, ({ flavour, devices, targets, lpis }) => {
    const target = new ReferenceTarget(createItsMachine(flavour, 2));
    startIts(target);
    const its = itsOf(target);
    const run = (fields: Parameters<typeof encodeCommand>[0]): number => its.command(encodeCommand(fields));
    for (const [collection, vcpu] of targets.entries())
      if (vcpu !== undefined) run({ opcode: OPCODES.MAPC, collection, target: vcpu, valid: true });
    for (const [at, { id, bits, events }] of devices.entries()) {
      run({ opcode: OPCODES.MAPD, device: id, bits, itt: ITTS + at * ITT_SIZE, valid: true });
      for (const event of events.filter((each) => each < 2 ** bits)) {
        const lpi = 8192 + (lpis.next().value ?? 0);
        run({ opcode: OPCODES.MAPTI, device: id, event, lpi, collection: event % targets.length });
      }
    }
    const before = its.tables();
    const sorted = {
      devices: [...before.devices]
        .sort((a, b) => a.id - b.id)
        .map((device) => ({ ...device, entries: [...device.entries].sort((a, b) => a.event - b.event) })),
      collections: before.collections,
    };
    assert.equal(its.save(), 0);
    assert.deepEqual(its.tables(), sorted);
    its.reset();
    assert.equal(target.vgic.lpis().length, 0);
    assert.equal(its.restore(), 0);
    assert.deepEqual(its.tables(), sorted);
  });
  fc.assert(property, { numRuns: 150, seed: 6 });
});
