import { createGenerator, type Generator } from '../base/rng.js';
import { MAX_VCPUS, SPI_BASE, SPURIOUS_INTID } from '../gic/intid.js';
import type { EventSink } from '../trace/events.js';
import { createScript, type Script } from './script.js';
import { commonParams, synthesizeMachine, type Workload, type WorkloadParams } from './workload.js';

const TIMER_PPI = 27;
/** Host interrupts behind the guest's SPIs have other numbers. */
const HOST_OFFSET = 64;
const MAX_MAPPED_SPIS = 256;

/** One line of a device that the host passes through. */
interface Line {
  readonly vcpu: number;
  readonly intid: number;
  isHigh: boolean;
}

/**
 * Level-triggered interrupts that are tied to physical ones (vgic-spec 3): all ways through the rule set 3.1. Lines rise
 * and are taken by the host unless the physical interrupt is active; they fall before the guest acknowledges, between
 * acknowledge and EOI, or not at all, so that they are presented again; they rise anew while active; ISENABLER samples.
 */
export const mappedLevel: Workload = {
  id: 'mapped-level',
  summary:
    'level interrupts tied to physical ones: lines rise, fall unacknowledged, stay high past the EOI, rise again',
  params: [
    ...commonParams(1_000_000),
    { name: 'vcpus', summary: 'number of vCPUs', default: 2, min: 1, max: MAX_VCPUS },
    { name: 'spis', summary: 'mapped SPIs beside the timer PPI', default: 8, min: 1, max: MAX_MAPPED_SPIS },
    { name: 'lrs', summary: 'number of list registers', default: 4, min: 1, max: 16 },
  ],
  machine: (params) => synthesizeMachine(params.vcpus, params.spis, params.lrs, 0),
  generate(params: WorkloadParams, sink: EventSink): void {
    const rng = createGenerator(params.seed);
    const script = createScript(mappedLevel.machine(params), sink, () => 1 + rng.nextBelow(8));
    const lines = setUp(script, rng);
    while (script.events() < params.events) step(script, rng, lines);
    for (let vcpu = 0; vcpu < params.vcpus; vcpu++) if (script.isInGuest(vcpu)) script.sync(vcpu);
  },
};

function setUp(script: Script, rng: Generator): Line[] {
  const { nrVcpus, nrSpis } = script.machine;
  const lines: Line[] = [];
  const add = (vcpu: number, intid: number, host: number): void => {
    script.mapHw(vcpu, intid, host);
    script.prioritize(vcpu, intid, rng.nextBelow(31) << 3);
    script.enable(vcpu, intid, true);
    lines.push({ vcpu, intid, isHigh: false });
  };
  for (let vcpu = 0; vcpu < nrVcpus; vcpu++) add(vcpu, TIMER_PPI, TIMER_PPI);
  for (let intid = SPI_BASE; intid < SPI_BASE + nrSpis; intid++) {
    const vcpu = rng.nextBelow(nrVcpus);
    script.configure(0, intid, true);
    script.retarget(0, intid, vcpu);
    add(vcpu, intid, intid + HOST_OFFSET);
  }
  return lines;
}

function step(script: Script, rng: Generator, lines: Line[]): void {
  const dice = rng.nextBelow(100);
  const line = lines[rng.nextBelow(lines.length)];
  if (dice < 30) {
    setLine(script, line, true);
  } else if (dice < 40) {
    setLine(script, line, false);
  } else if (dice < 44) {
    if (script.isInGuest(line.vcpu)) script.sync(line.vcpu);
    script.enable(line.vcpu, line.intid, false);
    script.enable(line.vcpu, line.intid, true);
    hearHost(script, line);
  } else if (script.isInGuest(line.vcpu)) {
    runGuest(script, rng, lines, line.vcpu);
    script.sync(line.vcpu);
    // What the exit found low may be raised again by the next edge; what is high and free is taken at once.
    for (const other of lines) if (other.vcpu === line.vcpu) hearHost(script, other);
  } else {
    script.flush(line.vcpu);
  }
}

function setLine(script: Script, line: Line, isHigh: boolean): void {
  if (line.isHigh === isHigh) return;
  line.isHigh = isHigh;
  script.switchLine(line.vcpu, line.intid, isHigh ? 1 : 0);
  hearHost(script, line);
}

/** The host takes a line that is high, unless the physical interrupt is active: then the guest has it. */
function hearHost(script: Script, { vcpu, intid, isHigh }: Line): void {
  if (isHigh && !script.isHostActive(vcpu, intid)) script.takeHostIrq(vcpu, intid);
}

/** Ends what an earlier run left active, then handles what is pending; some runs end before, some within a handler. */
function runGuest(script: Script, rng: Generator, lines: readonly Line[], vcpu: number): void {
  const fate = rng.nextBelow(100);
  if (fate < 15) return;
  for (let intid = script.endLast(vcpu); intid !== SPURIOUS_INTID; intid = script.endLast(vcpu));
  for (let handled = 0; handled < script.machine.nrLr; handled++) {
    const intid = script.acknowledge(vcpu);
    if (intid === SPURIOUS_INTID) return;
    if (fate < 30) return;
    // A driver that does not silence its device is interrupted again.
    const line = lines.find((candidate) => candidate.vcpu === vcpu && candidate.intid === intid);
    if (line !== undefined && rng.nextBelow(100) < 85) setLine(script, line, false);
    script.endLast(vcpu);
  }
}
