/** The events an ftrace of KVM/arm64 may hold that make no operation. */

/** Events the importer understands but needs nothing of: they repeat what other lines say, or tell of results. */
const SILENT_EVENTS = new Set([
  'irq_handler_entry',
  'kvm_timer_update_irq',
  'kvm_exit',
  'kvm_userspace_exit',
  'kvm_sys_access',
  'kvm_handle_sys_reg',
  'kvm_irq_line',
  'kvm_hvc_arm64',
  'kvm_set_irq',
  'kvm_msi_set_irq',
  'kvm_ack_irq',
  'kvm_timer_hrtimer_expire',
  'kvm_timer_emulate',
  'kvm_timer_save_state',
  'kvm_timer_restore_state',
  'kvm_get_timer_map',
  'kvm_mmio_emulate',
  'kvm_guest_fault',
  'kvm_arm_setup_debug',
  'kvm_arm_clear_debug',
  'kvm_arm_set_dreg32',
  'kvm_arm_set_regset',
  'kvm_halt_poll_ns',
  'kvm_unmap_hva_range',
  'kvm_age_hva',
  'kvm_test_age_hva',
  'kvm_toggle_cache',
  'kvm_set_way_flush',
  'kvm_dirty_ring_push',
  'kvm_vcpu_wakeup_begin',
  'uaccess_cpuif',
  'trap_reg',
]);

export const isUnneededEvent = (event: string): boolean => SILENT_EVENTS.has(event);

/** What a vCPU thread prints when it is scheduled out and in again: it may have been in the middle of something. */
const PREEMPTION_EVENTS = new Set(['vgic_put', 'vgic_load', 'kvm_timer_update_irq', 'vgic_update_irq_pending']);

export const isPreemptionEvent = (event: string): boolean => PREEMPTION_EVENTS.has(event);

/** Lines of the ITS command that is being executed: INT, MOVI and the like, what reads a configuration. */
const COMMAND_EFFECTS = new Set(['its_trigger', 'lpi_affinity', 'lpi_config']);

export const isCommandEffect = (event: string): boolean => COMMAND_EFFECTS.has(event);
