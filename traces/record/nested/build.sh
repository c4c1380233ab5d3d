#!/bin/sh
# build.sh -- make everything record.sh needs: arm64 packages, kernel, nested guests, emulated host, kprobe definitions.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
. "$here/lib/options.sh"
kernel=6.1.0-56-arm64 sources=

usage() {
    cat <<E
usage: build.sh [--work DIR] [--kernel VERSION] [--sources FILE]

  --work DIR        where to build, about 2 GB (default: $work)
  --kernel VERSION  Debian arm64 kernel to record (default: $kernel)
  --sources FILE    apt sources list to take packages from (default: the Debian 12 archives mmdebstrap knows)

Needs Debian 12 on amd64 and root (device files, ownership). Nothing arm64 runs outside the emulator.
