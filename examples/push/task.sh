#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# A task whose first attempt fails where it is the second of its vertex.
attempt=${ATTEMPT:-${FAILOVER_ATTEMPT:-0}}
index=${FAILOVER_SUBTASK_INDEX:-${TASK##*\[}}
if [ "${index%]}" = 1 ] && [ "$attempt" = 0 ]; then
    echo "MemoryError: cannot go on" >&2
    exit 3
fi
sleep 0.2
