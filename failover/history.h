/* SPDX-License-Identifier: Apache-2.0 */
/* failover/history.h - the exception history of a job: a bounded queue of root entries, each with
 * the failures that came with it (RootExceptionHistoryEntry, BoundedFIFOQueue).
 * Owns: its entries. Threads: none, the caller serialises. */
#ifndef FAILOVER_HISTORY_H
#define FAILOVER_HISTORY_H

#include "failover/failover.h"

struct fo_history_root {
    struct fo_history_entry entry; /* its concurrent_count counts `concurrent` */
    struct fo_history_entry *concurrent;
    size_t concurrent_capacity;
};

/* A ring: the oldest root is at `first`. A root that falls out leaves its memory to the next. */
struct fo_history {
    struct fo_allocator allocator;
    struct fo_history_root *roots;
    size_t capacity; /* of `roots` so far, at most `bound` */
    uint32_t bound;
    uint32_t first;
    uint32_t count;
};

void fo_history_init(struct fo_history *history, uint32_t bound,
                     const struct fo_allocator *allocator);
void fo_history_done(struct fo_history *history);

/* Makes sure that a new root with up to `concurrent` failures, or as many more for the newest root,
 * need no memory. -ENOMEM. */
FO_MUST_CHECK int fo_history_reserve(struct fo_history *history, uint32_t concurrent);

/* The oldest root makes room. With a bound of 0 nothing is kept. */
void fo_history_add_root(struct fo_history *history, const struct fo_history_entry *entry);

/* To the newest root; dropped when there is none. */
void fo_history_add_concurrent(struct fo_history *history, const struct fo_history_entry *entry);

/* `index` 0 = oldest kept. */
const struct fo_history_root *fo_history_root_at(const struct fo_history *history, uint32_t index);

#endif
