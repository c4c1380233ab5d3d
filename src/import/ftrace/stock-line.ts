/** A trace line of a stock tracepoint → its fields, as the kernel prints them, or by name (`trace-cmd report -R`). */
import type { StockRecord } from '../stock/record.js';
import { readNumber, type TraceLine } from './line.js';

const integerOr = (fallback: number, value: number): number => (Number.isInteger(value) ? value : fallback);
/** What kvm_wfx_arm64 prints: 1 WFI, 0 WFE, 2 where the printer has no letters (libtraceevent: `wf>c<`). */
export function readWait(text: string): number {
  if (text.includes('wf>c<')) return 2;
  return text.includes('wfi') || readNumber(text, 'is_wfe=') === 0 ? 1 : 0;
}
/** The number behind `key` as the kernel prints it, else behind the `field` of the record. */
export function readField(text: string, key: string, field: string): number {
  const value = readNumber(text, key);
  return Number.isNaN(value) ? readNumber(text, `${field}=`) : value;
}
const levelOf = (value: number): number => (Number.isNaN(value) ? -1 : value === 0 ? 0 : 1);

/** Fields that the tracepoint does not have, or that cannot be read, are -1. */
export function readStockLine({ event, pid, comm, tick, text }: TraceLine): StockRecord {
  let vcpu = -1;
  let intid = -1;
  let level = -1;
  let detail = -1;
  let name = '';
  switch (event) {
    case 'vgic_update_irq_pending':
      vcpu = integerOr(-1, readField(text, 'VCPU: ', 'vcpu_id'));
      intid = integerOr(-1, readField(text, 'IRQ ', 'irq'));
      level = levelOf(readField(text, 'level: ', 'level'));
      break;
    case 'kvm_timer_update_irq':
      vcpu = integerOr(-1, readField(text, 'VCPU: ', 'vcpu_id'));
      intid = integerOr(-1, readField(text, 'IRQ ', 'irq'));
      level = levelOf(readField(text, 'level ', 'level'));
      break;
    case 'kvm_get_timer_map':
      vcpu = integerOr(-1, readField(text, 'VCPU: ', 'vcpu_id'));
      break;
    case 'kvm_irq_line':
      vcpu = integerOr(-1, readField(text, 'vcpu->idx: ', 'vcpu_idx'));
      intid = integerOr(-1, readField(text, 'num: ', 'irq_num'));
      level = levelOf(readField(text, 'level: ', 'level'));
      detail = integerOr(-1, Number(/(?:\(|^type=)(\d{1,3})\b/.exec(text)?.[1]));
      break;
    case 'kvm_wfx_arm64':
      detail = readWait(text);
      break;
    case 'irq_handler_entry':
      name = text.slice(text.indexOf('name=') + 'name='.length);
      break;
  }
  return { event, pid, comm, tick, vcpu, intid, level, detail, name };
}
