/**
 * One of the kernel's own KVM tracepoints as numbers, whatever printed or packed it. Names and fields are those of
 * arch/arm64/kvm/trace_arm.h, arch/arm64/kvm/vgic/trace.h and include/trace/events/kvm.h (vgic-spec 9.2).
 */
export interface StockRecord {
  /** Name of the tracepoint. */
  readonly event: string;
  /** Thread that was running. */
  readonly pid: number;
  /** Its name, empty if the recorder does not say. */
  readonly comm: string;
  readonly tick: number;
  /** vCPU that the record names, -1: none. */
  readonly vcpu: number;
  /** INTID that the record names, -1: none. */
  readonly intid: number;
  /** 0 or 1; -1: none. */
  readonly level: number;
  /** kvm_wfx_arm64: 1 if it was WFI, 0 WFE, 2 not told. kvm_irq_line: KVM's type of the interrupt. */
  readonly detail: number;
  /** irq_handler_entry: the name under which the host interrupt is registered. */
  readonly name: string;
}

// Types of KVM_IRQ_LINE.
export const LINE_TYPE_SPI = 1;
export const LINE_TYPE_PPI = 2;

/** Does the record raise or lower an interrupt by itself, if vgic_update_irq_pending was not recorded? */
export const isLineRecord = ({ event, detail }: StockRecord): boolean =>
  event === 'kvm_timer_update_irq' ||
  (event === 'kvm_irq_line' && (detail === LINE_TYPE_SPI || detail === LINE_TYPE_PPI));
