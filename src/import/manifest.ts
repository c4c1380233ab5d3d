/** traces/manifest.json: one entry a shipped recording, made from the trace itself. */
import { LPI_BASE, NR_PRIVATE_IRQS, NR_SGIS } from '../gic/intid.js';
import { FIRST_EXPECT, FLUSH, INJECT, PENDING, SGI } from '../trace/events.js';
import type { Fidelity, TraceHeader } from '../trace/header.js';

/** How often interrupts of each class were raised: by a device, by software, or through a register. */
export interface IntidMix {
  sgi: number;
  ppi: number;
  spi: number;
  lpi: number;
}

export interface ManifestEntry {
  readonly name: string;
  /** Path below traces/. */
  readonly file: string;
  /** Of the file. */
  readonly sha256: string;
  /** What the trace stands for in reports. */
  readonly kind: 'linux-guest' | 'attack' | 'other';
  /** One sentence: what it shows. */
  readonly shows: string;
  readonly events: number;
  /** Guest entries. */
  readonly entries: number;
  readonly vcpus: number;
  readonly gic: string;
  readonly fidelity: Fidelity;
  readonly raised: Readonly<IntidMix>;
  /** Decisions about order that were taken from the recorded outcome. */
  readonly decisionsFromRecording: number;
  /** Steps that stand elsewhere than their time stamps say. */
  readonly reordered: number;
  readonly licence: string;
  readonly recordedOn: string;
  readonly recordedHow: string;
}

/** Feed every event once; ground truth is not counted as an interrupt, but as an event. */
export class TraceTally {
  events = 0;
  entries = 0;
  readonly raised: IntidMix = { sgi: 0, ppi: 0, spi: 0, lpi: 0 };

  event(kind: number, intid: number, value: number): void {
    this.events++;
    if (kind >= FIRST_EXPECT) return;
    if (kind === FLUSH) this.entries++;
    if (kind === SGI) this.raised.sgi++;
    if ((kind === INJECT || kind === PENDING) && (value & 1) === 1) this.raised[classOf(intid)]++;
  }
}

function classOf(intid: number): keyof IntidMix {
  if (intid < NR_SGIS) return 'sgi';
  if (intid < NR_PRIVATE_IRQS) return 'ppi';
  return intid < LPI_BASE ? 'spi' : 'lpi';
}

/** `kind` is a judgement, not in the trace. */
export function makeManifestEntry(
  header: TraceHeader,
  tally: TraceTally,
  place: Pick<ManifestEntry, 'file' | 'sha256' | 'kind'>,
): ManifestEntry {
  const { machine, provenance } = header;
  return {
    name: header.name,
    ...place,
    shows: header.title,
    events: tally.events,
    entries: tally.entries,
    vcpus: machine.nrVcpus,
    gic: machine.model,
    fidelity: header.fidelity,
    raised: { ...tally.raised },
    decisionsFromRecording: header.counts.decisionsFromRecording,
    reordered: header.counts.reordered,
    licence: provenance.licence,
    recordedOn: provenance.kernel,
    recordedHow: provenance.how,
  };
}
