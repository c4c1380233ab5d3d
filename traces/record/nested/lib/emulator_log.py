"""The emulated GIC's own log (qemu-system-aarch64 -trace 'gicv3_*'): an independent witness of a recording.

It shows every list register KVM wrote, which checks lr_flush, and the guest's CPU interface accesses, which KVM does
not trap and ftrace cannot see.
"""
import bisect
import collections
import gzip
import os
import re

LINE = re.compile(r"^\d+@(\d+\.\d+):(gicv3_\w+) GICv3 (\S+) (read|write) cpu 0x([0-9a-f]+) value 0x([0-9a-f]+)")
LR = re.compile(r"ICH_LR(\d+)")
ALIGN_EVERY = 50                               # one clock alignment point per so many flushes
EARLY = 20e-6                                  # seconds an access may seem to precede its flush, after alignment
LATE = 0.002                                   # seconds it may seem to follow its exit

Access = collections.namedtuple("Access", "time cpu register value run")


def read_log(path):
    """host CPU -> [(time, register, value)], times of the emulator's clock."""
    log = collections.defaultdict(list)
    with open(path, errors="replace") as f:
        for text in f:
            match = LINE.match(text)
            if match:
                time, _event, register, _rw, cpu, value = match.groups()
                log[int(cpu, 16)].append((float(time), register, int(value, 16)))
    return log


class Matcher:
    """Matches the log's LR writes, in order, with the flushes of each host CPU."""

    def __init__(self):
        self.compared = self.mismatches = self.unmatched = 0
        self.accesses = []
        self.offsets = []                      # (trace time, emulator time - trace time)

    def match_cpu(self, cpu, log, runs):
        wanted = [run for run in runs if run.lrs]
        taken, run = 0, None
        for time, register, value in log:
            lr = LR.match(register)
            if not lr:
                if register.startswith(("ICV_", "ICC_")):
                    self.accesses.append(Access(time, cpu, register, value, run if run and run.entry_line else None))
                continue
            index = int(lr.group(1))
            if value == 0:                     # cleared at exit, or initialised
                run = None
                continue
            if index == 0:                     # the first LR of the next flush
                run = wanted[taken] if taken < len(wanted) else None
                taken += 1
                if run is None:
                    self.unmatched += 1
                    continue
                if not self.offsets or taken % ALIGN_EVERY == 1:
                    self.offsets.append((run.flush_time, time - run.flush_time))
            if run is None or index >= len(run.lrs) or run.lrs[index] != value:
                self.mismatches += 1
            self.compared += 1
        self.unmatched += max(0, len(wanted) - taken)

    def place(self, runs):
        """[(trace time, host CPU, vCPU, entry line, register, value)] of the guest's accesses, in order."""
        self.offsets.sort()
        first_offset = self.offsets[0][1] if self.offsets else 0
        keys = [offset[0] for offset in self.offsets]
        entered = {cpu: [run for run in of_cpu if run.entry_line] for cpu, of_cpu in runs.items()}
        starts = {cpu: [run.flush_time for run in of_cpu] for cpu, of_cpu in entered.items()}
        placed = []
        for access in sorted(self.accesses, key=lambda a: a.time):
            time = access.time - first_offset
            if keys:
                nearest = min(bisect.bisect_left(keys, time), len(keys) - 1)
                time = access.time - self.offsets[nearest][1]
            run = access.run                   # between the LR writes of one run: exact
            if run is None:
                at = bisect.bisect_right(starts.get(access.cpu, []), time + EARLY) - 1
                run = entered[access.cpu][at] if at >= 0 else None
                if run is not None and run.exit_time is not None and time > run.exit_time + LATE:
                    run = None
            vcpu, line = (run.vcpu, run.entry_line) if run else ("-", 0)
            placed.append((time, access.cpu, vcpu, line, access.register, access.value))
        return placed


def check_with_emulator(log_path, out):
    """A function for pack(): compares, writes OUT/guest-acks.tsv.gz and returns the summary for meta.json."""
    def check(scan):
        matcher = Matcher()
        for cpu, log in read_log(log_path).items():
            matcher.match_cpu(cpu, log, scan.runs[cpu])
        placed = matcher.place(scan.runs)
        with open(os.path.join(out, "guest-acks.tsv.gz"), "wb") as raw, gzip.GzipFile("", "wb", 9, raw, mtime=0) as f:
            f.write(b"trace_time\thost_cpu\tvcpu\tentry_line\tregister\tvalue\n")
            for row in placed:
                f.write(("%.6f\t%d\t%s\t%d\t%s\t0x%x\n" % row).encode())
        return {
            "lr_writes_compared_with_qemu": matcher.compared, "mismatches": matcher.mismatches,
            "unmatched_flushes": matcher.unmatched, "guest_cpu_interface_accesses": len(placed),
            "of_these_placed_by_lr_writes": sum(access.run is not None for access in matcher.accesses),
            "of_these_not_placed_in_a_guest_run": sum(row[3] == 0 for row in placed),
            "by_register": dict(collections.Counter(row[4] for row in placed))}
    return check
