/** The random ITS traces and their comparison: what they reach, and that they notice what is different. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { IrqView, ItsTarget } from '../../conform/target.js';
import { LPI_BASE, type Machine } from '../../gic/intid.js';
import { ReferenceTarget } from '../reference-target.js';
import { type CreateItsTarget, type ItsRun, runItsDifferential, shrinkItsDifference } from './its-differential.js';
import { COLLECTION_TABLE, OPCODES, pendingAddress } from './its-machine.js';
import type { ItsSwitches } from './its-state.js';

const NR_STEPS = 300;
const createReference: CreateItsTarget = (machine) => new ReferenceTarget(machine);

/** The first seed of `nrSeeds` whose trace tells the two apart. */
function findNoticing(create: CreateItsTarget, flavour: string, nrSeeds: number): ItsRun | undefined {
  for (let seed = 1; seed <= nrSeeds; seed++) {
    const run = runItsDifferential(create, createReference, seed, NR_STEPS, [flavour]);
    if (run.difference) return run;
  }
  return undefined;
}

test('the reference agrees with itself, and the traces reach every command and every result', () => {
  const seen = new Set<string>();
  for (let seed = 1; seed <= 15; seed++) {
    const { difference, nrSteps, results } = runItsDifferential(createReference, createReference, seed, NR_STEPS);
    assert.equal(difference, undefined);
    assert.equal(nrSteps, NR_STEPS);
    for (const name of results.keys()) seen.add(name);
  }
  const wanted = [
    ...['MAPD 0', 'MAPD 10801', 'MAPD 10802', 'MAPC 0', 'MAPC 10902', 'MAPC 10903'],
    ...['MAPTI 0', 'MAPTI 10a04', 'MAPTI 10a05', 'MAPTI 10a06', 'MAPTI 10903', 'MAPTI -14', 'MAPI 0', 'MAPI 10a06'],
    ...['MOVI 0', 'MOVI 10107', 'MOVI 10109', 'DISCARD 0', 'DISCARD 10f07', 'INV 0', 'INV 10c07'],
    ...['INVALL 0', 'INVALL 10d09', 'MOVALL 0', 'MOVALL 10e01', 'INT 0', 'INT 10307', 'INT -16'],
    ...['CLEAR 0', 'CLEAR 10507', 'SYNC 0', 'opcode -19', 'MSI 1', 'MSI 0', 'MSI -16'],
    ...['save 0', 'save -16', 'restore 0', 'restore -22', 'restore -17', 'restore -14', 'restore -16'],
    ...['savePending 0', 'savePending -16'],
  ];
  assert.deepEqual(
    wanted.filter((name) => !seen.has(name)),
    [],
  );
});

/** Every switch of the flavour, the wrong way round. */
const FLIPPED: Readonly<Record<string, ItsSwitches>> = {
  'kvm-6.1': {
    unmapChecksTarget: false,
    baserWriteFrees: 'changed',
    unreachableDevice: 'skipped',
    lpiOrder: 'ascending',
    cacheSize: 'unlimited',
  },
  'kvm-7.2': {
    unmapChecksTarget: true,
    baserWriteFrees: 'invalid',
    unreachableDevice: 'error',
    lpiOrder: 'creation',
    cacheSize: 'sixteen-per-vcpu',
  },
};

for (const [flavour, switches] of Object.entries(FLIPPED)) {
  test(`of ${flavour} each switch that is the wrong way round is noticed`, () => {
    for (const [name, value] of Object.entries(switches)) {
      const create: CreateItsTarget = (machine) => new ReferenceTarget(machine, { [name]: value });
      assert.ok(findNoticing(create, flavour, 80), name);
    }
  });
}

/** What an altered ITS answers and does instead. */
type Alter = (its: ItsTarget) => Partial<ItsTarget>;

class AlteredTarget extends ReferenceTarget {
  private readonly alter: Alter;

  constructor(machine: Machine, alter: Alter) {
    super(machine);
    this.alter = alter;
  }

  override its(): ItsTarget | undefined {
    const its = super.its();
    return (
      its && {
        command: (words) => its.command(words),
        msi: (device, event) => its.msi(device, event),
        save: () => its.save(),
        restore: () => its.restore(),
        savePending: () => its.savePending(),
        reset: () => its.reset(),
        writeMemory: (address, value) => its.writeMemory(address, value),
        readMemory: (address) => its.readMemory(address),
        tables: () => its.tables(),
        ...this.alter(its),
      }
    );
  }
}

const opcodeOf = (words: readonly number[]): number => words[0] & 0xff;

/** DISCARD without its effect on the guest's table. */
function discardLeavingSlot(its: ItsTarget, words: readonly number[]): number {
  const device = its.tables().devices.find(({ id }) => id === words[1]);
  const slot = (device?.itt ?? 0) + 8 * words[2];
  const before = its.readMemory(slot);
  const result = its.command(words);
  its.writeMemory(slot, before);
  return result;
}

const ALTERATIONS: Readonly<Record<string, Alter>> = {
  'MOVALL does nothing': (its) => ({
    command: (words) => (opcodeOf(words) === OPCODES.MOVALL ? 0 : its.command(words)),
  }),
  'CLEAR does nothing': (its) => ({
    command: (words) => (opcodeOf(words) === OPCODES.CLEAR ? 0 : its.command(words)),
  }),
  'DISCARD leaves the slot': (its) => ({
    command: (words) => (opcodeOf(words) === OPCODES.DISCARD ? discardLeavingSlot(its, words) : its.command(words)),
  }),
  'no restore fails': (its) => ({ restore: () => Math.max(its.restore(), 0) }),
  'a reset keeps everything': () => ({ reset: () => undefined }),
  'the pending table of vCPU 0 is not saved': (its) => ({
    savePending: () => {
      const address = pendingAddress(0, LPI_BASE);
      const before = its.readMemory(address);
      const result = its.savePending();
      its.writeMemory(address, before);
      return result;
    },
  }),
  'a save ends the collection table one slot late': (its) => ({
    save: () => {
      const result = its.save();
      its.writeMemory(COLLECTION_TABLE + 8 * its.tables().collections.length, 1n << 63n);
      return result;
    },
  }),
};

test('an ITS that is altered in one thing is noticed', () => {
  for (const [name, alter] of Object.entries(ALTERATIONS)) {
    const create: CreateItsTarget = (machine) => new AlteredTarget(machine, alter);
    assert.ok(findNoticing(create, 'kvm-7.2', 20), name);
  }
});

class ForgetfulTarget extends ReferenceTarget {
  override irq(vcpu: number, intid: number): IrqView | undefined {
    const view = super.irq(vcpu, intid);
    return view && { ...view, references: Math.min(view.references, 1) };
  }
}

test('a difference names its place, and its trace shrinks', () => {
  const create: CreateItsTarget = (machine) => new ForgetfulTarget(machine);
  const difference = findNoticing(create, 'kvm-6.1', 5)?.difference;
  assert.ok(difference);
  assert.match(difference.field, /^LPI \d+\.references$/);
  assert.equal(difference.core, 1);
  const { steps, field } = shrinkItsDifference(create, createReference, difference);
  assert.match(field, /references$/);
  assert.ok(steps.length < difference.steps.length / 3, steps.map(({ label }) => label).join('\n'));
});
