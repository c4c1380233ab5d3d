/**
 * The log of kvm-unit-tests' arm/micro-bench: a line a test, `name  total ns  avg ns`, each number as nanoseconds, a point and
 * tenths; the two halves of a number may stand apart. A test that the machine cannot run says `name test skipped`.
 */
import { CALIBRATION_SCHEMA, type Calibration, type Spread, UNKNOWN_TIMES } from './calibration.js';

/** Name in the log → field. Tests of other names (timer_10ms) measure nothing that the model asks for. */
const FIELDS = {
  hvc: 'nsPerEntryExit',
  mmio_read_vgic: 'nsPerAccess',
  mmio_read_user: 'nsPerUserAccess',
  eoi: 'nsPerEoi',
  ipi: 'nsPerIpi',
  ipi_hw: 'nsPerHardwareIpi',
  lpi: 'nsPerLpi',
} as const;

const LINE = /^\s*([a-z_][a-z0-9_]*)\s+\d+\.\d+\s+(\d+)\.(\d+)\s*$/;

/** Average nanoseconds by test name, in the order of the log. */
export function parseMicroBench(log: string): Map<string, number> {
  const times = new Map<string, number>();
  for (const line of log.split(/\r?\n/)) {
    const found = LINE.exec(line);
    if (found !== null) times.set(found[1], Number(`${found[2]}.${found[3]}`));
  }
  return times;
}

/** Throws an Error if the log has none of the tests. `nsPerInstruction`: the log does not tell it. */
export function calibrationOf(
  log: string,
  machine: string,
  source: string,
  nsPerInstruction: Spread | null,
): Calibration {
  const times = parseMicroBench(log);
  const known = Object.entries(FIELDS).flatMap(([name, field]) => {
    const ns = times.get(name);
    return ns === undefined ? [] : [[field, ns] as const];
  });
  if (known.length === 0) throw new Error(`no line of the tests ${Object.keys(FIELDS).join(', ')}`);
  return {
    schema: CALIBRATION_SCHEMA,
    machine,
    source,
    nsPerInstruction: { noop: nsPerInstruction, lock: nsPerInstruction },
    ...UNKNOWN_TIMES,
    ...Object.fromEntries(known),
  };
}
