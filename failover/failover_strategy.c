/* SPDX-License-Identifier: Apache-2.0 */
#include "failover/failover_strategy.h"

#include <errno.h>

#include "failover/memory.h"
#include "failover/sort.h"

enum { CONSUMERS, PRODUCERS, DIRECTIONS };

int fo_walk_init(struct fo_walk *walk, const struct fo_graph *graph, const struct fo_lost *lost,
                 const struct fo_allocator *allocator) {
    size_t regions = graph->region_count;
    size_t edges = graph->edge_count;

    walk->graph = graph;
    walk->lost = lost;
    walk->allocator = *allocator;
    walk->queue = fo_array_new(allocator, regions, sizeof *walk->queue);
    walk->region_stamps = fo_array_new(allocator, regions, sizeof *walk->region_stamps);
    walk->edge_stamps = fo_array_new(allocator, edges * DIRECTIONS, sizeof *walk->edge_stamps);
    return walk->queue && walk->region_stamps && walk->edge_stamps ? 0 : -ENOMEM;
}

void fo_walk_done(struct fo_walk *walk) {
    fo_memory_free(&walk->allocator, walk->edge_stamps);
    fo_memory_free(&walk->allocator, walk->region_stamps);
    fo_memory_free(&walk->allocator, walk->queue);
}

static void renew_stamp(struct fo_walk *walk) {
    walk->stamp++;
    if (walk->stamp != 0)
        return;
    memset(walk->region_stamps, 0, walk->graph->region_count * sizeof *walk->region_stamps);
    memset(walk->edge_stamps, 0,
           walk->graph->edge_count * (size_t)DIRECTIONS * sizeof *walk->edge_stamps);
    walk->stamp = 1;
}

static void involve_region(struct fo_walk *walk, uint32_t region) {
    if (walk->region_stamps[region] == walk->stamp)
        return;
    walk->region_stamps[region] = walk->stamp;
    walk->queue[walk->queue_count++] = region;
    walk->task_count += walk->graph->region_first[region + 1] - walk->graph->region_first[region];
}

static void involve_range(struct fo_walk *walk, struct fo_task_range tasks) {
    for (uint32_t i = 0; i < tasks.count; i++)
        involve_region(walk, walk->graph->task_region[tasks.first + i]);
}

/* Whether this is the first visit of an all-to-all edge in this direction. */
static bool enter_edge(struct fo_walk *walk, uint32_t edge, unsigned direction) {
    uint32_t *stamp = &walk->edge_stamps[edge * DIRECTIONS + direction];
    bool first = *stamp != walk->stamp;

    *stamp = walk->stamp;
    return first;
}

/* Rule 3: the consumers of all that these tasks, of one vertex, write over the edge. */
static void involve_consumers(struct fo_walk *walk, uint32_t edge, struct fo_task_list part) {
    if (walk->graph->edges[edge].pattern == FO_ALL_TO_ALL) {
        if (enter_edge(walk, edge, CONSUMERS))
            involve_range(walk, fo_graph_consumers(walk->graph, edge, part.tasks[0]));
        return;
    }
    for (uint32_t i = 0; i < part.count; i++)
        involve_range(walk, fo_graph_consumers(walk->graph, edge, part.tasks[i]));
}

static bool mark_is_of(const struct fo_walk *walk, uint32_t edge) {
    return walk->mark.producer != FO_NO_TASK &&
           walk->graph->edge_result[walk->mark.edge] == walk->graph->edge_result[edge];
}

static bool is_available(const struct fo_walk *walk, struct fo_partition partition) {
    if (!fo_exchange_is_available(walk->graph->edges[partition.edge].exchange))
        return false;
    if (mark_is_of(walk, partition.edge) && walk->mark.producer == partition.producer)
        return false;
    return !fo_lost_has(walk->lost, partition);
}

static void involve_unavailable(struct fo_walk *walk, uint32_t edge, struct fo_task_range tasks) {
    for (uint32_t i = 0; i < tasks.count; i++) {
        struct fo_partition partition = {tasks.first + i, edge};
        if (!is_available(walk, partition))
            involve_region(walk, walk->graph->task_region[partition.producer]);
    }
}

/* Rule 2: the producers of what these tasks, of one vertex, read over the edge and cannot get. */
static void involve_producers(struct fo_walk *walk, uint32_t edge, struct fo_task_list part) {
    const struct fo_lost_result *result = &walk->lost->results[walk->graph->edge_result[edge]];

    if (fo_exchange_is_available(walk->graph->edges[edge].exchange) && result->count == 0 &&
        !mark_is_of(walk, edge))
        return;
    if (walk->graph->edges[edge].pattern == FO_ALL_TO_ALL) {
        if (enter_edge(walk, edge, PRODUCERS))
            involve_unavailable(walk, edge, fo_graph_producers(walk->graph, edge, part.tasks[0]));
        return;
    }
    for (uint32_t i = 0; i < part.count; i++)
        involve_unavailable(walk, edge, fo_graph_producers(walk->graph, edge, part.tasks[i]));
}

static void visit_part(struct fo_walk *walk, const struct fo_vertex *vertex,
                       struct fo_task_list part) {
    for (uint32_t i = 0; vertex->loose_inputs && i < vertex->inputs.count; i++) {
        uint32_t edge = vertex->inputs.edges[i];
        if (!fo_exchange_is_tight(walk->graph->edges[edge].exchange))
            involve_producers(walk, edge, part);
    }
    for (uint32_t i = 0; vertex->loose_outputs && i < vertex->outputs.count; i++) {
        uint32_t edge = vertex->outputs.edges[i];
        if (!fo_exchange_is_tight(walk->graph->edges[edge].exchange))
            involve_consumers(walk, edge, part);
    }
}

/* How many tasks at the head of an ascending list are below `end`. */
static uint32_t count_below(struct fo_task_list list, uint32_t end) {
    uint32_t low = 0;
    uint32_t high = list.count;

    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        if (list.tasks[middle] < end)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

/* Visits a region vertex by vertex: its tasks ascend, so those of a vertex stand together. */
static void visit_region(struct fo_walk *walk, uint32_t region) {
    struct fo_task_list left = fo_graph_region_tasks(walk->graph, region);

    while (left.count > 0) {
        const struct fo_vertex *vertex =
            &walk->graph->vertices[fo_graph_task_vertex(walk->graph, left.tasks[0])];
        struct fo_task_list part = left;
        part.count = count_below(left, vertex->first_task + vertex->parallelism);
        visit_part(walk, vertex, part);
        left.tasks += part.count;
        left.count -= part.count;
    }
}

void fo_walk_begin(struct fo_walk *walk, struct fo_partition mark) {
    static const struct fo_partition no_partition = {FO_NO_TASK, 0};

    renew_stamp(walk);
    walk->queue_count = 0;
    walk->task_count = 0;
    walk->mark = fo_partition_is_valid(walk->graph, mark) ? mark : no_partition;
}

void fo_walk_add(struct fo_walk *walk, uint32_t task) {
    involve_region(walk, walk->graph->task_region[task]);
}

uint32_t fo_walk_run(struct fo_walk *walk) {
    for (uint32_t i = 0; i < walk->queue_count; i++)
        visit_region(walk, walk->queue[i]);
    return walk->task_count;
}

uint32_t fo_walk_regions(struct fo_walk *walk, uint32_t task, struct fo_partition mark) {
    fo_walk_begin(walk, mark);
    fo_walk_add(walk, task);
    return fo_walk_run(walk);
}

static uint32_t append_started(const uint8_t *states, struct fo_task_list list, uint32_t *tasks) {
    uint32_t count = 0;

    if (!states) {
        memcpy(tasks, list.tasks, list.count * sizeof *tasks);
        return list.count;
    }
    for (uint32_t i = 0; i < list.count; i++) {
        tasks[count] = list.tasks[i];
        count += states[list.tasks[i]] != FO_TASK_CREATED;
    }
    return count;
}

/* For answers that are a good part of the graph: one pass over all tasks needs no sorting. */
static uint32_t scan_tasks(const struct fo_walk *walk, const uint8_t *states, uint32_t *tasks) {
    uint32_t count = 0;

    for (uint32_t task = 0; task < walk->graph->task_count; task++) {
        if (walk->region_stamps[walk->graph->task_region[task]] == walk->stamp &&
            (!states || states[task] != FO_TASK_CREATED))
            tasks[count++] = task;
    }
    return count;
}

uint32_t fo_walk_tasks(const struct fo_walk *walk, const uint8_t *states, uint32_t *tasks) {
    enum { GOOD_PART = 8 };
    uint32_t count = 0;

    if (walk->queue_count > 1 && walk->task_count > walk->graph->task_count / GOOD_PART)
        return scan_tasks(walk, states, tasks);
    for (uint32_t i = 0; i < walk->queue_count; i++)
        count += append_started(states, fo_graph_region_tasks(walk->graph, walk->queue[i]),
                                tasks + count);
    fo_sort_ascending(tasks, count);
    return count;
}
