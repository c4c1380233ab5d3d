/** Guest runs as the trace shows them: ground truth of the LRs, the guest's own accesses, facts of the vCPU thread. */
import * as K from '../../trace/events.js';
import type { EventWriter } from './event-writer.js';
import type { GuestAccess, GuestAccesses } from './guest-accesses.js';
import { GuestLrs, readBackLrs } from './list-registers.js';
import type { EntryOperation, FactOperation, FlushOperation, SyncOperation } from './operation.js';
import type { FtraceSurvey } from './survey.js';

/** HCR of a flush on an empty list: nothing is printed, KVM's copy is what the last fold left. */
const HCR_IDLE = 1;
const LIST_ENDS = 1 << 16;
const NO_ENTRY = 0xffff;

interface Guest {
  readonly lrs: GuestLrs;
  /** Accesses of the run that have not been written. */
  readonly waiting: GuestAccess[];
  pmr: number;
}

export class GuestRuns {
  /** LR states that the recorded guest accesses do not explain. */
  corrected = 0;
  readonly #survey: FtraceSurvey;
  readonly #out: EventWriter;
  readonly #accesses: GuestAccesses | null;
  readonly #guests: Guest[];

  constructor(survey: FtraceSurvey, out: EventWriter, accesses: GuestAccesses | null) {
    this.#survey = survey;
    this.#out = out;
    this.#accesses = accesses;
    this.#guests = Array.from({ length: survey.nrVcpus }, () => ({ lrs: new GuestLrs(), waiting: [], pmr: -1 }));
  }

  /** The flush with what the hardware was given. `listLength`: entries of the ap_list at that moment. */
  writeFlush(op: FlushOperation, listLength: number): void {
    // The flush is dated by its first line; what it gave, by its last: other CPUs may work in between.
    const { vcpu, tick, closeTick, result } = op;
    if (op.sortCount >= 0) this.#out.write(K.EXPECT_SORT, vcpu, 0, op.sortCount, tick);
    this.#out.write(K.FLUSH, vcpu, 0, 0, tick);
    if (op.isCut) {
      this.#guests[vcpu].lrs.forget();
      return;
    }
    this.#out.write(K.EXPECT_LRS, vcpu, result?.used ?? 0, result?.hcr ?? HCR_IDLE, closeTick);
    if (result !== null) {
      this.#writeLrs(vcpu, result.lo, result.hi, closeTick);
      this.#writeList(vcpu, result.list, listLength, closeTick);
    }
    this.#guests[vcpu].lrs.enter(readBackLrs(this.#survey.model, result));
  }

  #writeLrs(vcpu: number, lo: readonly number[], hi: readonly number[], tick: number): void {
    for (let lr = 0; lr < lo.length; lr++) {
      this.#out.write(K.EXPECT_LR_LO, vcpu, lr, lo[lr], tick);
      if (this.#survey.model !== 'gicv2') this.#out.write(K.EXPECT_LR_HI, vcpu, lr, hi[lr], tick);
    }
  }

  /** Entries behind `length` were appended after the unlock, or are the list again. */
  #writeList(vcpu: number, recorded: readonly number[], length: number, tick: number): void {
    const head = recorded.indexOf(-1);
    const end = Math.min(head < 0 ? recorded.length : head, length);
    for (let i = 0; i < end; i += 2) {
      const ends = i + 2 >= end && length <= end ? LIST_ENDS : 0;
      const next = i + 1 < end ? recorded[i + 1] : NO_ENTRY;
      this.#out.write(K.EXPECT_LIST, vcpu, i | ends, recorded[i] | (next << 16), tick);
    }
  }

  enter({ vcpu, line }: EntryOperation): void {
    if (this.#accesses !== null) this.#guests[vcpu].waiting.push(...this.#accesses.take(vcpu, line));
  }

  /** Accesses of all running guests up to `tick`. */
  writeAccesses(tick: number): void {
    for (let vcpu = 0; vcpu < this.#guests.length; vcpu++) this.#writeAccesses(vcpu, tick, Number.POSITIVE_INFINITY);
  }

  /** In the order of their rows; a time behind `latest` is a little wrong. */
  #writeAccesses(vcpu: number, tick: number, latest: number): void {
    const { waiting, lrs } = this.#guests[vcpu];
    let count = 0;
    for (; count < waiting.length && waiting[count].tick <= tick; count++) {
      const access = waiting[count];
      lrs.access(access);
      this.#out.write(access.kind, vcpu, access.intid, access.value, Math.min(access.tick, latest));
    }
    if (count > 0) waiting.splice(0, count);
  }

  /** What the guest did until this exit, and the LRs read back. */
  writeExit({ vcpu, fold, tick, aborted }: SyncOperation): void {
    this.#writeAccesses(vcpu, Number.POSITIVE_INFINITY, tick);
    if (aborted) this.#out.write(K.ABORTED_ENTRY, vcpu, 0, 0, tick);
    const { lrs } = this.#guests[vcpu];
    const changed = fold === null ? [] : lrs.differences(readBackLrs(this.#survey.model, fold));
    // Another exit before the next entry is one whose entry was lost.
    lrs.forget();
    if (fold === null) return;
    for (const { lr, state } of changed) {
      this.#out.write(K.GUEST_LR_STATE, vcpu, lr, state, tick);
      if (this.#accesses !== null) this.corrected++;
    }
    this.#out.write(K.EXPECT_FOLD, vcpu, fold.used, 0, tick);
    this.#writeLrs(vcpu, fold.lo, fold.hi, tick);
  }

  writeFact({ kind, vcpu, value, tick }: FactOperation): void {
    this.#out.write(kind, vcpu, 0, value, tick);
    if (kind !== K.PUT || this.#accesses !== null || value === 0) return;
    // Without the guest's own accesses its PMR is known from the VMCR of the last put: 31:24, GICv2 31:27.
    const pmr = (value >>> 24) & (this.#survey.model === 'gicv2' ? 0xf8 : 0xff);
    if (pmr === this.#guests[vcpu].pmr) return;
    this.#guests[vcpu].pmr = pmr;
    this.#out.write(K.PMR, vcpu, 0, pmr, tick);
  }
}
