/* SPDX-License-Identifier: Apache-2.0 */
/* failover/gates.h - when a region may be deployed: all it reads from outside is ready
 * (PipelinedRegionSchedulingStrategy, InputConsumableDecider).
 *
 * An input of a consumer task over an edge that does not tie regions together is a gate. It is open
 * when all producers of its group have done enough: FINISHED for a blocking edge; not CREATED, that
 * is scheduled, for one that can be read while it is written. Producers count down a number per
 * group, groups count down a number per region, so that a report costs what it changes and no more.
 * Owns: the numbers and the queue. Threads: none, the caller serialises. */
#ifndef FAILOVER_GATES_H
#define FAILOVER_GATES_H

#include "failover/graph.h"

struct fo_gates {
    const struct fo_graph *graph; /* borrowed */
    struct fo_allocator allocator;
    uint32_t *group_first; /* edge -> its groups in `lacking` */
    uint32_t *lacking;     /* group -> producers that have not done enough. An all-to-all edge is
                              one group; of pointwise ones only those with more producers than
                              consumers need numbers, one group per consumer */
    uint32_t *shut;        /* region -> gates that are shut */
    uint32_t *queue;       /* regions to look at: a gate has opened, or its tasks are new */
    uint8_t *is_queued;    /* by region */
    uint32_t queue_count;
};

/* For a job whose tasks are all CREATED: the queue is empty. -ENOMEM; fo_gates_done() is due in any
 * case. */
FO_MUST_CHECK int fo_gates_init(struct fo_gates *gates, const struct fo_graph *graph,
                                const struct fo_allocator *allocator);
void fo_gates_done(struct fo_gates *gates);

/* A task has changed; regions whose last gate opens by that are queued. */
void fo_gates_task_changed(struct fo_gates *gates, uint32_t task, enum fo_task_state from,
                           enum fo_task_state to);

/* Queues a region, if it is not queued. */
void fo_gates_enqueue(struct fo_gates *gates, uint32_t region);
void fo_gates_enqueue_all(struct fo_gates *gates);

/* Leaves only regions in the queue whose gates are all open, in ascending order; the others come
 * back when their last gate opens. Returns how many. */
uint32_t fo_gates_keep_open(struct fo_gates *gates);

/* Takes `count` regions from the head of the queue. */
void fo_gates_dequeue(struct fo_gates *gates, uint32_t count);

#endif
