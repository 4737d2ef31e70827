#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Runs inside the system that scripts/systemd-check has booted: inside_systemd.sh DESCRIPTOR_LIMIT
set -euo pipefail

store=/var/lib/failover_exporter
daemon=failover_exporter.service
fail() {
    echo "inside_systemd.sh: $1" >&2
    systemctl --no-pager status "$daemon" 'failover_spawn*' >&2 || true
    journalctl --no-pager -n 30 >&2 || true
    exit 1
}
# eventually COMMAND...: it becomes true within a while.
eventually() {
    for _ in $(seq 300); do
        if "$@"; then return 0; fi
        sleep 0.1
    done
    fail "in vain: $*"
}
main_of() { systemctl show -p MainPID --value "$1"; }
instance() { systemctl list-units --plain --no-legend --state=active 'failover_spawn@*' | cut -d ' ' -f 1; }
tasks() { pgrep -fc '^sleep 90001' || true; }
# Daemon, one spawner and both processes of the task run, and no copy of it ever ran beside another.
runs() { systemctl -q is-active "$daemon" && [ "$(instance | wc -w)" = 1 ] && [ "$(tasks)" = 2 ]; }
is_gone() { [ "$(tasks)" = 0 ] && [ -z "$(instance)" ]; }
runs_anew() { runs && [ "$(instance)" != "$1" ]; }
# replaced WHAT PID...: after the death of these there is another spawner, and the task runs again.
replaced() {
    local before what=$1
    shift
    before=$(instance)
    kill -9 "$@"
    eventually runs_anew "$before"
    echo "$what killed: replaced"
}

# Where the machine cannot give as many descriptors as the units want.
if [ "$1" != unlimited ] && [ "$1" -lt 65536 ]; then
    for unit in "$daemon" failover_spawn@.service; do
        mkdir -p "/run/systemd/system/$unit.d"
        printf '[Service]\nLimitNOFILE=%s\n' "$1" > "/run/systemd/system/$unit.d/limit.conf"
    done
fi
# Both processes of the task hold a lock, the second in a session of its own.
cat > /etc/failover_exporter/job.yaml << JOB
name: locked
configuration: {restart-strategy.type: fixed-delay, restart-strategy.fixed-delay.attempts: 100,
                restart-strategy.fixed-delay.delay: 1 ms}
vertices:
  - id: a
    command: [sh, -c, "exec 9> $store/lock; flock -n 9 || echo beside another >> $store/wrong;
                       (setsid sleep 90001 &); exec sleep 90001"]
JOB
echo 'ARGS="/etc/failover_exporter/job.yaml"' > /etc/default/failover_exporter
systemctl daemon-reload
systemctl reset-failed
systemctl restart "$daemon" # the package had it started at boot
eventually runs
keeper=$(main_of "$(instance)")
grep -q '/failover-supervisor$' "/proc/$keeper/cgroup" || fail "the spawner has no leaf of its own"
[ "$(stat -c %a:%U /run/failover_exporter/spawner.sock)" = 600:failover-exporter ] || fail "others reach the socket"

replaced spawner "$(pgrep -P "$keeper")"
replaced keeper "$(main_of "$(instance)")"
keeper=$(main_of "$(instance)")
replaced "spawner and keeper" "$(pgrep -P "$keeper")" "$keeper"
replaced daemon "$(main_of "$daemon")"
before=$(instance)
systemctl stop "$before"
eventually runs_anew "$before"
before=$(instance)
systemctl restart "$daemon"
eventually runs_anew "$before"
systemctl reload "$daemon"
runs || fail "a reload changes what runs"
systemctl stop "$daemon"
is_gone || fail "something outlives an orderly stop"
[ ! -e "$store/wrong" ] || fail "two copies of a task ran"

systemctl start "$daemon"
eventually runs
dpkg --purge failover-exporter > /dev/null 2>&1
eventually is_gone
left=$(find / -xdev -name '*failover*' -not -path '/proc/*' -not -path '/root/*')
[ -z "$left" ] || fail "purge leaves $left"
