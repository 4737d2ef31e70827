#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Checks the systemd units: check_units.sh SYSTEMD_DIR
# systemd must understand them, and rate the daemon's service below 2.0. The same check must find
# fault with a service that is not hardened, and with a unit that is misspelt.
set -euo pipefail

units=$1
daemon=failover_exporter.service
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT

fail() {
    echo "check_units.sh: $1" >&2
    exit 1
}

# verify wants the programs to be there, so /bin/true stands in for them.
install_units() {
    rm -rf "$scratch/units"
    mkdir "$scratch/units"
    for unit in "$units"/*.{service,socket}; do
        sed -E 's|^(ExecStart=)/usr/(bin\|libexec)/[^ ]*|\1/bin/true|' "$unit" > "$scratch/units/${unit##*/}"
    done
}
# Says what systemd finds in the units. What it finds in those of Debian is not ours.
complaints() {
    (cd "$scratch/units" && SYSTEMD_UNIT_PATH=$PWD: systemd-analyze verify --man=no --recursive-errors=yes \
        ./failover_exporter.{service,socket} ./failover_spawn.socket ./failover_spawn@.service 2>&1) |
        grep failover_ || true
}
# The rating of a service file times ten must be below 20.
rated_well() {
    systemd-analyze security --offline=true --threshold=19 "$1" > "$scratch/rating" 2>&1
}

install_units
found=$(complaints)
[ -z "$found" ] || fail "$found"
sed -i 's/^Accept=yes/Akzept=yes/' "$scratch/units/failover_spawn.socket"
[ -n "$(complaints)" ] || fail "the check finds no fault with a key that is misspelt"
install_units
sed -i 's/^After=.*/After=failover_spawn.sokket/; s/^Requires=.*/Requires=missing.target/' "$scratch/units/$daemon"
[ -n "$(complaints)" ] || fail "the check finds no fault with a unit that is missing"

install_units
rated_well "$scratch/units/$daemon" || fail "$(tail -1 "$scratch/rating")"
tail -1 "$scratch/rating"
sed '/^ProtectSystem/,/^SystemCallErrorNumber/d' "$units/$daemon" > "$scratch/units/soft.service"
! rated_well "$scratch/units/soft.service" || fail "the check finds no fault with a soft service"

# What the two services must agree on: who they are, and where the socket is.
value() { sed -n "s/^$2=//p" "$units/$1"; }
[ "$(value "$daemon" User)" = "$(value failover_spawn@.service User)" ] || fail "the services differ in User="
[ "$(value "$daemon" User)" = "$(value failover_spawn.socket SocketUser)" ] || fail "SocketUser= is another"
grep -q -- "--spawner.socket=$(value failover_spawn.socket ListenSequentialPacket) " "$units/$daemon" ||
    fail "the daemon looks for its spawner elsewhere"

systemd-sysusers --dry-run "$(realpath "$units/sysusers.conf")"
