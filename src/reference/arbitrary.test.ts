/** Random streams are well-formed, restricted as asked, and reach what they should. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { isLpi, type Machine, NR_PRIVATE_IRQS } from '../gic/intid.js';
import { HCR_LRENPIE, HCR_UIE } from '../gic/lr.js';
import * as ev from '../trace/events.js';
import { findRangeProblem } from '../trace/ranges.js';
import { AP_LIST_FLAVOURS, scenarios } from './arbitrary.js';
import { ReferenceVgic } from './reference-vgic.js';

const NR_RUNS = 600;
const SEED = 1;
const CHECKED = { numRuns: NR_RUNS, seed: SEED, includeErrorInReport: true };

const IN_GUEST_KINDS: readonly number[] = [ev.SYNC, ev.FOLD, ev.ACK, ev.EOI, ev.PRIORITY_DROP, ev.DEACTIVATE];
const OUT_KINDS: readonly number[] = [ev.ENABLE, ev.SGI, ev.MMIO_DIST, ev.MMIO_DIST_BYTE, ev.MMIO_DIST_READ, ev.PMR];

test('streams are well-formed', () => {
  const property = fc.property(scenarios(), ({ machine, events }) => {
    const places = Array.from({ length: machine.nrVcpus }, () => 'out');
    for (const { kind, vcpu, intid, value } of events) {
      assert.equal(findRangeProblem(ev.packWord(kind, vcpu, intid), value, machine), undefined);
      if (kind === ev.FLUSH) assert.equal(places[vcpu], 'out');
      if (IN_GUEST_KINDS.includes(kind)) assert.equal(places[vcpu], 'guest');
      if (kind === ev.PRUNE) assert.equal(places[vcpu], 'folded');
      if (OUT_KINDS.includes(kind)) assert.equal(places[vcpu], 'out');
      if (kind === ev.ACTIVE || (kind === ev.PENDING && value & 2)) assert.ok(places.every((place) => place === 'out'));
      if (kind === ev.INJECT) assert.ok(isLpi(intid) || intid < NR_PRIVATE_IRQS + machine.nrSpis);
      if (kind === ev.FLUSH) places[vcpu] = 'guest';
      if (kind === ev.SYNC || kind === ev.PRUNE) places[vcpu] = 'out';
      if (kind === ev.FOLD) places[vcpu] = 'folded';
    }
  });
  fc.assert(property, CHECKED);
});

test('flavours can be restricted, the two-list one included', () => {
  for (const flavour of ['kvm-7.2', 'xen-new', 'xen-old']) {
    const drawn = fc.sample(scenarios({ flavours: [flavour] }), { numRuns: 20, seed: SEED });
    assert.ok(drawn.every(({ machine }) => machine.flavour === flavour));
  }
});

/** What one event has reached, in the words of the test below. */
function* describeStep(vgic: ReferenceVgic, machine: Machine, event: [number, number, number]): Generator<string> {
  const [kind, vcpu, intid] = event;
  const { flavour, broadcasts, vcpus } = vgic.state;
  const { eoiCount, isSplitEoi } = vcpus[vcpu].cpuInterface;
  if (kind === ev.FLUSH) {
    if (vgic.usedLrs(vcpu) === 0 && vgic.list(vcpu).length > 0) yield 'nothing deliverable';
    if (vgic.hcr(vcpu) & HCR_UIE) yield `overflow of ${flavour.id} on ${machine.model}`;
    if (vgic.hcr(vcpu) & HCR_LRENPIE) yield 'active outside the list registers';
  }
  if (kind === ev.SYNC) {
    if (vgic.lastKicks.length > 0) yield 'migration';
    if (vgic.lastNotifications.length > 0) yield 'notification';
    if (vgic.usedLrs(vcpu) > 0) yield 'stale list registers';
  }
  const acked = kind === ev.ACK && vgic.lastAckLr !== -1 ? vgic.irq(vcpu, vgic.lastAck) : undefined;
  if (acked?.hw) yield 'mapped one acknowledged';
  if (acked?.swResample && acked.level) yield 'SW_RESAMPLE acknowledged';
  if (kind === ev.SGI_PEND && (vgic.irq(vcpu, intid)?.source ?? 0) > 2) yield 'several senders';
  if (kind === ev.EOI && eoiCount > 0 && vgic.hcr(vcpu) & HCR_LRENPIE && !isSplitEoi) yield 'EOI that an exit applies';
  if (kind === ev.DEACTIVATE && vcpus.some(({ processUpdate }) => processUpdate))
    yield 'DIR outside the list registers';
  if (broadcasts > 0) yield 'first SPI';
  if (vcpus.some(({ ipis }) => ipis > 0)) yield 'IPI';
}

test('streams reach every input kind and what the flavours do differently', () => {
  const kinds = new Set<number>();
  const reached = new Set<string>();
  for (const { machine, events } of fc.sample(scenarios(), { numRuns: NR_RUNS, seed: SEED })) {
    const vgic = new ReferenceVgic(machine);
    for (const { kind, vcpu, intid, value } of events) {
      kinds.add(kind);
      const inGuest = vgic.state.vcpus.filter((each) => each.inGuest).length;
      const { halts } = vgic.state;
      vgic.apply(kind, vcpu, intid, value);
      if (vgic.state.halts > halts && inGuest > 0) reached.add('halt');
      for (const what of describeStep(vgic, machine, [kind, vcpu, intid])) reached.add(what);
    }
    assert.equal(vgic.fatal, undefined);
    if (vgic.cost('flush').comparisons.max > 20) reached.add('long sort');
    if (vgic.divergences > 0) reached.add('divergence');
  }
  // The systems beside the core have generators of their own.
  const inputKinds = ev.KINDS.map((info) => info.kind).filter((kind) => kind < ev.MEM_AT);
  assert.deepEqual(
    inputKinds.filter((kind) => !kinds.has(kind)),
    [],
  );
  const overflows = AP_LIST_FLAVOURS.flatMap((id) =>
    id.startsWith('xen')
      ? [`overflow of ${id} on gicv2`]
      : ['gicv2', 'gicv2-on-gicv3', 'gicv3'].map((model) => `overflow of ${id} on ${model}`),
  );
  assert.deepEqual(
    [...reached].sort(),
    [
      'DIR outside the list registers',
      'EOI that an exit applies',
      'IPI',
      'SW_RESAMPLE acknowledged',
      'active outside the list registers',
      'divergence',
      'first SPI',
      'halt',
      'long sort',
      'mapped one acknowledged',
      'migration',
      'nothing deliverable',
      'notification',
      'several senders',
      'stale list registers',
      ...overflows,
    ].sort(),
  );
});

test('where it is asked for, a few streams stop the host', () => {
  const drawn = fc.sample(scenarios({ flavours: ['xen-new'], hostStops: true }), { numRuns: 200, seed: SEED });
  const stopped = drawn.filter(({ machine, events }) => {
    const vgic = new ReferenceVgic(machine);
    for (const { kind, vcpu, intid, value } of events) vgic.apply(kind, vcpu, intid, value);
    return vgic.fatal === 'host-assertion';
  });
  assert.ok(stopped.length > 0);
  assert.ok(stopped.length < drawn.length / 2);
});
