/**
 * Test support: one configuration through save and restore, and one mutated image through restore, with everything that must
 * hold afterwards. Throws AssertionError. The tests run some hundred, `npm run its-images` a million.
 */
import assert from 'node:assert/strict';
import type { Generator } from '../../base/rng.js';
import { NO_VCPU } from '../../gic/intid.js';
import {
  buildConfig,
  describeImage,
  drawConfig,
  type Image,
  type ItsConfig,
  MUTATIONS,
  type Mutation,
  Mutator,
  writePendingBits,
} from '../../study/its-images.js';
import type { ItsMachine } from '../../study/its-machine.js';
import { isPending, LATCH, priorityOf, targetOf } from '../word.js';
import { resultName } from './result.js';
import { predictRestore } from './test-restore-oracle.js';

export const NR_VCPUS = 4;

interface Tables {
  readonly devices: readonly unknown[];
  readonly collections: readonly unknown[];
}

/** The live lists in their order. */
function viewTables({ vgic, its }: ItsMachine): Tables {
  const { intidOfSlot } = vgic.state;
  return {
    devices: its.objects.devices.items().map(({ key, bits, itt, entries }) => ({
      id: key,
      bits,
      itt,
      entries: entries
        .items()
        .map(({ key: event, slot, collection }) => ({ event, lpi: intidOfSlot[slot], collection: collection?.key })),
    })),
    collections: its.objects.collections
      .items()
      .map(({ key, target }) => ({ id: key, target: target === NO_VCPU ? null : target })),
  };
}

/** What a guest can tell of each LPI. */
function viewLpis({ vgic }: ItsMachine, config: ItsConfig): unknown[] {
  const { word, lpiRefs, lpiSlotBase } = vgic.state;
  return [...config.lpis.keys()].map((lpi) => {
    const slot = vgic.findLpi(lpi);
    if (slot < 0) return { lpi };
    const w = word[slot];
    return {
      lpi,
      isPending: isPending(w),
      latch: w & LATCH,
      enabled: w & 1,
      priority: priorityOf(w),
      target: targetOf(w),
      references: lpiRefs[slot - lpiSlotBase],
    };
  });
}

function assertEmpty({ vgic, its }: ItsMachine, config: ItsConfig): void {
  assert.deepEqual([its.objects.devices.length, its.objects.collections.length], [0, 0]);
  for (const lpi of config.lpis.keys()) assert.equal(vgic.findLpi(lpi), -1, `LPI ${lpi}`);
}

/** Maps a random configuration, saves it, drops everything and restores: the same again. Leaves the ITS empty, the image in memory. */
export function checkRoundTrip(machine: ItsMachine, rng: Generator): Image {
  const config = drawConfig(rng, NR_VCPUS);
  buildConfig(machine, config);
  const { its } = machine;
  const before = viewLpis(machine, config);
  assert.equal(its.save(), 0);
  // Save sorts the live lists.
  const live = viewTables(machine);
  assert.equal(its.savePending(), 0);
  machine.drop();
  assertEmpty(machine, config);
  assert.equal(its.restore(), 0);
  assert.deepEqual(viewTables(machine), live);
  assert.deepEqual(viewLpis(machine, config), before);
  machine.drop();
  return describeImage(config);
}

export interface MutantOutcome {
  readonly mutation: Mutation;
  readonly result: string;
  /** Table slots that the restore read. */
  readonly slots: number;
}

/** Mutates the image in memory, restores it, and compares with the text. Undefined: this image has no such place. */
function checkMutant(
  machine: ItsMachine,
  image: Image,
  mutator: Mutator,
  mutation: Mutation,
): MutantOutcome | undefined {
  const { its } = machine;
  const { memory } = its;
  writePendingBits(memory, image.config);
  if (!mutator.mutate(image, mutation)) return undefined;
  const expected = predictRestore(memory, image.config.isIndirect, NR_VCPUS);
  const result = its.restore();
  const slots = its.costs.last('table slots');
  if (result !== expected.result) assert.fail(`${mutation}: ${resultName(result)}, not ${resultName(expected.result)}`);
  if (slots !== expected.slots) assert.fail(`${mutation}: ${slots} slots, not ${expected.slots}`);
  assert.ok(slots <= expected.bound, `${mutation}: ${slots} slots of ${expected.bound}`);
  assert.ok(memory.backedBytes() <= memory.range.bytes);
  if (result === 0) {
    const { devices, collections } = expected;
    if (!isSameTables(machine, devices, collections)) assert.deepEqual(viewTables(machine), { devices, collections });
  }
  mutator.undo();
  if (result !== 0) assert.equal(its.objects.devices.length + its.objects.collections.length, 0, mutation);
  machine.drop();
  for (const lpi of expected.lpis) if (machine.vgic.findLpi(lpi) >= 0) assert.fail(`${mutation}: LPI ${lpi} is left`);
  return { mutation, result: resultName(result), slots };
}

/** deepEqual of viewTables, a hundred times as fast. */
function isSameTables(
  { vgic, its }: ItsMachine,
  devices: ReturnType<typeof predictRestore>['devices'],
  collections: ReturnType<typeof predictRestore>['collections'],
): boolean {
  const { intidOfSlot } = vgic.state;
  const live = its.objects.devices.items();
  if (live.length !== devices.length || its.objects.collections.length !== collections.length) return false;
  const isSameCollection = its.objects.collections
    .items()
    .every(({ key, target }, at) => key === collections[at].id && target === (collections[at].target ?? NO_VCPU));
  return (
    isSameCollection &&
    live.every(({ key, bits, itt, entries }, at) => {
      const wanted = devices[at];
      if (key !== wanted.id || bits !== wanted.bits || itt !== wanted.itt) return false;
      if (entries.length !== wanted.entries.length) return false;
      return entries.items().every(({ key: event, slot, collection }, index) => {
        const entry = wanted.entries[index];
        return event === entry.event && intidOfSlot[slot] === entry.lpi && collection?.key === entry.collection;
      });
    })
  );
}

/** `count` mutants of one image, the kinds in turn; kinds that the image has no place for are passed over. */
export function checkMutants(
  machine: ItsMachine,
  image: Image,
  rng: Generator,
  count: number,
  note: (outcome: MutantOutcome) => void,
): void {
  const mutator = new Mutator(machine.its.memory, rng);
  for (let done = 0, kind = rng.nextBelow(MUTATIONS.length); done < count; kind = (kind + 1) % MUTATIONS.length) {
    const outcome = checkMutant(machine, image, mutator, MUTATIONS[kind]);
    if (outcome === undefined) continue;
    note(outcome);
    done += 1;
  }
}
