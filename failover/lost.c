/* SPDX-License-Identifier: Apache-2.0 */
#include "failover/lost.h"

#include <errno.h>

#include "failover/memory.h"

enum { WORD_BITS = 64 };

int fo_lost_init(struct fo_lost *lost, const struct fo_graph *graph,
                 const struct fo_allocator *allocator) {
    lost->graph = graph;
    lost->allocator = *allocator;
    lost->count = 0;
    lost->results = fo_array_new(allocator, graph->edge_count, sizeof *lost->results);
    return lost->results ? 0 : -ENOMEM;
}

void fo_lost_done(struct fo_lost *lost) {
    for (uint32_t i = 0; lost->results && i < lost->graph->edge_count; i++)
        fo_memory_free(&lost->allocator, lost->results[i].bits);
    fo_memory_free(&lost->allocator, lost->results);
}

bool fo_partition_is_valid(const struct fo_graph *graph, struct fo_partition partition) {
    return partition.edge < graph->edge_count && partition.producer < graph->task_count &&
           fo_graph_task_vertex(graph, partition.producer) == graph->edges[partition.edge].from;
}

static struct fo_lost_result *result_of(const struct fo_lost *lost, struct fo_partition partition) {
    return &lost->results[lost->graph->edge_result[partition.edge]];
}

static uint32_t subtask_of(const struct fo_lost *lost, struct fo_partition partition) {
    uint32_t from = lost->graph->edges[partition.edge].from;

    return partition.producer - lost->graph->vertices[from].first_task;
}

static uint64_t bit_of(uint32_t subtask) {
    return UINT64_C(1) << (subtask % WORD_BITS);
}

int fo_lost_reserve(struct fo_lost *lost, struct fo_partition partition) {
    struct fo_lost_result *result = result_of(lost, partition);
    uint32_t from = lost->graph->edges[partition.edge].from;

    if (!result->bits)
        result->bits =
            fo_array_new(&lost->allocator, lost->graph->vertices[from].parallelism / WORD_BITS + 1,
                         sizeof *result->bits);
    return result->bits ? 0 : -ENOMEM;
}

void fo_lost_add(struct fo_lost *lost, struct fo_partition partition) {
    struct fo_lost_result *result = result_of(lost, partition);
    uint32_t subtask = subtask_of(lost, partition);

    if (!(result->bits[subtask / WORD_BITS] & bit_of(subtask))) {
        result->bits[subtask / WORD_BITS] |= bit_of(subtask);
        result->count++;
        lost->count++;
    }
}

void fo_lost_remove_task(struct fo_lost *lost, uint32_t task) {
    const struct fo_graph *graph = lost->graph;

    if (lost->count == 0)
        return;
    const struct fo_vertex *vertex = &graph->vertices[fo_graph_task_vertex(graph, task)];
    uint32_t subtask = task - vertex->first_task;

    for (uint32_t i = 0; i < vertex->outputs.count; i++) {
        struct fo_lost_result *result = &lost->results[vertex->outputs.edges[i]];
        if (result->count > 0 && result->bits[subtask / WORD_BITS] & bit_of(subtask)) {
            result->bits[subtask / WORD_BITS] &= ~bit_of(subtask);
            result->count--;
            lost->count--;
        }
    }
}

bool fo_lost_has(const struct fo_lost *lost, struct fo_partition partition) {
    const struct fo_lost_result *result = result_of(lost, partition);
    uint32_t subtask = subtask_of(lost, partition);

    return result->count > 0 && (result->bits[subtask / WORD_BITS] & bit_of(subtask)) != 0;
}
