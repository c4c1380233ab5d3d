#!/usr/bin/env python3
"""pack.py RAW_DIR OUT_DIR -- turn what a recorder left in RAW_DIR into one recording folder.

RAW_DIR   trace.txt, formats.txt, kprobe_events.txt, set_event.txt, stats.txt, uname.txt, dmesg-kvm.txt, run.txt
          (NAME=VALUE lines of the recorder), and if there are any: job.log, workload.log, guest-console.log
OUT_DIR   trace.txt.gz (exactly as the kernel printed it), event-formats.txt, kprobe_events.txt, meta.json
"""
import gzip
import json
import os
import shutil
import sys

from ftrace_text import scan_trace

LOSSES = ("overrun", "commit overrun", "dropped events")


def read_text(folder, name):
    """A file that a recorder may not have made; "" if so."""
    path = os.path.join(folder, name)
    if not os.path.exists(path):
        return ""
    with open(path, errors="replace") as f:
        return f.read()


def gzip_file(source, target):
    """Compress without name and time, so that equal content gives equal bytes."""
    with open(source, "rb") as f, open(target, "wb") as raw, gzip.GzipFile("", "wb", 9, raw, mtime=0) as out:
        shutil.copyfileobj(f, out, 1 << 20)


def histogram(counter):
    return {str(key): counter[key] for key in sorted(counter)}


def buffer_stats(stats):
    """per_cpu/cpuN/stats of every CPU, each after a line "== .../cpuN"."""
    table = {}
    for block in stats.split("== ")[1:]:
        name, body = block.split("\n", 1)
        pairs = dict(line.split(": ", 1) for line in body.splitlines() if ": " in line)
        table[os.path.basename(name)] = {key: int(pairs[key]) for key in ("entries",) + LOSSES if key in pairs}
    return table


def missed_probe_hits(profile):
    """Hits that kprobes could not take (third column of kprobe_profile)."""
    return sum(int(line.split()[2]) for line in profile.splitlines() if len(line.split()) == 3)


def describe(raw, scan, check=None):
    """The content of meta.json."""
    run = dict(line.split("=", 1) for line in read_text(raw, "run.txt").splitlines() if "=" in line)
    per_cpu = buffer_stats(read_text(raw, "stats.txt"))
    threads = scan.thread_table()
    sorts = scan.sort_counts
    is_v3 = run["host_gic"] == "3"
    # Stock tracepoints show neither list registers nor flushes.
    has_lrs = run["level"] == "L3"
    return {
        "name": run.get("name"), "description": run.get("desc"), "guest_command": run.get("guest"),
        "vcpus": int(run.get("vcpus") or len({t["vcpu"] for t in threads.values()})),
        "host": {
            "kernel": read_text(raw, "uname.txt").strip(),
            "kernel_log": [line.split("] ", 1)[-1] for line in read_text(raw, "dmesg-kvm.txt").splitlines()],
            "emulator": run.get("emulator"), "emulator_machine": run.get("emulator_machine"),
            "cpus": int(run["host_cpus"]), "gic": int(run["host_gic"]),
            "list_registers": int(run["nr_lr"]), "list_registers_source": run["nr_lr_source"]},
        "trace": {
            "clock": run["trace_clock"], "buffer_kb_per_cpu": int(run["buf_kb"]),
            "level": run["level"], "starts": run["starts"],
            "enabled_events": read_text(raw, "set_event.txt").split(),
            "kprobes": read_text(raw, "kprobe_events.txt").splitlines(),
            "first_timestamp": scan.first_time, "last_timestamp": scan.last_time, "per_cpu": per_cpu,
            "lost_events": sum(cpu.get(key, 0) for cpu in per_cpu.values() for key in LOSSES),
            "missed_probe_hits": missed_probe_hits(read_text(raw, "kprobe_profile.txt"))},
        "threads": threads,
        "events_total": sum(scan.events.values()), "events": dict(scan.events.most_common()),
        "derived": {
            "guest_entries": scan.events["kvm_entry"], "used_lrs_at_entry": histogram(scan.used_at_entry) if has_lrs else {},
            "used_lrs_at_entry_per_vcpu": {
                str(v): histogram(h) for v, h in sorted(scan.used_at_entry_per_vcpu.items())} if has_lrs else {},
            "aborted_entries": scan.aborted if has_lrs else None, "flushes_with_underflow_interrupt_enabled": scan.underflow,
            "distinct_intids_in_lrs": len(scan.intids),
            # On a GICv2 host the list head cannot be told from INTID 0.
            "longest_ap_list_prefix_seen": scan.longest_list if is_v3 else None,
            "ap_list_sorts": sum(sorts.values()) or scan.events["ap_sort"],
            "max_ap_list_count_at_sort": max(sorts, default=0), "ap_list_count_at_sort": histogram(sorts)},
        "hardware_cross_check": check,
        "recording_wall_seconds": int(run.get("wall_s") or 0),
        "job_log": read_text(raw, "job.log").splitlines(),
        "workload_output": read_text(raw, "workload.log").splitlines()[-10:],
    }


def doubts(meta):
    """Sentences about what makes a recording incomplete or self-contradictory; empty if nothing does."""
    found = []
    trace, derived, nr_lr = meta["trace"], meta["derived"], meta["host"]["list_registers"]
    if not derived["guest_entries"]:
        found.append("no guest entry was recorded: no guest ran while recording")
    if trace["lost_events"]:
        found.append("%d events were lost: record again with a larger buffer" % trace["lost_events"])
    if trace["missed_probe_hits"]:
        found.append("%d kprobe hits were missed: record again with less load" % trace["missed_probe_hits"])
    if meta["events"].get("(unparsed)"):
        found.append("%d lines of the trace are not understood" % meta["events"]["(unparsed)"])
    if trace["level"] == "L3" and not trace["lost_events"]:
        if derived["guest_entries"] and not meta["events"].get("vgic_flush"):
            found.append("no vgic_flush event: the kprobes did not fire")
        elif derived["guest_entries"] and not meta["events"].get("lr_fold"):
            found.append("no lr_fold event: this KVM works without VHE, its list registers cannot be probed; use --level L1")
        most = max((int(k) for k in derived["used_lrs_at_entry"]), default=0)
        least = min((int(k) for k in derived["ap_list_count_at_sort"]), default=nr_lr + 1)
        if most > nr_lr:
            found.append("%d list registers were in use: record again with --nr-lr %d or more" % (most, most))
        elif meta["host"]["gic"] == 3 and least != nr_lr + 1:
            found.append("the ap_list was sorted at a depth of %d, so the host seems to have %d list registers, not %d: "
                         "record again with --nr-lr" % (least, least - 1, nr_lr))
    return found


def pack(raw, out, check_with=None):
    """Write OUT_DIR and return meta; check_with(scan) may add an independent check of the list registers."""
    os.makedirs(out, exist_ok=True)
    scan = scan_trace(os.path.join(raw, "trace.txt"))
    meta = describe(raw, scan, check_with(scan) if check_with else None)
    gzip_file(os.path.join(raw, "trace.txt"), os.path.join(out, "trace.txt.gz"))
    for name, target in (("kprobe_events.txt",) * 2, ("guest-console.log",) * 2, ("formats.txt", "event-formats.txt")):
        content = read_text(raw, name)
        if content or name == "kprobe_events.txt":
            with open(os.path.join(out, target), "w") as f:
                f.write(content)
    with open(os.path.join(out, "meta.json"), "w") as f:
        json.dump(meta, f, indent=1)
        f.write("\n")
    derived = meta["derived"]
    print("%s: %s, %d events, %d lost, %d guest entries" % (
        meta["name"], meta["trace"]["level"], meta["events_total"], meta["trace"]["lost_events"], derived["guest_entries"]))
    if meta["trace"]["level"] == "L3":
        print("%s: LRs in use at entry %s, %d aborted entries, %d sorts (deepest %d)" % (
            meta["name"], ", ".join("%s: %d" % pair for pair in derived["used_lrs_at_entry"].items()),
            derived["aborted_entries"], derived["ap_list_sorts"], derived["max_ap_list_count_at_sort"]))
    return meta


def report_doubts(meta):
    """Print them; True if there are any."""
    found = doubts(meta)
    for sentence in found:
        print("%s: %s" % (meta["name"], sentence), file=sys.stderr)
    return bool(found)


if __name__ == "__main__":
    if len(sys.argv) != 3:
        sys.exit("usage: pack.py RAW_DIR OUT_DIR")
    sys.exit(3 if report_doubts(pack(sys.argv[1], sys.argv[2])) else 0)
