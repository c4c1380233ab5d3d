# options.sh -- what build.sh, record.sh and record-all.sh share; sourced with $here set to the folder of the caller.
# shellcheck shell=sh
# shellcheck disable=SC2034
work=${XDG_CACHE_HOME:-$HOME/.cache}/vgic-replay/nested
export PYTHONDONTWRITEBYTECODE=1

# fail MESSAGE [CODE] -- one line on stderr, exit (default 4: something this machine lacks)
fail() {
    echo "$(basename "$0"): $1" >&2
    exit "${2:-4}"
}

# value OPTION COUNT_OF_REMAINING_ARGUMENTS -- an option that needs a value got one
value() {
    [ "$2" -ge 2 ] || fail "$1 needs a value; see --help" 2
}

# need COMMAND... -- programs that must be installed
need() {
    for program; do
        command -v "$program" > /dev/null 2>&1 || fail "$program is not installed; README.md lists the Debian packages"
    done
}
