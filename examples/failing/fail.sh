#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# fail.sh LINES WAY...: passes LINES lines on, then fails in one of these ways, in turn from attempt
# to attempt. All of them are real failures but `rate-limited`, which says what a client says that
# was told to wait.
lines=$1
shift
shift $((FAILOVER_ATTEMPT % $#))
head -n "$lines"
# shellcheck disable=SC3045 # not POSIX, but every sh of Linux has it
ulimit -c 0
case $1 in
none) cat ;;
missing-command) transform_records ;;
missing-file) cat orders.csv ;;
missing-variable)
    set -u
    echo "$DATABASE_URL"
    ;;
disk-full) cat "$0" > /dev/full ;;
rate-limited)
    echo "HTTP 429 Too Many Requests" >&2
    exit 1
    ;;
killed) kill -KILL $$ ;;
crashed) kill -SEGV $$ ;;
silent) exit 3 ;;
*)
    echo "fail.sh: unknown way: $1" >&2
    exit 2
    ;;
esac
