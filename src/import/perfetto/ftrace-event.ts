/**
 * FtraceEvent → the fields of a stock tracepoint. Numbers of events and fields are those of Perfetto's
 * protos/perfetto/trace/ftrace/{ftrace_event,kvm,irq,generic}.proto.
 */
import type { StockRecord } from '../stock/record.js';
import type { Cursor } from './cursor.js';

const EVENT_TIMESTAMP = 1;
const EVENT_PID = 2;
const EVENT_COMMON_FLAGS = 5;
const EVENT_GENERIC = 327;

const IRQ_HANDLER_ENTRY = 36;
/** kvm_access_fault is number 368, and so on in this order. */
const FIRST_KVM = 368;
const KVM_EVENTS: readonly string[] = [
  'kvm_access_fault',
  'kvm_ack_irq',
  'kvm_age_hva',
  'kvm_age_page',
  'kvm_arm_clear_debug',
  'kvm_arm_set_dreg32',
  'kvm_arm_set_regset',
  'kvm_arm_setup_debug',
  'kvm_entry',
  'kvm_exit',
  'kvm_fpu',
  'kvm_get_timer_map',
  'kvm_guest_fault',
  'kvm_handle_sys_reg',
  'kvm_hvc_arm64',
  'kvm_irq_line',
  'kvm_mmio',
  'kvm_mmio_emulate',
  'kvm_set_guest_debug',
  'kvm_set_irq',
  'kvm_set_spte_hva',
  'kvm_set_way_flush',
  'kvm_sys_access',
  'kvm_test_age_hva',
  'kvm_timer_emulate',
  'kvm_timer_hrtimer_expire',
  'kvm_timer_restore_state',
  'kvm_timer_save_state',
  'kvm_timer_update_irq',
  'kvm_toggle_cache',
  'kvm_unmap_hva_range',
  'kvm_userspace_exit',
  'kvm_vcpu_wakeup',
  'kvm_wfx_arm64',
  'trap_reg',
  'vgic_update_irq_pending',
];
/** Names of what a host's recording usually holds beside KVM's events. */
const HOST_EVENTS: ReadonlyMap<number, string> = new Map([
  [3, 'print'],
  [4, 'sched_switch'],
  [11, 'cpu_frequency'],
  [13, 'cpu_idle'],
  [17, 'sched_wakeup'],
  [18, 'sched_blocked_reason'],
  [20, 'sched_waking'],
  [21, 'ipi_entry'],
  [22, 'ipi_exit'],
  [23, 'ipi_raise'],
  [24, 'softirq_entry'],
  [25, 'softirq_exit'],
  [26, 'softirq_raise'],
  [IRQ_HANDLER_ENTRY, 'irq_handler_entry'],
  [37, 'irq_handler_exit'],
  [114, 'sched_wakeup_new'],
  [235, 'task_newtask'],
  [236, 'task_rename'],
  [238, 'sched_process_exit'],
  [239, 'sched_process_fork'],
  [240, 'sched_process_free'],
]);

const nameOf = (event: number): string =>
  KVM_EVENTS[event - FIRST_KVM] ?? HOST_EVENTS.get(event) ?? `ftrace event ${event}`;

/** Field numbers of what an event says of an interrupt. */
interface Layout {
  readonly vcpu?: number;
  readonly intid?: number;
  readonly level?: number;
  readonly detail?: number;
  readonly name?: number;
}
const LAYOUTS: Readonly<Record<string, Layout>> = {
  vgic_update_irq_pending: { intid: 1, level: 2, vcpu: 3 },
  kvm_timer_update_irq: { intid: 1, level: 2, vcpu: 3 },
  kvm_irq_line: { intid: 1, level: 2, detail: 3, vcpu: 4 },
  kvm_get_timer_map: { vcpu: 4 },
  kvm_wfx_arm64: { detail: 1 },
  irq_handler_entry: { name: 2 },
};
const NO_LAYOUT: Layout = {};

/** 64 bits of a time stamp in nanoseconds. */
export interface Stamp {
  readonly low: number;
  readonly high: number;
}

export interface PerfettoEvent {
  readonly stamp: Stamp;
  readonly record: Omit<StockRecord, 'tick'>;
}

/** The fields of one FtraceEvent. Throws WireError. A field that is not there is 0, except the INTID: -1. */
export function readFtraceEvent(event: Cursor): PerfettoEvent {
  let stamp: Stamp = { low: 0, high: 0 };
  let pid = 0;
  let name = '';
  let body: Cursor | undefined;
  while (event.next()) {
    if (event.field === EVENT_TIMESTAMP && !event.isBytes) stamp = { low: event.low, high: event.high };
    else if (event.field === EVENT_PID && !event.isBytes) pid = event.low;
    else if (event.field !== EVENT_COMMON_FLAGS && event.isBytes) {
      body = event.message();
      name = event.field === EVENT_GENERIC ? readGenericName(event.message()) : nameOf(event.field);
    }
  }
  return {
    stamp,
    record: { event: name === '' ? 'event without content' : name, pid, comm: '', ...readBody(name, body) },
  };
}

function readBody(event: string, body: Cursor | undefined): Omit<StockRecord, 'event' | 'pid' | 'comm' | 'tick'> {
  const layout = LAYOUTS[event] ?? NO_LAYOUT;
  const found = { vcpu: 'vcpu' in layout ? 0 : -1, intid: -1, level: 'level' in layout ? 0 : -1, detail: 0, name: '' };
  if (layout === NO_LAYOUT || body === undefined) return found;
  while (body.next()) {
    if (body.field === layout.name) found.name = body.text;
    else if (body.isBytes) continue;
    else if (body.field === layout.vcpu) found.vcpu = body.signed;
    else if (body.field === layout.intid) found.intid = body.signed;
    else if (body.field === layout.level) found.level = body.low === 0 ? 0 : 1;
    else if (body.field === layout.detail) found.detail = body.low;
  }
  // is_wfe is the opposite of what is asked.
  if (event === 'kvm_wfx_arm64') found.detail = found.detail === 0 ? 1 : 0;
  return found;
}

const GENERIC_EVENT_NAME = 1;

/** GenericFtraceEvent: an event that the recorder had no message for. */
function readGenericName(generic: Cursor): string {
  while (generic.next()) if (generic.field === GENERIC_EVENT_NAME && generic.isBytes) return generic.text.slice(0, 64);
  return 'generic event';
}
