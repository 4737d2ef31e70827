/* SPDX-License-Identifier: Apache-2.0 */
/* exporter/metrics/snapshot.h - taking over the values of a group as of one instant.
 * Threads: the scraper. */
#ifndef EX_METRICS_SNAPSHOT_H
#define EX_METRICS_SNAPSHOT_H

#include "exporter/metrics/model.h"

/* Where values are gathered before they are known to belong together; used again and again. */
struct ex_snapshot {
    struct ex_counted *cells; /* owned; how many series of which cell */
    size_t cell_count;
    size_t cell_capacity;
    uint64_t *words; /* owned; their words in order */
    size_t word_count;
    size_t word_capacity;
    bool skipped; /* some cells are for later */
};

void ex_snapshot_done(struct ex_snapshot *snapshot);

/* Takes over what changed since the last time and calls `changed` for each cell that looks
 * different now. Families from `family_count` on are left for later. Does nothing when the group's
 * writer does not finish its change in time. -ENOMEM: some of it may have been taken over, the rest
 * waits. */
FO_MUST_CHECK int ex_snapshot_take(struct ex_snapshot *snapshot, struct ex_group *group,
                                   size_t family_count,
                                   void (*changed)(void *arg, const struct ex_cell *cell),
                                   void *arg);

#endif
