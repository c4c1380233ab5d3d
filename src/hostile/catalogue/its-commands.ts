/**
 * Rows 7 to 10 and 19 of vgic-spec 8.2 as the ITS sees them: commands in the queue of guest memory, which the writing vCPU's
 * thread executes (6.2). One device has all events, so that every lookup walks one list.
 */
import { LPI_BASE, NR_LPIS } from '../../gic/intid.js';
import * as its from '../../gic/its-command.js';
import { GICR_PENDBASER } from '../../gic/its-registers.js';
import { type EventSink, FLUSH, MEM_AT, MEM_WRITE, MMIO_REDIST, SYNC } from '../../trace/events.js';
import { createItsGuest, type ItsGuest } from '../../workload/its-guest.js';
import { createPen, type Pen } from '../../workload/stage.js';
import { synthesizeMachine, type WorkloadParam, type WorkloadParams } from '../../workload/workload.js';
import { type HostileWorkload, lpis, lrs, other, rounds } from '../hostile-workload.js';

const KVM = ['kvm-6.1', 'kvm-7.2', 'kvm-6.19'];
const DEVICE = 1;
const EVENT_BITS = 16;
const PRIORITY = 0xa0;
/** Commands in the queue of its-guest.ts, of 64 KiB: one slot stays empty. */
const QUEUE_COMMANDS = 2047;
const NR_VCPUS = 2;
/** Pending table of vCPU 0 in its-guest.ts; LPI 8192 has bit 0 of byte 1024. */
const PENDING_TABLE = 0x4010_0000;

interface Hand {
  readonly guest: ItsGuest;
  readonly pen: Pen;
  /** vCPU 0 leaves the guest with a CWRITER write for as many commands as the queue holds, and returns. */
  queue(commands: readonly its.ItsCommand[]): void;
  /** Collections 0 and 1 on their vCPUs; one device. */
  start(): void;
  /** Events 0..n-1 of the device are LPIs 8192.. in collection 0. */
  map(n: number): void;
}

function createHand(sink: EventSink): Hand {
  const pen = createPen(sink, () => 1);
  const guest = createItsGuest(pen);
  function queue(commands: readonly its.ItsCommand[]): void {
    for (let first = 0; first < commands.length; first += QUEUE_COMMANDS) {
      pen.write(SYNC, 0, 0, 0);
      guest.queue(0, commands.slice(first, first + QUEUE_COMMANDS));
      pen.write(FLUSH, 0, 0, 0);
    }
  }
  const mapDevice = its.mapDevice(DEVICE, EVENT_BITS, guest.tableOf(0));
  return {
    guest,
    pen,
    queue,
    start() {
      guest.start(NR_VCPUS);
      pen.write(FLUSH, 0, 0, 0);
      queue([its.mapCollection(0, 0), its.mapCollection(1, 1), mapDevice]);
    },
    map: (n) => queue(Array.from({ length: n }, (_, event) => its.mapEvent(DEVICE, event, LPI_BASE + event, 0))),
  };
}

/** The same command over and over. */
const repeated = (count: number, command: (at: number) => its.ItsCommand): its.ItsCommand[] =>
  Array.from({ length: count }, (_, at) => command(at));

const commands = (count: number): WorkloadParam => other('commands', 'commands a round', count, 1, 32767);
const each = (count: number, action: (round: number) => void): void => {
  for (let round = 0; round < count; round++) action(round);
};

/** 32,767 commands a write; an INVALL or a MOVALL each visits all LPIs: 1.9e9 visits (8.2). */
const QUEUE_SIZE = 'queue size';

interface ItsRow extends Pick<HostileWorkload, 'row' | 'summary' | 'hurts' | 'bound' | 'params'> {
  readonly name: string;
  act(hand: Hand, params: WorkloadParams): void;
}

const itsRow = ({ name, act, ...words }: ItsRow): HostileWorkload => ({
  ...words,
  id: `attack:${name}`,
  flavours: KVM,
  systems: ['its'],
  machine: (params) => synthesizeMachine(NR_VCPUS, 32, params.lrs, NR_LPIS),
  generate(params, sink) {
    const hand = createHand(sink);
    hand.start();
    act(hand, params);
    hand.pen.write(SYNC, 0, 0, 0);
  },
});

const THREAD = "the writing vCPU's thread, preemptible; other ITS users wait for the mutex";

export const intWalks = itsRow({
  name: 'int-walks',
  row: 7,
  summary: 'INT commands for the last of n events of a device: each walks all of them',
  hurts: THREAD,
  bound: 'one CWRITER write: 32767 INTs, each device and event walks',
  params: [lpis(4096), rounds(2), commands(256), lrs],
  act({ map, queue }, params) {
    map(params.n);
    each(params.rounds, () => queue(repeated(params.commands, () => its.raiseEvent(DEVICE, params.n - 1))));
  },
});

export const invallStorm = itsRow({
  name: 'invall-storm',
  row: 8,
  summary: 'INVALL over and over: each reads the configuration of every LPI of a vCPU again and tries to queue it',
  hurts: `${THREAD}; interrupts off for each LPI`,
  bound: QUEUE_SIZE,
  params: [lpis(4096), rounds(1), commands(64), lrs],
  act({ map, queue }, params) {
    map(params.n);
    each(params.rounds, () => queue(repeated(params.commands, () => its.invalidateCollection(0))));
  },
});

export const movallStorm = itsRow({
  name: 'movall-storm',
  row: 8,
  summary: 'MOVALL there and back: each changes the target of every LPI of the VM',
  hurts: `${THREAD}; interrupts off for each LPI`,
  bound: QUEUE_SIZE,
  params: [lpis(4096), rounds(1), commands(64), lrs],
  act({ map, queue }, params) {
    map(params.n);
    each(params.rounds, () => queue(repeated(params.commands, (at) => its.moveAll(at & 1, 1 - (at & 1)))));
  },
});

export const discardStorm = itsRow({
  name: 'discard-storm',
  row: 8,
  summary: 'DISCARD and MAPTI of the last of n events of a device: each walks all of them',
  hurts: THREAD,
  bound: QUEUE_SIZE,
  params: [lpis(4096), rounds(1), commands(64), lrs],
  act({ map, queue }, params) {
    const last = params.n - 1;
    map(params.n);
    each(params.rounds, () =>
      queue(
        repeated(params.commands, (at) =>
          (at & 1) === 0 ? its.discardEvent(DEVICE, last) : its.mapEvent(DEVICE, last, LPI_BASE + last, 0),
        ),
      ),
    );
  },
});

export const mapdLoop = itsRow({
  name: 'mapd-loop',
  row: 9,
  summary: 'maps a device with n events anew, and its events, in a loop: everything is freed and made again',
  hurts: `${THREAD}; memory allocation`,
  bound: 'device table',
  params: [lpis(4096), rounds(4), lrs],
  act({ map, queue, guest }, params) {
    each(params.rounds, () => {
      map(params.n);
      queue([its.mapDevice(DEVICE, EVENT_BITS, guest.tableOf(0))]);
    });
  },
});

export const maptiGrowth = itsRow({
  name: 'mapti-growth',
  row: 10,
  summary: 'maps n events of one device one after another: each walks those before it',
  hurts: THREAD,
  bound: '65536: 2e9 steps per device',
  params: [lpis(16384), lrs],
  act: ({ map }, params) => map(params.n),
});

export const lpisToggle = itsRow({
  name: 'lpis-toggle',
  row: 19,
  summary:
    'EnableLPIs off and on with every bit of the pending table set: all LPIs leave the list, and are queued again',
  hurts: "the vCPU's own time: the list scan with interrupts off",
  bound: '#LPI',
  params: [lpis(4096), rounds(4), lrs],
  act({ map, guest, pen }, params) {
    each(params.n, (at) => guest.configure(0, LPI_BASE + at, PRIORITY, true));
    map(params.n);
    pen.write(SYNC, 0, 0, 0);
    guest.setLpis(0, false);
    pen.write(MMIO_REDIST, 0, GICR_PENDBASER + 4, 0);
    pen.write(MMIO_REDIST, 0, GICR_PENDBASER, PENDING_TABLE);
    pen.write(MEM_AT, 0, 0, PENDING_TABLE + LPI_BASE / 8);
    each(Math.ceil(params.n / 32), () => pen.write(MEM_WRITE, 0, 4, -1));
    each(params.rounds, () => {
      guest.setLpis(0, true);
      pen.write(FLUSH, 0, 0, 0);
      pen.write(SYNC, 0, 0, 0);
      guest.setLpis(0, false);
    });
    pen.write(FLUSH, 0, 0, 0);
  },
});
