#!/bin/sh
# Emits the words of every N-th text, each to the counter that its first letter belongs to.
# shellcheck disable=SC2046,SC2086 # lists of files are meant to be split
set -eu
. ./words.sh

# The first attempt of the second task dies half way, as if somebody had killed it.
dies_half_way() {
    [ "$FAILOVER_SUBTASK_INDEX" = 1 ] && [ "$FAILOVER_ATTEMPT" = 0 ]
}

distribute() {
    awk -v outputs="$FAILOVER_OUTPUTS" '
        BEGIN { count = split(outputs, output, " ") }
        { print > output[index("abcdefghijklmnopqrstuvwxyz", substr($0, 1, 1)) % count + 1] }'
}

mine=$(texts | awk -v n="$FAILOVER_PARALLELISM" -v i="$FAILOVER_SUBTASK_INDEX" 'NR % n == i')
if dies_half_way; then
    half=$(echo "$mine" | head -n 3)
    words $half | distribute
    kill -KILL $$
fi
words $mine | distribute
