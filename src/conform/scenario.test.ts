/** Broken scenario files: one line with file, scenario and step, what is wrong, and what to do. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { InputError } from '../base/errors.js';
import { registerNames } from './registers.js';
import { parseScenarios } from './scenario.js';
import { LR_FIELDS, STEPS } from './steps.js';
import { fileOf, parseWritten, SMALL_MACHINE, type WrittenScenario, type WrittenStep } from './test-scenarios.js';

const SYNC = { op: 'sync', vcpu: 0 };

function messageOf(text: string): string {
  try {
    parseScenarios('file.json', text);
  } catch (error) {
    assert.ok(error instanceof InputError, String(error));
    assert.equal(error.exitCode, 4);
    assert.match(error.message, /^file\.json: [^\n]+: [^\n]+; [^\n]{6,}$/);
    return error.message;
  }
  assert.fail('the file was taken');
}

const refuse = (scenario: object, expected: RegExp): void =>
  assert.match(messageOf(fileOf([{ flavours: ['kvm-7.2'], steps: [SYNC], ...scenario } as WrittenScenario])), expected);

const refuseStep = (step: WrittenStep, expected: RegExp): void => refuse({ steps: [SYNC, step] }, expected);
const refuseConfig = (config: object, expected: RegExp): void =>
  refuse({ config: { ...SMALL_MACHINE, ...config } }, expected);

test('what is no scenario file', () => {
  assert.match(messageOf(''), /byte 0: not JSON/);
  assert.match(messageOf('{"scenarios": [}\n'), /byte 0: not JSON/);
  assert.match(messageOf('\u001b[31m'), /not JSON/);
  assert.match(messageOf('[]'), /the content is not an object/);
  assert.match(messageOf('{}'), /"scenarios" is not a list/);
  assert.match(messageOf('{"scenarios": []}'), /"scenarios" is not a list with entries/);
  assert.match(messageOf('{"scenarios": [1]}'), /scenario 1: the scenario is not an object/);
  assert.match(
    messageOf('{"schema": {"version": 2}, "scenarios": []}'),
    /schema version 2; this program reads version 1/,
  );
});

test('the envelope', () => {
  refuse({ id: '' }, /scenario 1: id is not a string/);
  refuse({ id: 'a\nb' }, /control characters in the id/);
  refuse({ wyh: 'x' }, /scenario S1: unknown field 'wyh'/);
  refuse({ title: 7 }, /title is not a string/);
  refuse({ flavours: ['kvm-6.l'] }, /unknown flavour "kvm-6.l"; use one of kvm-6\.1, /);
  refuse({ flavours: [] }, /flavours is not a list with entries/);
  refuse({ steps: [] }, /steps is not a list with entries/);
  refuse({ config: 7 }, /config is not an object/);
  const twice = fileOf(['X', 'X'].map((id) => ({ id, flavours: ['kvm-7.2'], steps: [SYNC] })));
  assert.match(messageOf(twice), /scenario X: the id is used twice/);
});

test('the machine', () => {
  refuseConfig({ kind: 'gic' }, /config\.kind is "gic"; make it "vgic" or "its"/);
  refuseConfig({ guestModel: 'gicv3' }, /no machine has guestModel on hostGic gicv3 on gicv2/);
  refuseConfig({ vcpus: 9 }, /config\.vcpus is 9; make it a whole number from 1 to 8/);
  refuseConfig({ vcpus: '2' }, /config\.vcpus is "2"/);
  refuseConfig({ spis: 989 }, /config\.spis is 989/);
  refuseConfig({ nrLr: 0 }, /config\.nrLr is 0/);
  refuseConfig({ hostGic: 'gicv3', nrLr: 17 }, /config\.nrLr is 17; make it a whole number from 1 to 16/);
  refuseConfig({ nrLrs: 4 }, /unknown field of config 'nrLrs'/);
  refuse({ config: { kind: 'its' } }, /config\.vcpus is undefined/);
  refuse({ config: { kind: 'its', vcpus: 2, nrLr: 17 } }, /config\.nrLr is 17/);
  refuse(
    { config: { kind: 'its', vcpus: 2, guestModel: 'gicv2' } },
    /no machine with an ITS has guestModel on hostGic gicv2 on gicv3/,
  );
});

test('kinds of steps and their parameters', () => {
  refuseStep(
    { op: 'flsh', vcpu: 0 },
    /scenario S1 step 2 \(flsh\): unknown kind of step "flsh"; use one of mmioWrite, /,
  );
  refuseStep({ op: 'toString' }, /unknown kind of step "toString"/);
  refuseStep({ op: 'fl\nush' }, /unknown kind of step/);
  refuse({ steps: [7] }, /scenario S1: step 1 is not an object/);
  refuseStep({ op: 'flush' }, /parameter 'vcpu' is missing/);
  refuseStep({ op: 'itsCmd', cmd: 'MAPX' }, /unknown command "MAPX"; use one of MOVI, /);
  refuseStep({ op: 'flush', vcpu: 2 }, /parameter 'vcpu' must be the index of a vCPU, not 2/);
  refuseStep({ op: 'flush', vcpu: 0, intid: 3 }, /unknown parameter 'intid'/);
  refuseStep({ op: 'inject', vcpu: null, intid: -1, level: 1 }, /parameter 'intid' must be a whole number, not -1/);
  refuseStep({ op: 'inject', vcpu: null, intid: 40, level: 2 }, /'level' must be 0, 1, true or false, not 2/);
  refuseStep({ op: 'setCpuif', vcpu: 0, pmr: 'f8' }, /'pmr' must be a hex string such as "0xf8", not "f8"/);
  const write = { op: 'mmioWrite', vcpu: 0, reg: 'CTLR', offset: 0, len: 4, value: '0x1' };
  refuseStep({ ...write, reg: 'GICD_CTLR' }, /unknown register "GICD_CTLR"; use one of CTLR, /);
  refuseStep({ ...write, reg: 'constructor' }, /unknown register "constructor"/);
  refuseStep({ ...write, len: 3 }, /'len' must be 1, 2, 4 or 8, not 3/);
  refuseStep({ ...write, len: 1, value: '0x100' }, /value 0x100 does not fit 1 bytes/);
  refuseStep({ op: 'sysregWrite', vcpu: 0, reg: 'SGI2R', value: '0x1' }, /must be SGI1R or SGI0R, not "SGI2R"/);
});

test('expectations that nobody would check', () => {
  const lrs = { op: 'expectLrs', vcpu: 0 };
  refuseStep({ ...lrs, expect: 7 }, /expect is not an object/);
  refuseStep({ ...lrs, expect: { '*': 7 } }, /expect of \* is not an object/);
  refuseStep({ ...lrs, expect: { 'kvm-6.1': {} } }, /expect names 'kvm-6\.1', which the scenario does not list/);
  refuseStep({ ...lrs, expect: { '*': { hrc: '0x1' } } }, /unknown expectation of \*: 'hrc'/);
  refuseStep({ ...lrs, expect: { '*': { hcr: 'on' } } }, /'hcr' must be a hex string/);
  refuseStep({ ...lrs, expect: { '*': { lrs: [{ prio: '0x0' }] } } }, /unknown field of a list register 'prio'/);
  refuseStep({ ...lrs, expect: { '*': { lrs: [{ state: 'busy' }] } } }, /'state' must be one of inactive, /);
  refuseStep({ ...lrs, expect: { '*': { lrs: [33] } } }, /an entry of lrs is not an object/);
  refuseStep({ ...SYNC, expect: { '*': { hcr: '0x1' } } }, /unknown expectation of \*: 'hcr'/);
  refuse(
    { steps: [{ op: 'expectFatal', expect: { '*': { kind: 'host-assertion' } } }, SYNC] },
    /step 1 \(expectFatal\): not the last step/,
  );
});

test('a field must be one that the flavour has', () => {
  const status = { op: 'expectIrq', vcpu: 0, intid: 33, expect: { '*': { queued: 1 } } };
  const latch = { ...status, expect: { '*': { pendingLatch: 1 } } };
  refuseStep(status, /unknown expectation of \*: 'queued'/);
  refuse({ flavours: ['xen-old'], steps: [latch] }, /unknown expectation of \*: 'pendingLatch'/);
  refuse({ flavours: ['xen-old', 'xen-new'], steps: [latch] }, /unknown expectation of \*: 'pendingLatch'/);
  const split = { ...status, expect: { 'xen-old': { queued: 1 }, 'xen-new': { pendingLatch: 1 } } };
  assert.equal(parseWritten({ flavours: ['xen-old', 'xen-new'], steps: [split] }).steps.length, 1);
});

test('values may be written in more than one way', () => {
  const steps = [
    { op: 'mmioRead', vcpu: 0, reg: 'CTLR', offset: 0, len: 4, expect: { '*': { value: 0 } } },
    { op: 'expectPendingIrq', vcpu: 0, expect: { '*': { value: 0 } } },
    { op: 'inject', intid: 33, level: true },
  ];
  assert.equal(parseWritten({ flavours: ['kvm-7.2'], steps }).steps.length, 3);
});

test('the example of traces/conformance/README.md is a scenario file', () => {
  const readme = readFileSync(new URL('../../../traces/conformance/README.md', import.meta.url), 'utf8');
  const [, example] = /^```json\n([\s\S]*?)^```/m.exec(readme)!;
  assert.equal(parseScenarios('README.md', example).length, 1);
  // Every kind of step and every field has its word there.
  const words = new Set([...readme.matchAll(/`(\w+)`/g)].map(([, word]) => word));
  const named = Object.entries(STEPS).flatMap(([op, shape]) => [
    op,
    ...(shape.needsIts
      ? []
      : [shape.params, shape.optional, shape.expect, shape.expectXenOld ?? {}].flatMap((fields) =>
          Object.keys(fields),
        )),
  ]);
  assert.deepEqual(
    [...new Set([...named, ...Object.keys(LR_FIELDS), ...registerNames])].filter((name) => !words.has(name)),
    [],
  );
});
