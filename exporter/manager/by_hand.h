/* SPDX-License-Identifier: Apache-2.0 */
/* exporter/manager/by_hand.h - the restarts of a job that a person asked for: the newest few, for
 * who looks at the job and wonders. They are no failures and stand in no history of those.
 * Owns: nothing; a plain value. Threads: none. */
#ifndef EX_MANAGER_BY_HAND_H
#define EX_MANAGER_BY_HAND_H

#include <stdint.h>

enum { EX_BY_HAND_KEPT = 8 };

struct ex_restart_by_hand {
    int64_t at_ms;
    uint32_t task;          /* that was named; FO_NO_TASK: the whole job */
    uint32_t restart_count; /* tasks that restarted */
};

struct ex_by_hand {
    struct ex_restart_by_hand newest[EX_BY_HAND_KEPT]; /* first */
    uint32_t count;                                    /* of these */
};

/* Puts one in front; the oldest makes place. */
static inline void ex_by_hand_add(struct ex_by_hand *list, struct ex_restart_by_hand restart) {
    if (list->count < EX_BY_HAND_KEPT)
        list->count++;
    for (uint32_t i = list->count - 1; i > 0; i--)
        list->newest[i] = list->newest[i - 1];
    list->newest[0] = restart;
}

#endif
