#!/usr/bin/env python3
"""Print how many list registers the running kernel's KVM found (kvm_vgic_global_state.nr_lr, filled from ICH_VTR_EL2).

Needs /proc/kcore and a kernel whose kallsyms holds data symbols (CONFIG_KALLSYMS_ALL); otherwise one line says why not.
"""
import argparse
import struct
import sys

from btf import Btf, BtfError
from kernel_text import KcoreCode, TextError, read_symbols

parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
source = parser.add_mutually_exclusive_group(required=True)
source.add_argument("--kcore", help="/proc/kcore")
source.add_argument("--image", help="not enough: the number is only in memory")
args = parser.parse_args()
try:
    if not args.kcore:
        raise TextError("the number of list registers is not in the kernel's Image")
    symbols = read_symbols("/proc/kallsyms")
    if "kvm_vgic_global_state" not in symbols:
        raise TextError("kallsyms has no kvm_vgic_global_state")
    at = symbols["kvm_vgic_global_state"] + Btf.open("/sys/kernel/btf/vmlinux").offset("vgic_global", "nr_lr")
    nr_lr, = struct.unpack("<I", KcoreCode(args.kcore).read(at, 4))
    if not 1 <= nr_lr <= 16:
        raise TextError("kvm_vgic_global_state.nr_lr reads as %d" % nr_lr)
except (BtfError, TextError, OSError) as error:
    sys.exit(str(error))
print(nr_lr)
