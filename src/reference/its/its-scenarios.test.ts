/** Every shipped scenario of the ITS, put to the reference model. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { ConformTarget } from '../../conform/target.js';
import { readShippedText } from '../../conform/test-scenarios.js';
import { ReferenceTarget } from '../reference-target.js';
import {
  configAddress,
  createItsMachine,
  encodeCommand,
  itsOf,
  OPCODES,
  pendingAddress,
  startIts,
  writeBytes,
} from './its-machine.js';

type Json = Readonly<Record<string, unknown>>;
interface Step extends Json {
  readonly op: string;
  readonly expect?: Readonly<Record<string, Json>>;
}
interface ItsScenario {
  readonly id: string;
  readonly flavours: readonly string[];
  readonly config: { readonly kind: string; readonly vcpus: number };
  readonly steps: readonly Step[];
}

const scenarios = ['public.json', 'random-public.json.gz'].flatMap((name) => {
  const file: { readonly scenarios: readonly ItsScenario[] } = JSON.parse(readShippedText(name));
  return file.scenarios.filter(({ config }) => config.kind === 'its');
});

const ERRNO: Readonly<Record<string, number>> = { '-EFAULT': -14, '-EEXIST': -17, '-ENODEV': -19, '-EINVAL': -22 };

/** A word of a file as a number: results by name, hex strings, bits. */
function numeric(value: unknown): unknown {
  if (value === 'OK') return 0;
  if (typeof value === 'string') return Object.hasOwn(ERRNO, value) ? ERRNO[value] : BigInt(value).toString();
  return typeof value === 'boolean' ? Number(value) : value;
}

/** Structures as they are; a hex string is the same as its number. */
function normal(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(normal);
  if (typeof value === 'object' && value !== null)
    return Object.fromEntries(Object.entries(value).map(([name, field]) => [name, normal(field)]));
  const plain = numeric(value);
  return typeof plain === 'number' || typeof plain === 'bigint' ? plain.toString() : plain;
}

const orNull = (vcpu: number): number | null => (vcpu < 0 ? null : vcpu);

function readPendingBit(target: ConformTarget, vcpu: number, lpi: number): number {
  const byte = itsOf(target).readMemory(pendingAddress(vcpu, lpi)) & 0xffn;
  return Number((byte >> BigInt(lpi % 8)) & 1n);
}

function writePendingBit(target: ConformTarget, vcpu: number, lpi: number, value: number): void {
  const address = pendingAddress(vcpu, lpi);
  const byte = Number(itsOf(target).readMemory(address) & 0xffn);
  const bit = 1 << (lpi % 8);
  writeBytes(target, address, 1, value ? byte | bit : byte & ~bit);
}

function runCommandStep(target: ConformTarget, step: Json): number {
  const { cmd, opcode, itt, target: to, fromTarget, toTarget, valid, ...rest } = step;
  const numbers = Object.fromEntries(Object.entries(rest).filter(([, value]) => typeof value === 'number'));
  const code = cmd === 'RAW' ? Number(opcode) : OPCODES[cmd as keyof typeof OPCODES];
  const targets = { target: Number(to ?? fromTarget ?? 0), otherTarget: Number(toTarget ?? 0) };
  const fields = { ...numbers, ...targets, opcode: code, itt: Number(itt ?? 0), valid: Boolean(valid) };
  return itsOf(target).command(encodeCommand(fields));
}

function viewLpi(target: ConformTarget, lpi: number): Json {
  const irq = target.irq(0, lpi);
  if (irq === undefined) return { exists: 0 };
  const { enabled, latch, priority, queuedOn, references } = irq;
  return {
    exists: 1,
    enabled,
    pendingLatch: latch,
    priority,
    target: orNull(irq.target),
    onListOf: orNull(queuedOn),
    references,
  };
}

/** Carries a step out, and what it shows. */
function perform(target: ConformTarget, step: Step): Json {
  const its = itsOf(target);
  const [vcpu, lpi, address] = [Number(step.vcpu), Number(step.lpi), Number(step.addr)];
  switch (step.op) {
    case 'itsCmd':
      return { result: runCommandStep(target, step) };
    case 'lpiConfigByte':
      writeBytes(target, configAddress(lpi), 1, Number(step.value));
      return {};
    case 'pendingTableBit':
      writePendingBit(target, vcpu, lpi, Number(step.value));
      return {};
    case 'expectPendingTableBit':
      return { value: readPendingBit(target, vcpu, lpi) };
    case 'itsSave':
      return { result: its.save() };
    case 'itsRestore':
      return { result: its.restore() };
    case 'itsReset':
      its.reset();
      return {};
    case 'memWrite':
      its.writeMemory(address, BigInt(String(step.value)));
      return {};
    case 'expectMem':
      return { value: its.readMemory(address) };
    case 'expectItsTables':
      return { ...its.tables() };
    case 'expectLpi':
      return viewLpi(target, lpi);
    case 'expectApList':
      return { list: target.list(vcpu) };
    default:
      throw new Error(`unknown step ${step.op}`);
  }
}

for (const flavour of ['kvm-6.1', 'kvm-7.2']) {
  const own = scenarios.filter(({ flavours }) => flavours.includes(flavour));
  test(`${own.length} scenarios of the ITS of ${flavour}`, () => {
    assert.ok(own.length > 20);
    let nrChecked = 0;
    for (const { id, config, steps } of own) {
      const target = new ReferenceTarget(createItsMachine(flavour, config.vcpus));
      startIts(target);
      for (const [at, step] of steps.entries()) {
        const observed = perform(target, step);
        for (const [name, value] of Object.entries({ ...step.expect?.['*'], ...step.expect?.[flavour] })) {
          assert.deepEqual(normal(observed[name]), normal(value), `${id} step ${at + 1} (${step.op}): ${name}`);
          nrChecked++;
        }
      }
    }
    assert.ok(nrChecked > 1000);
  });
}
