/* SPDX-License-Identifier: Apache-2.0 */
/* failover/failover_strategy.h - which tasks restart when one fails: the walk over regions
 * (RestartPipelinedRegionFailoverStrategy).
 * Every region, and every all-to-all edge in each direction, is visited once, so that a decision is
 * linear in the tasks it meets.
 * Owns: its queue and stamps. Threads: none, the caller serialises. */
#ifndef FAILOVER_FAILOVER_STRATEGY_H
#define FAILOVER_FAILOVER_STRATEGY_H

#include "failover/lost.h"

struct fo_walk {
    const struct fo_graph *graph; /* borrowed */
    const struct fo_lost *lost;   /* borrowed */
    struct fo_allocator allocator;
    struct fo_partition mark; /* named by the cause, for this walk only */
    uint32_t *queue;          /* the regions involved, in the order found */
    uint32_t queue_count;
    uint32_t task_count; /* in these regions */
    uint32_t stamp;      /* of this walk; what carries it was visited */
    uint32_t *region_stamps;
    uint32_t *edge_stamps; /* two for each edge: its consumers, its producers */
};

/* -ENOMEM. `graph` and `lost` must outlive the walk. */
FO_MUST_CHECK int fo_walk_init(struct fo_walk *walk, const struct fo_graph *graph,
                               const struct fo_lost *lost, const struct fo_allocator *allocator);
void fo_walk_done(struct fo_walk *walk);

/* Finds the regions that failures of some tasks involve: begin, add each task, run; or all three
 * for one task. `mark` is the partition that the cause names (producer FO_NO_TASK or anything not
 * of the graph: none). Returns how many tasks the regions have. */
void fo_walk_begin(struct fo_walk *walk, struct fo_partition mark);
void fo_walk_add(struct fo_walk *walk, uint32_t task);
uint32_t fo_walk_run(struct fo_walk *walk);
uint32_t fo_walk_regions(struct fo_walk *walk, uint32_t task, struct fo_partition mark);

/* Writes the tasks of the regions found last, ascending, without those in state CREATED, to `tasks`
 * (room for as many as the walk returned). `states` is one byte for each task; NULL: none
 * is CREATED. Returns the count. */
uint32_t fo_walk_tasks(const struct fo_walk *walk, const uint8_t *states, uint32_t *tasks);

#endif
