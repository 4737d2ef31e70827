/* SPDX-License-Identifier: Apache-2.0 */
/* How jobs stand: budget, restarts that wait, the last failure, tasks; and the graph with its
 * regions. Ours: Flink has nothing like it. */
#include "exporter/rest/shapes.h"
#include "exporter/rest/texts.h"

static json_t *time_or_null(int64_t time_ms) {
    return time_ms == FO_NEVER ? json_null() : json_integer(time_ms);
}

/* null: without a limit. */
static json_t *show_budget(const struct fo_budget *budget) {
    if (!budget->limited)
        return json_null();
    return json_pack("{s:I, s:I, s:o}", "limit", (json_int_t)budget->limit, "remaining",
                     (json_int_t)budget->remaining, "resets_at_ms",
                     time_or_null(budget->resets_at_ms));
}

static json_t *show_job(const struct ex_job_copy *job, bool tasks) {
    return json_pack(
        "{s:s, s:o, s:s, s:s, s:b, s:I, s:I, s:I, s:I, s:I, s:o, s:o, s:o, s:o}", "job_id", job->id,
        "job_name", ex_rest_text(fo_str_of(job->spec->name)), "engine", job->spec->engine, "state",
        fo_job_state_name(job->state), "paused", (int)job->paused, "now_ms",
        (json_int_t)job->now_ms, "start_ms", (json_int_t)ex_job_copy_start_ms(job), "end_ms",
        (json_int_t)ex_job_copy_end_ms(job), "failures", (json_int_t)job->failures, "restarts",
        (json_int_t)job->restarts, "budget", show_budget(&job->budget), "next_restart_ms",
        time_or_null(job->next_restart_ms), "tasks", ex_rest_task_counts(job->task_counts),
        "last_failure", job->newest ? ex_rest_failure_brief(job, job->newest, tasks) : json_null());
}

/* A list of what `show` makes of 0 .. count - 1. NULL without memory. */
static json_t *list(const struct ex_job_copy *job, uint32_t count,
                    json_t *(*show)(const struct ex_job_copy *job, uint32_t index)) {
    json_t *shown = json_array();

    for (uint32_t i = 0; i < count; i++) {
        if (json_array_append_new(shown, show(job, i)) != 0) {
            json_decref(shown);
            return NULL;
        }
    }
    return shown;
}

json_t *ex_rest_failover_all(const struct ex_job_copy *jobs, size_t count) {
    json_t *shown = json_array();
    int ret = 0;

    for (size_t i = 0; i < count && ret == 0; i++)
        ret = json_array_append_new(shown, show_job(&jobs[i], false));
    if (ret != 0) {
        json_decref(shown);
        return NULL;
    }
    return json_pack("{s:o}", "jobs", shown);
}

/* ---- tasks ---- */

static bool same_state(const struct ex_task_copy *a, const struct ex_task_copy *b) {
    return a->state == b->state && a->attempt == b->attempt;
}

/* Where the run of tasks that begins at `first` ends. */
static uint32_t end_of_run(const struct ex_task_copy *tasks, uint32_t first, uint32_t count) {
    uint32_t end = first + 1;

    while (end < count && same_state(&tasks[end], &tasks[first]))
        end++;
    return end;
}

/* NULL when there are too many runs. */
static json_t *show_tasks(const struct ex_task_copy *tasks, uint32_t count) {
    json_t *runs = json_array();
    uint32_t end;

    for (uint32_t first = 0; first < count; first = end) {
        end = end_of_run(tasks, first, count);
        if (json_array_size(runs) == EX_REST_RUNS_MAX) {
            json_decref(runs);
            return NULL;
        }
        (void)json_array_append_new(runs, json_pack("{s:s, s:I, s:I}", "state",
                                                    fo_task_state_name(tasks[first].state),
                                                    "attempt", (json_int_t)tasks[first].attempt,
                                                    "count", (json_int_t)(end - first)));
    }
    return runs;
}

static json_t *show_vertex(const struct ex_job_copy *job, uint32_t position) {
    const struct fo_graph *graph = job->spec->graph;
    uint32_t vertex = fo_graph_topological(graph, position);
    const struct ex_task_copy *tasks = job->tasks + fo_graph_vertex_first_task(graph, vertex);
    uint32_t count = fo_graph_vertex_parallelism(graph, vertex);
    uint32_t counts[FO_TASK_STATE_COUNT] = {0};

    for (uint32_t i = 0; i < count; i++)
        counts[tasks[i].state]++;
    return json_pack("{s:o, s:s, s:o, s:o*}", "id", ex_rest_text(fo_graph_vertex_id(graph, vertex)),
                     "state", fo_task_state_name(job->vertex_states[vertex]), "counts",
                     ex_rest_task_counts(counts), "tasks", show_tasks(tasks, count));
}

json_t *ex_rest_failover(const struct ex_job_copy *job) {
    json_t *shown = show_job(job, true);
    json_t *vertices = list(job, fo_graph_vertex_count(job->spec->graph), show_vertex);

    if (json_object_set_new(shown, "vertices", vertices) == 0)
        return shown;
    json_decref(shown);
    return NULL;
}

/* ---- the graph ---- */

/* NULL when there are too many runs. */
static json_t *show_regions(const struct fo_graph *graph, uint32_t vertex) {
    uint32_t task = fo_graph_vertex_first_task(graph, vertex);
    uint32_t behind = task + fo_graph_vertex_parallelism(graph, vertex);
    json_t *runs = json_array();

    while (task < behind) {
        uint32_t region = fo_graph_task_region(graph, task);
        uint32_t first = task;
        while (task < behind && fo_graph_task_region(graph, task) == region)
            task++;
        if (json_array_size(runs) == EX_REST_RUNS_MAX) {
            json_decref(runs);
            return NULL;
        }
        (void)json_array_append_new(runs, json_pack("{s:I, s:I}", "region", (json_int_t)region,
                                                    "count", (json_int_t)(task - first)));
    }
    return runs;
}

static json_t *show_graph_vertex(const struct ex_job_copy *job, uint32_t position) {
    const struct fo_graph *graph = job->spec->graph;
    uint32_t vertex = fo_graph_topological(graph, position);

    return json_pack("{s:o, s:I, s:o*}", "id", ex_rest_text(fo_graph_vertex_id(graph, vertex)),
                     "parallelism", (json_int_t)fo_graph_vertex_parallelism(graph, vertex),
                     "regions", show_regions(graph, vertex));
}

static json_t *show_edge(const struct ex_job_copy *job, uint32_t index) {
    const struct fo_graph *graph = job->spec->graph;
    struct fo_edge_spec edge = fo_graph_edge(graph, index);

    return json_pack(
        "{s:o, s:o, s:s, s:s}", "from", ex_rest_text(fo_graph_vertex_id(graph, edge.from)), "to",
        ex_rest_text(fo_graph_vertex_id(graph, edge.to)), "exchange",
        ex_rest_exchange_name(edge.exchange), "pattern", ex_rest_pattern_name(edge.pattern));
}

json_t *ex_rest_graph(const struct ex_job_copy *job) {
    const struct fo_graph *graph = job->spec->graph;
    const struct fo_job_config *decisions = &job->spec->decisions;

    return json_pack("{s:s, s:o, s:s, s:o, s:I, s:o, s:o}", "job_id", job->id, "job_name",
                     ex_rest_text(fo_str_of(job->spec->name)), "failover_strategy",
                     decisions->failover_strategy == FO_FAILOVER_FULL ? "full" : "region",
                     "restart_strategy", ex_rest_strategy_settings(&decisions->restart_strategy),
                     "regions", (json_int_t)fo_graph_region_count(graph), "vertices",
                     list(job, fo_graph_vertex_count(graph), show_graph_vertex), "edges",
                     list(job, fo_graph_edge_count(graph), show_edge));
}
