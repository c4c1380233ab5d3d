import assert from 'node:assert/strict';
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { gunzipSync } from 'node:zlib';
import { createGenerator } from '../src/base/rng.js';
import { GIC_MODELS, LPI_BASE, type Machine, NR_LPIS, NR_SGIS } from '../src/gic/intid.js';
import { importVgr1 } from '../src/import/vgr1.js';
import { createReplays } from '../src/replay/replays.js';
import { reference, strategyNamed } from '../src/strategy/index.js';
import {
  ACK,
  DEACTIVATE,
  DIST_ENABLE,
  EOI,
  type EventBlock,
  FLUSH,
  HW_MAP,
  INJECT,
  KINDS,
  type KindInfo,
  LPI_FLUSH,
  PMR,
  PRUNE,
  SGI,
  SGI_PEND,
  SYNC,
  TARGET,
} from '../src/trace/events.js';
import { createColumnSink } from '../src/workload/column-sink.js';
import { generateColumns, workloads } from '../src/workload/index.js';
import { resolveParams } from '../src/workload/workload.js';
import { encodeColumnsFile } from './columns-file.js';
import { buildNative, printNativeFlushes, runNative } from './native-build.js';

const GOLDEN = new URL('../../traces/golden/', import.meta.url);
const dir = mkdtempSync(join(tmpdir(), 'vgic-native-'));
after(() => rmSync(dir, { recursive: true }));
const native = buildNative(dir);
const skip = 'skipped' in native ? native.skipped : false;
const program = 'program' in native ? native.program : '';
const file = join(dir, 'columns');

const readLines = (name: string): string[] =>
  gunzipSync(readFileSync(new URL(name, GOLDEN)))
    .toString()
    .trimEnd()
    .split('\n');

test('the native yardstick prints the F lines of every golden file', { skip }, () => {
  const names = readdirSync(GOLDEN).filter((name) => name.endsWith('.bin.gz'));
  assert.ok(names.length >= 100, `${names.length} golden files`);
  for (const name of names) {
    const sink = createColumnSink();
    const { machine } = importVgr1(gunzipSync(readFileSync(new URL(name, GOLDEN))), name, sink);
    writeFileSync(file, encodeColumnsFile(machine, sink.block));
    const expected = readLines(name.replace('.bin.gz', '.dump.gz')).filter((line) => line.startsWith('F '));
    assert.deepEqual(printNativeFlushes(program, file).trimEnd().split('\n'), expected, name);
  }
});

/** Events of every kind with random operands, on a small machine: nothing a guest would do, everything it could. */
function generateRandomEvents(machine: Machine, seed: number, count: number): EventBlock {
  const { block, event } = createColumnSink();
  const random = createGenerator(seed);
  const of = (bound: number): number => random.nextBelow(bound);
  const intidOf: Partial<Record<KindInfo['intid'], () => number>> = {
    none: () => 0,
    irq: () => (machine.nrLpis > 0 && of(8) === 0 ? 8192 + of(4) : of(32 + machine.nrSpis)),
    ack: () => of(32 + machine.nrSpis),
    private: () => of(32),
    sgi: () => of(16),
    'sgi-spec': () => of(32),
    lpi: () => 8192 + of(4),
    hostirq: () => of(80),
    // Not the active states: a raw access to them halts the guest, which the yardstick leaves to the trace.
    'dist-offset': () => [0, 0x80, 0x100, 0x180, 0x200, 0x280, 0x400, 0x800, 0xc00, 0xf00][of(10)] + 4 * of(4),
    'redist-offset': () => 0x10000 + [0x80, 0x100, 0x180, 0x200, 0x280, 0x400, 0xc00][of(7)] + 4 * of(2),
    'dist-byte': () => 0,
    'redist-byte': () => 0,
    lr: () => of(machine.nrLr),
    count: () => 0,
    'list-position': () => 0,
  };
  // The yardstick is kvm-6.1 as VGR1 files and recordings need it: no CPU interface by its rules, no Xen.
  const kinds = KINDS.filter(({ kind, intid }) => kind <= PRUNE && (intid !== 'lpi' || machine.nrLpis > 0));
  const isSgiPend = machine.model !== 'gicv3';
  while (block.count < count) {
    const info = kinds[of(kinds.length)];
    const intid = intidOf[info.intid]!();
    // Registers reach no LPI, and SGIs are never mapped to host interrupts.
    if (info.intid === 'irq' && info.kind !== INJECT && intid >= LPI_BASE) continue;
    if (info.kind === HW_MAP && intid < NR_SGIS) continue;
    // GICv2 alone has SGIs with senders; a distributor that is off most of the time hides the rest.
    if ((info.kind === SGI_PEND && !isSgiPend) || (info.kind === DIST_ENABLE && of(4) > 0)) continue;
    if (info.kind === LPI_FLUSH && of(4) > 0) continue;
    const small = info.kind === HW_MAP || info.kind === PMR || info.kind === TARGET || info.kind === SGI;
    const flags = info.kind === ACK ? 3 : info.kind === EOI || info.kind === DEACTIVATE ? 0 : -1;
    const value = info.kind === HW_MAP ? 16 + of(60) : small ? of(256) : random.nextUint32() & flags;
    event(info.kind, of(machine.nrVcpus), intid, value, 0);
    if (of(3) === 0) event(of(2) === 0 ? FLUSH : SYNC, of(machine.nrVcpus), 0, 0, 0);
  }
  return block;
}

for (const model of GIC_MODELS) {
  test(`${model}: random events of every kind leave the same digest in both cores`, { skip }, () => {
    const nrLpis = model === 'gicv3' ? NR_LPIS : 0;
    const base = { flavour: 'kvm-6.1', model, nrSpis: 32, nrLpis, distEnabledAtStart: true, pmrAtStart: 0xf8 } as const;
    for (let seed = 1; seed <= 12; seed++) {
      const machine: Machine = { ...base, nrVcpus: 1 + (seed % 3), nrLr: 1 + (seed % 5) };
      const block = generateRandomEvents(machine, seed, 4000);
      writeFileSync(file, encodeColumnsFile(machine, block));
      const replays = createReplays(machine, strategyNamed(reference.id), block);
      replays.run();
      assert.equal(runNative(program, file).digest, replays.digest(), `seed ${seed}`);
    }
  });
}

// The yardstick is of the core alone.
for (const workload of workloads.filter(({ systems }) => systems === undefined)) {
  test(`${workload.id}: typed-array core and native yardstick give the same digest, replay after replay`, {
    skip,
  }, () => {
    const small: Record<string, number> = { events: 5000, seed: 3, depth: 100, lpis: 500 };
    const given = Object.entries(small).filter(([name]) => workload.params.some((param) => param.name === name));
    const params = resolveParams(workload, Object.fromEntries(given));
    const machine = workload.machine(params);
    const block = generateColumns(workload, params);
    writeFileSync(file, encodeColumnsFile(machine, block));
    const expected = runNative(program, file, { passes: 3 });

    const replays = createReplays(machine, strategyNamed(reference.id), block);
    replays.run();
    assert.equal(replays.digest(), expected.digest);
    for (let pass = 1; pass < 3; pass++) {
      replays.reset();
      replays.run();
    }
    assert.equal(replays.digest(), expected.digestOfAll);
  });
}
