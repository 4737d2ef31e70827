/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <stdlib.h>

#include "exporter/config/fail.h"
#include "exporter/config/job_read.h"
#include "exporter/config/nearest.h"

static int read_end(const struct ex_job_reading *reading, const struct ex_fields *edge,
                    const char *key, uint32_t *ret_vertex) {
    const struct ex_job_spec *spec = reading->spec;
    struct fo_str id = {NULL, 0};
    int rc = ex_field_str(edge, key, &id);

    if (rc != 0)
        return rc;
    if (!id.ptr)
        return ex_fail(edge->reterr, -EINVAL, edge->line, "edge: \"%s\" is wanted", key);
    const json_t *index = json_object_getn(reading->indices, id.ptr, id.len);
    if (index) {
        *ret_vertex = (uint32_t)json_integer_value(index);
        return 0;
    }
    struct ex_nearest nearest = ex_nearest_to(id);
    for (uint32_t i = 0; i < spec->vertex_count; i++)
        ex_nearest_try(&nearest, spec->vertices[i].id);
    return ex_field_refuse(edge, key, "unknown vertex \"%.*s\"; the nearest one is \"%.*s\"",
                           ex_shown(id), id.ptr, ex_shown(nearest.best), nearest.best.ptr);
}

/* In the order of enum fo_exchange. */
static const char *const exchanges[] = {
    "pipelined",           "pipelined-bounded", "pipelined-approximate", "blocking",
    "blocking-persistent", "hybrid-full",       "hybrid-selective",      NULL};

static int read_exchange(const struct ex_job_reading *reading, const struct ex_fields *edge,
                         enum fo_exchange *ret_exchange) {
    unsigned exchange = FO_PIPELINED;
    int rc = ex_field_word(edge, "exchange", exchanges, &exchange);

    if (rc != 0)
        return rc;
    if (reading->wants_commands && exchange != FO_PIPELINED && exchange != FO_BLOCKING)
        return ex_field_refuse(edge, "exchange",
                               "%s is for the push engine; here it is pipelined or blocking",
                               exchanges[exchange]);
    *ret_exchange = (enum fo_exchange)exchange;
    return 0;
}

static int read_edge(const struct ex_job_reading *reading, json_t *node, uint32_t index) {
    static const char *const keys[] = {"from", "to", "exchange", "pattern", NULL};
    static const char *const patterns[] = {"all-to-all", "pointwise", NULL};
    struct fo_edge_spec *out = &reading->spec->edges[index];
    unsigned pattern = FO_ALL_TO_ALL;
    struct ex_fields edge;

    int rc = ex_fields_open(reading->job.tree, node, "edge", keys, &edge, reading->job.reterr);
    if (rc != 0)
        return rc;
    reading->spec->edge_lines[index] = edge.line;
    rc = read_end(reading, &edge, "from", &out->from);
    if (rc == 0)
        rc = read_end(reading, &edge, "to", &out->to);
    if (rc == 0)
        rc = read_exchange(reading, &edge, &out->exchange);
    if (rc == 0)
        rc = ex_field_word(&edge, "pattern", patterns, &pattern);
    out->pattern = (enum fo_pattern)pattern;
    return rc;
}

int ex_job_read_edges(struct ex_job_reading *reading) {
    const struct ex_fields *job = &reading->job;
    struct ex_job_spec *spec = reading->spec;
    const json_t *list = NULL;

    int rc = ex_field_list(job, "edges", &list);
    size_t count = json_array_size(list);
    if (rc != 0 || count == 0)
        return rc;
    if (count > FO_EDGES_MAX)
        return ex_field_refuse(job, "edges", "more than %u", FO_EDGES_MAX);
    spec->edges = calloc(count, sizeof *spec->edges);
    spec->edge_lines = calloc(count, sizeof *spec->edge_lines);
    if (!spec->edges || !spec->edge_lines)
        return ex_fields_no_memory(job);
    spec->edge_count = (uint32_t)count;
    for (uint32_t i = 0; i < count; i++) {
        json_t *node = json_array_get(list, i);
        if (!json_is_object(node))
            return ex_fail(job->reterr, -EINVAL, ex_tree_item_line(job->tree, list, i),
                           "edge: a map (key: value) is wanted");
        rc = read_edge(reading, node, i);
        if (rc != 0)
            return rc;
    }
    return 0;
}

int ex_job_build_graph(struct ex_job_reading *reading) {
    struct ex_job_spec *spec = reading->spec;
    struct fo_vertex_spec *vertices = calloc(spec->vertex_count, sizeof *vertices);

    if (!vertices)
        return ex_fields_no_memory(&reading->job);
    for (uint32_t i = 0; i < spec->vertex_count; i++)
        vertices[i] = (struct fo_vertex_spec){spec->vertices[i].id, spec->vertices[i].parallelism};
    struct fo_graph_spec graph = {vertices, spec->vertex_count, spec->edges, spec->edge_count};
    int rc = fo_graph_new(&graph, NULL, &spec->graph, reading->job.reterr);
    /* The core knows no lines; what it still finds is about the whole (too many tasks). */
    if (rc != 0 && reading->job.reterr && reading->job.reterr->line == 0)
        reading->job.reterr->line = ex_field_line(&reading->job, "vertices");
    free(vertices);
    return rc;
}
