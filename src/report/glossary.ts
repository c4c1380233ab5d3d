/** The words of the report, in plain language. */
export const GLOSSARY: readonly (readonly [term: string, meaning: string])[] = [
  ['ap_list', 'The hypervisor’s list, one per virtual CPU, of interrupts that are active or pending there.'],
  [
    'list register (LR)',
    'A hardware slot that presents one virtual interrupt to the running guest. Most machines have 4, some 16; nr_lr is their number.',
  ],
  ['flush', 'Just before the guest runs: interrupts from the ap_list are written into the list registers.'],
  [
    'sync, fold',
    'Just after the guest stops: the list registers are read back (folded) into the hypervisor’s own state.',
  ],
  ['prune', 'After the fold: interrupts that are finished leave the ap_list, others move to another virtual CPU.'],
  [
    'inject',
    'A device, a timer or another virtual CPU raises an interrupt; if it is not on an ap_list yet it is queued on one.',
  ],
  [
    'rekey',
    'A register write changes the rank of an interrupt that is already on the list (priority, disable, clear, retarget); strategies that keep an order must put it in its new place.',
  ],
  ['pending test', 'The question “does this virtual CPU have an interrupt to take?”, asked when it waits.'],
  ['guest entry', 'One run of the guest, between a flush and the following sync.'],
  [
    'step',
    'Unit of modelled cost: one list node looked at, one comparison, one lock taken or one list register written. What the hypervisor would do, not what this program does.',
  ],
  [
    'longest call',
    'The most steps in one single call. Interrupts are off meanwhile, so it is what a hostile guest can add to the delay of everything else on that CPU.',
  ],
  ['sort-on-flush', 'What Linux KVM does: queue at the tail, sort at flush when the list outgrows the list registers.'],
  ['sort-on-insert', 'Keep the list in order at all times: walk to the right place whenever an interrupt is queued.'],
  ['identical', 'Equivalence class: same list registers with the same contents, in the same slots, after every flush.'],
  ['tie-equivalent', 'Equivalence class: the same up to the choice among interrupts of equal rank.'],
  ['deviating', 'Equivalence class: presents other interrupts, and says so.'],
  ['bound', 'Equivalence class: not a usable strategy but a lower bound to compare with.'],
  [
    'divergence',
    'The recorded guest acknowledged or ended an interrupt that the strategy had not presented at that moment.',
  ],
  [
    'fidelity L0 to L3',
    'How much a trace knows: L0 made up; L1 injections and guest entries; L2 also priority, enable, target and configuration; L3 also acknowledges and the contents of the list registers.',
  ],
  [
    'flavour',
    'The hypervisor whose virtual GIC is replayed: kvm-6.1, kvm-7.2, kvm-6.19 (KVM of these Linux versions), xen-new and xen-old (Xen’s two).',
  ],
  [
    'kick, request',
    'A virtual CPU is asked to look at its list again. If it waits it is woken; if it runs the guest an IPI (inter-processor interrupt) forces it out; else it looks anyway.',
  ],
  [
    'critical section',
    'A stretch of code with a lock held or interrupts off: what has to wait for it waits for all of its steps.',
  ],
  [
    'passed over',
    'An interrupt that could be delivered gets no list register at a guest entry although a less urgent one does: a priority inversion.',
  ],
  [
    'lost, stranded',
    'An interrupt that could be delivered is on no list, so nothing will deliver it until somebody raises or enables it again.',
  ],
  [
    'window W',
    'On injection, the moment between letting go of the interrupt’s own lock and taking that of the list. Another CPU may change the interrupt there, so it is looked at again.',
  ],
  [
    'interleaving',
    'One order of the steps of several threads. All orders of a small model are visited, those of weakly ordered memory too.',
  ],
  ['doorbell', 'GICv4: the host interrupt that says that an LPI has arrived for a virtual CPU that is not on a CPU.'],
  [
    'vPE, resident',
    'GICv4: a virtual CPU that the hardware knows, so that it delivers LPIs without the hypervisor while the vPE is on a CPU (resident).',
  ],
  ['PendingLast', 'GICv4: read when a vPE leaves its CPU. 1: an LPI may be pending for it, or not.'],
  [
    'mapped interrupt, HW bit',
    'A virtual interrupt tied to a physical one: when the guest ends it, the list register deactivates the physical one.',
  ],
  [
    'SW_RESAMPLE',
    'For hosts whose list registers cannot do that: the hypervisor does it at the exit, once the virtual interrupt is neither active nor pending.',
  ],
  [
    'userspace irqchip, vgic',
    'The guest’s interrupt controller is modelled by user space, or by the hypervisor (the vgic).',
  ],
  [
    'ITS, device, event',
    'The unit that turns a message of a device (an MSI: device and event number) into an LPI. It is told by commands: MAPD, MAPC, MAPTI map; INV, INVALL read configuration again; MOVI, MOVALL move; DISCARD unmaps.',
  ],
  [
    'DTE, ITT, ITE, CTE, collection',
    'ITS tables in guest memory: a device table entry names the device’s ITT, whose entries (ITE) name LPI and collection; the collection table entry (CTE) names the CPU of all interrupts in that collection.',
  ],
  ['spurious kick', 'A guest entry after a request, with nothing pending in any list register.'],
  [
    'scenario',
    'Steps on a small machine, and values that must be seen after them, produced by the hypervisor’s own functions.',
  ],
  ['golden line', 'The list registers at one guest entry, as the compiled C code of the hypervisor filled them.'],
  [
    'host stop',
    'The hypervisor stops for good: an assertion fails, or a CPU waits for a lock that it holds itself. All its guests stop with it.',
  ],
  ['crossover', 'The list depth at which one strategy stops being the cheaper one.'],
  ['growth', 'Exponent: 0 means that cost does not depend on list depth, 1 that it doubles when the depth doubles.'],
];
