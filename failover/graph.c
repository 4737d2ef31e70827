/* SPDX-License-Identifier: Apache-2.0 */
/* Building a graph: check the spec, copy it, index it, order it, find its regions. */
#include "failover/graph.h"

#include <errno.h>

#include "failover/memory.h"
#include "failover/regions.h"
#include "failover/sort.h"
#include "failover/text.h"

/* ---- checking ---------------------------------------------------------------------------- */

static int check_counts(const struct fo_graph_spec *spec, struct fo_error *reterr) {
    static const struct fo_str none = {NULL, 0};

    if (spec->vertex_count == 0 || !spec->vertices || (spec->edge_count > 0 && !spec->edges))
        return fo_error_set(reterr, -EINVAL, "a graph needs at least one vertex", none, "");
    if (spec->vertex_count > FO_VERTICES_MAX)
        return fo_error_set(reterr, -E2BIG, "the graph has too many vertices", none, "");
    if (spec->edge_count > FO_EDGES_MAX)
        return fo_error_set(reterr, -E2BIG, "the graph has too many edges", none, "");
    return 0;
}

static int check_vertices(const struct fo_graph_spec *spec, struct fo_error *reterr) {
    uint64_t tasks = 0;

    for (uint32_t i = 0; i < spec->vertex_count; i++) {
        const struct fo_vertex_spec *vertex = &spec->vertices[i];
        if (!vertex->id.ptr || vertex->id.len == 0 || vertex->id.len > FO_ID_MAX)
            return fo_error_set(reterr, -EINVAL, "a vertex id is empty or too long",
                                (struct fo_str){NULL, 0}, "");
        if (vertex->parallelism == 0)
            return fo_error_set(reterr, -EINVAL, "the parallelism of vertex ", vertex->id,
                                " must be at least 1");
        if (vertex->parallelism > FO_PARALLELISM_MAX)
            return fo_error_set(reterr, -E2BIG, "the parallelism of vertex ", vertex->id,
                                " is over the limit");
        tasks += vertex->parallelism;
        if (tasks > FO_TASKS_MAX)
            return fo_error_set(reterr, -E2BIG,
                                "the graph has too many tasks, counted up to vertex ", vertex->id,
                                "");
    }
    return 0;
}

static int check_edges(const struct fo_graph_spec *spec, struct fo_error *reterr) {
    uint64_t ends = 0;

    for (uint32_t i = 0; i < spec->edge_count; i++) {
        const struct fo_edge_spec *edge = &spec->edges[i];
        if (edge->from >= spec->vertex_count || edge->to >= spec->vertex_count)
            return fo_error_set(reterr, -EINVAL, "an edge leads from or to an unknown vertex",
                                (struct fo_str){NULL, 0}, "");
        const struct fo_vertex_spec *from = &spec->vertices[edge->from];
        if (edge->exchange > FO_HYBRID_SELECTIVE || edge->pattern > FO_POINTWISE)
            return fo_error_set(reterr, -EINVAL,
                                "unknown exchange or pattern of an edge from vertex ", from->id,
                                "");
        ends += (uint64_t)from->parallelism + spec->vertices[edge->to].parallelism;
        if (ends > FO_EDGE_ENDS_MAX)
            return fo_error_set(reterr, -E2BIG,
                                "the edges join too many tasks, counted up to one from vertex ",
                                from->id, "");
    }
    return 0;
}

/* ---- copying ----------------------------------------------------------------------------- */

static size_t id_bytes_of(const struct fo_graph_spec *spec) {
    size_t bytes = 0;

    for (uint32_t i = 0; i < spec->vertex_count; i++)
        bytes += spec->vertices[i].id.len;
    return bytes;
}

static int allocate(struct fo_graph *graph, const struct fo_graph_spec *spec) {
    const struct fo_allocator *allocator = &graph->allocator;

    graph->vertex_count = spec->vertex_count;
    graph->edge_count = spec->edge_count;
    graph->vertices = fo_array_new(allocator, spec->vertex_count, sizeof *graph->vertices);
    graph->by_id = fo_array_new(allocator, spec->vertex_count, sizeof *graph->by_id);
    graph->topological = fo_array_new(allocator, spec->vertex_count, sizeof *graph->topological);
    graph->edges = fo_array_new(allocator, spec->edge_count, sizeof *graph->edges);
    graph->edge_result = fo_array_new(allocator, spec->edge_count, sizeof *graph->edge_result);
    graph->edge_lists =
        fo_array_new(allocator, 2 * (size_t)spec->edge_count, sizeof *graph->edge_lists);
    graph->id_bytes = fo_array_new(allocator, id_bytes_of(spec), 1);
    if (!graph->vertices || !graph->by_id || !graph->topological || !graph->edges ||
        !graph->edge_result || !graph->edge_lists || !graph->id_bytes)
        return -ENOMEM;
    return 0;
}

static void copy(struct fo_graph *graph, const struct fo_graph_spec *spec) {
    char *id_bytes = graph->id_bytes;

    for (uint32_t i = 0; i < spec->vertex_count; i++) {
        struct fo_vertex *vertex = &graph->vertices[i];
        struct fo_str id = spec->vertices[i].id;
        memcpy(id_bytes, id.ptr, id.len);
        vertex->id = (struct fo_str){id_bytes, id.len};
        vertex->parallelism = spec->vertices[i].parallelism;
        vertex->first_task = graph->task_count;
        graph->task_count += vertex->parallelism;
        graph->by_id[i] = i;
        id_bytes += id.len;
    }
    for (uint32_t i = 0; i < spec->edge_count; i++)
        graph->edges[i] = spec->edges[i];
}

/* ---- indexing ---------------------------------------------------------------------------- */

static int compare_ids(struct fo_str a, struct fo_str b) {
    int order = memcmp(a.ptr, b.ptr, a.len < b.len ? a.len : b.len);

    return order != 0 ? order : (a.len > b.len) - (a.len < b.len);
}

static bool id_is_before(const void *ctx, uint32_t a, uint32_t b) {
    const struct fo_graph *graph = ctx;

    return compare_ids(graph->vertices[a].id, graph->vertices[b].id) < 0;
}

static int index_ids(struct fo_graph *graph, struct fo_error *reterr) {
    fo_sort(graph->by_id, graph->vertex_count, id_is_before, graph);
    for (uint32_t i = 1; i < graph->vertex_count; i++) {
        struct fo_str id = graph->vertices[graph->by_id[i]].id;
        if (fo_str_equal(graph->vertices[graph->by_id[i - 1]].id, id))
            return fo_error_set(reterr, -EINVAL, "two vertices have the id ", id, "");
    }
    return 0;
}

/* Gives each vertex its lists in edge_lists: counts first, then fills in the order of the spec. */
static void index_edges(struct fo_graph *graph) {
    uint32_t *next = graph->edge_lists;

    for (uint32_t i = 0; i < graph->edge_count; i++) {
        graph->vertices[graph->edges[i].from].outputs.count++;
        graph->vertices[graph->edges[i].to].inputs.count++;
    }
    for (uint32_t i = 0; i < graph->vertex_count; i++) {
        struct fo_vertex *vertex = &graph->vertices[i];
        vertex->inputs.edges = next;
        vertex->outputs.edges = next + vertex->inputs.count;
        next += vertex->inputs.count + vertex->outputs.count;
        vertex->inputs.count = 0;
        vertex->outputs.count = 0;
    }
    for (uint32_t i = 0; i < graph->edge_count; i++) {
        struct fo_vertex *from = &graph->vertices[graph->edges[i].from];
        struct fo_vertex *to = &graph->vertices[graph->edges[i].to];
        bool loose = !fo_exchange_is_tight(graph->edges[i].exchange);
        graph->edge_lists[from->outputs.edges - graph->edge_lists + from->outputs.count++] = i;
        graph->edge_lists[to->inputs.edges - graph->edge_lists + to->inputs.count++] = i;
        from->loose_outputs |= loose;
        to->loose_inputs |= loose;
    }
}

/* Orders edges by producer and result, so that edges that read the same partitions meet. */
static bool result_is_before(const void *ctx, uint32_t a, uint32_t b) {
    const struct fo_edge_spec *x = &((const struct fo_graph *)ctx)->edges[a];
    const struct fo_edge_spec *y = &((const struct fo_graph *)ctx)->edges[b];

    if (x->from != y->from)
        return x->from < y->from;
    if (x->result != y->result)
        return x->result < y->result;
    return a < b;
}

static int index_results(struct fo_graph *graph) {
    uint32_t *order = fo_array_new(&graph->allocator, graph->edge_count, sizeof *order);

    if (!order)
        return -ENOMEM;
    for (uint32_t i = 0; i < graph->edge_count; i++)
        order[i] = i;
    fo_sort(order, graph->edge_count, result_is_before, graph);
    for (uint32_t i = 0; i < graph->edge_count; i++) {
        const struct fo_edge_spec *edge = &graph->edges[order[i]];
        const struct fo_edge_spec *last = i > 0 ? &graph->edges[order[i - 1]] : NULL;
        bool shared =
            last && edge->result != 0 && last->from == edge->from && last->result == edge->result;
        graph->edge_result[order[i]] = shared ? graph->edge_result[order[i - 1]] : order[i];
    }
    fo_memory_free(&graph->allocator, order);
    return 0;
}

static int build(struct fo_graph *graph, const struct fo_graph_spec *spec,
                 struct fo_error *reterr) {
    int rc = allocate(graph, spec);

    if (rc != 0)
        return rc;
    copy(graph, spec);
    rc = index_ids(graph, reterr);
    if (rc != 0)
        return rc;
    index_edges(graph);
    rc = index_results(graph);
    if (rc == 0)
        rc = fo_graph_sort(graph, reterr);
    if (rc == 0)
        rc = fo_regions_build(graph);
    return rc;
}

/* ---- life -------------------------------------------------------------------------------- */

static void graph_free(struct fo_graph *graph) {
    struct fo_allocator allocator = graph->allocator;

    fo_memory_free(&allocator, graph->region_first);
    fo_memory_free(&allocator, graph->region_tasks);
    fo_memory_free(&allocator, graph->task_region);
    fo_memory_free(&allocator, graph->id_bytes);
    fo_memory_free(&allocator, graph->edge_lists);
    fo_memory_free(&allocator, graph->edge_result);
    fo_memory_free(&allocator, graph->edges);
    fo_memory_free(&allocator, graph->topological);
    fo_memory_free(&allocator, graph->by_id);
    fo_memory_free(&allocator, graph->vertices);
    fo_memory_free(&allocator, graph);
}

int fo_graph_new(const struct fo_graph_spec *spec, const struct fo_allocator *allocator,
                 struct fo_graph **ret_graph, struct fo_error *reterr) {
    struct fo_allocator kept = fo_allocator_or_default(allocator);
    int rc = check_counts(spec, reterr);

    if (rc == 0)
        rc = check_vertices(spec, reterr);
    if (rc == 0)
        rc = check_edges(spec, reterr);
    if (rc != 0)
        return rc;
    struct fo_graph *graph = fo_array_new(&kept, 1, sizeof *graph);
    if (graph) {
        graph->allocator = kept;
        atomic_init(&graph->owners, 1);
        rc = build(graph, spec, reterr);
    }
    if (!graph || rc == -ENOMEM)
        rc = fo_error_set(reterr, -ENOMEM, "not enough memory for the graph",
                          (struct fo_str){NULL, 0}, "");
    if (rc == 0)
        *ret_graph = graph;
    else if (graph)
        graph_free(graph);
    return rc;
}

struct fo_graph *fo_graph_ref(struct fo_graph *graph) {
    if (graph)
        (void)atomic_fetch_add_explicit(&graph->owners, 1, memory_order_relaxed);
    return graph;
}

struct fo_graph *fo_graph_unref(struct fo_graph *graph) {
    if (graph && atomic_fetch_sub_explicit(&graph->owners, 1, memory_order_acq_rel) == 1)
        graph_free(graph);
    return NULL;
}

uint32_t fo_graph_find_vertex(const struct fo_graph *graph, struct fo_str id) {
    uint32_t low = 0;
    uint32_t high = graph->vertex_count;

    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        int order = compare_ids(graph->vertices[graph->by_id[middle]].id, id);
        if (order == 0)
            return graph->by_id[middle];
        if (order < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return FO_NO_TASK;
}
