/* SPDX-License-Identifier: Apache-2.0 */
/* failover/graph.h - the inside of a graph, for the core only.
 * Everything is an array of numbers: a task costs twelve bytes at most, an edge the same whether it
 * joins two tasks or a million with a million.
 * Owns: all arrays. Threads: immutable once built, the count of owners is atomic. */
#ifndef FAILOVER_GRAPH_H
#define FAILOVER_GRAPH_H

#include <stdatomic.h>

#include "failover/failover.h"

struct fo_vertex {
    struct fo_str id;
    uint32_t parallelism;
    uint32_t first_task;
    struct fo_edge_list inputs;
    struct fo_edge_list outputs;
    bool loose_inputs;  /* some input does not tie producer and consumer into one region */
    bool loose_outputs; /* likewise */
};

struct fo_graph {
    struct fo_allocator allocator;
    atomic_uint owners;
    uint32_t vertex_count;
    uint32_t edge_count;
    uint32_t task_count;
    uint32_t region_count;
    struct fo_vertex *vertices;
    struct fo_edge_spec *edges;
    uint32_t *edge_result; /* edge -> the first edge that reads the same partitions */
    uint32_t *edge_lists;  /* what the vertices' inputs and outputs point into */
    uint32_t *by_id;       /* vertices, sorted by id */
    uint32_t *topological;
    char *id_bytes;
    uint32_t *task_region;
    uint32_t *region_tasks; /* region by region, ascending in each */
    uint32_t *region_first; /* region_count + 1 positions in region_tasks */
};

/* Whether producer and consumer must be in one region (mustBePipelinedConsumed). Inline: asked for
 * every edge in every walk. */
static inline bool fo_exchange_is_tight(enum fo_exchange exchange) {
    return exchange == FO_PIPELINED || exchange == FO_PIPELINED_BOUNDED;
}

/* Whether consumers start only when the producers have FINISHED. */
static inline bool fo_exchange_is_blocking(enum fo_exchange exchange) {
    return exchange == FO_BLOCKING || exchange == FO_BLOCKING_PERSISTENT;
}

/* Whether a partition that is held counts as available input: it can be read again, or is
 * approximate. */
static inline bool fo_exchange_is_available(enum fo_exchange exchange) {
    return fo_exchange_is_blocking(exchange) || exchange == FO_HYBRID_FULL ||
           exchange == FO_PIPELINED_APPROXIMATE;
}

/* All tasks of a vertex. */
static inline struct fo_task_range fo_vertex_tasks(const struct fo_vertex *vertex) {
    return (struct fo_task_range){vertex->first_task, vertex->parallelism};
}

/* Orders the vertices, and fills `topological`: the order of the spec where that will do. -ELOOP,
 * -ENOMEM. */
FO_MUST_CHECK int fo_graph_sort(struct fo_graph *graph, struct fo_error *reterr);

#endif
