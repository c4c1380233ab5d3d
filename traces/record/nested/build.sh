#!/bin/sh
# build.sh -- make everything record.sh needs: arm64 packages, kernel, nested guests, emulated host, kprobe definitions.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
. "$here/lib/options.sh"
kernel=6.1.0-56-arm64 sources=

usage() {
    cat <<E
usage: build.sh [--work DIR] [--kernel VERSION] [--sources FILE]

  --work DIR        where to build, 1 GB, 3 GB meanwhile (default: $work)
  --kernel VERSION  Debian arm64 kernel to record (default: $kernel)
  --sources FILE    apt sources list to take packages from (default: the Debian 12 archives mmdebstrap knows)

Needs Debian 12 on amd64 and root (device files, ownership). Nothing arm64 runs outside the emulator.
E
}

while [ $# -gt 0 ]; do
    case $1 in
    --work) value "$1" $#; work=$2; shift 2 ;;
    --kernel) value "$1" $#; kernel=$2; shift 2 ;;
    --sources) value "$1" $#; sources=$2; shift 2 ;;
    --help | -h) usage; exit 0 ;;
    *) fail "unknown argument $1; see --help" 2 ;;
    esac
done
[ "$(id -u)" = 0 ] || fail "must run as root: the images hold files owned by root"
need mmdebstrap depmod cpio gzip mkfs.ext4 python3 timeout qemu-system-aarch64 aarch64-linux-gnu-gcc aarch64-linux-gnu-objcopy
[ -z "$sources" ] || [ -r "$sources" ] || fail "$sources: cannot be read" 2
mkdir -p "$work"
work=$(cd "$work" && pwd)
root=$work/root

# 1. arm64 packages, only unpacked. Made aside, so that a broken download leaves nothing that looks complete.
if [ ! -e "$root/boot/vmlinuz-$kernel" ]; then
    rm -rf "$root" "$root.partial"
    mmdebstrap --variant=extract --mode=root --arch=arm64 --skip=check/qemu \
        --aptopt='APT::Install-Recommends "false"' \
        --include="linux-image-$kernel-unsigned,busybox-static,qemu-system-arm,rt-tests,libc6" \
        bookworm "$root.partial" ${sources:+"$sources"} ||
        fail "packages could not be fetched; if kernel $kernel has left the archive, choose another (--kernel, --sources)"
    depmod -b "$root.partial" "$kernel"
    mv "$root.partial" "$root"
fi
cp "$root/boot/vmlinuz-$kernel" "$work/vmlinuz"
cp "$work/vmlinuz" "$root/boot/vmlinuz"

# 2. own programs: load generators, small VMM, bare-metal guest
for program in guest/blkstress guest/ipistress vmm/tinyvmm; do
    aarch64-linux-gnu-gcc -O2 -Wall -Werror -static -pthread -o "$root/usr/bin/$(basename "$program")" "$here/$program.c"
done
aarch64-linux-gnu-gcc -O2 -Wall -Werror -ffreestanding -nostdlib -static -mgeneral-regs-only -mstrict-align \
    -fno-pic -fno-pie -no-pie -fno-stack-protector -fno-tree-loop-distribute-patterns \
    -Wl,--build-id=none -Wl,--no-warn-rwx-segments -Wl,-T,"$here/guest/baremetal.ld" \
    -o "$work/baremetal.elf" "$here/guest/start.S" "$here/guest/baremetal.c"
aarch64-linux-gnu-objcopy -O binary "$work/baremetal.elf" "$root/boot/baremetal.bin"

# 3. initramfs of the nested guest, and of the emulated host
cat > "$work/guest-files.txt" <<E
usr/bin/cyclictest
usr/bin/hackbench
usr/bin/blkstress
usr/bin/ipistress
lib/ld-linux-aarch64.so.1
lib/aarch64-linux-gnu/libc.so.6
lib/aarch64-linux-gnu/libm.so.6
lib/aarch64-linux-gnu/libpthread.so.0
lib/aarch64-linux-gnu/librt.so.1
usr/lib/aarch64-linux-gnu/libnuma.so.1
E
MODULES="virtio_pci virtio_mmio virtio_blk virtio_net" "$here/lib/mkinitramfs.sh" \
    "$root/boot/guest-initramfs.gz" "$root" "$kernel" "$here/lib/guest-init.sh" "$work/guest-files.txt"
MODULES="virtio_mmio virtio_blk crc32c_generic ext4 9pnet_virtio 9p" "$here/lib/mkinitramfs.sh" \
    "$work/host-initramfs.gz" "$root" "$kernel" "$here/lib/host-init.sh"

# 4. root file system image of the emulated host (busybox, qemu, kernel, guest files)
rm -rf "$work/img" "$work/host-root.ext4"
mkdir -p "$work/img"
cp -a "$root/." "$work/img/"
rm -rf "$work/img/usr/share/doc" "$work/img/usr/share/man" "$work/img/usr/share/locale" \
    "$work/img/lib/modules" "$work/img/var/cache" "$work/img/var/lib/apt"
for d in proc sys dev tmp run host; do mkdir -p "$work/img/$d"; done
mkfs.ext4 -q -F -L root -d "$work/img" "$work/host-root.ext4" 1500M
rm -rf "$work/img"

# 5. one boot of the host to read its symbol table
share=$(mktemp -d "$work/share.XXXXXX")
echo 'gzip -c /proc/kallsyms > /host/kallsyms.gz' > "$share/job.sh"
WORK=$work timeout 300 "$here/lib/hostvm.sh" "$share" "$share/console.log" ||
    fail "the emulated host did not boot within 300 s; its console is $share/console.log" 1
[ -s "$share/kallsyms.gz" ] || fail "the emulated host wrote no symbols; its console is $share/console.log" 1
mv "$share/kallsyms.gz" "$work/kallsyms.gz"
rm -rf "$share"

# 6. kprobe definitions. QEMU implements 4 list registers.
for gic in 3 2; do
    python3 "$here/../lib/probes.py" --btf "$work/vmlinuz" --kallsyms "$work/kallsyms.gz" --image "$work/vmlinuz" \
        --gic $gic --nr-lr 4 > "$work/kprobes-gic$gic.partial"
    mv "$work/kprobes-gic$gic.partial" "$work/kprobes-gic$gic.txt"
done
echo "built in $work"
