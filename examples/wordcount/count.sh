#!/bin/sh
# Counts the words that come in; its one output is published when the task has finished.
# shellcheck disable=SC2046,SC2086 # lists of files are meant to be split
set -eu
cat $FAILOVER_INPUTS | LC_ALL=C sort | uniq -c > "$FAILOVER_OUTPUTS"
