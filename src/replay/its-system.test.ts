/** Events of the ITS, alone and in random mixtures with entries and exits. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { encodeCommand, prepareIts } from '../conform/perform-its.js';
import { NR_LPIS } from '../gic/intid.js';
import { reference } from '../strategy/index.js';
import * as K from '../trace/events.js';
import { createVgic, type Vgic } from '../vgic/vgic.js';
import { createEngine, type Engine } from './engine.js';
import { createInvariantChecker } from './invariants.js';
import { CONTROL_DROP_ALL, CONTROL_RESTORE, CONTROL_SAVE, CONTROL_SAVE_PENDING } from './its-system.js';

const NR_VCPUS = 2;
const ITT = 0x40200000;

interface Played {
  readonly vgic: Vgic;
  readonly engine: Engine;
  play(kind: number, vcpu: number, intid: number, value: number): void;
  command(args: Readonly<Record<string, unknown>>): void;
}

function createPlayed(flavour: string, nrLpis = NR_LPIS): Played {
  const machine = {
    flavour,
    model: 'gicv3',
    nrVcpus: NR_VCPUS,
    nrSpis: 64,
    nrLpis,
    nrLr: 4,
    distEnabledAtStart: true,
    pmrAtStart: 0xf8,
  } as const;
  const vgic = createVgic(machine, reference.create({}));
  const engine = createEngine(vgic);
  const play = (kind: number, vcpu: number, intid: number, value: number): void =>
    engine.step(K.packWord(kind, vcpu, intid), value | 0);
  const command = (args: Readonly<Record<string, unknown>>): void => {
    encodeCommand(args).forEach((word, at) => {
      play(K.ITS_WORD, 0, at, word);
    });
    play(K.ITS_COMMAND, 0, 0, 0);
  };
  return { vgic, engine, play, command };
}

test('an MSI goes where the commands before it said, and the counts tell what was done', () => {
  const { vgic, engine, play, command } = createPlayed('kvm-7.2');
  prepareIts(play, NR_VCPUS);
  // Configuration byte of LPI 8192: priority 0xa0, enabled.
  play(K.MEM_AT, 0, 0, 0x40080000);
  play(K.MEM_WRITE, 0, 1, 0xa1);
  command({ cmd: 'MAPD', device: 5, itt: `0x${ITT.toString(16)}`, bits: 4, valid: 1 });
  command({ cmd: 'MAPC', collection: 1, target: 1, valid: 1 });
  command({ cmd: 'MAPTI', device: 5, event: 3, lpi: 8192, collection: 1 });
  play(K.MSI, 0, 0, (5 << 16) | 3);
  play(K.MSI, 0, 0, (5 << 16) | 3);
  play(K.MSI, 0, 0, (5 << 16) | 4);
  assert.deepEqual(
    vgic.list.order(1).map((slot) => vgic.state.intidOfSlot[slot]),
    [8192],
  );
  const { its } = engine.systemCounts();
  assert.equal(its['MSI uncached calls'], 2);
  assert.equal(its['MSI uncached 0x010307'], 1);
  assert.equal(its['MSI cached OK'], 1);
  assert.equal(its['MAPTI OK'], 1);
  assert.equal(its['MAPTI guest reads'], 2);
});

test('a command through the queue is the command given by its words', () => {
  const { vgic, engine, play } = createPlayed('kvm-6.1');
  prepareIts(play, NR_VCPUS);
  const words = encodeCommand({ cmd: 'MAPC', collection: 7, target: 1, valid: 1 });
  play(K.MEM_AT, 0, 0, 0x40020000);
  for (const word of words) play(K.MEM_WRITE, 0, 4, word);
  play(K.ITS_MMIO, 0, 0x88, 32);
  assert.deepEqual(
    vgic
      .its()!
      .objects.collections.items()
      .map(({ key, target }) => [key, target]),
    [[7, 1]],
  );
  assert.equal(engine.systemCounts().its['MAPC OK'], 1);
});

test('a machine without an ITS counts what it does not hear; so are writes to nothing', () => {
  const without = createPlayed('kvm-7.2', 0);
  without.play(K.MSI, 0, 0, 0);
  assert.deepEqual(without.engine.systemCounts(), { its: { 'events without an ITS': 1 } });
  const { engine, play } = createPlayed('kvm-7.2');
  play(K.MEM_AT, 0, 1, 0);
  play(K.MEM_WRITE, 0, 4, 1);
  assert.deepEqual(engine.systemCounts(), { its: { 'guest writes outside its memory': 1 } });
});

test('after a reset nothing is mapped', () => {
  const { vgic, play, command } = createPlayed('kvm-7.2');
  prepareIts(play, NR_VCPUS);
  command({ cmd: 'MAPC', collection: 7, target: 1, valid: 1 });
  vgic.reset();
  assert.equal(vgic.its()!.objects.collections.length, 0);
  assert.equal(vgic.its()!.read(0), 0x80000000);
});

/** One step of a random walk: few numbers, so that steps meet. */
const small = (max: number): fc.Arbitrary<number> => fc.integer({ min: 0, max });
const commands = fc.oneof(
  fc.record({ cmd: fc.constant('MAPD'), device: small(2), bits: fc.constant(3), valid: fc.constantFrom(1, 1, 1, 0) }),
  fc.record({ cmd: fc.constant('MAPC'), collection: small(2), target: small(1), valid: fc.constantFrom(1, 1, 1, 0) }),
  fc.record({
    cmd: fc.constant('MAPTI'),
    device: small(2),
    event: small(3),
    lpi: fc.integer({ min: 8192, max: 8197 }),
    collection: small(2),
  }),
  fc.record({ cmd: fc.constantFrom('INT', 'INV', 'DISCARD', 'CLEAR'), device: small(2), event: small(3) }),
  fc.record({ cmd: fc.constant('MOVI'), device: small(2), event: small(3), collection: small(2) }),
  fc.record({ cmd: fc.constant('INVALL'), collection: small(2) }),
  fc.record({ cmd: fc.constant('MOVALL'), fromTarget: small(1), toTarget: small(1) }),
);
const steps = fc.oneof(
  { weight: 6, arbitrary: commands.map((args) => ({ args })) },
  {
    weight: 3,
    arbitrary: fc
      .record({ device: small(2), event: small(3) })
      .map(({ device, event }) => ({ event: [K.MSI, 0, 0, (device << 16) | event] })),
  },
  {
    weight: 3,
    arbitrary: fc
      .record({ kind: fc.constantFrom(K.FLUSH, K.SYNC), vcpu: small(1) })
      .map(({ kind, vcpu }) => ({ event: [kind, vcpu, 0, 0] })),
  },
  { weight: 1, arbitrary: small(1).map((vcpu) => ({ event: [K.GUEST_DRAIN, vcpu, 0, 0] })) },
  {
    weight: 1,
    arbitrary: fc
      .constantFrom(CONTROL_SAVE, CONTROL_RESTORE, CONTROL_DROP_ALL, CONTROL_SAVE_PENDING)
      .map((request) => ({ event: [K.ITS_CONTROL, 0, request, 0] })),
  },
  {
    weight: 1,
    arbitrary: fc
      .record({ vcpu: small(1), value: small(1) })
      .map(({ vcpu, value }) => ({ event: [K.MMIO_REDIST, vcpu, 0, value] })),
  },
  {
    weight: 1,
    arbitrary: fc
      .record({ lpi: small(7), value: small(255) })
      .map(({ lpi, value }) => ({ byte: 0x40080000 + lpi, value })),
  },
);

for (const flavour of ['kvm-6.1', 'kvm-7.2']) {
  test(`${flavour}: the invariants hold through commands, MSIs, entries, exits, saves and restores`, () => {
    fc.assert(
      fc.property(fc.array(steps, { minLength: 20, maxLength: 120 }), (walk) => {
        const { vgic, engine } = createPlayed(flavour);
        const checker = createInvariantChecker(vgic, { keepsOrder: true, interval: 50 });
        const inGuest = [false, false];
        let event = 0;
        const play = (kind: number, vcpu: number, intid: number, value: number): void => {
          // A vCPU enters only when it is out, and exits only when it is in.
          if (kind === K.FLUSH || kind === K.SYNC) {
            if (inGuest[vcpu] === (kind === K.FLUSH)) return;
            inGuest[vcpu] = kind === K.FLUSH;
          }
          if (kind === K.GUEST_DRAIN && !inGuest[vcpu]) return;
          const word = K.packWord(kind, vcpu, intid);
          checker.before(word, value | 0);
          engine.step(word, value | 0);
          checker.after(event++);
          assert.equal(checker.violation(), null);
          assertReferences(vgic);
        };
        prepareIts(play, NR_VCPUS);
        for (const step of walk) {
          if ('event' in step) play(step.event[0], step.event[1], step.event[2], step.event[3]);
          else if ('byte' in step) {
            play(K.MEM_AT, 0, 0, step.byte);
            play(K.MEM_WRITE, 0, 1, step.value);
          } else {
            const itt = 'device' in step.args ? ITT + 0x100 * step.args.device : ITT;
            encodeCommand({ ...step.args, itt }).forEach((word, at) => {
              play(K.ITS_WORD, 0, at, word);
            });
            play(K.ITS_COMMAND, 0, 0, 0);
          }
        }
        checker.finish();
        assert.equal(checker.violation(), null);
      }),
      { numRuns: 15, seed: 4 },
    );
  });
}

/** Appendix B, 9: an LPI's references are its entries and its places in the translation cache. */
function assertReferences(vgic: Vgic): void {
  const its = vgic.its()!;
  const { lpiRefs, lpiSlotBase } = vgic.state;
  const entries = its.objects.devices.items().flatMap(({ entries }) => entries.items().map(({ slot }) => slot));
  for (let lpi = 8192; lpi < 8200; lpi++) {
    const slot = lpiSlotBase + lpi - 8192;
    const mapped = entries.filter((other) => other === slot).length;
    assert.equal(lpiRefs[slot - lpiSlotBase], mapped + its.cachedReferences(slot), `LPI ${lpi}`);
  }
}
