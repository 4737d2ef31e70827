#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# A scheduler for the push engine with curl: scheduler.sh SOCKET JOB-FILE COMMAND...
# Runs COMMAND for every task of the job, with TASK and ATTEMPT in its environment.
set -eu
door=$1 file=$2
shift 2
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT

ask() { # METHOD TARGET [curl's arguments]: the answer, asked again until there is one
    method=$1 target=$2
    shift 2
    curl --silent --retry 100 --retry-all-errors --retry-delay 1 --unix-socket "$door" \
        -X "$method" "http://localhost$target" "$@"
}

# The job's own commands, if it has any, are nobody's: COMMAND runs.
job=$(ask POST '/jobs?directory=/' -H 'Content-Type: application/yaml' --data-binary "@$file" | sed -n 's/.*"jid":"\([0-9a-f]*\)".*/\1/p')
[ -n "$job" ] || { echo "the job was refused" >&2; exit 2; }

report() { # TASK ATTEMPT SEQUENCE STATE [failure]
    ask POST "/jobs/$job/reports" -o /dev/null -H 'Content-Type: application/json' \
        -d "{\"task\":\"$1\",\"attempt\":$2,\"sequence\":$3,\"state\":\"$4\"${5:+,\"failure\":$5}}"
}

run() { # TASK ATTEMPT COMMAND...: one attempt, from its start to its last report
    task=$1 attempt=$2
    shift 2
    TASK=$task ATTEMPT=$attempt setsid "$@" </dev/null >&2 &
    echo $! >"$folder/$task.$attempt"
    report "$task" "$attempt" 0 RUNNING
    code=0
    wait $! || code=$?
    if [ -e "$folder/$task.$attempt.stop" ]; then
        report "$task" "$attempt" 1 CANCELED
    elif [ "$code" = 0 ]; then
        report "$task" "$attempt" 1 FINISHED
    else
        report "$task" "$attempt" 1 FAILED "{\"exit_code\":$code}"
    fi
}

stop() { # TASK ATTEMPT
    : >"$folder/$1.$2.stop"
    [ ! -e "$folder/$1.$2" ] || kill -KILL "-$(cat "$folder/$1.$2")" 2>/dev/null || :
}

obey() { # ACTION < "task attempt state" lines
    while read -r task attempt state; do
        if [ "$1" = cancel ] || [ "$state" = CANCELING ]; then
            stop "$task" "$attempt"
        elif [ ! -e "$folder/$task.$attempt.begun" ]; then
            : >"$folder/$task.$attempt.begun"
            run "$task" "$attempt" "$command" &
        fi
    done
}

command=$1 last=0 action=
while [ "$action" != close ]; do
    answer=$(ask GET "/jobs/$job/decisions?wait=30s&after=$last")
    last=$(printf '%s' "$answer" | sed 's/.*"last_event_id":\([0-9]*\).*/\1/')
    printf '%s' "$answer" | sed 's/{"id":/\n&/g' | grep '^{"id":' >"$folder/events" || :
    while read -r event; do
        action=$(printf '%s' "$event" | sed 's/.*"action":"\([a-z]*\)".*/\1/')
        case $action in
        deploy | cancel | reset)
            printf '%s\n' "$event" | grep -o '"task":[^}]*' |
                sed 's/"task":"//; s/","attempt":/ /; s/,"state":"/ /; s/"$//' >"$folder/tasks" || :
            obey "$action" <"$folder/tasks"
            ;;
        esac
    done <"$folder/events"
done
wait
ask GET "/jobs/$job/status" | grep -q '"FINISHED"'
