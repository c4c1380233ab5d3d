"""What one recording contains, read from the text of /sys/kernel/tracing/trace."""
import collections
import re

LINE = re.compile(r"^ *(.{1,16}?)-(\d+) +\[(\d+)\] +(\S+) +(\d+\.\d+): (\w+): (.*)$")
FIELD = re.compile(r"(\w+)=(\S+)")
# Thread names under which virtual machine monitors run vCPU n.
VCPU_THREAD = re.compile(r"^(?:CPU (\d+)/KVM|vcpu(\d+)|fc_vcpu (\d+)|\w+_vcpu(\d+))$")
UNDERFLOW = 2                                  # HCR bit UIE
POINTER = 0x100000                             # an ap_list entry above this is the list head, not an INTID


class GuestRun:
    """One flush and what followed it on the same host CPU."""

    def __init__(self, time, vcpu):
        self.flush_time = time
        self.vcpu = vcpu
        self.lrs = []
        self.entry_line = 0                    # 0: the guest did not run (aborted entry)
        self.exit_time = None


class Scan:
    """Counts over a whole recording. Times are seconds of the trace clock."""

    def __init__(self):
        self.events = collections.Counter()
        self.first_time = self.last_time = None
        self.threads = {}                      # pid -> {comm, vcpu, kvm_vcpu_pointer}
        self.entering_threads = {}             # pid -> comm, in order of the first kvm_entry
        self.used_at_entry = collections.Counter()
        self.used_at_entry_per_vcpu = collections.defaultdict(collections.Counter)
        self.sort_counts = collections.Counter()
        self.runs = collections.defaultdict(list)   # host CPU -> [GuestRun]
        self.intids = set()
        self.aborted = self.underflow = self.longest_list = self.max_used = 0
        self._used = {}                        # pid -> used_lrs of the flush in progress
        self._flushed = {}                     # pid -> between vgic_flush and kvm_entry
        self._open = {}                        # host CPU -> GuestRun

    def line(self, number, text):
        if text.startswith("#"):
            return
        match = LINE.match(text)
        if not match:
            self.events["(unparsed)"] += 1
            return
        comm, pid, cpu, _flags, time, event, rest = match.groups()
        pid, cpu, time = int(pid), int(cpu), float(time)
        self.events[event] += 1
        if self.first_time is None:
            self.first_time = time
        self.last_time = time
        handler = HANDLERS.get(event)
        if handler:
            handler(self, number, comm.strip(), pid, cpu, time, rest)

    def _flush(self, _number, comm, pid, cpu, time, rest):
        fields = dict(FIELD.findall(rest))
        vcpu = int(fields["vcpu"])
        self.threads[pid] = {"comm": comm, "vcpu": vcpu, "kvm_vcpu_pointer": fields["vcpup"]}
        self.aborted += bool(self._flushed.get(pid))
        self._flushed[pid], self._used[pid] = True, 0
        self._open[cpu] = run = GuestRun(time, vcpu)
        self.runs[cpu].append(run)

    def _lr_flush(self, _number, _comm, pid, cpu, time, rest):
        fields = dict(FIELD.findall(rest))
        self._used[pid] = used = int(fields["used"])
        self.max_used = max(self.max_used, used)
        self.underflow += bool(int(fields["hcr"], 16) & UNDERFLOW)
        length = 0
        while int(fields.get("a%d" % length, POINTER + 1)) <= POINTER:
            length += 1
        self.longest_list = max(self.longest_list, length)
        if cpu in self._open:                  # else the recording began inside a flush
            run = self._open[cpu]
            run.flush_time, run.lrs = time, [
                int(fields["lr%d" % i], 16) for i in range(used) if "lr%d" % i in fields]

    def _entry(self, number, comm, pid, cpu, _time, _rest):
        self.entering_threads.setdefault(pid, comm)
        used = self._used.get(pid, 0)
        self.used_at_entry[used] += 1
        self.used_at_entry_per_vcpu[self.threads.get(pid, {}).get("vcpu", -1)][used] += 1
        self._flushed[pid] = False
        if cpu in self._open:
            self._open[cpu].entry_line = number

    def _sync(self, _number, _comm, pid, cpu, time, _rest):
        self.aborted += bool(self._flushed.get(pid))
        self._flushed[pid] = False
        if cpu in self._open:
            self._open[cpu].exit_time = time

    def _sort(self, _number, _comm, _pid, _cpu, _time, rest):
        fields = dict(FIELD.findall(rest))
        if "count" in fields:
            self.sort_counts[int(fields["count"])] += 1

    def _populate(self, _number, _comm, _pid, _cpu, _time, rest):
        self.intids.add(int(dict(FIELD.findall(rest))["intid"]))

    def thread_table(self):
        """pid -> thread; without vgic_flush events the vCPU comes from the thread's name or the order of first entries."""
        if self.threads:
            return {str(pid): dict(thread, vcpu_source="vgic_flush") for pid, thread in sorted(self.threads.items())}
        named = {pid: VCPU_THREAD.match(comm) for pid, comm in self.entering_threads.items()}
        by_name = bool(named) and all(named.values())
        table = {}
        for order, (pid, comm) in enumerate(self.entering_threads.items()):
            vcpu = int(next(g for g in named[pid].groups() if g)) if by_name else order
            table[str(pid)] = {"comm": comm, "vcpu": vcpu, "vcpu_source": "thread name" if by_name else "order of first entries"}
        return table


HANDLERS = {"vgic_flush": Scan._flush, "lr_flush": Scan._lr_flush, "kvm_entry": Scan._entry, "vgic_sync": Scan._sync,
            "ap_sort": Scan._sort, "lr_populate": Scan._populate}


def scan_trace(path):
    scan = Scan()
    with open(path, errors="replace") as f:
        for number, text in enumerate(f, 1):
            scan.line(number, text)
    return scan
