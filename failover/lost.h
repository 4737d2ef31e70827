/* SPDX-License-Identifier: Apache-2.0 */
/* failover/lost.h - the partitions that are no longer held although their producer made them; the
 * inverse of Flink's JobMasterPartitionTracker. Costs a bit per producer, and only for a result
 * that has lost something. Owns: its bits. Threads: none, the caller serialises. */
#ifndef FAILOVER_LOST_H
#define FAILOVER_LOST_H

#include "failover/graph.h"

struct fo_lost_result {
    uint64_t *bits; /* by subtask of the producer; NULL until something is lost */
    uint32_t count;
};

struct fo_lost {
    const struct fo_graph *graph; /* borrowed */
    struct fo_allocator allocator;
    struct fo_lost_result *results; /* by fo_graph.edge_result */
    uint64_t count;                 /* of all of them */
};

/* In place, nothing lost. -ENOMEM. */
FO_MUST_CHECK int fo_lost_init(struct fo_lost *lost, const struct fo_graph *graph,
                               const struct fo_allocator *allocator);
void fo_lost_done(struct fo_lost *lost);

/* Whether the partition names a producer and an edge out of its vertex. */
bool fo_partition_is_valid(const struct fo_graph *graph, struct fo_partition partition);

/* Makes sure that fo_lost_add() of this valid partition needs no memory. -ENOMEM. */
FO_MUST_CHECK int fo_lost_reserve(struct fo_lost *lost, struct fo_partition partition);
void fo_lost_add(struct fo_lost *lost, struct fo_partition partition);

/* Forgets what this task's earlier attempts lost: a new attempt makes it anew. */
void fo_lost_remove_task(struct fo_lost *lost, uint32_t task);

bool fo_lost_has(const struct fo_lost *lost, struct fo_partition partition);

#endif
