#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# serve.sh [PROGRAM]: a page of metrics over one connection, and the same bytes from a file by nginx,
# in turns in the same run. Prints `figure value unit`, medians of the rounds.
# Needs wrk, curl and nginx (packages wrk, curl, nginx-light).
set -eu
program=${1:-$(dirname "$0")/../build/release/bin/failover_exporter}
rounds=5
round_s=3
jobs=18 # a page of about 100 KB
PATH=$PATH:/usr/sbin

for tool in wrk nginx curl; do
    command -v "$tool" >/dev/null || { echo "SKIP: $tool is not installed" >&2; exit 0; }
done

folder=$(mktemp -d)
chmod 755 "$folder"
daemon='' nginx=''
finish() {
    for pid in $daemon $nginx; do
        kill "$pid" 2>/dev/null || :
        wait "$pid" 2>/dev/null || :
    done
    rm -rf "$folder"
}
trap finish EXIT

# wait_for COMMAND...: until it succeeds
wait_for() {
    tries=0
    until "$@"; do
        tries=$((tries + 1))
        [ "$tries" -lt 100 ] || { echo "serve.sh: waited in vain for: $*" >&2; exit 1; }
        sleep 0.1
    done
}

start_daemon() {
    : >"$folder/daemon.log"
    set --
    for number in $(seq "$jobs"); do
        echo "{name: pipeline-$number, vertices: [{id: a, command: [sleep, '100000']}]}" \
            >"$folder/$number.yaml"
        set -- "$@" "$folder/$number.yaml"
    done
    "$program" serve --web.listen-address=127.0.0.1:0 "$@" 2>"$folder/daemon.log" &
    daemon=$!
    wait_for grep -q '"Listening."' "$folder/daemon.log"
    ours=$(sed -n 's/.*"Listening." address="\(.*\)"/\1/p' "$folder/daemon.log")
}

start_nginx() {
    port=$(shuf -n 1 -i 20000-29999)
    mkdir "$folder/www"
    curl -sf "$ours" >"$folder/www/metrics"
    cat >"$folder/nginx.conf" <<END
daemon off;
worker_processes 1;
pid $folder/nginx.pid;
error_log $folder/nginx.log;
events {}
http {
    access_log off;
    sendfile on;
    tcp_nopush on;
    open_file_cache max=10;
    keepalive_requests 1000000000;
    default_type text/plain;
    server { listen 127.0.0.1:$port; root $folder/www; }
}
END
    nginx -c "$folder/nginx.conf" -p "$folder" -e "$folder/nginx.log" &
    nginx=$!
    theirs=http://127.0.0.1:$port/metrics
    wait_for curl -sf -o /dev/null "$theirs"
}

cat >"$folder/report.lua" <<'END'
function done(summary, latency)
    local errors = summary.errors
    if errors.connect + errors.read + errors.write + errors.status + errors.timeout > 0 then
        io.stderr:write("serve.sh: some requests failed\n")
        os.exit(1)
    end
    print(string.format("figures %.1f %.1f", summary.requests / summary.duration * 1e6,
                        latency:percentile(99)))
end
END

# measure URL: requests per second and 99th percentile in microseconds, one round
measure() {
    wrk -t 1 -c 1 -d "${round_s}s" -s "$folder/report.lua" "$1" | sed -n 's/^figures //p'
}

# median FILE COLUMN
median() {
    cut -d ' ' -f "$2" "$1" | sort -n | sed -n "$(((rounds + 1) / 2))p"
}

start_daemon
start_nginx
for _ in $(seq "$rounds"); do
    measure "$ours" >>"$folder/ours"
    measure "$theirs" >>"$folder/theirs"
done
echo "serve_page_bytes $(wc -c <"$folder/www/metrics") B"
for figure in "rps 1 1/s" "p99 2 us"; do
    # shellcheck disable=SC2086 # three words
    set -- $figure
    a=$(median "$folder/ours" "$2")
    b=$(median "$folder/theirs" "$2")
    echo "serve_$1 $a $3"
    echo "serve_nginx_$1 $b $3"
    awk -v a="$a" -v b="$b" "BEGIN {printf \"serve_$1_ratio %.2f ratio\n\", a / b}"
done
