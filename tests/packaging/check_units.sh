#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Checks the systemd units: check_units.sh SYSTEMD_DIR
# systemd must understand them, and rate the service below 2.0 with and without the drop-in for
# tasks. The same check must find fault with a service that is not hardened. Exit 77: no systemd.
set -euo pipefail

units=$1
command -v systemd-analyze > /dev/null || {
    echo "SKIPPED: systemd-analyze is not installed"
    exit 77
}
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT

fail() {
    echo "check_units.sh: $1" >&2
    exit 1
}

# The rating of a service file times ten must be below 20; a drop-in folder beside it counts.
rated_well() {
    systemd-analyze security --offline=true --threshold=19 "$1" > "$scratch/rating" 2>&1
}

# verify wants the program to be there, so /bin/true stands in for it.
cp "$units"/failover_exporter.{service,socket} "$scratch"
sed -i 's|/usr/bin/failover_exporter|/bin/true|' "$scratch/failover_exporter.service"
found=$(systemd-analyze verify --man=no --recursive-errors=yes \
    "$scratch"/failover_exporter.{service,socket} 2>&1 | grep -v 'system call list') || true
[ -z "$found" ] || fail "$found"

rated_well "$scratch/failover_exporter.service" || fail "$(tail -1 "$scratch/rating")"
cp -r "$units/failover_exporter.service.d" "$scratch"
rated_well "$scratch/failover_exporter.service" || fail "with tasks.conf: $(tail -1 "$scratch/rating")"
tail -1 "$scratch/rating"

sed '/^ProtectSystem/,/^SystemCallErrorNumber/d' "$scratch/failover_exporter.service" \
    > "$scratch/soft.service"
! rated_well "$scratch/soft.service" || fail "the check finds no fault with a soft service"

if command -v systemd-sysusers > /dev/null; then
    systemd-sysusers --dry-run "$(realpath "$units/sysusers.conf")"
fi
