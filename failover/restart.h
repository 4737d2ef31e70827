/* SPDX-License-Identifier: Apache-2.0 */
/* failover/restart.h - restarts that have been decided and wait: for their delay, and for their
 * tasks to end.
 *
 * A decision takes the tasks it restarts: fo_job.versions[task] holds the serial number of the
 * decision that took it last (ExecutionVertexVersioner). An earlier decision keeps what no later
 * one has taken, yet still waits for all tasks that it found alive. One that owns nothing is
 * forgotten.
 *
 * The restarts stand in order of their serials, so one is found by bisection; forgotten ones stay
 * until they are half of all. A heap of due times tells which delay ends next.
 * Owns: the lists. Threads: none, the caller serialises. */
#ifndef FAILOVER_RESTART_H
#define FAILOVER_RESTART_H

#include "failover/failover.h"

struct fo_restart {
    uint64_t serial;
    bool is_over; /* the delay has passed; tasks have yet to end */
    int64_t due_ms;
    struct fo_task_range *runs; /* the tasks decided, ascending */
    size_t run_capacity;
    uint32_t run_count;
    uint32_t owned;          /* not taken by a later decision; 0 = forgotten */
    uint32_t live;           /* tasks that have yet to end */
    uint32_t overtaken_live; /* those of them that a later decision has taken */
};

struct fo_due {
    int64_t due_ms;
    uint64_t serial;
};

struct fo_restarts {
    struct fo_allocator allocator;
    struct fo_restart *items; /* what is beyond `count` keeps its memory for later */
    size_t capacity;
    uint32_t count;
    uint32_t forgotten;
    uint32_t over;           /* items that are over */
    uint32_t waiting;        /* tasks owned by all items */
    uint64_t overtaken_live; /* of all items */
    struct fo_due *heap;     /* the earliest first; may hold serials that are gone */
    size_t heap_capacity;
    uint32_t heap_count;
};

void fo_restarts_init(struct fo_restarts *restarts, const struct fo_allocator *allocator);
void fo_restarts_done(struct fo_restarts *restarts);

/* Makes sure that fo_restarts_add() of so many runs needs no memory. -ENOMEM. */
FO_MUST_CHECK int fo_restarts_reserve(struct fo_restarts *restarts, size_t run_count);

/* How many runs of consecutive numbers an ascending list has. */
uint32_t fo_restarts_count_runs(struct fo_task_list tasks);

/* Adds the newest restart, of at least one task; all are owned, `live` of them are alive. The
 * pointer is good until the next add or trim. */
struct fo_restart *fo_restarts_add(struct fo_restarts *restarts, uint64_t serial, int64_t due_ms,
                                   struct fo_task_list tasks);

/* NULL when there is none, or it is forgotten. */
struct fo_restart *fo_restarts_find(struct fo_restarts *restarts, uint64_t serial);

/* A later decision takes a task, `is_live` or ended, away from the decision `serial`. */
void fo_restarts_overtake(struct fo_restarts *restarts, uint64_t serial, bool is_live);

/* A task has ended that decision `cancelled_by` found alive, as did all later ones that took it,
 * the last of them `serial`. */
void fo_restarts_task_ended(struct fo_restarts *restarts, uint32_t task, uint64_t cancelled_by,
                            uint64_t serial);

/* The next restart to carry out at `now_ms`, or NULL: its delay has passed and its tasks have
 * ended. The caller carries it out and forgets it. */
struct fo_restart *fo_restarts_next_due(struct fo_restarts *restarts, int64_t now_ms);

/* When the next delay ends; FO_NEVER. */
int64_t fo_restarts_next_ms(const struct fo_restarts *restarts);

void fo_restarts_forget(struct fo_restarts *restarts, struct fo_restart *restart);
void fo_restarts_forget_all(struct fo_restarts *restarts);

/* Gives up the places of what is forgotten, now and then. Pointers to restarts end. */
void fo_restarts_trim(struct fo_restarts *restarts);

#endif
