/**
 * What the real trace-cmd and perf print of recorded events:
 *
 *     node dist/bench/recorders/fixtures.js RECORDINGS [--check]
 *
 * RECORDINGS/NAME/event-formats.txt: the format files of the kernel that was recorded, as traces/record collects them.
 * Needs trace-cmd and perf in the PATH. Writes src/import/stock/fixtures/NAME/; with --check compares, exit 1 if a
 * tool now prints something else.
 */
import { execFileSync, spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, utimesSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { gunzipSync, gzipSync } from 'node:zlib';
import {
  FIXTURE_LOSS,
  FIXTURE_PROBE_EVENTS,
  FIXTURE_RECORDINGS,
  loseEvents,
  type Recorded,
  readFixtureSource,
} from '../../src/import/stock/recorders.test.support.js';
import { recordAgain } from './record.js';

const FIXTURES = fileURLToPath(new URL('../../../src/import/stock/fixtures/', import.meta.url));
/** perf takes the time of the file for that of the recording. */
const CAPTURED = new Date('2026-03-05T10:11:12Z');

type Tool = readonly [file: string, command: string, ...args: string[]];
const REPORTS: readonly Tool[] = [
  ['report', 'trace-cmd', 'report'],
  ['report-t', 'trace-cmd', 'report', '-t'],
  ['report-t-l', 'trace-cmd', 'report', '-t', '-l'],
  ['report-t-N', 'trace-cmd', 'report', '-t', '-N'],
  ['report-t-R', 'trace-cmd', 'report', '-t', '-R'],
];
const SCRIPTS: readonly Tool[] = [
  ['script', 'perf', 'script'],
  ['script-header', 'perf', ...'script --header --ns --show-lost-events -F comm,tid,cpu,time,event,trace'.split(' ')],
  ['script-process', 'perf', ...'script --ns -F comm,pid,tid,cpu,time,period,event,trace'.split(' ')],
  ['script-L', 'perf', 'script', '--ns', '-L'],
  ['script-tasks', 'perf', 'script', '--ns', '--show-task-events'],
];
const LOST: readonly Tool[] = [
  ['lost-report-t', 'trace-cmd', 'report', '-t'],
  ['lost-script', 'perf', 'script', '--ns', '--show-lost-events'],
];
const PROBES: readonly Tool[] = [
  ['probes-report-t-l', 'trace-cmd', 'report', '-t', '-l'],
  ['probes-script', 'perf', 'script', '--ns'],
];

function print(
  folder: string,
  events: readonly Recorded[],
  formats: string,
  tools: readonly Tool[],
): [string, Buffer][] {
  const { traceDat, perfData } = recordAgain(events, formats);
  const dat = join(folder, 'trace.dat');
  const data = join(folder, 'perf.data');
  writeFileSync(dat, traceDat);
  writeFileSync(data, perfData);
  utimesSync(data, CAPTURED, CAPTURED);
  return tools.map(([file, command, ...args]) => {
    const input = command === 'perf' ? data : dat;
    const text = execFileSync(command, [...args, '-i', input], {
      maxBuffer: 1 << 28,
      env: { ...process.env, TZ: 'UTC' },
      // Both complain of the format of kvm_sys_access.
      stdio: ['ignore', 'pipe', 'ignore'],
    });
    return [file, text];
  });
}

const [recordings, mode] = process.argv.slice(2);
if (recordings === undefined || (mode !== undefined && mode !== '--check')) {
  console.error('usage: fixtures.js RECORDINGS [--check]');
  process.exit(2);
}
const folder = mkdtempSync(join(tmpdir(), 'recorders-'));
let differ = 0;
for (const { name, hasProbes } of FIXTURE_RECORDINGS) {
  const formats = readFileSync(join(recordings, name, 'event-formats.txt'), 'latin1');
  const events = readFixtureSource(name);
  const printed = [
    ...print(folder, events, formats, [...REPORTS, ...SCRIPTS]),
    ...print(folder, loseEvents(events, ...FIXTURE_LOSS), formats, LOST),
    ...(hasProbes ? print(folder, readFixtureSource(name, FIXTURE_PROBE_EVENTS, /./), formats, PROBES) : []),
  ];
  mkdirSync(join(FIXTURES, name), { recursive: true });
  for (const [file, text] of printed) {
    const path = join(FIXTURES, name, `${file}.txt.gz`);
    if (mode === undefined) writeFileSync(path, gzipSync(text, { level: 9 }));
    else if (!existsSync(path) || !gunzipSync(readFileSync(path)).equals(text)) {
      console.log(`${name}/${file}: differs`);
      differ++;
    }
  }
}
rmSync(folder, { recursive: true });
for (const tool of ['trace-cmd', 'perf'])
  console.log(/^.*\bversion .*$/m.exec(spawnSync(tool, ['--version'], { encoding: 'utf8' }).stdout)?.[0]);
process.exitCode = differ > 0 ? 1 : 0;
