#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Installs everything below a folder that nothing was built for, moves it, and sees that the program
# finds its spawner, its plug-ins and the host of listeners: check_installed.sh BUILD LISTENER_SO CMAKE
set -euo pipefail

build=$1 listener=$2 cmake=$3
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT

fail() {
    echo "check_installed.sh: $1" >&2
    exit 1
}

DESTDIR=$folder/stage "$cmake" --install "$build" --prefix /opt/first > /dev/null
mkdir "$folder/opt"
mv "$folder/stage/opt/first" "$folder/opt/second"
program=$folder/opt/second/bin/failover_exporter

cat > "$folder/config.yaml" << CONFIG
jobmanager.failure-enrichers: log
listeners: {log: {config: {path: $folder/events.jsonl}, writable: [$folder]}}
CONFIG
echo '{name: moved, vertices: [{id: one, command: ["true"]}]}' > "$folder/job.yaml"
"$program" run --config.file="$folder/config.yaml" --web.listen-address=127.0.0.1:0 "$folder/job.yaml" \
    > "$folder/said" 2>&1 || fail "cannot run a job: $(cat "$folder/said")"
grep -q 'ended FINISHED' "$folder/said" || fail "the job has not finished: $(cat "$folder/said")"
"$program" check listener "$listener" > "$folder/said" || fail "cannot run a listener: $(cat "$folder/said")"
[ -e "$folder/opt/second/share/man/man1/failover_exporter.1" ] || fail "no man page"
