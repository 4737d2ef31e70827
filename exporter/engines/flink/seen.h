/* SPDX-License-Identifier: Apache-2.0 */
/* exporter/engines/flink/seen.h - what of a job's history has been counted: each entry once, over
 * restarts of either side; and how many were never seen.
 * Owns: its entries. Threads: none, the caller serialises. */
#ifndef EX_ENGINES_FLINK_SEEN_H
#define EX_ENGINES_FLINK_SEEN_H

#include <stdbool.h>

#include "exporter/base/buffer.h"

enum { EX_FLINK_SEEN_MAX = 2048 };

struct ex_flink_seen_entry {
    uint64_t hash;       /* of time, name and task */
    uint64_t concurrent; /* exceptions that came with it */
};

struct ex_flink_seen {
    struct ex_flink_seen_entry *entries; /* oldest first */
    uint64_t count;
    uint64_t capacity;

    uint64_t restarts; /* of the job's whole life, as far as is known; never sinks */
    uint64_t base;     /* restarts before the JobManager began to count anew */
    uint64_t value;    /* numRestarts, last */
    uint64_t start;    /* restarts that we were not there for */
    uint64_t roots;    /* entries that were answered by a restart, counted since */
    uint64_t gaps;     /* restarts without an entry, counted since */
};

void ex_flink_seen_done(struct ex_flink_seen *seen);

/* The entry with this hash, new ones at the end with `concurrent` 0; *ret_is_new says which.
 * NULL: no memory. The oldest make room. */
struct ex_flink_seen_entry *ex_flink_seen_note(struct ex_flink_seen *seen, uint64_t hash,
                                               bool *ret_is_new);
bool ex_flink_seen_has(const struct ex_flink_seen *seen, uint64_t hash);

/* numRestarts has been read. */
void ex_flink_seen_restarts(struct ex_flink_seen *seen, uint64_t value);
/* An entry that was answered by a restart. */
void ex_flink_seen_root(struct ex_flink_seen *seen);
/* Restarts that no entry explains, and that are not counted as gaps yet. */
uint64_t ex_flink_seen_missing(const struct ex_flink_seen *seen);
/* So many of them were gaps; or were before we came. */
void ex_flink_seen_gaps(struct ex_flink_seen *seen, uint64_t count);
void ex_flink_seen_before(struct ex_flink_seen *seen, uint64_t count);

/* As bytes, to go on from later; of this machine. */
void ex_flink_seen_save(const struct ex_flink_seen *seen, struct ex_buffer *out);
/* -EINVAL: not that; -ENOMEM. */
FO_MUST_CHECK int ex_flink_seen_load(struct ex_flink_seen *seen, struct fo_str bytes);

#endif
