/* SPDX-License-Identifier: Apache-2.0 */
#include "exporter/engines/flink/plan.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <strings.h>

#include "exporter/base/clean_text.h"
#include "exporter/config/fail.h"

enum { NAME_SHOWN_BYTES = 160, ID_SHOWN_CHARS = 8 };

struct fo_str ex_flink_text(const json_t *object, const char *key) {
    const json_t *value = json_object_get(object, key);

    return json_is_string(value)
               ? (struct fo_str){json_string_value(value), json_string_length(value)}
               : (struct fo_str){"", 0};
}

int64_t ex_flink_number(const json_t *object, const char *key, int64_t otherwise) {
    const json_t *value = json_object_get(object, key);

    return json_is_integer(value) ? json_integer_value(value) : otherwise;
}

/* ---- vertices ------------------------------------------------------------------------------ */

static const json_t *vertices_of(const struct ex_flink_plan *plan) {
    return json_object_get(plan->details, "vertices");
}

static bool is_twice(const json_t *vertices, size_t index, struct fo_str name) {
    for (size_t i = 0; i < json_array_size(vertices); i++) {
        if (i != index && fo_str_equal(ex_flink_text(json_array_get(vertices, i), "name"), name))
            return true;
    }
    return false;
}

/* A name cut between characters, and made fit to be shown. */
static struct fo_str cut(struct fo_str text, size_t max) {
    if (text.len > max) {
        text.len = max;
        while (text.len > 0 && ((unsigned char)text.ptr[text.len] & 0xc0u) == 0x80)
            text.len--;
    }
    return text;
}

static int name_vertex(const json_t *vertices, size_t index, struct fo_str *ret_id) {
    const json_t *vertex = json_array_get(vertices, index);
    struct fo_str name = ex_flink_text(vertex, "name");
    struct fo_str id = cut(ex_flink_text(vertex, "id"), ID_SHOWN_CHARS);
    struct fo_str shown = cut(name, NAME_SHOWN_BYTES);
    struct ex_buffer text;

    ex_buffer_init(&text, FO_ID_MAX);
    ex_clean_terminal(&text, shown);
    if (shown.len < name.len || shown.len == 0 || is_twice(vertices, index, name))
        ex_buffer_printf(&text, "%s(%.*s)", shown.len > 0 ? " " : "", (int)id.len, id.ptr);
    if (text.failure < 0) {
        int ret = text.failure;
        ex_buffer_done(&text);
        return ret == -EMSGSIZE ? -EINVAL : ret;
    }
    size_t len;
    const char *bytes = ex_buffer_take(&text, &len);
    *ret_id = (struct fo_str){bytes, len};
    return 0;
}

static int read_vertex(const json_t *vertices, size_t index, struct ex_vertex_spec *ret_vertex) {
    int64_t parallelism = ex_flink_number(json_array_get(vertices, index), "parallelism", 0);

    if (parallelism < 1 || parallelism > FO_PARALLELISM_MAX)
        return -EINVAL;
    ret_vertex->parallelism = (uint32_t)parallelism;
    return name_vertex(vertices, index, &ret_vertex->id);
}

static int read_vertices(const struct ex_flink_plan *plan, struct ex_job_spec *spec) {
    const json_t *vertices = vertices_of(plan);
    size_t count = json_array_size(vertices);

    if (count > FO_VERTICES_MAX)
        return -E2BIG;
    spec->vertices = calloc(count + 1, sizeof *spec->vertices);
    if (!spec->vertices)
        return -ENOMEM;
    for (; spec->vertex_count < count; spec->vertex_count++) {
        int ret = read_vertex(vertices, spec->vertex_count, &spec->vertices[spec->vertex_count]);
        if (ret < 0)
            return ret;
    }
    return 0;
}

/* A job that failed before it had a graph is one failure like others: it needs a place. */
static int add_placeholder(const struct ex_flink_plan *plan, struct ex_job_spec *spec) {
    if (ex_flink_number(plan->details, "end-time", -1) < 0)
        return -EAGAIN;
    char *id = strdup("job");
    if (!id)
        return -ENOMEM;
    spec->vertices[0] = (struct ex_vertex_spec){.id = fo_str_of(id), .parallelism = 1};
    spec->vertex_count = 1;
    return 0;
}

/* ---- edges --------------------------------------------------------------------------------- */

/* Names of exchanges are those of ResultPartitionType, in lower case. */
static enum fo_exchange read_exchange(struct fo_str text) {
    static const struct {
        const char *name;
        enum fo_exchange exchange;
    } exchanges[] = {
        {"pipelined", FO_PIPELINED},
        {"pipelined_bounded", FO_PIPELINED_BOUNDED},
        {"pipelined_approximate", FO_PIPELINED_APPROXIMATE},
        {"blocking", FO_BLOCKING},
        {"blocking_persistent", FO_BLOCKING_PERSISTENT},
        {"hybrid_full", FO_HYBRID_FULL},
        {"hybrid_selective", FO_HYBRID_SELECTIVE},
    };

    for (size_t i = 0; i < sizeof exchanges / sizeof *exchanges; i++) {
        if (fo_str_equal(text, fo_str_of(exchanges[i].name)))
            return exchanges[i].exchange;
    }
    return FO_PIPELINED;
}

/* A forward or rescale edge joins neighbours; every other shipping may reach any consumer. */
static enum fo_pattern read_pattern(struct fo_str text) {
    return fo_str_equal(text, fo_str_of("FORWARD")) || fo_str_equal(text, fo_str_of("RESCALE"))
               ? FO_POINTWISE
               : FO_ALL_TO_ALL;
}

/* The indices of the vertices by id: an object; NULL = no memory. */
static json_t *index_vertices(const json_t *vertices) {
    json_t *index = json_object();
    int ret = index ? 0 : -1;

    for (size_t i = 0; i < json_array_size(vertices) && ret == 0; i++) {
        const char *id = json_string_value(json_object_get(json_array_get(vertices, i), "id"));
        if (id)
            ret = json_object_set_new(index, id, json_integer((json_int_t)i));
    }
    if (ret == 0)
        return index;
    json_decref(index);
    return NULL;
}

static int read_inputs(const json_t *index, const json_t *node, struct ex_job_spec *spec) {
    const json_t *inputs = json_object_get(node, "inputs");
    int64_t to = ex_flink_number(index, ex_flink_text(node, "id").ptr, -1);

    for (size_t i = 0; i < json_array_size(inputs); i++) {
        const json_t *input = json_array_get(inputs, i);
        int64_t from = ex_flink_number(index, ex_flink_text(input, "id").ptr, -1);
        if (from < 0 || to < 0)
            return -EINVAL;
        spec->edges[spec->edge_count++] = (struct fo_edge_spec){
            .from = (uint32_t)from,
            .to = (uint32_t)to,
            .exchange = read_exchange(ex_flink_text(input, "exchange")),
            .pattern = read_pattern(ex_flink_text(input, "ship_strategy")),
        };
    }
    return 0;
}

static int read_edges(const struct ex_flink_plan *plan, struct ex_job_spec *spec) {
    const json_t *nodes = json_object_get(json_object_get(plan->details, "plan"), "nodes");
    size_t count = 0;
    int ret = 0;

    for (size_t i = 0; i < json_array_size(nodes); i++)
        count += json_array_size(json_object_get(json_array_get(nodes, i), "inputs"));
    if (count > FO_EDGES_MAX)
        return -E2BIG;
    json_t *index = index_vertices(vertices_of(plan));
    spec->edges = calloc(count + 1, sizeof *spec->edges);
    spec->edge_lines = calloc(count + 1, sizeof *spec->edge_lines);
    if (!index || !spec->edges || !spec->edge_lines)
        ret = -ENOMEM;
    for (size_t i = 0; i < json_array_size(nodes) && ret == 0; i++)
        ret = read_inputs(index, json_array_get(nodes, i), spec);
    json_decref(index);
    return ret;
}

/* ---- the graph ------------------------------------------------------------------------------- */

static int build_graph(struct ex_job_spec *spec, struct fo_error *reterr) {
    struct fo_vertex_spec *vertices = calloc(spec->vertex_count, sizeof *vertices);

    if (!vertices)
        return -ENOMEM;
    for (uint32_t i = 0; i < spec->vertex_count; i++)
        vertices[i] = (struct fo_vertex_spec){spec->vertices[i].id, spec->vertices[i].parallelism};
    const struct fo_graph_spec graph = {vertices, spec->vertex_count, spec->edges,
                                        spec->edge_count};
    int ret = fo_graph_new(&graph, NULL, &spec->graph, reterr);
    free(vertices);
    return ret;
}

static int read_names(const struct ex_flink_plan *plan, struct ex_job_spec *spec) {
    spec->name = strdup(plan->name);
    spec->engine = strdup(plan->engine);
    spec->engine_kind = strdup("flink");
    return spec->name && spec->engine && spec->engine_kind ? 0 : -ENOMEM;
}

static int read_settings(const struct ex_flink_plan *plan, struct ex_job_spec *spec) {
    const json_t *execution = json_object_get(plan->config, "execution-config");
    const json_t *user = json_object_get(execution, "user-config");
    struct ex_flink_strategy strategy =
        ex_flink_strategy_read(ex_flink_text(execution, "restart-strategy"));

    spec->decisions.restart_strategy = strategy.config;
    spec->decisions.failover_strategy = FO_FAILOVER_REGION;
    spec->decisions.history_size = plan->history_size;
    spec->strategy_from_job = strategy.known;
    spec->strategy_unknown = !strategy.known;
    spec->configuration = json_is_object(user) ? json_deep_copy(user) : json_object();
    return spec->configuration ? 0 : -ENOMEM;
}

/* All that the specification was made of. */
static int keep_source(const struct ex_flink_plan *plan, struct ex_job_spec *spec) {
    json_t *source =
        json_pack("{s:s, s:i, s:O?, s:O?}", "name", plan->name, "history", (int)plan->history_size,
                  "details", plan->details, "config", plan->config);

    spec->source = source ? json_dumps(source, JSON_COMPACT) : NULL;
    json_decref(source);
    return spec->source ? 0 : -ENOMEM;
}

int ex_flink_plan_read_source(struct fo_str source, const char *engine,
                              struct ex_job_spec **ret_spec, struct fo_error *reterr) {
    json_t *root = json_loadb(source.ptr, source.len, 0, NULL);
    const struct ex_flink_plan plan = {
        .details = json_object_get(root, "details"),
        .config = json_object_get(root, "config"),
        .engine = engine,
        .name = json_string_value(json_object_get(root, "name")),
        .history_size = (uint32_t)ex_flink_number(root, "history", 0),
    };

    *reterr = (struct fo_error){.code = -EINVAL, .text = "what is kept of it is damaged"};
    int ret = plan.name ? ex_flink_plan_read(&plan, ret_spec, reterr) : -EINVAL;
    json_decref(root);
    return ret;
}

int ex_flink_plan_read(const struct ex_flink_plan *plan, struct ex_job_spec **ret_spec,
                       struct fo_error *reterr) {
    struct ex_job_spec *spec = calloc(1, sizeof *spec);

    *reterr = (struct fo_error){.text = "its plan is not understood"};
    if (!spec)
        return -ENOMEM;
    spec->owners = 1;
    int ret = read_names(plan, spec);
    if (ret == 0)
        ret = read_settings(plan, spec);
    if (ret == 0)
        ret = read_vertices(plan, spec);
    if (ret == 0 && spec->vertex_count == 0)
        ret = add_placeholder(plan, spec);
    else if (ret == 0)
        ret = read_edges(plan, spec);
    if (ret == 0)
        ret = build_graph(spec, reterr);
    if (ret == 0)
        ret = keep_source(plan, spec);
    if (ret < 0) {
        reterr->code = ret;
        (void)ex_job_spec_unref(spec);
        return ret;
    }
    *ret_spec = spec;
    return 0;
}
