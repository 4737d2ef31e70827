#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# compare.sh CHECKER: the same verdicts as promtool's over the files beside this script. CHECKER FILE
# exits 0 or 1. Without promtool only the folders' names are compared.
set -u
checker=$(realpath "$1")
cd "$(dirname "$0")" || exit 1
promtool=$(command -v promtool)
checked=0
wrong=0

# verdict COMMAND...: "good" or "bad"; anything but 0 and 1 is neither.
verdict() {
    "$@" >/dev/null 2>&1
    case $? in
        0) echo good ;;
        1) echo bad ;;
        *) echo crashed ;;
    esac
}

for file in good/*.yml bad/*.yml newer_good/*.yml newer_bad/*.yml; do
    expected=$(dirname "$file")
    ours=$(verdict "$checker" "$file")
    theirs=$ours
    case $expected in
        good | bad) [ -z "$promtool" ] || theirs=$(verdict promtool check web-config "$file") ;;
    esac
    checked=$((checked + 1))
    if [ "$ours" != "${expected#newer_}" ] || [ "$theirs" != "$ours" ]; then
        echo "$file: ours $ours, promtool's $theirs"
        wrong=$((wrong + 1))
    fi
done
echo "$checked files, $wrong wrong${promtool:+, compared with promtool}"
[ "$checked" -gt 0 ] && [ "$wrong" -eq 0 ]
