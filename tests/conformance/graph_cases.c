/* SPDX-License-Identifier: Apache-2.0 */
/* Graphs of single tasks, their regions, and components of directed graphs. */
#include <stdio.h>
#include <stdlib.h>

#include "failover/memory.h"
#include "failover/regions.h"
#include "failover/scc.h"
#include "tests/conformance/conformance.h"

/* ---- graphs ------------------------------------------------------------------------------ */

static const char *const exchanges[] = {
    [FO_PIPELINED] = "pipelined",
    [FO_PIPELINED_BOUNDED] = "pipelined_bounded",
    [FO_PIPELINED_APPROXIMATE] = "pipelined_approximate",
    [FO_BLOCKING] = "blocking",
    [FO_BLOCKING_PERSISTENT] = "blocking_persistent",
    [FO_HYBRID_FULL] = "hybrid_full",
    [FO_HYBRID_SELECTIVE] = "hybrid_selective",
};

static bool parse_exchange(struct cf_result *result, struct fo_str name,
                           enum fo_exchange *ret_exchange) {
    for (unsigned i = 0; i < sizeof exchanges / sizeof *exchanges; i++) {
        if (fo_str_equal(name, fo_str_of(exchanges[i]))) {
            *ret_exchange = (enum fo_exchange)i;
            return true;
        }
    }
    return cf_fail(result, "unknown exchange %.*s", (int)name.len, name.ptr);
}

const char *cf_partition_name(const json_t *edge, char *buffer, size_t size) {
    const json_t *partition = json_object_get(edge, "partition");

    if (json_is_string(partition))
        return json_string_value(partition);
    (void)snprintf(buffer, size, "%s->%s", json_string_value(json_object_get(edge, "from")),
                   json_string_value(json_object_get(edge, "to")));
    return buffer;
}

/* Edges of one producer that name the same partition read the same. */
static uint32_t result_of(const json_t *edges, size_t index) {
    char wanted[512];
    char other[512];
    const json_t *edge = json_array_get(edges, index);
    const char *name = cf_partition_name(edge, wanted, sizeof wanted);

    if (!json_object_get(edge, "partition"))
        return 0;
    for (size_t i = 0; i < index; i++) {
        if (strcmp(cf_partition_name(json_array_get(edges, i), other, sizeof other), name) == 0)
            return (uint32_t)i + 1;
    }
    return (uint32_t)index + 1;
}

static bool read_edge(struct cf_result *result, const json_t *vertices, const json_t *edges,
                      size_t index, struct fo_edge_spec *ret_edge) {
    const char *field = json_is_object(json_array_get(vertices, 0)) ? "id" : NULL;
    const json_t *edge = json_array_get(edges, index);
    struct fo_str type;

    if (!cf_only(result, edge, "from to type partition") || !cf_text(result, edge, "type", &type) ||
        !parse_exchange(result, type, &ret_edge->exchange))
        return false;
    int64_t from = cf_find(vertices, field, cf_str(json_object_get(edge, "from")));
    int64_t to = cf_find(vertices, field, cf_str(json_object_get(edge, "to")));
    if (from < 0 || to < 0)
        return cf_fail(result, "edge %zu leads from or to an unknown vertex", index);
    ret_edge->from = (uint32_t)from;
    ret_edge->to = (uint32_t)to;
    ret_edge->pattern = FO_POINTWISE;
    ret_edge->result = result_of(edges, index);
    return true;
}

struct fo_graph *cf_graph(struct cf_result *result, const json_t *vertices, const json_t *edges) {
    size_t vertex_count = json_array_size(vertices);
    size_t edge_count = json_array_size(edges);
    struct fo_vertex_spec *vertex_specs = calloc(vertex_count + 1, sizeof *vertex_specs);
    struct fo_edge_spec *edge_specs = calloc(edge_count + 1, sizeof *edge_specs);
    struct fo_graph_spec spec = {vertex_specs, (uint32_t)vertex_count, edge_specs,
                                 (uint32_t)edge_count};
    struct fo_graph *graph = NULL;
    struct fo_error error;
    bool is_read = vertex_specs && edge_specs;

    for (size_t i = 0; is_read && i < vertex_count; i++) {
        const json_t *vertex = json_array_get(vertices, i);
        const json_t *id = json_is_object(vertex) ? json_object_get(vertex, "id") : vertex;
        vertex_specs[i] = (struct fo_vertex_spec){cf_str(id), 1};
    }
    for (size_t i = 0; is_read && i < edge_count; i++)
        is_read = read_edge(result, vertices, edges, i, &edge_specs[i]);
    if (is_read && fo_graph_new(&spec, NULL, &graph, &error) != 0)
        (void)cf_fail(result, "%s", error.text);
    free(edge_specs);
    free(vertex_specs);
    return graph;
}

/* ---- partitions of a set ------------------------------------------------------------------ */

/* Whether `groups` (lists of members) say the same as `set_of` (member -> number of its set):
 * `index_of` turns a JSON member into its number. */
typedef int64_t (*member_index)(const json_t *member, const json_t *names);

static int64_t index_of_name(const json_t *member, const json_t *names) {
    return cf_find(names, NULL, cf_str(member));
}

static int64_t index_itself(const json_t *member, const json_t *names) {
    (void)names;
    return json_is_integer(member) ? json_integer_value(member) : -1;
}

static bool check_group(struct cf_result *result, const json_t *group, const json_t *names,
                        member_index index_of, struct fo_task_list set_of, bool *seen) {
    int64_t first = index_of(json_array_get(group, 0), names);

    for (size_t i = 0; i < json_array_size(group); i++) {
        int64_t member = index_of(json_array_get(group, i), names);
        if (member < 0 || member >= set_of.count || seen[member])
            return cf_fail(result, "an expected set has a member that is unknown or repeated");
        seen[member] = true;
        if (set_of.tasks[member] != set_of.tasks[first])
            return cf_fail(result, "members %lld and %lld should be in one set", (long long)first,
                           (long long)member);
    }
    return true;
}

static bool check_partition(struct cf_result *result, const json_t *groups, const json_t *names,
                            member_index index_of, struct fo_task_list set_of) {
    bool *seen = calloc((size_t)set_of.count + 1, sizeof *seen);
    uint32_t sets = 0;
    bool passed = seen != NULL;

    for (uint32_t i = 0; i < set_of.count; i++)
        sets = set_of.tasks[i] >= sets ? set_of.tasks[i] + 1 : sets;
    for (size_t i = 0; passed && i < json_array_size(groups); i++)
        passed = check_group(result, json_array_get(groups, i), names, index_of, set_of, seen);
    for (uint32_t i = 0; passed && i < set_of.count; i++) {
        if (!seen[i])
            passed = cf_fail(result, "member %u is in no expected set", i);
    }
    if (passed && sets != json_array_size(groups))
        passed = cf_fail(result, "%u sets, expected %zu", sets, json_array_size(groups));
    free(seen);
    return passed;
}

/* ---- regions ------------------------------------------------------------------------------ */

/* Roots to numbers without gaps, as check_partition() wants them. */
static void number_roots(uint32_t *parents, uint32_t count) {
    uint32_t next = 0;

    for (uint32_t i = 0; i < count; i++)
        parents[i] = parents[i] == i ? next++ : parents[parents[i]];
}

static bool check_regions(struct cf_result *result, const json_t *json,
                          const struct fo_graph *graph) {
    uint32_t count = fo_graph_vertex_count(graph);
    const json_t *groups = json_object_get(json, "expect_regions");
    const json_t *names = json_object_get(json, "vertices");
    uint32_t *set_of = calloc(count, sizeof *set_of);

    if (!set_of)
        return cf_fail(result, "out of memory");
    if (json_object_get(json, "level")) {
        fo_regions_logical(graph, set_of);
        number_roots(set_of, count);
    } else {
        for (uint32_t task = 0; task < count; task++)
            set_of[task] = fo_graph_task_region(graph, task);
    }
    bool passed =
        check_partition(result, groups, names, index_of_name, (struct fo_task_list){set_of, count});
    free(set_of);
    return passed;
}

bool cf_run_regions(struct cf_result *result, const json_t *json) {
    const json_t *level = json_object_get(json, "level");
    const json_t *vertices = NULL;
    const json_t *edges = NULL;
    const json_t *groups = NULL;

    if (!cf_only(result, json, "name source vertices edges expect_regions level note") ||
        !cf_list(result, json, "vertices", &vertices) || !cf_list(result, json, "edges", &edges) ||
        !cf_list(result, json, "expect_regions", &groups))
        return false;
    if (level && !fo_str_equal(cf_str(level), fo_str_of("logical")))
        return cf_fail(result, "unknown level");
    struct fo_graph *graph = cf_graph(result, vertices, edges);
    bool passed = graph && check_regions(result, json, graph);
    (void)fo_graph_unref(graph);
    return passed;
}

/* ---- components --------------------------------------------------------------------------- */

struct digraph {
    uint32_t count;
    uint32_t *first;
    uint32_t *targets;
};

enum { RING_MAX = 100000000 };

static bool read_ring(struct cf_result *result, const json_t *generator, struct digraph *graph) {
    int64_t count = 0;

    if (!cf_only(result, generator, "kind num_vertices") ||
        !cf_integer(result, generator, "num_vertices", &count))
        return false;
    if (!fo_str_equal(cf_str(json_object_get(generator, "kind")), fo_str_of("ring")) || count < 1 ||
        count > RING_MAX)
        return cf_fail(result, "unknown generator");
    graph->count = (uint32_t)count;
    graph->first = calloc((size_t)count + 1, sizeof *graph->first);
    graph->targets = calloc((size_t)count, sizeof *graph->targets);
    for (uint32_t i = 0; graph->first && graph->targets && i < count; i++) {
        graph->first[i + 1] = i + 1;
        graph->targets[i] = (i + 1) % (uint32_t)count;
    }
    return true;
}

static bool read_arrows(struct cf_result *result, const json_t *json, struct digraph *graph) {
    const json_t *lists = NULL;
    int64_t count = 0;
    size_t arrows = 0;

    if (!cf_integer(result, json, "num_vertices", &count) ||
        !cf_list(result, json, "out_edges", &lists))
        return false;
    if (count < 1 || json_array_size(lists) != (size_t)count)
        return cf_fail(result, "num_vertices and out_edges do not match");
    for (size_t i = 0; i < (size_t)count; i++)
        arrows += json_array_size(json_array_get(lists, i));
    graph->count = (uint32_t)count;
    graph->first = calloc((size_t)count + 1, sizeof *graph->first);
    graph->targets = calloc(arrows + 1, sizeof *graph->targets);
    for (size_t i = 0; graph->first && graph->targets && i < (size_t)count; i++) {
        const json_t *list = json_array_get(lists, i);
        graph->first[i + 1] = graph->first[i];
        for (size_t j = 0; j < json_array_size(list); j++) {
            int64_t target = index_itself(json_array_get(list, j), NULL);
            if (target < 0 || target >= count)
                return cf_fail(result, "an edge leads to an unknown vertex");
            graph->targets[graph->first[i + 1]++] = (uint32_t)target;
        }
    }
    return true;
}

static uint32_t largest(const uint32_t *component, uint32_t nodes, uint32_t components) {
    uint32_t *sizes = calloc((size_t)components + 1, sizeof *sizes);
    uint32_t most = 0;

    for (uint32_t i = 0; sizes && i < nodes; i++) {
        sizes[component[i]]++;
        most = sizes[component[i]] > most ? sizes[component[i]] : most;
    }
    free(sizes);
    return most;
}

static bool check_number(struct cf_result *result, const json_t *json, const char *name,
                         uint32_t is) {
    int64_t expected = 0;

    if (!json_object_get(json, name))
        return true;
    if (!cf_integer(result, json, name, &expected))
        return false;
    return expected == is
               ? true
               : cf_fail(result, "%s: %u instead of %lld", name, is, (long long)expected);
}

static bool check_components(struct cf_result *result, const json_t *json,
                             const struct digraph *graph, uint32_t *component) {
    struct fo_arrows arrows = {graph->count, graph->first, graph->targets};
    struct fo_allocator allocator = fo_allocator_or_default(NULL);
    const json_t *groups = json_object_get(json, "expect_components");
    uint32_t count = 0;

    if (fo_scc(&arrows, &allocator, component, &count) != 0)
        return cf_fail(result, "out of memory");
    if (groups && !check_partition(result, groups, NULL, index_itself,
                                   (struct fo_task_list){component, graph->count}))
        return false;
    return check_number(result, json, "expect_num_components", count) &&
           check_number(result, json, "expect_largest", largest(component, graph->count, count));
}

bool cf_run_scc(struct cf_result *result, const json_t *json) {
    const json_t *generator = json_object_get(json, "generator");
    struct digraph graph = {0, NULL, NULL};

    if (!cf_only(result, json,
                 "name source num_vertices out_edges generator expect_components "
                 "expect_num_components expect_largest note"))
        return false;
    bool passed =
        generator ? read_ring(result, generator, &graph) : read_arrows(result, json, &graph);
    uint32_t *component = calloc((size_t)graph.count + 1, sizeof *component);
    if (passed && (!component || !graph.first || !graph.targets))
        passed = cf_fail(result, "out of memory");
    passed = passed && component && check_components(result, json, &graph, component);
    free(component);
    free(graph.targets);
    free(graph.first);
    return passed;
}
