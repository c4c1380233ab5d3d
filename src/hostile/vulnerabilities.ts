/**
 * The published vulnerabilities of vgic-spec 8.3, each of which has one line there, and the two fixes without identifier: shown by a
 * trace, by an enumeration of interleavings, or not at all, and why. vulnerabilities.test.ts runs all that are shown.
 */

/** A file in traces/vulnerabilities. `defective`: the flavour that has the defect; `fixed`: those that do not. */
export interface ShownByTrace {
  readonly by: 'trace';
  readonly file: string;
  readonly defective: string;
  readonly fixed: readonly string[];
  /** What is compared: how the host stops, the results of save and restore, or the SPIs that are active at the end. */
  readonly watch: 'stop' | 'its' | 'active';
  readonly shows: { readonly defective: string; readonly fixed: string };
}

/** Variants of a model of `explore`. */
export interface ShownByInterleaving {
  readonly by: 'interleaving';
  readonly model: string;
  readonly broken: string;
  readonly right: string;
}

export interface NotShown {
  readonly by: 'nothing';
}

export type Showing = ShownByTrace | ShownByInterleaving | NotShown;

export interface Vulnerability {
  readonly project: 'Xen' | 'Linux KVM/arm64';
  readonly id: string;
  readonly matter: string;
  readonly showing: Showing;
  /** What is shown and what is not; or why nothing is. */
  readonly note: string;
}

const NOTHING: NotShown = { by: 'nothing' };
const GOES_ON = 'goes on';

const stop = (file: string, defective: string, fixed: readonly string[], kind: string): ShownByTrace => ({
  by: 'trace',
  file: `${file}.jsonl`,
  defective,
  fixed,
  watch: 'stop',
  shows: { defective: kind, fixed: GOES_ON },
});

const xen = (id: string, matter: string, showing: Showing, note: string): Vulnerability => ({
  project: 'Xen',
  id,
  matter,
  showing,
  note,
});
const kvm = (id: string, matter: string, showing: Showing, note: string): Vulnerability => ({
  project: 'Linux KVM/arm64',
  id,
  matter,
  showing,
  note,
});

export const vulnerabilities: readonly Vulnerability[] = [
  xen(
    'XSA-94, CVE-2014-2986',
    'rank of ICFGR not checked, guest access crashes the host',
    stop('xsa-94', 'xen-old-xsa-94', ['xen-old'], 'memory-error'),
    'a write to ICFGR of interrupts that the guest does not have; that these have no rank is how the line is read',
  ),
  xen(
    'XSA-117, CVE-2015-0268',
    'GICD_SGIR with an invalid mode hits a BUG',
    stop('xsa-117', 'xen-old-xsa-117', ['xen-old'], 'host-assertion'),
    'the write; mode 3 is the one that is invalid',
  ),
  xen('XSA-118, CVE-2015-1563', 'unlimited log output from vGIC emulation', NOTHING, 'the model writes no log'),
  xen(
    'XSA-223, CVE-2017-10919',
    'raising a disabled inflight interrupt uses an invalid LR number',
    stop('xsa-223', 'xen-old-xsa-223', ['xen-old'], 'memory-error'),
    'the injection; what the write to a register that does not exist does is not modelled',
  ),
  xen(
    'XSA-225, CVE-2017-10923',
    'vCPU index of an SGI target not checked',
    stop('xsa-225', 'xen-old-xsa-225', ['xen-old'], 'memory-error'),
    'the SGI, as an event of a GICv3 guest; by which register it came is not in the line',
  ),
  xen(
    'XSA-303, CVE-2019-18422',
    'interrupts unmasked in exception handlers',
    NOTHING,
    'the host entry code is not modelled',
  ),
  xen(
    'no XSA, 2025',
    'new vGIC: SGIR mode 3 used out of range',
    stop('xen-new-sgir-3', 'xen-new-sgir-3', ['xen-new'], 'memory-error'),
    'the write; what lies out of range is not modelled',
  ),
  kvm(
    'CVE-2024-26598',
    'LPI translation cache: use after free on concurrent injection and invalidation',
    { by: 'interleaving', model: 'translation-cache', broken: 'hit-no-reference', right: 'hit' },
    'one way to it: the hit takes no reference',
  ),
  kvm(
    'CVE-2024-36953',
    'GICv2 attribute parsing: missing vCPU leads to NULL use',
    NOTHING,
    'device attributes of user space are not modelled',
  ),
  kvm(
    'CVE-2024-46707',
    'ICC_SGI* writes without a GICv3',
    NOTHING,
    'an SGI event reaches a vGIC; a VM without one has no SGIs here',
  ),
  kvm(
    'CVE-2024-40989',
    'vCPUs keep pointing at a redistributor region that was freed',
    NOTHING,
    'redistributor regions are not modelled',
  ),
  kvm(
    'CVE-2024-53195',
    'userspace-irqchip static key accounting',
    NOTHING,
    'the static key is not modelled (vgic-spec 5.4 names it alone)',
  ),
  kvm(
    'CVE-2025-37849',
    'vGIC state of a vCPU not torn down when its creation fails',
    NOTHING,
    'in the model the creation of a vCPU does not fail, and has no memory to tear down',
  ),
  kvm(
    'CVE-2026-46316',
    'translation cache entry put twice (guest to host)',
    { by: 'interleaving', model: 'translation-cache', broken: 'twice-put-twice', right: 'twice' },
    'one way to it: two invalidations see the entry, and each puts its reference',
  ),
  kvm(
    'CVE-2026-64106',
    'restored device entry with excessive event-id bits',
    {
      by: 'trace',
      file: 'cve-2026-64106.jsonl',
      defective: 'kvm-cve-2026-64106',
      fixed: ['kvm-6.1', 'kvm-7.2', 'kvm-6.19'],
      watch: 'its',
      shows: { defective: 'restore OK', fixed: 'restore -EINVAL' },
    },
    'that the entry is accepted; what such a device does to the host later is not modelled',
  ),
  kvm(
    'CVE-2026-64287',
    'protected KVM: used_lrs not bounded',
    NOTHING,
    'a host attacks its hypervisor there; the model has no such boundary',
  ),
  kvm(
    'CVE-2026-72288',
    'prune against LPI disable',
    NOTHING,
    'the line names the two parties, not what they do to each other; migrate:flushed has both, without a problem in the code as checked',
  ),
  kvm(
    'CVE-2026-72289',
    'prune did not check that the entry still belongs to this vCPU: double unlink',
    { by: 'interleaving', model: 'migrate', broken: 'flushed-no-owner', right: 'flushed' },
    'the unlinking of an entry that is not on the list any more; an event is atomic, so no trace shows it. xen-new still lacks the check',
  ),
  kvm(
    'CVE-2026-74568',
    'LPI released and re-registered concurrently',
    NOTHING,
    'the line does not say which steps of the two meet; events are atomic, and no model of explore has the LPI index',
  ),
  kvm(
    'CVE-2026-89912',
    'saving an ITE without collection',
    stop('cve-2026-89912', 'kvm-cve-2026-89912', ['kvm-6.1', 'kvm-7.2', 'kvm-6.19'], 'memory-error'),
    'the save, after MAPC with V=0 took the collection of a mapped event (vgic-spec 6.9: a NULL dereference)',
  ),
  kvm(
    'fix of 2020, no identifier',
    'comparator self-call deadlock',
    stop('comparator-self-call', 'xen-new', ['kvm-6.1', 'kvm-7.2', 'kvm-6.19'], 'host-deadlock'),
    'the shipped xen-new has the defect; KVM before the fix is not a flavour. explore: comparator:no-guard',
  ),
  kvm(
    'fix of March 2026, no identifier',
    'EOIcount walk must start after the last LR entry, not at the list head',
    {
      by: 'trace',
      file: 'eoicount-from-head.jsonl',
      defective: 'kvm-6.19',
      fixed: ['kvm-7.2'],
      watch: 'active',
      shows: { defective: 'SPIs 33', fixed: 'SPIs 32' },
    },
    'the EOI of SPI 33, which is in no LR, ends SPI 32, which is in one',
  ),
];
