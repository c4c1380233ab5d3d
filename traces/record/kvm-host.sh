#!/bin/bash
# kvm-host.sh -- record the virtual interrupts of one virtual machine on a real arm64 KVM host.
# All tracing happens in an ftrace instance of its own; whatever it changes is put back when it ends, however it ends.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
export PYTHONDONTWRITEBYTECODE=1 LC_ALL=C

out=''
name=''
level=auto
seconds=''
buffer_kb=''
clock=global
gic=''
nr_lr=''
image=''
tracefs=''
dry_run=0
command=()

usage() {
    cat <<'E'
usage: kvm-host.sh [options] --seconds N          record the one running virtual machine for N seconds
       kvm-host.sh [options] -- COMMAND [ARG...]  record from before COMMAND starts a virtual machine until it ends

  --out DIR        folder of the recording, must not exist (default: ./recordings/NAME)
  --name NAME      kebab-case name (default: kvm-host-DATE-TIME)
  --level L1|L3    L1: stock tracepoints only. L3: list registers and ap_list as well, by kprobes whose offsets come
                   from this kernel's BTF (default: L3 where possible, else L1, with the reason)
  --buffer-kb N    trace buffer per CPU (default: 32768, less if memory is short)
  --clock CLOCK    ftrace clock (default: global)
  --gic 2|3        GIC of this host (default: from /proc/interrupts)
  --nr-lr N        list registers of this host (default: read from the kernel, else 4; the recording is checked for it)
  --image FILE     this kernel's Image, if /proc/kcore cannot be read
  --tracefs DIR    where tracefs is mounted (default: /sys/kernel/tracing)
  --dry-run        check, print what would be done, change nothing
  --help           this text

A recording that begins before the machine is created (-- COMMAND) holds the whole life of its vGIC and replays exactly;
one of a running machine (--seconds) begins in an unknown state.

Exit code: 0 recorded; 1 failed; 2 usage; 3 recorded, but incomplete or contradictory (reason on stderr);
4 this machine cannot record (reason on stderr); 130 interrupted (what was recorded is kept).
E
}

fail() {
    echo "kvm-host.sh: $1" >&2
    exit "${2:-1}"
}

note() { echo "kvm-host.sh: $1" >&2; }

# --- arguments

while [ $# -gt 0 ]; do
    case $1 in
    --out | --name | --level | --seconds | --buffer-kb | --clock | --gic | --nr-lr | --image | --tracefs)
        [ $# -ge 2 ] || fail "$1 needs a value; see --help" 2
        variable=${1#--}
        printf -v "${variable//-/_}" '%s' "$2"
        shift 2
        ;;
    --dry-run) dry_run=1; shift ;;
    --help | -h) usage; exit 0 ;;
    --) shift; command=("$@"); break ;;
    *) fail "unknown argument $1; see --help" 2 ;;
    esac
done
is_count() { [[ $1 =~ ^[1-9][0-9]{0,8}$ ]]; }
if [ -n "$seconds" ]; then
    [ ${#command[@]} = 0 ] || fail "--seconds and a command exclude each other" 2
    is_count "$seconds" || fail "--seconds $seconds: not a number of seconds" 2
elif [ ${#command[@]} = 0 ]; then
    fail "nothing to record: give --seconds N or -- COMMAND; see --help" 2
fi
[[ $level =~ ^(auto|L1|L3)$ ]] || fail "--level $level: L1 or L3" 2
[ -z "$buffer_kb" ] || is_count "$buffer_kb" || fail "--buffer-kb $buffer_kb: not a number of KiB" 2
[[ $gic =~ ^[23]?$ ]] || fail "--gic $gic: 2 or 3" 2
[ -z "$nr_lr" ] || { is_count "$nr_lr" && [ "$nr_lr" -le 16 ]; } || fail "--nr-lr $nr_lr: 1 to 16" 2
: "${name:=kvm-host-$(date +%Y%m%d-%H%M%S)}"
[[ $name =~ ^[a-z0-9]+(-[a-z0-9]+)*$ ]] || fail "--name $name: lower case letters, digits and single hyphens" 2
: "${out:=recordings/$name}"

# --- checks: each prints its reason and ends with 4, or under --dry-run only notes it

refused=0
refuse() {
    [ "$dry_run" = 1 ] || fail "$1" 4
    echo "would refuse: $1"
    refused=1
}

[ "$(uname -m)" = aarch64 ] || refuse "this is a $(uname -m) machine; the virtual GIC exists on arm64 (aarch64) hosts only"
[ "$(id -u)" = 0 ] || refuse "must run as root: ftrace and /proc/kallsyms are closed to others"
[ -e /dev/kvm ] || refuse "no /dev/kvm: KVM is not available here"
for program in python3 awk grep sed; do
    command -v "$program" > /dev/null || refuse "$program is not installed"
done
[ ! -e "$out" ] || refuse "$out exists; choose another --out"
if [ -z "$tracefs" ]; then
    tracefs=/sys/kernel/tracing
    [ -d $tracefs/events ] || [ ! -d /sys/kernel/debug/tracing/events ] || tracefs=/sys/kernel/debug/tracing
fi
instance=$tracefs/instances/vgic-replay
if [ ! -d "$tracefs/events" ]; then
    refuse "$tracefs: no tracefs there; mount it with: mount -t tracefs none /sys/kernel/tracing"
elif [ ! -d "$tracefs/events/kvm/kvm_entry" ]; then
    refuse "$tracefs: the kernel has no event kvm:kvm_entry; it was built without KVM or without tracing"
elif [ -d "$instance" ]; then
    refuse "$instance exists: another recording runs, or one was killed; remove it with: rmdir $instance"
elif [ -d "$tracefs/events/vgic" ]; then
    refuse "$tracefs: kprobe group vgic exists already; remove it with: echo > $tracefs/kprobe_events"
fi

# Virtual machines that exist now: processes that hold a VM file descriptor of KVM.
running_machines() {
    { ls -l /proc/[0-9]*/fd 2> /dev/null || true; } |
        awk '/^\/proc\// { split($1, part, "/") } / -> anon_inode:kvm-vm$/ { print part[3] }' | sort -u
}
machines=$(running_machines | wc -l)
if [ -n "$seconds" ] && [ "$machines" != 1 ]; then
    refuse "$machines virtual machines are running; --seconds records exactly one"
elif [ -z "$seconds" ] && [ "$machines" != 0 ]; then
    refuse "$machines virtual machines are running; their events would mix with those of the command, stop them first"
fi

cpus=$(grep -c ^processor /proc/cpuinfo)
available_kb=$(awk '/^MemAvailable/ { print $2 }' /proc/meminfo)
most_kb=$((available_kb / 4 / cpus))
if [ -z "$buffer_kb" ]; then
    buffer_kb=$((most_kb < 32768 ? most_kb : 32768))
elif [ "$buffer_kb" -gt "$most_kb" ]; then
    refuse "--buffer-kb $buffer_kb on $cpus CPUs is more than a quarter of the free memory; $most_kb is the most"
fi
if [ -r "$tracefs/trace_clock" ] && ! tr -d '[]' < "$tracefs/trace_clock" | tr ' ' '\n' | grep -qx "$clock"; then
    refuse "--clock $clock: the kernel offers $(tr -d '[]' < "$tracefs/trace_clock")"
fi
if [ -z "$gic" ]; then
    gic=3
    if grep -qE ' GIC-0 | GICv2 ' /proc/interrupts && ! grep -q GICv3 /proc/interrupts; then gic=2; fi
fi

# --- what can be recorded

# Stock tracepoints. Without the first three there is nothing to replay; the others are taken where the kernel has them.
required=(kvm/kvm_entry kvm/kvm_exit kvm/vgic_update_irq_pending)
optional=(kvm/kvm_mmio kvm/kvm_mmio_emulate kvm/kvm_irq_line kvm/kvm_set_irq kvm/kvm_ack_irq kvm/kvm_sys_access
    kvm/kvm_handle_sys_reg kvm/kvm_timer_update_irq kvm/kvm_timer_hrtimer_expire kvm/kvm_timer_emulate kvm/kvm_vcpu_wakeup
    kvm/kvm_wfx_arm64 kvm/kvm_hvc_arm64 kvm/kvm_userspace_exit irq/irq_handler_entry)
events=("${required[@]}")
if [ -d "$tracefs/events/kvm" ]; then
    for event in "${required[@]}"; do
        [ -d "$tracefs/events/$event" ] || refuse "$tracefs: the kernel has no event ${event/\//:}"
    done
    for event in "${optional[@]}"; do
        if [ -d "$tracefs/events/$event" ]; then events+=("$event"); else note "left out ${event/\//:}: this kernel has none"; fi
    done
fi

raw=$(mktemp -d "${TMPDIR:-/tmp}/kvm-host.XXXXXX")
restore=()          # commands that undo what was changed, the last change first
# shellcheck disable=SC2317 # called by the trap below
finish() {
    local code=$? step
    trap '' INT TERM HUP
    for ((step = ${#restore[@]} - 1; step >= 0; step--)); do
        eval "${restore[step]}" || note "could not undo: ${restore[step]}"
    done
    rm -rf "$raw"
    exit "$code"
}
trap finish EXIT
trap 'exit 130' INT
trap 'exit 143' TERM HUP

nr_lr_source='given with --nr-lr'
code_option=(--kcore /proc/kcore)
[ -z "$image" ] || code_option=(--image "$image")
why_l1=''
if [ "$level" != L1 ] && [ "$refused" = 0 ]; then
    kernel_log=$(dmesg 2> /dev/null || true)
    if [ ! -e "$tracefs/kprobe_events" ]; then
        why_l1="the kernel has no kprobes (CONFIG_KPROBE_EVENTS)"
    elif [ ! -r /sys/kernel/btf/vmlinux ]; then
        why_l1="the kernel has no BTF (CONFIG_DEBUG_INFO_BTF), so no structure offsets"
    elif grep -qE 'kvm.*(Hyp|Hyp nVHE|Protected hVHE|Protected nVHE) mode initialized' <<< "$kernel_log"; then
        why_l1="KVM runs without VHE here, so its list register code cannot be probed"
    else
        if [ -z "$nr_lr" ]; then
            if nr_lr=$(python3 "$here/lib/read_nr_lr.py" "${code_option[@]}" 2> "$raw/reason"); then
                nr_lr_source='kvm_vgic_global_state.nr_lr of the running kernel'
            else
                nr_lr=4
                nr_lr_source="assumed ($(tail -n 1 "$raw/reason"))"
                note "4 list registers $nr_lr_source; pass --nr-lr if the host has another number"
            fi
        fi
        python3 "$here/lib/probes.py" --btf /sys/kernel/btf/vmlinux --kallsyms /proc/kallsyms "${code_option[@]}" \
            --gic "$gic" --nr-lr "$nr_lr" > "$raw/kprobes.txt" 2> "$raw/reason" || why_l1=$(tail -n 1 "$raw/reason")
        [ -n "$why_l1" ] || cat "$raw/reason" >&2
    fi
    [ -z "$why_l1" ] || [ "$level" = auto ] || refuse "$why_l1"
fi
if [ "$level" = L1 ] || [ -n "$why_l1" ]; then
    [ -z "$why_l1" ] || note "recording L1 only: $why_l1"
    chosen=L1
    rm -f "$raw/kprobes.txt"
else
    chosen=L3
fi
if [ -z "$nr_lr" ]; then
    nr_lr=4
    nr_lr_source='assumed (not visible to stock tracepoints)'
fi

if [ "$dry_run" = 1 ]; then
    echo "would record:  $chosen into $out (name $name)"
    echo "would make:    ftrace instance $instance, $buffer_kb KiB for each of $cpus CPUs, clock $clock"
    echo "would enable:  ${events[*]//\//:}"
    if [ -s "$raw/kprobes.txt" ]; then
        echo "would define:  $(wc -l < "$raw/kprobes.txt") kprobes in group vgic:"
        cut -c 1-100 "$raw/kprobes.txt" | sed 's/^/               /'
    elif [ $chosen = L3 ]; then
        echo "would define:  kprobes in group vgic, with offsets from this host's BTF"
    fi
    if [ -n "$seconds" ]; then echo "would wait:    $seconds s"; else echo "would run:     ${command[*]}"; fi
    echo "would restore: kprobes removed, instance removed, saved_cmdlines_size as before"
    exit 0
fi

# --- set up; every change pushes its undoing first

# shellcheck disable=SC2317 # called by finish
remove_kprobes() {
    sed -n 's|^[pr][0-9]*:\(vgic/[^ ]*\) .*|-:\1|p' "$tracefs/kprobe_events" | while read -r definition; do
        echo "$definition" >> "$tracefs/kprobe_events" || return 1
    done
}

put() { # VALUE FILE: what the kernel refuses ends the recording
    echo "$1" 2> /dev/null > "$2" || fail "$2: the kernel refuses '$1'"
}

mkdir -p "$(dirname "$out")"
if [ -e "$tracefs/saved_cmdlines_size" ]; then
    before=$(cat "$tracefs/saved_cmdlines_size")
    if [ "$before" -lt 4096 ]; then
        restore+=("echo $before > '$tracefs/saved_cmdlines_size'")
        put 4096 "$tracefs/saved_cmdlines_size"
    fi
fi
if [ $chosen = L3 ]; then
    # The group can only go when no event of it is enabled: the instance is removed first (pushed later).
    restore+=(remove_kprobes)
    while read -r definition; do
        echo "$definition" 2> /dev/null >> "$tracefs/kprobe_events" ||
            fail "the kernel refuses the kprobe '${definition%% *} ${definition#* }'; try --level L1"
    done < "$raw/kprobes.txt"
    cat "$tracefs/kprobe_events" > "$raw/kprobe_events.txt"
    events+=(vgic)
else
    : > "$raw/kprobe_events.txt"
fi
mkdir "$instance"
restore+=("echo 0 > '$instance/tracing_on'; echo 0 > '$instance/events/enable'; rmdir '$instance'")
put 0 "$instance/tracing_on"
put "$clock" "$instance/trace_clock"
put "$buffer_kb" "$instance/buffer_size_kb"
# When the buffer is full new events are dropped, and counted; the text has the default columns.
for setting in overwrite=0 record-cmd=1 irq-info=1 context-info=1 latency-format=0 record-tgid=0 raw=0 hex=0 bin=0 verbose=0; do
    option=$instance/options/${setting%=*}
    [ ! -e "$option" ] || put "${setting#*=}" "$option"
done
for event in "${events[@]}"; do put 1 "$instance/events/$event/enable"; done
cat "$instance/set_event" > "$raw/set_event.txt"
tr : / < "$raw/set_event.txt" | while read -r event; do
    echo "== $event"
    cat "$instance/events/$event/format"
done > "$raw/formats.txt"
uname -a > "$raw/uname.txt"
dmesg 2> /dev/null | grep -E 'kvm|GIC' > "$raw/dmesg-kvm.txt" || true

# --- record

start=$(date +%s)
code=0
interrupted=0
put 1 "$instance/tracing_on"
if [ -n "$seconds" ]; then
    note "recording for $seconds s (Ctrl-C ends it earlier)"
    starts="in a running virtual machine"
    guest="the virtual machine of process $(running_machines | head -n 1)"
    trap 'interrupted=1' INT TERM
    sleep "$seconds" &
    wait $! || true
    kill $! 2> /dev/null || true
else
    note "recording ${command[*]}"
    starts="before the VM is created"
    guest=${command[*]}
    # Ctrl-C reaches the command too; the recording goes on to its end.
    trap 'interrupted=1' INT TERM
    "${command[@]}" || code=$?
fi
put 0 "$instance/tracing_on"
trap 'exit 130' INT
trap 'exit 143' TERM
end=$(date +%s)

for cpu in "$instance"/per_cpu/cpu*; do
    echo "== $cpu"
    cat "$cpu/stats"
done > "$raw/stats.txt"
if [ $chosen = L3 ]; then
    # Our events only; others may have kprobes of their own.
    awk 'NR == FNR { sub(/^[^\/]*\//, "", $1); ours[$1]; next } $1 in ours' \
        "$raw/kprobe_events.txt" "$tracefs/kprobe_profile" > "$raw/kprobe_profile.txt"
fi
cat "$instance/trace" > "$raw/trace.txt"
cat > "$raw/run.txt" <<E
name=$name
desc=Recorded on a real KVM host with stock tracepoints$([ $chosen = L1 ] || echo " and kprobes"), starting $starts
guest=$guest
host_cpus=$cpus
host_gic=$gic
nr_lr=$nr_lr
nr_lr_source=$nr_lr_source
trace_clock=$clock
buf_kb=$buffer_kb
level=$chosen
starts=$starts
wall_s=$((end - start))
E
packed=0
python3 "$here/lib/pack.py" "$raw" "$out" || packed=$?
[ -s "$out/meta.json" ] || fail "the trace could not be packed" 1
note "recording is in $out"
[ $interrupted = 0 ] || exit 130
[ $code = 0 ] || fail "the command ended with code $code; the recording is in $out" 1
exit $packed
