#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Checks the completion for bash and the man page: check_completion.sh PACKAGING_DIR PROGRAM
# Both must know every command that the program's help lists, and what `check` can check.
set -euo pipefail

packaging=$1
program=$2
PATH=$(dirname "$program"):$PATH
# shellcheck source=/dev/null
source "$packaging/bash/failover_exporter"

fail() {
    echo "check_completion.sh: $1" >&2
    exit 1
}

# complete_line WORD...: what the last word can become.
complete_line() {
    COMP_WORDS=("$@")
    COMP_CWORD=$(($# - 1))
    _failover_exporter failover_exporter "${COMP_WORDS[COMP_CWORD]}"
    printf '%s\n' "${COMPREPLY[@]}"
}
compopt() { :; } # only inside a real completion

entries=$(grep -A1 '^\.TP' "$packaging/man/failover_exporter.1")
commands=$(failover_exporter help | sed -n 's/^  \([a-z]*\) .*/\1/p')
[[ $(wc -w <<< "$commands") -ge 15 ]] || fail "help lists too few commands"
for command in $commands; do
    complete_line failover_exporter "$command" | grep -x "$command" > /dev/null || fail "does not complete $command"
    complete_line failover_exporter help "$command" | grep -x "$command" > /dev/null || fail "does not complete help $command"
    grep -xqE "\.BI? \"?$command\b.*" <<< "$entries" || fail "the man page does not know $command"
    failover_exporter help "$command" | grep -q . || fail "no help for $command"
done
complete_line failover_exporter serve --web.pub | grep -x -- --web.public-status > /dev/null || fail "no flags of serve"
complete_line failover_exporter list --contr | grep -x -- --control.socket= > /dev/null || fail "no flags of list"
words=$(failover_exporter help check | sed -n '1s/.*\[flags\] \([a-z|]*\) .*/\1/p' | tr '|' ' ')
[[ $(wc -w <<< "$words") -ge 4 ]] || fail "help lists too little to check"
for word in $words; do
    complete_line failover_exporter check "$word" | grep -x "$word" > /dev/null || fail "does not complete check $word"
    grep '^\.BI "check ' <<< "$entries" | grep -qw "$word" || fail "the man page does not know check $word"
done
! failover_exporter help nonsense 2> /dev/null || fail "help for a command that is not there"
