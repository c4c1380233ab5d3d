/** `vgic-replay info`: what is in a trace. */
import Table from 'cli-table3';
import type { Command } from 'commander';
import { printable } from '../base/printable.js';
import { wrapText } from '../report/wrap-text.js';
import { FIRST_EXPECT, FIRST_FACT, findKindNamed } from '../trace/events.js';
import { collectInfo, type TraceInfo } from '../trace/info.js';
import { openInput } from './inputs.js';
import { type Terminal, tool } from './terminal.js';

const FIDELITY_WORDS = [
  'synthetic',
  'pending and line changes, entry and exit',
  'also priority, enable, target and configuration',
  'also acknowledge, EOI and the LR contents',
];

export function registerInfo(program: Command, terminal: Terminal): void {
  program
    .command('info')
    .description('show what is in a trace: machine, provenance, events, interrupts, list registers, gaps')
    .argument('<trace>', 'a .vgt file, or anything import reads')
    .option('--json', 'print JSON instead of text')
    .option('--allow-truncated', 'show what is left of a file that was cut off')
    .action(async (path: string, options: { json?: boolean; allowTruncated?: boolean }) => {
      const input = await openInput(path, options);
      try {
        const info = collectInfo(input.openReader());
        const { sha256 } = input.identity;
        if (options.json === true)
          terminal.out(JSON.stringify({ schema: 'vgic-replay/info/1', tool, sha256, ...info }, null, 2));
        else terminal.out(describe(info, sha256, terminal.width));
      } finally {
        input.close();
      }
    });
}

function describe(info: TraceInfo, sha256: string, columns: number): string {
  const { header } = info;
  const { machine, provenance, counts } = header;
  const seconds = info.durationNs / 1e9;
  const rows: [string, string][] = [
    ['shows', header.title],
    [
      'machine',
      `${machine.flavour}, ${machine.model}, ${machine.nrVcpus} vCPUs, ${machine.nrLr} LRs, ${machine.nrSpis} SPIs${machine.nrLpis > 0 ? ', LPIs' : ''}`,
    ],
    ['fidelity', `L${header.fidelity}: ${FIDELITY_WORDS[header.fidelity]}`],
    ['events', `${info.events} in ${info.blocks} blocks, ${info.flushes} guest entries`],
    [
      'duration',
      info.eventsPerSecond === null
        ? 'no clock'
        : `${seconds.toFixed(3)} s, ${Math.round(info.eventsPerSecond)} events/s`,
    ],
    ['raised', `SGI ${info.raised.sgi}, PPI ${info.raised.ppi}, SPI ${info.raised.spi}, LPI ${info.raised.lpi}`],
    ...msiRows(info),
    ['events by vCPU', info.byVcpu.join(', ')],
    ['guest accesses', header.guestAccesses],
    [
      'recorded with',
      [provenance.tool, provenance.kernel, provenance.when].filter((text) => text !== '').join('; ') || 'not said',
    ],
    ['how', provenance.how || 'not said'],
    ['licence', provenance.licence || 'not said'],
    [
      'import',
      `${header.importer.name} ${header.importer.version}: ${counts.sourceLines} lines or records, ${counts.unknownLines} unknown, ${counts.lostEvents} events lost, ${counts.decisionsFromRecording} decisions from the recording, ${counts.reordered} steps re-ordered, ${counts.noEffect} without effect${counts.cutOff === 1 ? ', source cut off' : ''}`,
    ],
    ['sha256', sha256],
  ];
  if (info.usedLrs.length > 0)
    rows.splice(6, 0, ['LRs used at entry', info.usedLrs.map((entries, used) => `${used}: ${entries}`).join(', ')]);
  if (info.truncatedAt !== null) rows.push(['cut off', `at byte ${info.truncatedAt}`]);
  for (const gap of info.gaps)
    rows.push([
      'gap',
      `after event ${gap.afterEvent}: ${gap.lost === 0 ? 'unknown number' : gap.lost} lost (${gap.place})`,
    ]);
  const indent = Math.max(...rows.map(([name]) => name.length)) + 4;
  const head = rows.flatMap(([name, text]) =>
    wrapText(text, Math.max(MIN_TEXT, columns - indent)).map(
      (line, at) => `  ${(at === 0 ? name : '').padEnd(indent - 2)}${line}`,
    ),
  );
  return [printable(header.name), ...head, '', kindTable(info), '', intidTable(info)].join('\n');
}

/** Text is not made narrower than this. */
const MIN_TEXT = 40;

const NO_LINES = { mid: '', 'mid-mid': '', 'left-mid': '', 'right-mid': '' };

const plainTable = (head: string[], last: 'left' | 'right'): Table.Table =>
  new Table({ head, style: { head: [], border: [] }, colAligns: ['left', 'right', last], chars: NO_LINES });

function kindTable(info: TraceInfo): string {
  const table = plainTable(['event', 'number', 'is'], 'left');
  for (const { name, events } of info.byKind) table.push([name, events, roleOf(name)]);
  return table.toString();
}

/** What a kind is to the model. */
function roleOf(name: string): string {
  const kind = findKindNamed(name)?.kind ?? 0;
  return kind < FIRST_FACT ? 'input' : kind < FIRST_EXPECT ? 'fact' : 'ground truth';
}

function msiRows({ msis: { asked, hits, translations } }: TraceInfo): [string, string][] {
  if (asked + translations === 0) return [];
  const misses = asked - hits;
  return [
    ['MSIs', `translation cache: ${hits} hits, ${misses} misses; ${translations} translations by the ITS tables`],
  ];
}

function intidTable(info: TraceInfo): string {
  const table = plainTable(['INTID', 'inputs', 'raised'], 'right');
  for (const { intid, events, raised } of info.topIntids) table.push([intid, events, raised]);
  return table.toString();
}
