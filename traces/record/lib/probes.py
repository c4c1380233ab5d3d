#!/usr/bin/env python3
"""Print the kprobe definitions that show what KVM's virtual GIC does (kernel: Documentation/trace/kprobetrace).

Every offset comes from the BTF of the kernel that is recorded, every probe inside a function from its machine code.
A probe this kernel has no place for is left out and named on stderr; if a probe without which a recording is worthless
cannot be placed, the exit code is 1 and one line says why.
"""
import argparse
import sys

from btf import Btf, BtfError
from kernel_text import ImageCode, KcoreCode, KernelText, TextError, read_symbols

AP_DEPTH = 10      # ap_list entries lr_flush prints; a fetch argument cannot follow many more pointers
REQUIRED = ("vgic_flush", "vgic_sync", "lr_flush", "lr_fold", "lr_populate", "vgic_queue", "ap_sort")
IRQ_FIELDS = (     # name in the trace, member of struct vgic_irq, fetch type if it is no bit field
    ("intid", "intid", "u32"), ("line", "line_level", "u8"), ("latch", "pending_latch", "u8"), ("active", "active", "u8"),
    ("en", "enabled", "u8"), ("hw", "hw", "u8"), ("prio", "priority", "x8"), ("grp", "group", "u8"), ("cfg", "config", "u32"),
    ("src", "source", "x8"), ("onvcpu", "vcpu", "x64"), ("target", "target_vcpu", "x64"))


class Placer:
    """Collects definitions; knows which functions exist and what their arguments are."""

    def __init__(self, btf, text, gic, nr_lr):
        self.btf, self.text, self.gic, self.nr_lr = btf, text, gic, nr_lr
        self.definitions, self.skipped = [], {}
        self.vcpu_id = btf.offset("kvm_vcpu", "vcpu_id")
        self.vgic_cpu = btf.offset("kvm_vcpu", "arch.vgic_cpu")
        self.cpu_if = btf.offset("vgic_cpu", "vgic_v3" if gic == 3 else "vgic_v2")
        self.ap_list = btf.offset("vgic_cpu", "ap_list_head")
        self.intid = btf.offset("vgic_irq", "intid")
        self.irq_vcpu = btf.offset("vgic_irq", "vcpu")
        self.intid_from_node = self.intid - btf.offset("vgic_irq", "ap_list")

    # --- fetch arguments

    def vcpu(self, register="x0", base=0):
        """vCPU number; base = offset of struct kvm_vcpu from the register."""
        return ["vcpu=%+d(%%%s):s32" % (base + self.vcpu_id, register)]

    def irq_intid(self, register):
        return ["intid=%+d(%%%s):u32" % (self.intid, register)]

    def irq_fields(self, register):
        out = []
        for name, path, fetch in IRQ_FIELDS:
            member = self.btf.member("vgic_irq", path)
            if member.width:
                fetch = "b%d@%d/8" % (member.width, member.bits % 8)
            out.append("%s=%+d(%%%s):%s" % (name, member.bits // 8, register, fetch))
        return out

    def lrs(self, register, base):
        """used_lrs, HCR, VMCR, APR and every LR; base = offset of struct vgic_cpu from the register."""
        cpu_if, apr = ("vgic_v3_cpu_if", "vgic_ap1r") if self.gic == 3 else ("vgic_v2_cpu_if", "vgic_apr")
        width, fetch = (8, "x64") if self.gic == 3 else (4, "x32")
        at = {name: base + self.cpu_if + self.btf.offset(cpu_if, name) for name in ("used_lrs", "vgic_hcr", "vgic_vmcr", apr, "vgic_lr")}
        out = ["used=%+d(%%%s):u32" % (at["used_lrs"], register), "hcr=%+d(%%%s):x32" % (at["vgic_hcr"], register),
               "vmcr=%+d(%%%s):x32" % (at["vgic_vmcr"], register), "apr=%+d(%%%s):x32" % (at[apr], register)]
        return out + ["lr%d=%+d(%%%s):%s" % (i, at["vgic_lr"] + width * i, register, fetch) for i in range(self.nr_lr)]

    def ap_entries(self, register, base):
        """INTIDs of the first ap_list entries; base = offset of struct vgic_cpu from the register."""
        out, node = [], "%+d(%%%s)" % (base + self.ap_list, register)
        for i in range(AP_DEPTH):
            out.append("a%d=%+d(%s):u32" % (i, self.intid_from_node, node))
            node = "+0(%s)" % node
        return out

    # --- placing

    def skip(self, name, why):
        self.skipped[name] = why

    def put(self, name, place, *arguments, kind="p"):
        self.definitions.append(" ".join(["%s:vgic/%s %s" % (kind, name, place)] + [a for group in arguments for a in group]))

    def at_entry(self, name, function, pointers, *arguments, symbol=None):
        """Probe the first instruction of a function whose arguments point to `pointers` ("" = not checked)."""
        symbol = symbol or function
        if not self.text.has(symbol):
            return self.skip(name, "no function %s" % symbol)
        known = self.btf.pointers(function)
        if known is not None and [k if want else "" for k, want in zip(known, pointers)] != list(pointers):
            return self.skip(name, "%s has other arguments here" % function)
        self.put(name, symbol, *arguments)

    def first_with(self, functions, find):
        """(function, findings) of the first function in which find(function) finds something."""
        for function in functions:
            if self.text.has(function):
                found = find(function)
                if found:
                    return function, found
        return None, []


def place_common(p):
    p.at_entry("vgic_load", "kvm_vgic_load", ["kvm_vcpu"], p.vcpu())
    p.at_entry("vgic_queue", "vgic_queue_irq_unlock", ["kvm", "vgic_irq"], p.irq_fields("x1"))
    p.at_entry("phys_level", "vgic_get_phys_line_level", ["vgic_irq"], p.irq_intid("x0"))
    if p.text.has("vgic_get_phys_line_level"):
        p.put("phys_level_ret", "vgic_get_phys_line_level", ["level=$retval:u8"], kind="r")
    p.at_entry("lpis_dropped", "vgic_flush_pending_lpis", ["kvm_vcpu"], p.vcpu())


def place_gicv3(p):
    # The argument of __vgic_v3_* points to the CPU interface part of struct vgic_cpu.
    from_cpu_if = p.vcpu(base=-p.vgic_cpu - p.cpu_if)
    p.at_entry("lr_flush", "__vgic_v3_restore_state", ["vgic_v3_cpu_if"], from_cpu_if, p.lrs("x0", -p.cpu_if),
               p.ap_entries("x0", -p.cpu_if))
    p.at_entry("lr_fold", "vgic_v3_fold_lr_state", ["kvm_vcpu"], p.vcpu(), p.lrs("x0", p.vgic_cpu))
    p.at_entry("lr_populate", "vgic_v3_populate_lr", ["kvm_vcpu", "vgic_irq", ""], p.vcpu(), ["lr=%x2:u32"], p.irq_fields("x1"))
    vmcr = p.btf.offset("vgic_v3_cpu_if", "vgic_vmcr")
    p.at_entry("vgic_put", "__vgic_v3_save_aprs", ["vgic_v3_cpu_if"], from_cpu_if, ["vmcr=%+d(%%x0):x32" % vmcr])
    p.at_entry("sgi_write", "vgic_v3_dispatch_sgi", ["kvm_vcpu"], p.vcpu(), ["reg=%x1:x64", "grp1=%x2:u8"])
    uaccess = ["wr=%x1:u8", "off=%x2:x32", "val=+0(%x3):x32"]
    p.at_entry("uaccess_dist", "vgic_v3_dist_uaccess", ["kvm_vcpu"], p.vcpu(), uaccess)
    p.at_entry("uaccess_redist", "vgic_v3_redist_uaccess", ["kvm_vcpu"], p.vcpu(), uaccess)
    p.at_entry("uaccess_line", "vgic_v3_line_level_info_uaccess", ["kvm_vcpu"], p.vcpu(),
               ["wr=%x1:u8", "intid=%x2:u32", "val=+0(%x3):x32"])
    p.at_entry("lpi_config", "update_lpi_config", ["kvm", "vgic_irq"], p.irq_intid("x1"), ["filter=%x2:x64"])
    # The compiler may drop an unused argument and rename the function: irq and vCPU stay the first two.
    renamed = [s for s in p.text.symbols if s.startswith("update_affinity.isra.")]
    p.at_entry("lpi_affinity", "update_affinity", ["vgic_irq"], p.irq_intid("x0"), ["x1=%x1:x64", "x2=%x2:x64"],
               symbol=renamed[0] if renamed else None)
    p.at_entry("its_trigger", "vgic_its_trigger_msi", ["kvm", "vgic_its"], ["dev=%x2:x32", "event=%x3:u32"])
    p.at_entry("its_cached", "vgic_its_inject_cached_translation", ["kvm", "kvm_msi"],
               ["addr_lo=+0(%x1):x32", "data=+8(%x1):u32", "dev=+16(%x1):x32"])


def place_gicv2(p):
    p.at_entry("lr_flush", "vgic_v2_restore_state", ["kvm_vcpu"], p.vcpu(), p.lrs("x0", p.vgic_cpu), p.ap_entries("x0", p.vgic_cpu))
    p.at_entry("lr_fold", "vgic_v2_fold_lr_state", ["kvm_vcpu"], p.vcpu(), p.lrs("x0", p.vgic_cpu))
    p.at_entry("lr_populate", "vgic_v2_populate_lr", ["kvm_vcpu", "vgic_irq", ""], p.vcpu(), ["lr=%x2:u32"], p.irq_fields("x1"))
    p.at_entry("vgic_put", "vgic_v2_put", ["kvm_vcpu"], p.vcpu())
    p.at_entry("sgi_write", "vgic_mmio_write_sgir", ["kvm_vcpu"], p.vcpu(), ["off=%x1:x64", "reg=%x3:x32"])
    uaccess = ["wr=%x1:u8", "off=%x2:x32", "val=+0(%x3):x32"]
    p.at_entry("uaccess_dist", "vgic_v2_dist_uaccess", ["kvm_vcpu"], p.vcpu(), uaccess)
    p.at_entry("uaccess_cpuif", "vgic_v2_cpuif_uaccess", ["kvm_vcpu"], p.vcpu(), uaccess)


def place_list_changes(p):
    """An irq's vcpu member is stored exactly when it joins, leaves or changes an ap_list: probe the stores."""
    queue = "vgic_queue_irq_unlock"
    joins = p.text.stores(queue, p.irq_vcpu) if p.text.has(queue) else []
    # The insertion lies within an atomic sequence, where no probe may sit: take the first DMB after both unlocks.
    barrier = p.text.next_barrier(queue, joins[0][0]) if len(joins) == 1 else None
    if barrier is None:
        p.skip("ap_add", "%d stores of irq->vcpu in %s, or no DMB after it" % (len(joins), queue))
    else:
        _at, rt, rn = joins[0]
        p.put("ap_add", "%s+0x%x" % (queue, barrier), p.vcpu("x%d" % rt), p.irq_intid("x%d" % rn))
    function, stores = p.first_with(("kvm_vgic_sync_hwstate", "vgic_prune_ap_list"), lambda f: p.text.stores(f, p.irq_vcpu))
    if sorted(rt == 31 for _at, rt, _rn in stores) != [False, True]:
        p.skip("ap_del", "%d stores of irq->vcpu in the prune walk, expected a removal and a move" % len(stores))
        p.skip("ap_move", "as ap_del")
        return
    for at, rt, rn in stores:
        old = ["vcpu=%+d(%+d(%%x%d)):s32" % (p.vcpu_id, p.irq_vcpu, rn)]
        if rt == 31:                                       # xzr: irq->vcpu = NULL
            p.put("ap_del", "%s+0x%x" % (function, at), old, p.irq_intid("x%d" % rn))
        else:
            p.put("ap_move", "%s+0x%x" % (function, at), old, ["to=%+d(%%x%d):s32" % (p.vcpu_id, rt)], p.irq_intid("x%d" % rn))


def place_sort(p):
    """list_sort itself cannot be probed: probe its call, where x1 = the ap_list head of struct vgic_cpu."""
    candidates = ("kvm_vgic_flush_hwstate", "vgic_flush_lr_state", "vgic_sort_ap_list")
    function, calls = p.first_with(candidates, lambda f: p.text.calls(f, "list_sort"))
    if not calls:
        p.skip("ap_sort", "no call of list_sort in " + ", ".join(candidates))
    for n, at in enumerate(calls):
        register = p.text.compared_register(function, at)
        p.put("ap_sort" + (str(n) if n else ""), "%s+0x%x" % (function, at), p.vcpu("x1", -p.vgic_cpu - p.ap_list),
              ["count=%%x%d:u32" % register] if register else [], p.ap_entries("x1", -p.ap_list))


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--btf", required=True, help="kernel Image, or raw BTF (/sys/kernel/btf/vmlinux)")
    parser.add_argument("--kallsyms", required=True, help="symbols of that kernel, plain or gzip (/proc/kallsyms)")
    code = parser.add_mutually_exclusive_group(required=True)
    code.add_argument("--image", help="arm64 Image of that kernel")
    code.add_argument("--kcore", help="memory of the running kernel (/proc/kcore)")
    parser.add_argument("--gic", type=int, choices=(2, 3), required=True, help="GIC of the host")
    parser.add_argument("--nr-lr", type=int, required=True, help="list registers to print")
    args = parser.parse_args()
    try:
        symbols = read_symbols(args.kallsyms)
        text = KernelText(symbols, ImageCode(args.image, symbols) if args.image else KcoreCode(args.kcore))
        p = Placer(Btf.open(args.btf), text, args.gic, args.nr_lr)
        p.at_entry("vgic_flush", "kvm_vgic_flush_hwstate", ["kvm_vcpu"], p.vcpu(), ["vcpup=%x0:x64"])
        p.at_entry("vgic_sync", "kvm_vgic_sync_hwstate", ["kvm_vcpu"], p.vcpu())
        place_gicv3(p) if args.gic == 3 else place_gicv2(p)
        place_common(p)
        place_list_changes(p)
        place_sort(p)
    except (BtfError, TextError, OSError) as error:
        sys.exit("probes.py: %s" % error)
    for name, why in p.skipped.items():
        print("probes.py: left out %s: %s" % (name, why), file=sys.stderr)
    missing = [name for name in REQUIRED if name in p.skipped]
    if missing:
        sys.exit("probes.py: %s: %s; this kernel can only be recorded with stock tracepoints" % (missing[0], p.skipped[missing[0]]))
    print("\n".join(p.definitions))


if __name__ == "__main__":
    main()
