# shellcheck shell=bash
# Taking from Debian's packages what no registry gives. Sourced after scripts/lib/common.sh.

# A scratch directory that goes when the script ends, however it ends.
scratch=""
scratch_dir() {
  scratch="$(mktemp -d)"
  # Made by mmdebstrap as root where this script does not run as root.
  trap 'rm -rf "$scratch" 2>/dev/null || as_root rm -rf "$scratch"' EXIT
}

# Debian's tool that unpacks packages into a directory without touching the host's own system.
need_mmdebstrap() {
  need_host_package mmdebstrap "$1" debian-archive-keyring
}
