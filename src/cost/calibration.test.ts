import assert from 'node:assert/strict';
import { test } from 'node:test';
import { CALIBRATION_SCHEMA, type Calibration, parseCalibration, timeOf } from './calibration.js';
import { calibrationOf, parseMicroBench } from './micro-bench.js';
import { predict } from './predict.js';
import { nativeCounts } from './test-native.js';

/** Numbers made up by us, in the form that arm/micro-bench.c prints: %-30s%15u.%-15u%15u.%-15u a line. */
const number = (whole: number, tenths: number): string => `${String(whole).padStart(15)}.${String(tenths).padEnd(15)}`;
const line = (name: string, total: number, average: number, tenths: number): string =>
  `${name.padEnd(30)}${number(total, 0)}${number(average, tenths)}`;
const LOG = [
  'Timer Frequency 25000000 Hz (Output in microseconds)',
  '',
  `${'name'.padEnd(30)}${'total ns'.padStart(18)}${''.padStart(13)}${'avg ns'.padStart(18)}${''.padStart(13)}`,
  '-'.repeat(92),
  line('hvc', 26214400, 400, 2),
  line('mmio_read_user', 131072000, 2000, 0),
  line('mmio_read_vgic', 45875200, 700, 5),
  line('eoi', 655360, 10, 0),
  line('ipi', 91750400, 1400, 0),
  'ipi_hw test skipped',
  line('lpi', 104857600, 1600, 0),
  line('timer_10ms', 4096, 16, 0),
].join('\n');

test('a log of kvm-unit-tests becomes a calibration, and what it lacks stays unknown', () => {
  assert.deepEqual([...parseMicroBench(LOG).keys()].length, 7);
  const calibration = calibrationOf(LOG, 'made up', 'a test', null);
  assert.deepEqual(calibration, {
    schema: CALIBRATION_SCHEMA,
    machine: 'made up',
    source: 'a test',
    nsPerInstruction: { noop: null, lock: null },
    nsPerEntryExit: 400.2,
    nsPerAccess: 700.5,
    nsPerUserAccess: 2000,
    nsPerEoi: 10,
    nsPerIpi: 1400,
    nsPerHardwareIpi: null,
    nsPerLpi: 1600,
  } satisfies Calibration);
  assert.deepEqual(parseCalibration(JSON.stringify(calibration)), calibration);
});

test('carriage returns of a serial console do not hide a line', () => {
  assert.deepEqual(parseMicroBench(LOG.replaceAll('\n', '\r\n')), parseMicroBench(LOG));
});

test('a file that is no log is refused', () => {
  assert.throws(() => calibrationOf('hello', 'm', 's', null), /no line of the tests/);
});

test('a calibration says which field is wrong', () => {
  const good = JSON.stringify(calibrationOf(LOG, 'm', 's', { estimate: 0.2, low: 0.1, high: 0.3 }));
  assert.equal(parseCalibration(good).nsPerInstruction.lock?.high, 0.3);
  assert.throws(() => parseCalibration('[]'), /not an object/);
  assert.throws(() => parseCalibration(good.replace('calibration/1', 'calibration/9')), /schema/);
  assert.throws(() => parseCalibration(good.replace('400.2', '-1')), /nsPerEntryExit/);
  assert.throws(() => parseCalibration(good.replace('"low":0.1', '"low":0.25')), /low <= estimate/);
});

test('time is instructions by their price, with both errors, and entries by theirs', () => {
  const counts = nativeCounts('typical');
  const prediction = predict(counts, 'lock');
  const calibration = calibrationOf(LOG, 'm', 's', { estimate: 0.2, low: 0.1, high: 0.3 });
  assert.deepEqual(timeOf(prediction, counts, calibration), {
    work: { estimate: 0.2 * prediction.instructions, low: 0.1 * prediction.low, high: 0.3 * prediction.high },
    entryExit: 3442 * 400.2,
  });
  assert.deepEqual(timeOf(prediction, counts, calibrationOf('eoi 1.0 1.0', 'm', 's', null)), {
    work: null,
    entryExit: null,
  });
});
