/* SPDX-License-Identifier: Apache-2.0 */
/* What is said of one job and its vertices. */
#include "exporter/rest/shapes.h"
#include "exporter/rest/texts.h"

/* A job is a batch job as soon as some of its tasks wait for others to end. */
static const char *job_type(const struct ex_job_spec *spec) {
    for (uint32_t i = 0; i < spec->edge_count; i++) {
        if (spec->edges[i].exchange >= FO_BLOCKING)
            return "BATCH";
    }
    return "STREAMING";
}

json_t *ex_rest_task_counts(const uint32_t counts[static FO_TASK_STATE_COUNT]) {
    json_t *shown = json_object();
    int ret = 0;

    for (int state = 0; state < FO_TASK_STATE_COUNT; state++)
        ret |= json_object_set_new(shown, fo_task_state_name((enum fo_task_state)state),
                                   json_integer(counts[state]));
    if (ret == 0)
        return shown;
    json_decref(shown);
    return NULL;
}

static json_t *show_timestamps(const struct ex_job_copy *job) {
    json_t *shown = json_object();
    int ret = 0;

    for (int state = 0; state < FO_JOB_STATE_COUNT; state++)
        ret |= json_object_set_new(shown, fo_job_state_name((enum fo_job_state)state),
                                   json_integer(job->state_since_ms[state]));
    if (ret == 0)
        return shown;
    json_decref(shown);
    return NULL;
}

/* ---- vertices ---- */

/* What passes through a vertex is not measured. */
static json_t *show_metrics(void) {
    return json_pack("{s:i, s:b, s:i, s:b, s:i, s:b, s:i, s:b, s:i, s:i, s:f}", "read-bytes", 0,
                     "read-bytes-complete", 0, "write-bytes", 0, "write-bytes-complete", 0,
                     "read-records", 0, "read-records-complete", 0, "write-records", 0,
                     "write-records-complete", 0, "accumulated-backpressured-time", 0,
                     "accumulated-idle-time", 0, "accumulated-busy-time", 0.0);
}

struct span {
    int64_t start_ms; /* -1 = not yet */
    int64_t end_ms;
    int64_t duration_ms;
};

static struct span span_between(int64_t start_ms, int64_t end_ms, int64_t now_ms) {
    struct span span = {.start_ms = start_ms, .end_ms = end_ms, .duration_ms = -1};

    if (start_ms >= 0)
        span.duration_ms = (end_ms >= 0 ? end_ms : now_ms) - start_ms;
    return span;
}

static struct span task_span(const struct ex_task_copy *task, int64_t now_ms) {
    return span_between(task->deploying_ms > 0 ? task->deploying_ms : -1,
                        fo_task_state_is_terminal(task->state) ? task->since_ms : -1, now_ms);
}

/* From the first deployment of its tasks to the last end, if all have ended. Counts them as well.
 */
static struct span vertex_span(const struct ex_job_copy *job, uint32_t vertex,
                               uint32_t ret_counts[static FO_TASK_STATE_COUNT]) {
    const struct fo_graph *graph = job->spec->graph;
    const struct ex_task_copy *tasks = job->tasks + fo_graph_vertex_first_task(graph, vertex);
    uint32_t count = fo_graph_vertex_parallelism(graph, vertex);
    int64_t start_ms = INT64_MAX;
    int64_t end_ms = -1;
    bool ended = true;

    memset(ret_counts, 0, FO_TASK_STATE_COUNT * sizeof *ret_counts);
    for (uint32_t i = 0; i < count; i++) {
        ret_counts[tasks[i].state]++;
        if (tasks[i].deploying_ms > 0 && tasks[i].deploying_ms < start_ms)
            start_ms = tasks[i].deploying_ms;
        if (tasks[i].since_ms > end_ms)
            end_ms = tasks[i].since_ms;
        ended = ended && fo_task_state_is_terminal(tasks[i].state);
    }
    return span_between(start_ms < INT64_MAX ? start_ms : -1, ended ? end_ms : -1, job->now_ms);
}

static json_t *show_vertex(const struct ex_job_copy *job, uint32_t vertex,
                           enum ex_flink_profile profile) {
    const struct fo_graph *graph = job->spec->graph;
    uint32_t parallelism = fo_graph_vertex_parallelism(graph, vertex);
    uint32_t counts[FO_TASK_STATE_COUNT];
    struct span span = vertex_span(job, vertex, counts);
    struct fo_str id = fo_graph_vertex_id(graph, vertex);
    json_t *shown = json_pack("{s:o, s:o, s:I, s:I, s:s, s:I, s:I, s:I, s:o, s:o}", "id",
                              ex_rest_text(id), "name", ex_rest_text(id), "maxParallelism",
                              (json_int_t)parallelism, "parallelism", (json_int_t)parallelism,
                              "status", fo_task_state_name(job->vertex_states[vertex]),
                              "start-time", (json_int_t)span.start_ms, "end-time",
                              (json_int_t)span.end_ms, "duration", (json_int_t)span.duration_ms,
                              "tasks", ex_rest_task_counts(counts), "metrics", show_metrics());

    /* Current only. All tasks share what there is: one group. */
    if (profile == EX_FLINK_2)
        (void)json_object_set_new(shown, "slotSharingGroupId", json_string(job->id));
    return shown;
}

static json_t *show_subtask(const struct ex_job_copy *job, uint32_t task, uint32_t subtask) {
    const struct ex_task_copy *copy = &job->tasks[task];
    struct span span = task_span(copy, job->now_ms);

    return json_pack("{s:I, s:s, s:I, s:s, s:I, s:I, s:I, s:o, s:s}", "subtask",
                     (json_int_t)subtask, "status", fo_task_state_name(copy->state), "attempt",
                     (json_int_t)copy->attempt, "endpoint", "(unassigned)", "start-time",
                     (json_int_t)span.start_ms, "end-time", (json_int_t)span.end_ms, "duration",
                     (json_int_t)span.duration_ms, "metrics", show_metrics(), "taskmanager-id",
                     "(unassigned)");
}

json_t *ex_rest_vertex(const struct ex_job_copy *job, uint32_t vertex) {
    const struct fo_graph *graph = job->spec->graph;
    uint32_t first = fo_graph_vertex_first_task(graph, vertex);
    uint32_t count = fo_graph_vertex_parallelism(graph, vertex);
    struct fo_str id = fo_graph_vertex_id(graph, vertex);
    json_t *subtasks = json_array();
    int ret = 0;

    for (uint32_t i = 0; i < count && ret == 0; i++)
        ret = json_array_append_new(subtasks, show_subtask(job, first + i, i));
    if (ret != 0) {
        json_decref(subtasks);
        return NULL;
    }
    return json_pack("{s:o, s:o, s:I, s:I, s:I, s:o}", "id", ex_rest_text(id), "name",
                     ex_rest_text(id), "parallelism", (json_int_t)count, "maxParallelism",
                     (json_int_t)count, "now", (json_int_t)job->now_ms, "subtasks", subtasks);
}

/* ---- plan ---- */

static json_t *show_input(const struct fo_graph *graph, uint32_t edge, uint32_t number) {
    struct fo_edge_spec spec = fo_graph_edge(graph, edge);

    return json_pack("{s:I, s:o, s:s, s:s}", "num", (json_int_t)number, "id",
                     ex_rest_text(fo_graph_vertex_id(graph, spec.from)), "ship_strategy",
                     ex_rest_pattern_name(spec.pattern), "exchange",
                     ex_rest_exchange_name(spec.exchange));
}

static json_t *show_node(const struct fo_graph *graph, uint32_t vertex) {
    struct fo_edge_list inputs = fo_graph_inputs(graph, vertex);
    struct fo_str id = fo_graph_vertex_id(graph, vertex);
    json_t *node =
        json_pack("{s:o, s:I, s:s, s:s, s:o, s:{}}", "id", ex_rest_text(id), "parallelism",
                  (json_int_t)fo_graph_vertex_parallelism(graph, vertex), "operator", "",
                  "operator_strategy", "", "description", ex_rest_text(id), "optimizer_properties");
    json_t *list = inputs.count > 0 ? json_array() : NULL; /* sources have none */
    int ret = 0;

    for (uint32_t i = 0; i < inputs.count && ret == 0; i++)
        ret = json_array_append_new(list, show_input(graph, inputs.edges[i], i));
    if (list)
        ret |= json_object_set_new(node, "inputs", list);
    if (ret == 0)
        return node;
    json_decref(node);
    return NULL;
}

static json_t *show_plan(const struct ex_job_copy *job) {
    const struct fo_graph *graph = job->spec->graph;
    json_t *nodes = json_array();
    int ret = 0;

    for (uint32_t i = 0; i < fo_graph_vertex_count(graph) && ret == 0; i++)
        ret = json_array_append_new(nodes, show_node(graph, fo_graph_topological(graph, i)));
    if (ret != 0) {
        json_decref(nodes);
        return NULL;
    }
    return json_pack("{s:s, s:o, s:s, s:o}", "jid", job->id, "name",
                     ex_rest_text(fo_str_of(job->spec->name)), "type", job_type(job->spec), "nodes",
                     nodes);
}

/* ---- job ---- */

static json_t *show_vertices(const struct ex_job_copy *job, enum ex_flink_profile profile,
                             uint32_t ret_counts[static FO_TASK_STATE_COUNT]) {
    const struct fo_graph *graph = job->spec->graph;
    json_t *list = json_array();
    int ret = 0;

    memset(ret_counts, 0, FO_TASK_STATE_COUNT * sizeof *ret_counts);
    for (uint32_t i = 0; i < fo_graph_vertex_count(graph) && ret == 0; i++) {
        uint32_t vertex = fo_graph_topological(graph, i);
        ret_counts[job->vertex_states[vertex]]++;
        ret = json_array_append_new(list, show_vertex(job, vertex, profile));
    }
    if (ret == 0)
        return list;
    json_decref(list);
    return NULL;
}

json_t *ex_rest_job(const struct ex_job_copy *job, enum ex_flink_profile profile) {
    uint32_t counts[FO_TASK_STATE_COUNT];
    json_t *vertices = show_vertices(job, profile, counts);
    json_t *shown = json_pack(
        "{s:s, s:o, s:b, s:s, s:I, s:I, s:I, s:i, s:I, s:o, s:o, s:o, s:o}", "jid", job->id, "name",
        ex_rest_text(fo_str_of(job->spec->name)), "isStoppable", 0, "state",
        fo_job_state_name(job->state), "start-time", (json_int_t)ex_job_copy_start_ms(job),
        "end-time", (json_int_t)ex_job_copy_end_ms(job), "duration",
        (json_int_t)ex_job_copy_duration_ms(job), "maxParallelism", -1, "now",
        (json_int_t)job->now_ms, "timestamps", show_timestamps(job), "vertices", vertices,
        "status-counts", ex_rest_task_counts(counts), "plan", show_plan(job));

    if (shown && profile == EX_FLINK_2) {
        (void)json_object_set_new(shown, "job-type", json_string(job_type(job->spec)));
        (void)json_object_set_new(shown, "pending-operators", json_integer(0));
    }
    return shown;
}

json_t *ex_rest_job_status(const struct ex_job_copy *job) {
    return json_pack("{s:s}", "status", fo_job_state_name(job->state));
}

static json_t *show_settings(const struct ex_job_spec *spec) {
    json_t *shown = json_object();
    const char *key;
    json_t *value;
    int ret = 0;

    json_object_foreach(spec->configuration, key, value) {
        json_t *text = ex_rest_is_secret(key) ? json_string("******") : json_incref(value);
        ret |= json_object_set_new(shown, key, text);
    }
    if (ret == 0)
        return shown;
    json_decref(shown);
    return NULL;
}

json_t *ex_rest_job_config(const struct ex_job_copy *job, enum ex_flink_profile profile) {
    const struct ex_job_spec *spec = job->spec;
    json_t *strategy = spec->strategy_from_job
                           ? ex_rest_strategy(&spec->decisions.restart_strategy)
                           : json_string("Cluster level default restart strategy");
    json_t *execution =
        json_pack("{s:o, s:i, s:b, s:o}", "restart-strategy", strategy, "job-parallelism", -1,
                  "object-reuse-mode", 0, "user-config", show_settings(spec));

    if (profile != EX_FLINK_2)
        (void)json_object_set_new(execution, "execution-mode", json_string("PIPELINED"));
    return json_pack("{s:s, s:o, s:o}", "jid", job->id, "name", ex_rest_text(fo_str_of(spec->name)),
                     "execution-config", execution);
}
