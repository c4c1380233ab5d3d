#!/usr/bin/env python3
"""finish.py SHARE_DIR OUT_DIR -- pack what lib/job.sh left in SHARE_DIR and check it with the emulator's log."""
import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "lib"))
from emulator_log import check_with_emulator  # noqa: E402
from pack import gzip_file, pack, report_doubts  # noqa: E402

if len(sys.argv) != 3:
    sys.exit("usage: finish.py SHARE_DIR OUT_DIR")
share, out = sys.argv[1], sys.argv[2]
log = os.path.join(share, "qemu-trace.txt")
has_log = os.path.exists(log) and os.path.getsize(log) > 0
meta = pack(share, out, check_with_emulator(log, out) if has_log else None)
check = meta["hardware_cross_check"]
if has_log:
    gzip_file(log, os.path.join(out, "qemu-gic-trace.txt.gz"))
    print("%s: %d LR writes compared with the emulated GIC, %d mismatches, %d unmatched flushes, %d guest accesses" % (
        meta["name"], check["lr_writes_compared_with_qemu"], check["mismatches"], check["unmatched_flushes"],
        check["guest_cpu_interface_accesses"]))
doubtful = report_doubts(meta) or bool(check and (check["mismatches"] or check["unmatched_flushes"]))
sys.exit(3 if doubtful else 0)
