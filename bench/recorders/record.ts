/** A recording's text → the files that trace-cmd and perf would have recorded of the same events. */
import type { Recorded } from '../../src/import/stock/recorders.test.support.js';
import { Addresses, encodeRecord, parseFormats } from './event-format.js';
import { packPerfData } from './perf-data.js';
import { type Machine, packTraceDat } from './trace-dat.js';

const RELEASE = '6.1.0-56-arm64';
/** The machine monitor's process: the recordings name threads only. */
const VMM = 160;
const NO_FLAGS = '.....';

/** `formats`: the event-formats.txt of the recording. */
export function recordAgain(events: readonly Recorded[], formats: string): { traceDat: Buffer; perfData: Buffer } {
  const known = parseFormats(formats);
  const addresses = new Addresses();
  const samples = events.map(({ event, cpu, ns, pid, flags = NO_FLAGS, text, lost = 0 }) => {
    const format = known.get(event);
    if (format === undefined) throw new Error(`no format of ${event}`);
    return { cpu, ns, pid, lost, format, bytes: encodeRecord(format, { pid, flags }, text, addresses) };
  });
  const machine: Machine = {
    cpus: events.reduce((most, { cpu }) => Math.max(most, cpu + 1), 0),
    formats: [...known.values()],
    kallsyms: addresses.kallsyms,
    threads: new Map(events.map(({ pid, comm }) => [pid, comm])),
  };
  const vmmThreads = new Set(events.filter(({ event }) => event === 'kvm_entry').map(({ pid }) => pid));
  const header = {
    hostname: 'host',
    release: RELEASE,
    version: '6.1.192',
    arch: 'aarch64',
    command: ['/usr/bin/perf', 'record', '-a'],
  };
  return {
    traceDat: packTraceDat(machine, samples, `Linux host ${RELEASE} aarch64`),
    perfData: packPerfData(machine, samples, header, (pid) => (vmmThreads.has(pid) ? VMM : pid)),
  };
}
