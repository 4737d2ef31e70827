/* SPDX-License-Identifier: Apache-2.0 */
/* Regions are built on the vertices first. Where an all-to-all edge lies inside such a logical
 * region, all its tasks are one region at once (DefaultExecutionTopology's shortcut); only
 * elsewhere are tasks united one by one, along pointwise edges. */
#include "failover/regions.h"

#include <errno.h>

#include "failover/memory.h"
#include "failover/wiring.h"

uint32_t fo_sets_find(uint32_t *parents, uint32_t member) {
    while (parents[member] != member) {
        parents[member] = parents[parents[member]];
        member = parents[member];
    }
    return member;
}

void fo_sets_unite(uint32_t *parents, uint32_t a, uint32_t b) {
    a = fo_sets_find(parents, a);
    b = fo_sets_find(parents, b);
    if (a < b)
        parents[b] = a;
    else
        parents[a] = b;
}

void fo_regions_logical(const struct fo_graph *graph, uint32_t *parents) {
    for (uint32_t vertex = 0; vertex < graph->vertex_count; vertex++)
        parents[vertex] = vertex;
    for (uint32_t edge = 0; edge < graph->edge_count; edge++) {
        if (fo_exchange_is_tight(graph->edges[edge].exchange))
            fo_sets_unite(parents, graph->edges[edge].from, graph->edges[edge].to);
    }
    for (uint32_t vertex = 0; vertex < graph->vertex_count; vertex++)
        parents[vertex] = fo_sets_find(parents, vertex);
}

/* Marks the logical regions with an all-to-all edge, of whatever exchange, inside. */
static void find_whole(const struct fo_graph *graph, const uint32_t *logical, bool *whole) {
    for (uint32_t edge = 0; edge < graph->edge_count; edge++) {
        const struct fo_edge_spec *spec = &graph->edges[edge];
        if (spec->pattern == FO_ALL_TO_ALL && logical[spec->from] == logical[spec->to])
            whole[logical[spec->from]] = true;
    }
}

static void start_sets(const struct fo_graph *graph, const uint32_t *logical, const bool *whole,
                       uint32_t *parents) {
    for (uint32_t index = 0; index < graph->vertex_count; index++) {
        struct fo_task_range tasks = fo_vertex_tasks(&graph->vertices[index]);
        uint32_t anchor = graph->vertices[logical[index]].first_task;
        bool united = whole[logical[index]];
        for (uint32_t task = tasks.first; task < tasks.first + tasks.count; task++)
            parents[task] = united ? anchor : task;
    }
}

static void unite_pointwise(const struct fo_graph *graph, const struct fo_edge_spec *edge,
                            uint32_t *parents) {
    const struct fo_vertex *from = &graph->vertices[edge->from];
    const struct fo_vertex *to = &graph->vertices[edge->to];

    for (uint32_t consumer = 0; consumer < to->parallelism; consumer++) {
        struct fo_task_range producers =
            fo_wiring_producers(from->parallelism, to->parallelism, consumer);
        for (uint32_t i = 0; i < producers.count; i++)
            fo_sets_unite(parents, from->first_task + producers.first + i,
                          to->first_task + consumer);
    }
}

static int unite_tasks(struct fo_graph *graph, uint32_t *logical, bool *whole) {
    uint32_t *parents = graph->task_region;

    fo_regions_logical(graph, logical);
    find_whole(graph, logical, whole);
    start_sets(graph, logical, whole, parents);
    for (uint32_t edge = 0; edge < graph->edge_count; edge++) {
        const struct fo_edge_spec *spec = &graph->edges[edge];
        if (fo_exchange_is_tight(spec->exchange) && !whole[logical[spec->from]])
            unite_pointwise(graph, spec, parents);
    }
    return fo_regions_merge_cycles(graph, logical, whole, parents);
}

/* Turns the roots in task_region into region numbers, counted in the order in which a walk over the
 * vertices in topological order meets them; region_tasks serves as the map. */
static void number_regions(struct fo_graph *graph) {
    uint32_t *roots = graph->task_region;
    uint32_t *numbers = graph->region_tasks;

    for (uint32_t task = 0; task < graph->task_count; task++) {
        roots[task] = fo_sets_find(roots, task);
        numbers[task] = UINT32_MAX;
    }
    for (uint32_t i = 0; i < graph->vertex_count; i++) {
        struct fo_task_range tasks = fo_vertex_tasks(&graph->vertices[graph->topological[i]]);
        for (uint32_t task = tasks.first; task < tasks.first + tasks.count; task++) {
            if (numbers[roots[task]] == UINT32_MAX)
                numbers[roots[task]] = graph->region_count++;
        }
    }
    for (uint32_t task = 0; task < graph->task_count; task++)
        roots[task] = numbers[roots[task]];
}

/* Sorts the tasks by region, by counting. */
static void list_regions(struct fo_graph *graph) {
    uint32_t *first = graph->region_first;

    for (uint32_t task = 0; task < graph->task_count; task++)
        first[graph->task_region[task]]++;
    for (uint32_t region = 0, sum = 0; region < graph->region_count; region++) {
        sum += first[region];
        first[region] = sum;
    }
    first[graph->region_count] = graph->task_count;
    for (uint32_t task = graph->task_count; task > 0; task--)
        graph->region_tasks[--first[graph->task_region[task - 1]]] = task - 1;
}

int fo_regions_build(struct fo_graph *graph) {
    const struct fo_allocator *allocator = &graph->allocator;
    uint32_t *logical = fo_array_new(allocator, graph->vertex_count, sizeof *logical);
    bool *whole = fo_array_new(allocator, graph->vertex_count, sizeof *whole);
    int rc = -ENOMEM;

    graph->task_region = fo_array_new(allocator, graph->task_count, sizeof(uint32_t));
    graph->region_tasks = fo_array_new(allocator, graph->task_count, sizeof(uint32_t));
    if (logical && whole && graph->task_region && graph->region_tasks)
        rc = unite_tasks(graph, logical, whole);
    if (rc == 0) {
        number_regions(graph);
        graph->region_first =
            fo_array_new(allocator, (size_t)graph->region_count + 1, sizeof(uint32_t));
        rc = graph->region_first ? 0 : -ENOMEM;
    }
    if (rc == 0)
        list_regions(graph);
    fo_memory_free(allocator, whole);
    fo_memory_free(allocator, logical);
    return rc;
}
