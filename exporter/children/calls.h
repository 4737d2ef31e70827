/* SPDX-License-Identifier: Apache-2.0 */
/* exporter/children/calls.h - what a child has been asked and has yet to answer: a ring of calls
 * with rising numbers. The oldest has the nearest deadline, for all have the same time limit.
 * Owns: the ring. Threads: none, the caller serialises. */
#ifndef EX_CHILDREN_CALLS_H
#define EX_CHILDREN_CALLS_H

#include <stdbool.h>

#include "failover/types.h"

struct ex_call {
    uint64_t id; /* 0 = never used */
    void *asked;
    uint64_t sent_ns;
    bool waiting;
    bool timed_out;
};

struct ex_calls {
    struct ex_call *slots; /* twice as many as may wait, a power of two */
    uint64_t next;         /* the id of the next call */
    uint64_t oldest;       /* no call before it waits */
    uint32_t slot_count;
    uint32_t limit;
    uint32_t waiting;
};

FO_MUST_CHECK int ex_calls_init(struct ex_calls *calls, uint32_t limit); /* -ENOMEM */
void ex_calls_done(struct ex_calls *calls);

/* The number of a new call; 0: too many wait. */
uint64_t ex_calls_add(struct ex_calls *calls, void *asked, uint64_t now_ns);

/* The oldest call that waits; NULL: none. */
struct ex_call *ex_calls_oldest(struct ex_calls *calls);

/* The call of an answer: one that waits, or NULL. *ret_late: there was such a call and its time ran
 * out; false with NULL: it was never made, or has been answered. */
struct ex_call *ex_calls_find(struct ex_calls *calls, uint64_t id, bool *ret_late);

void ex_calls_end(struct ex_calls *calls, struct ex_call *call, bool timed_out);

/* Nobody waits for the answers to what `asked` asked any more; the calls stay. */
void ex_calls_forget(struct ex_calls *calls, const void *asked);

#endif
