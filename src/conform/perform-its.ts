/** The steps of scenarios that concern the ITS, its tables and its memory, and the state in which such scenarios begin. */
import { LPI_BASE } from '../gic/intid.js';
import * as Command from '../gic/its-command.js';
import { CONFIG_TABLE, PENDING_TABLE, PENDING_TABLE_BYTES, writeIts, writeRedists } from '../gic/its-layout.js';
import { GICR_CTLR } from '../gic/its-registers.js';
import { DIST_ENABLE, ITS_MMIO, MEM_AT, MEM_WRITE, MMIO_REDIST } from '../trace/events.js';
import { resultName } from '../vgic/its/result.js';
import type { Observed } from './perform.js';
import type { Step } from './scenario.js';
import type { ConformTarget, ItsTarget } from './target.js';

type Apply = ConformTarget['apply'];

/** Registers as a guest's driver leaves them: distributor on, tables where the map says, LPIs and the ITS enabled. */
export function prepareIts(apply: Apply, nrVcpus: number): void {
  apply(DIST_ENABLE, 0, 0, 1);
  writeRedists(nrVcpus, (vcpu, offset, value) => apply(MMIO_REDIST, vcpu, offset, value));
  writeIts((offset, value) => apply(ITS_MMIO, 0, offset, value));
}

/** Opcodes by name. RAW gives its own. */
const OPCODES: Readonly<Record<string, number>> = {
  MOVI: Command.ITS_MOVI,
  INT: Command.ITS_INT,
  CLEAR: Command.ITS_CLEAR,
  SYNC: Command.ITS_SYNC,
  MAPD: Command.ITS_MAPD,
  MAPC: Command.ITS_MAPC,
  MAPTI: Command.ITS_MAPTI,
  MAPI: Command.ITS_MAPI,
  INV: Command.ITS_INV,
  INVALL: Command.ITS_INVALL,
  MOVALL: Command.ITS_MOVALL,
  DISCARD: Command.ITS_DISCARD,
};
export const commandNames: readonly string[] = [...Object.keys(OPCODES), 'RAW'];

const wide = (value: unknown, fallback = 0): bigint => BigInt((value ?? fallback) as string | number);

/** The eight words of a command; operands that it does not have are 0. */
export function encodeCommand(args: Step['args']): number[] {
  const opcode = args.cmd === 'RAW' ? wide(args.opcode) & 0xffn : BigInt(OPCODES[args.cmd as string]);
  const size = args.bits === undefined ? 0n : (wide(args.bits) - 1n) & 0x1fn;
  const target = wide(args.target ?? args.fromTarget);
  const doubles = [
    opcode | (wide(args.device) << 32n),
    size | wide(args.event) | (wide(args.lpi) << 32n),
    wide(args.itt) | wide(args.collection) | (target << 16n) | (wide(args.valid === true ? 1 : args.valid) << 63n),
    wide(args.toTarget) << 16n,
  ];
  return doubles.flatMap((double) => [Number(double & 0xffffffffn), Number((double >> 32n) & 0xffffffffn)]);
}

const pendingByte = (vcpu: unknown, lpi: unknown): number =>
  PENDING_TABLE + Number(vcpu) * PENDING_TABLE_BYTES + Math.floor(Number(lpi) / 8);
const pendingBit = (lpi: unknown): number => 1 << (Number(lpi) & 7);

function readByte(its: ItsTarget, address: number): number {
  const within = address % 8;
  return Number((its.readMemory(address - within) >> BigInt(8 * within)) & 0xffn);
}

/** One handler a kind of step. */
export function createItsSteps(
  its: ItsTarget,
  apply: Apply,
): Readonly<Record<string, (args: Step['args']) => Observed>> {
  const writeByte = (address: number, value: number): void => {
    apply(MEM_AT, 0, Math.floor(address / 2 ** 32), address | 0);
    apply(MEM_WRITE, 0, 1, value);
  };
  const resultOf = (result: number): Observed => ({ result: resultName(result) });
  return {
    itsCmd: (args) => resultOf(its.command(encodeCommand(args))),
    lpiConfigByte({ lpi, value }) {
      writeByte(CONFIG_TABLE + Number(lpi) - LPI_BASE, Number(value));
      return {};
    },
    pendingTableBit({ vcpu, lpi, value }) {
      const address = pendingByte(vcpu, lpi);
      const others = readByte(its, address) & ~pendingBit(lpi);
      writeByte(address, others | (Number(value) === 1 ? pendingBit(lpi) : 0));
      return {};
    },
    // By the register, so that translation stops too.
    lpisDisable({ vcpu }) {
      apply(MMIO_REDIST, Number(vcpu), GICR_CTLR, 0);
      return {};
    },
    itsSave: () => resultOf(its.save()),
    itsRestore: () => resultOf(its.restore()),
    itsReset() {
      its.reset();
      return {};
    },
    memWrite({ addr, value }) {
      its.writeMemory(Number(addr), wide(value));
      return {};
    },
    expectMem: ({ addr }) => ({ value: its.readMemory(Number(addr)) }),
    expectItsTables() {
      const { devices, collections } = its.tables();
      return { devices: devices.map((device) => ({ ...device, itt: `0x${device.itt.toString(16)}` })), collections };
    },
    expectPendingTableBit: ({ vcpu, lpi }) => ({
      value: (readByte(its, pendingByte(vcpu, lpi)) & pendingBit(lpi)) === 0 ? 0 : 1,
    }),
  };
}
