/**
 * Perfetto traces with the kernel's own KVM tracepoints → an L1 trace. Bundles of several CPUs are merged by time; the
 * order of equal times is that of the file.
 */
import { InputError } from '../../base/errors.js';
import type { Machine } from '../../gic/intid.js';
import type { EventSink } from '../../trace/events.js';
import type { Gap, TraceHeader } from '../../trace/header.js';
import { EventWriter } from '../ftrace/event-writer.js';
import { isUnneeded, STOCK_ASSUMPTIONS, StockImporter } from '../stock/importer.js';
import type { StockRecord } from '../stock/record.js';
import { type StockMachine, StockSurvey } from '../stock/survey.js';
import { EventTally } from '../stock/tally.js';
import { traceNameOf } from '../trace-name.js';
import { type ByteImporter, createSurveyedImporter, type Surveyor } from '../two-passes.js';
import { TimeOrder } from './time-order.js';
import { createPerfettoReader, type LostRecord, type PerfettoFacts } from './trace-reader.js';

export { isPerfetto } from './packets.js';

const IMPORTER_NAME = 'perfetto';
const IMPORTER_VERSION = '1';
/** Perfetto's trace says nothing of the machine but its interrupts: the usual number of list registers. */
const ASSUMED_NR_LR = 4;
const PMR_OF_A_RUNNING_GUEST = 0xf8;

export type PerfettoSurvey = StockMachine;

export interface PerfettoOptions {
  readonly survey?: PerfettoSurvey | undefined;
  readonly onWarning?: ((warning: { readonly place: string; readonly what: string }) => void) | undefined;
}

/** First pass over the whole trace. Throws InputError if it is none, or holds no KVM events. */
export function createPerfettoSurveyor(file: string): Surveyor<PerfettoSurvey> {
  const survey = new StockSurvey();
  let kvmEvents = 0;
  const reader = createPerfettoReader(file, {
    record(record) {
      if (/^(kvm|vgic)_/.test(record.event)) kvmEvents++;
      survey.add(record);
    },
    thread: (pid, name) => survey.nameThread(pid, name),
    lost: () => {},
    other: () => {},
  });
  return {
    push: (chunk) => reader.push(chunk),
    end() {
      const { events, cut } = reader.end();
      if (kvmEvents === 0) {
        const what = `${events} ftrace events, none of them of KVM${cut === '' ? '' : ' (and the file was cut off)'}`;
        throw new InputError(file, 'byte 0', what, 'record with the ftrace events "kvm/*"');
      }
      return survey.finish();
    },
  };
}

/** `file`: path of the trace, for messages and for its name. */
export function createPerfettoImporter(file: string, sink: EventSink, options: PerfettoOptions = {}): ByteImporter {
  return createSurveyedImporter(
    options.survey,
    () => createPerfettoSurveyor(file),
    (survey) => createRunningImporter(file, sink, survey, options.onWarning ?? (() => {})),
  );
}

type Item = StockRecord | LostRecord;

function createRunningImporter(
  file: string,
  sink: EventSink,
  machine: StockMachine,
  warn: NonNullable<PerfettoOptions['onWarning']>,
): ByteImporter {
  let unknown = 0;
  /** Place of the record at hand. */
  let at = '';
  const out = new EventWriter(sink, machineOf(machine), {
    impossible(what) {
      unknown++;
      warn({ place: at, what });
    },
    missing(what) {
      warn({ place: at, what });
      return at;
    },
  });
  const stock = new StockImporter(machine, out);
  const leftOut = new EventTally();
  let lostEvents = 0;
  /** Tick of the first record in the order of time. */
  let start: number | undefined;

  const noteLost = ({ lost, place }: LostRecord, tick: number): void => {
    lostEvents += lost;
    warn({ place, what: lost === 0 ? 'events were lost' : `${lost} events were lost` });
    out.lost(lost, place, tick);
  };

  const take = (item: Item, place: string): void => {
    start ??= item.tick;
    at = place;
    // One that came later than the window holds back has no better place than now.
    const tick = Math.max(0, item.tick - start);
    if ('lost' in item) {
      noteLost(item, tick);
      return;
    }
    const outcome = stock.add({ ...item, tick });
    if (outcome === 'taken' || outcome === 'unneeded') return;
    unknown++;
    if (outcome === 'unknown') leftOut.add(item.event);
    const what = outcome === 'unknown' ? `unknown event ${item.event}` : `${item.event} without what it needs`;
    warn({ place, what });
  };

  const order = new TimeOrder<Item>(take);
  const reader = createPerfettoReader(file, {
    record(record, place) {
      if (!isUnneeded(record.event)) order.add(record, place);
    },
    lost: (lost) => order.add(lost, lost.place),
    other: (name) => leftOut.add(name),
    thread: () => {},
  });

  return {
    push: (chunk) => reader.push(chunk),
    end() {
      const facts = reader.end();
      order.finish();
      out.finish();
      const gaps: Gap[] = [...out.gaps];
      if (facts.cut !== '')
        warn({ place: facts.cut.split(':')[0], what: facts.cut.slice(facts.cut.indexOf(': ') + 2) });
      if (facts.lostByStatistics > lostEvents && out.events > 0) {
        if (gaps.length === 0) {
          const place = 'somewhere: the statistics at the end count lost events';
          gaps.push({ afterEvent: out.events - 1, lost: facts.lostByStatistics, place });
        }
        lostEvents = facts.lostByStatistics;
      }
      const how = [STOCK_ASSUMPTIONS, ...machine.remarks, leftOut.describe()].filter((text) => text !== '');
      return makeHeader(
        file,
        machine,
        facts,
        how.join('; '),
        {
          sourceLines: facts.events,
          unknownLines: unknown,
          lostEvents,
          decisionsFromRecording: 0,
          noEffect: 0,
          cutOff: facts.cut === '' ? 0 : 1,
          reordered: out.reordered,
        },
        gaps,
      );
    },
  };
}

const machineOf = ({ nrVcpus, nrSpis }: StockMachine): Machine => ({
  flavour: 'kvm-6.1',
  model: 'gicv3',
  nrVcpus,
  nrSpis,
  nrLpis: 0,
  nrLr: ASSUMED_NR_LR,
  distEnabledAtStart: true,
  pmrAtStart: PMR_OF_A_RUNNING_GUEST,
});

function makeHeader(
  file: string,
  machine: StockMachine,
  { kernel, version, clock }: PerfettoFacts,
  how: string,
  counts: TraceHeader['counts'],
  gaps: readonly Gap[],
): TraceHeader {
  return {
    machine: machineOf(machine),
    fidelity: 1,
    name: traceNameOf(file),
    title: '',
    tickNs: 1,
    clock,
    provenance: {
      tool: version === '' ? 'Perfetto' : `Perfetto (${version})`,
      kernel,
      when: '',
      how,
      licence: '',
      sourceSha256: '',
    },
    importer: { name: IMPORTER_NAME, version: IMPORTER_VERSION },
    guestAccesses: 'drain',
    counts,
    gaps,
  };
}
