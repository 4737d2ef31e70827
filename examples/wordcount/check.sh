#!/bin/sh
# Compares the result with that of a plain pipe.
# shellcheck disable=SC2046,SC2086 # lists of files are meant to be split
set -eu
. ./words.sh

expected=$FAILOVER_STATE_DIR/expected
words $(texts) | LC_ALL=C sort | uniq -c | LC_ALL=C sort -k 2 > "$expected"
if ! diff "$expected" "$FAILOVER_INPUTS"; then
    echo "check: the result differs from that of tr | sort | uniq -c" >&2
    exit 1
fi
awk '{ words += $1 } END {
    print "result verified: " words " words, " NR " different, equal to tr | sort | uniq -c"
}' "$FAILOVER_INPUTS"
