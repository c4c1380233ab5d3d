/** The cells that stand for the others where time is compared: few, since each takes minutes. */

/** A network guest, an SMP guest's IPIs, a boot, LPIs, deep lists of 960, and writes that re-sort them. */
export const KEY_TRACES = [
  'traces/recorded/virtio-pci-net.vgt',
  'traces/recorded/ipi-4.vgt',
  'traces/recorded/linux-boot.vgt',
  'traces/recorded/bare-lpi.vgt',
  'traces/recorded/bare-flood.vgt',
  'traces/recorded/bare-prio-churn.vgt',
] as const;
