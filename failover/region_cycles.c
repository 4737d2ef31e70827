/* SPDX-License-Identifier: Apache-2.0 */
/* Two regions that wait on each other could never be scheduled, so they are one. The search works
 * on sets of tasks; an all-to-all edge is one node of its own that all its producers lead to and
 * that leads to all its consumers, so that it costs producers + consumers arrows. */
#include <errno.h>

#include "failover/memory.h"
#include "failover/regions.h"
#include "failover/scc.h"
#include "failover/wiring.h"

/* Arrows while they are drawn: counted in a first pass, written in a second. */
struct drawing {
    uint32_t node_count;
    uint32_t *first;   /* node_count + 1 */
    uint32_t *targets; /* NULL in the first pass */
};

static void draw(struct drawing *drawing, uint32_t from, uint32_t to) {
    if (from == to)
        return;
    if (drawing->targets)
        drawing->targets[--drawing->first[from]] = to;
    else
        drawing->first[from]++;
}

/* Turns counts into the ends of each node's arrows, from where the second pass goes down. */
static void sum_up(struct drawing *drawing) {
    uint32_t sum = 0;

    for (uint32_t node = 0; node <= drawing->node_count; node++) {
        sum += drawing->first[node];
        drawing->first[node] = sum;
    }
}

typedef void (*draw_all)(struct drawing *drawing, const void *ctx);

/* Draws twice and looks for components. 0: *ret_component, node -> component, is the caller's. */
static int find_components(const struct fo_allocator *allocator, uint32_t node_count, draw_all all,
                           const void *ctx, uint32_t **ret_component, uint32_t *ret_count) {
    struct drawing drawing = {.node_count = node_count};
    uint32_t *component = fo_array_new(allocator, node_count, sizeof *component);
    int rc = -ENOMEM;

    drawing.first = fo_array_new(allocator, (size_t)node_count + 1, sizeof *drawing.first);
    if (component && drawing.first) {
        all(&drawing, ctx);
        sum_up(&drawing);
        drawing.targets =
            fo_array_new(allocator, drawing.first[node_count], sizeof *drawing.targets);
    }
    if (drawing.targets) {
        all(&drawing, ctx);
        struct fo_arrows arrows = {node_count, drawing.first, drawing.targets};
        rc = fo_scc(&arrows, allocator, component, ret_count);
    }
    fo_memory_free(allocator, drawing.targets);
    fo_memory_free(allocator, drawing.first);
    if (rc == 0)
        *ret_component = component;
    else
        fo_memory_free(allocator, component);
    return rc;
}

struct sets {
    struct fo_graph *graph;
    const uint32_t *logical;
    uint32_t *parents;
};

static void draw_logical(struct drawing *drawing, const void *ctx) {
    const struct sets *sets = ctx;

    for (uint32_t edge = 0; edge < sets->graph->edge_count; edge++) {
        const struct fo_edge_spec *spec = &sets->graph->edges[edge];
        draw(drawing, sets->logical[spec->from], sets->logical[spec->to]);
    }
}

static void draw_all_to_all(struct drawing *drawing, const struct sets *sets, uint32_t edge) {
    const struct fo_edge_spec *spec = &sets->graph->edges[edge];
    struct fo_task_range from = fo_vertex_tasks(&sets->graph->vertices[spec->from]);
    struct fo_task_range to = fo_vertex_tasks(&sets->graph->vertices[spec->to]);
    uint32_t middle = sets->graph->task_count + edge;

    for (uint32_t i = 0; i < from.count; i++)
        draw(drawing, fo_sets_find(sets->parents, from.first + i), middle);
    for (uint32_t i = 0; i < to.count; i++)
        draw(drawing, middle, fo_sets_find(sets->parents, to.first + i));
}

static void draw_pointwise(struct drawing *drawing, const struct sets *sets, uint32_t edge) {
    const struct fo_edge_spec *spec = &sets->graph->edges[edge];
    struct fo_task_range to = fo_vertex_tasks(&sets->graph->vertices[spec->to]);

    for (uint32_t i = 0; i < to.count; i++) {
        struct fo_task_range from = fo_graph_producers(sets->graph, edge, to.first + i);
        uint32_t consumer = fo_sets_find(sets->parents, to.first + i);
        for (uint32_t j = 0; j < from.count; j++)
            draw(drawing, fo_sets_find(sets->parents, from.first + j), consumer);
    }
}

static void draw_tasks(struct drawing *drawing, const void *ctx) {
    const struct sets *sets = ctx;

    for (uint32_t edge = 0; edge < sets->graph->edge_count; edge++) {
        const struct fo_edge_spec *spec = &sets->graph->edges[edge];
        if (fo_exchange_is_tight(spec->exchange))
            continue;
        if (spec->pattern == FO_ALL_TO_ALL)
            draw_all_to_all(drawing, sets, edge);
        else
            draw_pointwise(drawing, sets, edge);
    }
}

/* Whether a loose edge lies inside a logical region whose tasks are not all united. */
static bool has_inner_edge(const struct sets *sets, const bool *whole) {
    for (uint32_t edge = 0; edge < sets->graph->edge_count; edge++) {
        const struct fo_edge_spec *spec = &sets->graph->edges[edge];
        uint32_t region = sets->logical[spec->from];
        if (!fo_exchange_is_tight(spec->exchange) && region == sets->logical[spec->to] &&
            !whole[region])
            return true;
    }
    return false;
}

/* Whether logical regions form a cycle. Only their roots have arrows, so every vertex that is in no
 * cycle is a component of its own. */
static int has_logical_cycle(const struct sets *sets, bool *ret_cycle) {
    const struct fo_graph *graph = sets->graph;
    uint32_t *component = NULL;
    uint32_t count = 0;
    int rc = find_components(&graph->allocator, graph->vertex_count, draw_logical, sets, &component,
                             &count);

    if (rc == 0)
        *ret_cycle = count < graph->vertex_count;
    fo_memory_free(&graph->allocator, component);
    return rc;
}

static int unite_components(const struct sets *sets) {
    struct fo_graph *graph = sets->graph;
    uint32_t *component = NULL;
    uint32_t count = 0;
    int rc = find_components(&graph->allocator, graph->task_count + graph->edge_count, draw_tasks,
                             sets, &component, &count);
    if (rc != 0)
        return rc;
    uint32_t *anchors = fo_array_new(&graph->allocator, count, sizeof *anchors);
    for (uint32_t task = graph->task_count; anchors && task > 0; task--) {
        if (sets->parents[task - 1] == task - 1)
            anchors[component[task - 1]] = task - 1;
    }
    for (uint32_t task = 0; anchors && task < graph->task_count; task++) {
        if (sets->parents[task] == task)
            fo_sets_unite(sets->parents, anchors[component[task]], task);
    }
    rc = anchors ? 0 : -ENOMEM;
    fo_memory_free(&graph->allocator, anchors);
    fo_memory_free(&graph->allocator, component);
    return rc;
}

int fo_regions_merge_cycles(struct fo_graph *graph, const uint32_t *logical, const bool *whole,
                            uint32_t *parents) {
    struct sets sets = {graph, logical, parents};
    bool may_cycle = has_inner_edge(&sets, whole);
    int rc = may_cycle ? 0 : has_logical_cycle(&sets, &may_cycle);

    return rc == 0 && may_cycle ? unite_components(&sets) : rc;
}
