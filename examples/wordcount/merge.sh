#!/bin/sh
# Puts the counts together. Its first attempt ends with an error: only merge restarts, for what it
# reads is published.
# shellcheck disable=SC2046,SC2086 # lists of files are meant to be split
set -eu
if [ "$FAILOVER_ATTEMPT" = 0 ]; then
    echo "merge: cannot sort: Input/output error" >&2
    exit 3
fi
cat $FAILOVER_INPUTS | LC_ALL=C sort -k 2 > "$FAILOVER_OUTPUTS"
