/** A trace line of a stock tracepoint → its fields, as the kernel prints them. */
import type { StockRecord } from '../stock/record.js';
import { readNumber, type TraceLine } from './line.js';

const integerOr = (fallback: number, value: number): number => (Number.isInteger(value) ? value : fallback);
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
      vcpu = integerOr(-1, readNumber(text, 'VCPU: '));
      intid = integerOr(-1, readNumber(text, 'IRQ '));
      level = levelOf(readNumber(text, 'level: '));
      break;
    case 'kvm_timer_update_irq':
      vcpu = integerOr(-1, readNumber(text, 'VCPU: '));
      intid = integerOr(-1, readNumber(text, 'IRQ '));
      level = levelOf(readNumber(text, 'level '));
      break;
    case 'kvm_get_timer_map':
      vcpu = integerOr(-1, readNumber(text, 'VCPU: '));
      break;
    case 'kvm_irq_line':
      vcpu = integerOr(-1, readNumber(text, 'vcpu->idx: '));
      intid = integerOr(-1, readNumber(text, 'num: '));
      level = levelOf(readNumber(text, 'level: '));
      detail = integerOr(-1, Number(/\((\d{1,3})\)/.exec(text)?.[1]));
      break;
    case 'kvm_wfx_arm64':
      detail = text.includes('wfi') ? 1 : 0;
      break;
    case 'irq_handler_entry':
      name = text.slice(text.indexOf('name=') + 'name='.length);
      break;
  }
  return { event, pid, comm, tick, vcpu, intid, level, detail, name };
}
