/**
 * The guest's memory, as far as the ITS reads and writes it: one range of addresses, backed by pages that exist once
 * something but zero was written. What lies outside the range is no guest memory: accesses fail.
 * Little endian, as the guest and the tables are (vgic-spec 6.8).
 */
import { assert } from '../../base/errors.js';

export const PAGE_BYTES = 65536;

export interface MemoryRange {
  /** First byte, and size in bytes: multiples of PAGE_BYTES. */
  readonly base: number;
  readonly bytes: number;
}

/** 32 MiB: the range of the conformance scenarios. The model needs no more memory than this for its pages. */
const DEFAULT_RANGE: MemoryRange = { base: 0x40000000, bytes: 0x2000000 };
const MAX_BYTES = 2 ** 30;

export class GuestMemory {
  /** Halves of what the last readDouble read. */
  lo = 0;
  hi = 0;
  /** Accesses of the hypervisor since the start: what the guest itself writes does not count. */
  reads = 0;
  writes = 0;
  readonly range: MemoryRange;
  readonly nrPages: number;
  readonly #pages: (DataView | undefined)[];
  /** Writes to each page. */
  readonly #versions: Float64Array;

  constructor(range: MemoryRange = DEFAULT_RANGE) {
    assert(range.bytes > 0 && range.bytes <= MAX_BYTES, `guest memory of ${range.bytes} bytes is at most ${MAX_BYTES}`);
    assert(range.base % PAGE_BYTES === 0 && range.bytes % PAGE_BYTES === 0, 'guest memory consists of whole pages');
    this.range = range;
    this.nrPages = range.bytes / PAGE_BYTES;
    this.#pages = new Array(this.nrPages).fill(undefined);
    this.#versions = new Float64Array(this.nrPages);
  }

  /** Is the page that holds the address guest memory? */
  holds(address: number): boolean {
    const offset = address - this.range.base;
    return offset >= 0 && offset < this.range.bytes;
  }

  /** Index of the page that holds the address, or -1: no guest memory. */
  pageOf(address: number): number {
    return this.holds(address) ? Math.floor((address - this.range.base) / PAGE_BYTES) : -1;
  }

  /** Undefined: all zero. */
  page(index: number): DataView | undefined {
    return this.#pages[index];
  }

  /** Changes whenever the page is written. */
  version(index: number): number {
    return this.#versions[index];
  }

  /** Counts reads of slots that need not be looked at (empty-slots.ts). */
  countReads(slots: number): void {
    this.reads += slots;
  }

  /** The 8 bytes at an aligned address into `lo` and `hi`; false: no guest memory. */
  readDouble(address: number): boolean {
    this.reads += 1;
    return this.peekDouble(address);
  }

  /** readDouble by no part of the hypervisor: a test or user space looks. */
  peekDouble(address: number): boolean {
    if (!this.holds(address) || !this.holds(address + 7)) return false;
    this.lo = this.#word(address);
    this.hi = this.#word(address + 4);
    return true;
  }

  /** False: no guest memory; nothing is written then. */
  writeDouble(address: number, lo: number, hi: number): boolean {
    this.writes += 1;
    return this.poke(address, lo, 4) && this.poke(address + 4, hi, 4);
  }

  /** The byte, or -1: no guest memory. */
  readByte(address: number): number {
    this.reads += 1;
    return this.peekByte(address);
  }

  peekByte(address: number): number {
    if (!this.holds(address)) return -1;
    const offset = address - this.range.base;
    return this.#pages[offset >>> 16]?.getUint8(offset & 0xffff) ?? 0;
  }

  writeByte(address: number, value: number): boolean {
    this.writes += 1;
    return this.poke(address, value, 1);
  }

  /** The guest, or user space, writes the `count` (1 to 4) low bytes of `value`. False: some lie outside; none is written. */
  poke(address: number, value: number, count: number): boolean {
    if (!this.holds(address) || !this.holds(address + count - 1)) return false;
    const offset = address - this.range.base;
    const within = offset & 0xffff;
    if (count === 4 && within <= PAGE_BYTES - 4) {
      const page = this.#pages[offset >>> 16];
      this.#versions[offset >>> 16] += 1;
      if (page !== undefined) page.setInt32(within, value, true);
      else if (value !== 0) this.#backed(offset).setInt32(within, value, true);
      return true;
    }
    for (let byte = 0; byte < count; byte++) {
      const at = offset + byte;
      this.#versions[at >>> 16] += 1;
      this.#backed(at).setUint8(at & 0xffff, (value >>> (8 * byte)) & 0xff);
    }
    return true;
  }

  /** All zero again; pages that were backed stay so. */
  clear(): void {
    this.#pages.forEach((page, index) => {
      if (page === undefined) return;
      new Uint8Array(page.buffer).fill(0);
      this.#versions[index] += 1;
    });
  }

  /** Bytes that back pages. */
  backedBytes(): number {
    return PAGE_BYTES * this.#pages.filter((page) => page !== undefined).length;
  }

  #backed(offset: number): DataView {
    const at = offset >>> 16;
    let page = this.#pages[at];
    if (page === undefined) {
      page = new DataView(new ArrayBuffer(PAGE_BYTES));
      this.#pages[at] = page;
    }
    return page;
  }

  #word(address: number): number {
    const offset = address - this.range.base;
    const within = offset & 0xffff;
    if (within <= PAGE_BYTES - 4) return this.#pages[offset >>> 16]?.getInt32(within, true) ?? 0;
    let word = 0;
    for (let byte = 0; byte < 4; byte++) word |= this.peekByte(address + byte) << (8 * byte);
    return word;
  }
}
