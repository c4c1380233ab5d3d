/** The guest's memory, as far as the tables and the command queue of an ITS need one: bytes by address, zero at the start. */

/** Everything else is no guest memory (traces/conformance, itsMemoryMap). */
const RAM_START = 0x4000_0000;
const RAM_END = 0x4200_0000;

const PAGE_SIZE = 4096;

export class GuestMemory {
  /** Pages that were written, by address / PAGE_SIZE. */
  private readonly pages = new Map<number, Uint8Array>();

  /** Little endian; undefined: not all of it is guest memory. */
  read(address: number, nrBytes: number): bigint | undefined {
    if (!isRam(address, nrBytes)) return undefined;
    // Tables are mostly empty, and a restore goes through all of them.
    if (!this.isWritten(address) && !this.isWritten(address + nrBytes - 1)) return 0n;
    let value = 0n;
    for (let at = nrBytes - 1; at >= 0; at--) value = (value << 8n) | BigInt(this.byteAt(address + at));
    return value;
  }

  /** Little endian; false: not all of it is guest memory, and nothing is written. */
  write(address: number, nrBytes: number, value: bigint): boolean {
    if (!isRam(address, nrBytes)) return false;
    for (let at = 0; at < nrBytes; at++) {
      const byte = address + at;
      const page = Math.floor(byte / PAGE_SIZE);
      const bytes = this.pages.get(page) ?? new Uint8Array(PAGE_SIZE);
      this.pages.set(page, bytes);
      bytes[byte % PAGE_SIZE] = Number((value >> BigInt(8 * at)) & 0xffn);
    }
    return true;
  }

  private isWritten(address: number): boolean {
    return this.pages.has(Math.floor(address / PAGE_SIZE));
  }

  private byteAt(address: number): number {
    return this.pages.get(Math.floor(address / PAGE_SIZE))?.[address % PAGE_SIZE] ?? 0;
  }
}

export const isRam = (address: number, nrBytes: number): boolean =>
  address >= RAM_START && address + nrBytes <= RAM_END;
