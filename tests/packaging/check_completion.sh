#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Checks the completion for bash and the man page: check_completion.sh PACKAGING_DIR PROGRAM
# Both must know every command that the program's help lists.
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

commands=$(failover_exporter help | sed -n 's/^  \([a-z]*\) .*/\1/p')
[[ $(wc -w <<< "$commands") -ge 15 ]] || fail "help lists too few commands"
for command in $commands; do
    complete_line failover_exporter "$command" | grep -x "$command" > /dev/null || fail "does not complete $command"
    grep -qw "$command" "$packaging/man/failover_exporter.1" || fail "the man page does not know $command"
done
complete_line failover_exporter serve --web.pub | grep -x -- --web.public-status > /dev/null || fail "no flags of serve"
complete_line failover_exporter list --contr | grep -x -- --control.socket= > /dev/null || fail "no flags of list"
complete_line failover_exporter check ru | grep -x rules > /dev/null || fail "no words for check"
