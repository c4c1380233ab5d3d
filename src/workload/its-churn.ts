import { createGenerator, type Generator } from '../base/rng.js';
import { LPI_BASE, MAX_VCPUS, NR_LPIS } from '../gic/intid.js';
import * as its from '../gic/its-command.js';
import { type EventSink, FLUSH, GUEST_DRAIN, ITS_CONTROL, MSI, SYNC } from '../trace/events.js';
import { createItsGuest, type ItsGuest, MAX_DEVICES, MAX_EVENT_BITS } from './its-guest.js';
import { createPen, type Pen } from './stage.js';
import { commonParams, synthesizeMachine, type Workload, type WorkloadParams } from './workload.js';

/** Collections that no vCPU has from the start. */
const SPARE_COLLECTIONS = 2;
/** Of 100 steps: MSIs, entries and exits of a vCPU; commands take the rest. */
const MSIS = 58;
const RUNS = 28;
/** Of 100 steps with commands: they go through the queue in memory, so many at once. */
const QUEUED = 10;
const MAX_QUEUED = 16;
/** Of 10000 steps: LPIs of a vCPU off and on, the ITS off and on. */
const RARE = 10;
/** Of 100 MSIs: those of the few events that are busy at the time, and how many these are. */
const BUSY_MSIS = 60;
const BUSY_EVENTS = 4;
/** Looks for an event that is mapped before one is taken that is not. */
const FIND_TRIES = 8;
/** Device numbers are sparse, as those of PCI functions. */
const DEVICE_STRIDE = 7;

/** What ITS_CONTROL does. */
const SAVE = 0;
const RESTORE = 1;
const DROP = 2;
const SAVE_PENDING = 3;

/**
 * A guest that never leaves its mappings alone: devices, events and collections come and go, move, are invalidated,
 * raised and cleared by command, a share of them with operands that do not exist; between them MSIs, and now and then
 * the tables are saved, everything is dropped and restored (vgic-spec 6, 8.2 numbers 7 to 10 in small).
 */
export const itsChurn: Workload = {
  id: 'its-churn',
  summary: 'ITS commands that map, move, discard and invalidate under MSIs; wrong operands; save, drop and restore',
  systems: ['its'],
  params: [
    ...commonParams(1_000_000),
    { name: 'vcpus', summary: 'number of vCPUs', default: 4, min: 1, max: MAX_VCPUS },
    { name: 'devices', summary: 'devices', default: 16, min: 1, max: MAX_DEVICES },
    { name: 'msis', summary: 'events of each device', default: 32, min: 1, max: 1 << MAX_EVENT_BITS },
    { name: 'faults', summary: 'of 100 commands, those with a wrong operand', default: 5, min: 0, max: 100 },
    { name: 'saves', summary: 'steps between two saves of the tables; 0: none', default: 5000, min: 0, max: 1_000_000 },
    { name: 'lrs', summary: 'number of list registers', default: 4, min: 1, max: 16 },
  ],
  machine: (params) => synthesizeMachine(params.vcpus, 32, params.lrs, NR_LPIS),
  generate(params: WorkloadParams, sink: EventSink): void {
    const rng = createGenerator(params.seed);
    const pen = createPen(sink, () => 1 + rng.nextBelow(8));
    const churn = createChurn(pen, rng, params);
    churn.start();
    for (let step = 1; pen.events() < params.events; step++) {
      churn.step();
      if (params.saves > 0 && step % params.saves === 0) churn.save();
    }
    churn.stop();
  },
};

interface Churn {
  start(): void;
  step(): void;
  save(): void;
  /** Every vCPU is out of the guest. */
  stop(): void;
}

function createChurn(pen: Pen, rng: Generator, { vcpus, devices, msis, faults }: WorkloadParams): Churn {
  const guest: ItsGuest = createItsGuest(pen);
  const isInGuest = new Uint8Array(vcpus);
  const isMapped = new Uint8Array(devices);
  const isEventMapped = new Uint8Array(devices * msis);
  const nrCollections = vcpus + SPARE_COLLECTIONS;
  const isCollectionMapped = new Uint8Array(nrCollections);
  const collectionOf = new Uint8Array(devices * msis);
  /** Since the last time that everything was forgotten: an event lost its collection, which only MAPD can heal. */
  let hasLostEvents = false;
  const eventBits = Math.max(1, 32 - Math.clz32(msis - 1));

  const deviceId = (device: number): number => 1 + DEVICE_STRIDE * device;
  const anyDevice = (): number => rng.nextBelow(devices);
  const anyEvent = (): number => rng.nextBelow(msis);
  const anyCollection = (): number => rng.nextBelow(nrCollections);
  const anyTarget = (): number => rng.nextBelow(vcpus);
  const lpiOf = (device: number, event: number): number => LPI_BASE + device * msis + event;

  const leave = (vcpu: number): void => {
    if (isInGuest[vcpu] === 1) pen.write(SYNC, vcpu, 0, 0);
    isInGuest[vcpu] = 0;
  };

  /** A vCPU that writes registers, so it is out of the guest. */
  function pickWriter(): number {
    const vcpu = anyTarget();
    leave(vcpu);
    return vcpu;
  }

  function mapCollection(collection: number, target: number): its.ItsCommand {
    isCollectionMapped[collection] = 1;
    return its.mapCollection(collection, target);
  }

  /** Events of the collection are lost; the driver begins anew with their devices. */
  function unmapCollection(collection: number): its.ItsCommand {
    isCollectionMapped[collection] = 0;
    for (let at = 0; at < isEventMapped.length; at++) {
      if (isEventMapped[at] === 0 || collectionOf[at] !== collection) continue;
      isMapped[Math.floor(at / msis)] = 0;
      hasLostEvents = true;
    }
    return its.unmapCollection(collection);
  }

  /** A collection or a device that is not there yet, or an event, mapped before or not. */
  function mapSomething(vcpu: number): its.ItsCommand {
    const collection = rng.nextBelow(vcpus);
    if (isCollectionMapped[collection] === 0) return mapCollection(collection, collection);
    const device = anyDevice();
    if (isMapped[device] === 0) return mapDevice(device, true);
    const event = anyEvent();
    const at = device * msis + event;
    if (isEventMapped[at] === 0) collectionOf[at] = collection;
    isEventMapped[at] = 1;
    guest.configure(vcpu, lpiOf(device, event), rng.nextBelow(64) << 2, rng.nextBelow(100) < 90);
    return its.mapEvent(deviceId(device), event, lpiOf(device, event), collection);
  }

  /** MAPD takes the events with it, the one that maps anew too. */
  function mapDevice(device: number, on: boolean): its.ItsCommand {
    isMapped[device] = on ? 1 : 0;
    isEventMapped.fill(0, device * msis, (device + 1) * msis);
    const id = deviceId(device);
    return on ? its.mapDevice(id, eventBits, guest.tableOf(device)) : its.unmapDevice(id);
  }

  function discard(device: number, event: number): its.ItsCommand {
    isEventMapped[device * msis + event] = 0;
    return its.discardEvent(deviceId(device), event);
  }

  function move(device: number, event: number): its.ItsCommand {
    const to = anyCollection();
    if (isCollectionMapped[to] === 1) collectionOf[device * msis + event] = to;
    return its.moveEvent(deviceId(device), event, to);
  }

  function invalidate(vcpu: number, device: number, event: number): its.ItsCommand {
    guest.configure(vcpu, lpiOf(device, event), rng.nextBelow(64) << 2, rng.nextBelow(100) < 90);
    return its.invalidateEvent(deviceId(device), event);
  }

  function anyCommand(vcpu: number): its.ItsCommand {
    const chosen = findEvent();
    const device = Math.floor(chosen / msis);
    const event = chosen % msis;
    const id = deviceId(device);
    const dice = rng.nextBelow(1000);
    if (dice < 400) return mapSomething(vcpu);
    if (dice < 520) return invalidate(vcpu, device, event);
    if (dice < 640) return move(device, event);
    if (dice < 720) return discard(device, event);
    if (dice < 800) return its.raiseEvent(id, event);
    if (dice < 850) return its.clearEvent(id, event);
    if (dice < 890) return its.invalidateCollection(anyCollection());
    if (dice < 910) return its.moveAll(anyTarget(), anyTarget());
    if (dice < 950) return mapCollection(anyCollection(), anyTarget());
    if (dice < 951) return unmapCollection(anyCollection());
    if (dice < 955) return mapDevice(device, false);
    if (dice < 956) return mapDevice(device, true);
    return its.synchronise(anyTarget());
  }

  /** Operands that do not exist, and commands that nobody knows. */
  function wrongCommand(): its.ItsCommand {
    const id = deviceId(anyDevice());
    const faulty: readonly its.ItsCommand[] = [
      its.mapDevice(0x10000 + id, eventBits, guest.tableOf(0)),
      its.mapDevice(id, 32, guest.tableOf(0)),
      its.mapCollection(anyCollection(), vcpus + rng.nextBelow(16)),
      its.mapEvent(id, 1 << eventBits, LPI_BASE, anyCollection()),
      its.mapEvent(id, anyEvent(), rng.nextBelow(LPI_BASE), anyCollection()),
      its.mapEvent(id + 1, anyEvent(), LPI_BASE, anyCollection()),
      its.moveEvent(id, anyEvent(), 0x7000 + anyCollection()),
      its.raiseEvent(id + 1, anyEvent()),
      its.moveAll(anyTarget(), vcpus + rng.nextBelow(16)),
      [0x7f, 0, 0, 0, 0, 0, 0, 0],
    ];
    return faulty[rng.nextBelow(faulty.length)];
  }

  const nextCommand = (vcpu: number): its.ItsCommand =>
    rng.nextBelow(100) < faults ? wrongCommand() : anyCommand(vcpu);

  function giveCommands(): void {
    const vcpu = pickWriter();
    if (rng.nextBelow(100) >= QUEUED) {
      guest.give(vcpu, nextCommand(vcpu));
      return;
    }
    const length = 1 + rng.nextBelow(MAX_QUEUED);
    guest.queue(
      vcpu,
      Array.from({ length }, () => nextCommand(vcpu)),
    );
  }

  /** One that is mapped, if a few tries find it; a device may write what it likes at any time, and a guest may be wrong. */
  function findEvent(): number {
    let found = rng.nextBelow(devices * msis);
    for (let tries = 1; tries < FIND_TRIES && isEventMapped[found] === 0; tries++)
      found = rng.nextBelow(devices * msis);
    return found;
  }

  const busy: number[] = Array.from({ length: BUSY_EVENTS }, () => 0);

  function sendMsi(): void {
    const at = rng.nextBelow(BUSY_EVENTS);
    if (isEventMapped[busy[at]] === 0) busy[at] = findEvent();
    const chosen = rng.nextBelow(100) < BUSY_MSIS ? busy[at] : findEvent();
    const device = Math.floor(chosen / msis);
    pen.write(MSI, 0, 0, (deviceId(device) << 16) | (chosen % msis));
  }

  function run(vcpu: number): void {
    if (isInGuest[vcpu] === 1) {
      pen.write(GUEST_DRAIN, vcpu, 0, 0);
      leave(vcpu);
    } else {
      pen.write(FLUSH, vcpu, 0, 0);
      isInGuest[vcpu] = 1;
    }
  }

  function switchOffAndOn(): void {
    const vcpu = pickWriter();
    const set = rng.nextBelow(2) === 0 ? guest.setLpis : guest.setIts;
    set(vcpu, false);
    set(vcpu, true);
  }

  const stop = (): void => {
    for (let vcpu = 0; vcpu < vcpus; vcpu++) leave(vcpu);
  };

  return {
    start() {
      guest.start(vcpus);
      for (let vcpu = 0; vcpu < vcpus; vcpu++) guest.give(vcpu, mapCollection(vcpu, vcpu));
    },
    step() {
      if (rng.nextBelow(10_000) < RARE) {
        switchOffAndOn();
        return;
      }
      const dice = rng.nextBelow(100);
      if (dice < MSIS) sendMsi();
      else if (dice < MSIS + RUNS) run(anyTarget());
      else giveCommands();
    },
    save() {
      // User space stops every vCPU first. Every other save is a snapshot only.
      stop();
      pen.write(ITS_CONTROL, 0, SAVE_PENDING, 0);
      pen.write(ITS_CONTROL, 0, SAVE, 0);
      if (rng.nextBelow(2) === 0) return;
      pen.write(ITS_CONTROL, 0, DROP, 0);
      pen.write(ITS_CONTROL, 0, RESTORE, 0);
      // With lost events the tables may be beyond restoring (vgic-spec 6.9, 6.10): the driver begins anew.
      if (!hasLostEvents) return;
      isMapped.fill(0);
      isEventMapped.fill(0);
      isCollectionMapped.fill(0);
      hasLostEvents = false;
    },
    stop,
  };
}
