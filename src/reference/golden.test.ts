/** The reference model prints what the compiled C code printed: every line of every golden file. */
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { test } from 'node:test';
import { gunzipSync } from 'node:zlib';
import { lrHex } from '../gic/lr.js';
import { importVgr1 } from '../import/vgr1.js';
import * as ev from '../trace/events.js';
import { ReferenceVgic } from './reference-vgic.js';

const GOLDEN = new URL('../../../traces/golden/', import.meta.url);
const names = readdirSync(GOLDEN)
  .filter((file) => file.endsWith('.bin.gz'))
  .map((file) => file.slice(0, -'.bin.gz'.length));

const readLines = (file: string): string[] =>
  gunzipSync(readFileSync(new URL(file, GOLDEN)))
    .toString()
    .trimEnd()
    .split('\n');

const hex2 = (byte: number): string => byte.toString(16).padStart(2, '0');
const digit = (flag: boolean): string => (flag ? '1' : '0');

/** Replays one event file and keeps the lines in the order the C code printed them. */
function replay(name: string): { vgic: ReferenceVgic; lines: string[]; nrVcpus: number } {
  const events: [number, number, number, number][] = [];
  const { machine } = importVgr1(gunzipSync(readFileSync(new URL(`${name}.bin.gz`, GOLDEN))), name, {
    event: (kind, vcpu, intid, value) => events.push([kind, vcpu, intid, value]),
  });
  const vgic = new ReferenceVgic(machine);
  const lines: string[] = [];
  events.forEach(([kind, vcpu, intid, value], index) => {
    vgic.apply(kind, vcpu, intid, value);
    for (const spi of vgic.lastNotifications) lines.push(`N ${index} ${spi}`);
    for (const kicked of vgic.lastKicks) lines.push(`K ${index} ${kicked}`);
    if (kind === ev.FLUSH) {
      const words = Array.from({ length: vgic.usedLrs(vcpu) }, (_, lr) => vgic.lr(vcpu, lr));
      const hex = words.map(({ lo, hi }) => ` ${lrHex(lo, hi, machine.model === 'gicv2')}`).join('');
      lines.push(`F ${index} ${vcpu} ${words.length}${hex}`, `H ${index} ${vcpu} ${vgic.hcr(vcpu)}`);
    }
    if (kind === ev.ACK) lines.push(`A ${index} ${vcpu} ${vgic.lastAckLr} ${vgic.lastAck}`);
    if (kind === ev.EOI) lines.push(`E ${index} ${vcpu} ${intid} ${vgic.lastEoiLr}`);
    if (kind === ev.PENDING_QUERY) lines.push(`P ${index} ${vcpu} ${digit(vgic.lastQuery)}`);
  });
  return { vgic, lines, nrVcpus: machine.nrVcpus };
}

/** The final state of one interrupt as the S lines give it. */
function describeIrq(vgic: ReferenceVgic, owner: number, intid: number): string {
  const irq = vgic.irq(Math.max(owner, 0), intid);
  if (!irq) return `S ${owner} ${intid} does not exist`;
  return [
    `S ${owner} ${intid} en=${digit(irq.enabled)} prio=${hex2(irq.priority)} act=${digit(irq.active)}`,
    `latch=${digit(irq.latch)} line=${digit(irq.line)} cfg=${digit(irq.level)} src=${hex2(irq.source)}`,
    `asrc=${irq.activeSource} grp=${irq.group} hw=${digit(irq.hw)} tgt=${irq.target} q=${irq.queued}`,
  ].join(' ');
}

for (const name of names) {
  test(`golden ${name}`, () => {
    const { vgic, lines, nrVcpus } = replay(name);
    const flushLines = lines.filter((line) => line.startsWith('F'));
    assert.deepEqual(flushLines, readLines(`${name}.dump.gz`));
    assert.equal(vgic.divergences, 0, 'acknowledges differ from the INTIDs in the event file');

    let full: string[];
    try {
      full = readLines(`${name}.full.gz`);
    } catch (error) {
      assert.match(name, /-s04$/, `${name}: ${error}`);
      return;
    }
    assert.deepEqual(
      lines,
      full.filter((line) => /^[AEFHKNP] /.test(line)),
    );
    const final = full.filter((line) => /^[QS] /.test(line));
    assert.equal(final.filter((line) => line.startsWith('Q')).length, nrVcpus);
    assert.deepEqual(
      final.map((line) => {
        const [letter, first, intid] = line.split(' ');
        if (letter === 'Q') return ['Q', first, ...vgic.list(Number(first))].join(' ');
        return describeIrq(vgic, Number(first), Number(intid));
      }),
      final,
    );
    const totals = full.at(-1) ?? '';
    assert.match(totals, /^T /);
    assert.match(
      totals,
      new RegExp(`acks=${vgic.acks} none=${vgic.spuriousAcks} eois=\\d+ eoimiss=${vgic.eoiMisses} `),
    );
    assert.match(totals, new RegExp(` notify=${vgic.notifications.length} kicks=${vgic.kicks} `));
  });
}

test('the files are the 110 of the manifest', () => {
  const [head, ...rows] = readFileSync(new URL('manifest.tsv', GOLDEN), 'utf8').trimEnd().split('\n');
  const columns = head.split('\t');
  assert.equal(rows.length, 110);
  const sha256Of = (file: string): string =>
    createHash('sha256')
      .update(gunzipSync(readFileSync(new URL(file, GOLDEN))))
      .digest('hex');
  const listed = rows.map((row) => {
    const cells = row.split('\t');
    const cell = (column: string): string => cells[columns.indexOf(column)];
    const name = cell('name');
    assert.equal(sha256Of(`${name}.bin.gz`), cell('sha256_bin'), name);
    assert.equal(sha256Of(`${name}.dump.gz`), cell('sha256_dump'), name);
    return name;
  });
  assert.deepEqual(listed.sort(), names.sort());
});
