/**
 * guest-acks.tsv: the guest's own CPU-interface accesses, one row each (`trace_time host_cpu vcpu entry_line register
 * value`). `entry_line` names the guest run and never decreases per vCPU; the time is only good to some tens of
 * microseconds.
 */
import { isLpi, SPURIOUS_INTID } from '../../gic/intid.js';
import { ACK, DEACTIVATE, EOI, GUEST_BPR, GUEST_CTLR, GUEST_IGRPEN, PMR, PRIORITY_DROP } from '../../trace/events.js';

export interface GuestAccess {
  readonly kind: number;
  readonly intid: number;
  readonly value: number;
  /** In ticks of the trace. */
  readonly tick: number;
}

/** The model must acknowledge exactly what the guest got. */
const ACK_AUTHORITATIVE = 2;
const CTLR_EOIMODE = 2;
const INTID_BITS = 0xffffff;

export interface AccessReport {
  /** A row that could not be read, or that belongs to no run. `row` is 1-based. */
  unusable(row: number, text: string): void;
}

/** Rows are pulled as the trace reaches the runs they belong to; what is held does not grow with the file. */
export class GuestAccesses {
  readonly #rows: Iterator<string>;
  readonly #ticksPerSecond: number;
  readonly #report: AccessReport;
  readonly #byEntry = new Map<number, { vcpu: number; accesses: GuestAccess[] }>();
  readonly #eoiMode: boolean[] = [];
  #row = 0;
  #lastEntry = 0;
  #done = false;

  constructor(rows: Iterable<string>, tickNs: number, report: AccessReport) {
    this.#rows = rows[Symbol.iterator]();
    this.#ticksPerSecond = 1e9 / tickNs;
    this.#report = report;
  }

  /** The accesses of the run that `vcpu` began at this kvm_entry line, in order. */
  take(vcpu: number, entryLine: number): GuestAccess[] {
    while (!this.#done && this.#lastEntry <= entryLine) this.#pull();
    const found = this.#byEntry.get(entryLine);
    // Runs that never came (their entry line is past) must not pile up.
    if (this.#byEntry.size > 256) {
      for (const line of this.#byEntry.keys()) if (line < entryLine - 100_000) this.#byEntry.delete(line);
    }
    if (found === undefined) return [];
    this.#byEntry.delete(entryLine);
    if (found.vcpu === vcpu) return found.accesses;
    for (const _ of found.accesses) this.#report.unusable(this.#row, `entry line ${entryLine}`);
    return [];
  }

  #pull(): void {
    const next = this.#rows.next();
    if (next.done === true) {
      this.#done = true;
      return;
    }
    this.#row++;
    const text = next.value;
    if (text === '' || text.startsWith('trace_time')) return;
    const [time, , vcpuText, lineText, register, valueText] = text.split('\t');
    const vcpu = Number(vcpuText);
    const entryLine = Number(lineText);
    const value = Number(valueText);
    const tick = Math.round(Number(time) * this.#ticksPerSecond);
    if (!(vcpu >= 0) || !(entryLine > 0) || Number.isNaN(value) || !Number.isSafeInteger(tick)) {
      this.#report.unusable(this.#row, text);
      return;
    }
    // Rows of several vCPUs are only roughly in the order of their runs: read on until well past the wanted one.
    this.#lastEntry = Math.max(this.#lastEntry, entryLine - 2000);
    const access = this.#decode(vcpu, register, value, tick);
    if (access === null) {
      this.#report.unusable(this.#row, text);
      return;
    }
    const run = this.#byEntry.get(entryLine) ?? { vcpu, accesses: [] };
    run.accesses.push(access);
    this.#byEntry.set(entryLine, run);
  }

  #decode(vcpu: number, register: string, value: number, tick: number): GuestAccess | null {
    const intid = value & INTID_BITS;
    const at = (kind: number, id: number, word: number): GuestAccess => ({ kind, intid: id, value: word, tick });
    switch (register) {
      case 'ICV_IAR0':
      case 'ICV_IAR1':
        return at(ACK, intid >= 1020 && intid <= SPURIOUS_INTID ? SPURIOUS_INTID : intid, ACK_AUTHORITATIVE);
      case 'ICV_EOIR0':
      case 'ICV_EOIR1':
        // LPIs have no deactivation of their own, whatever EOImode says (vgic-spec 1.16).
        return at(this.#eoiMode[vcpu] && !isLpi(intid) ? PRIORITY_DROP : EOI, intid, 0);
      case 'ICV_DIR':
        return at(DEACTIVATE, intid, 0);
      case 'ICV_PMR':
        return at(PMR, 0, value & 0xff);
      case 'ICV_BPR0':
      case 'ICV_BPR1':
        return at(GUEST_BPR, 0, value & 7);
      case 'ICV_CTLR':
        this.#eoiMode[vcpu] = (value & CTLR_EOIMODE) !== 0;
        return at(GUEST_CTLR, 0, value);
      case 'ICV_IGRPEN0':
      case 'ICV_IGRPEN1':
        return at(GUEST_IGRPEN, 0, value & 1);
      default:
        return null;
    }
  }
}
