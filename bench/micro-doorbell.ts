/**
 * The doorbell handler by what it asks first, in the process of micro-cell.ts: `--doorbell --depth N`. The two handlers take
 * turns, sample by sample, so that their ratio is of one run: a processor that slows down slows both.
 */
import { LPI_BASE, NR_LPIS } from '../src/gic/intid.js';
import { reference } from '../src/strategy/index.js';
import { createDoorbell, type DoorbellOptions, noDoorbellCounts } from '../src/vgic/doorbell/doorbell.js';
import { createVgic } from '../src/vgic/vgic.js';
import { synthesizeMachine } from '../src/workload/workload.js';
import type { MicroResult } from './micro.js';

const SPI_BASE = 32;
const HANDLERS: readonly DoorbellOptions['handler'][] = ['pending-last', 'pending-test-first'];

/** A put inside WFI, a virtual LPI, the handler, load, and the guest takes it; `depth` SPIs stand masked on the list. */
function createCycle(handler: DoorbellOptions['handler'], depth: number): (n: number) => void {
  const vgic = createVgic(synthesizeMachine(1, depth, 4, NR_LPIS), reference.create({}));
  for (let spi = SPI_BASE; spi < SPI_BASE + depth; spi++) {
    // Not more urgent than the PMR of the machine.
    vgic.setPriority(0, spi, 0xf8);
    vgic.setEnable(0, spi, true, false);
    vgic.inject(0, spi, 1);
  }
  const doorbell = createDoorbell(vgic, { version: 41, handler, notify: 'kick' }, noDoorbellCounts());
  doorbell.load(0);
  return (n) => {
    for (let repeat = 0; repeat < n; repeat++) {
      doorbell.put(0, true);
      doorbell.deliver(0, LPI_BASE);
      doorbell.load(0);
      doorbell.drain(0);
    }
  };
}

/** `findBatch`: how many repetitions fill a sample. */
export function measureDoorbell(
  depth: number,
  samples: number,
  findBatch: (repeat: (n: number) => void) => number,
): MicroResult[] {
  const cycles = HANDLERS.map((handler) => createCycle(handler, depth));
  const batches = cycles.map(findBatch);
  const times: number[][] = HANDLERS.map(() => []);
  for (let sample = 0; sample < samples; sample++) {
    cycles.forEach((cycle, at) => {
      const start = performance.now();
      cycle(batches[at]);
      times[at].push(((performance.now() - start) * 1e6) / batches[at]);
    });
  }
  const ratio = median(times[1].map((ns, sample) => ns / times[0][sample]));
  const names = [
    'put, doorbell, load: pending_last',
    `the same, pending test first: ${ratio.toFixed(2)} times as long`,
  ];
  return names.map((name, at) => ({
    name,
    batch: batches[at],
    samples,
    min: Math.min(...times[at]),
    median: median(times[at]),
  }));
}

function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[sorted.length >> 1];
}
