/* SPDX-License-Identifier: Apache-2.0 */
/* Which tasks restart: a real job whose tasks are put into the states of the case. */
#include <stdlib.h>

#include "failover/job.h"
#include "tests/conformance/conformance.h"

struct scene {
    const json_t *vertices;
    const json_t *edges;
    struct fo_graph *graph;
    struct fo_job *job;
};

static bool find_vertex(struct cf_result *result, const struct scene *scene, const json_t *name,
                        uint32_t *ret_task) {
    int64_t index = cf_find(scene->vertices, "id", cf_str(name));

    *ret_task = (uint32_t)index;
    return index >= 0 ? true : cf_fail(result, "unknown vertex");
}

/* A cause may name a partition that nobody reads: it marks nothing. */
static struct fo_partition find_partition(const struct scene *scene, const json_t *name) {
    struct fo_partition partition = {FO_NO_TASK, 0};
    char buffer[512];

    for (size_t i = 0; json_is_string(name) && i < json_array_size(scene->edges); i++) {
        const json_t *edge = json_array_get(scene->edges, i);
        if (strcmp(cf_partition_name(edge, buffer, sizeof buffer), json_string_value(name)) == 0) {
            partition.edge = (uint32_t)i;
            partition.producer = fo_graph_vertex_first_task(
                scene->graph, fo_graph_edge(scene->graph, (uint32_t)i).from);
            break;
        }
    }
    return partition;
}

static bool set_states(struct cf_result *result, const struct scene *scene) {
    struct fo_job *job = scene->job;

    for (uint32_t task = 0; task < json_array_size(scene->vertices); task++) {
        const json_t *vertex = json_array_get(scene->vertices, task);
        enum fo_task_state state = FO_TASK_CREATED;
        if (!cf_only(result, vertex, "id state"))
            return false;
        if (fo_task_state_parse(cf_str(json_object_get(vertex, "state")), &state) != 0)
            return cf_fail(result, "unknown state of vertex %u", task);
        job->counts[job->states[task]]--;
        job->states[task] = (uint8_t)state;
        job->counts[state]++;
    }
    return true;
}

static bool lose_partitions(struct cf_result *result, const struct scene *scene,
                            const json_t *names) {
    const json_t *name = NULL;
    size_t index = 0;

    json_array_foreach(names, index, name) {
        struct fo_partition partition = find_partition(scene, name);
        if (partition.producer == FO_NO_TASK)
            return cf_fail(result, "unknown partition");
        if (fo_lost_reserve(&scene->job->lost, partition) != 0)
            return cf_fail(result, "out of memory");
        fo_lost_add(&scene->job->lost, partition);
    }
    return true;
}

static bool decide(struct cf_result *result, const struct scene *scene, const json_t *failure,
                   uint32_t *tasks, uint32_t *ret_count) {
    const json_t *cause = json_object_get(failure, "cause_partition");
    uint32_t task = 0;

    if (!find_vertex(result, scene, json_object_get(failure, "failed_vertex"), &task))
        return false;
    if (cause && !json_is_null(cause) && !json_is_string(cause))
        return cf_fail(result, "cause_partition is not a text");
    *ret_count = fo_job_tasks_to_restart(scene->job, task, find_partition(scene, cause), tasks);
    return true;
}

static bool check_answer(struct cf_result *result, const struct scene *scene,
                         const json_t *expected, struct fo_task_list answer) {
    if (answer.count != json_array_size(expected))
        return cf_fail(result, "%u tasks restart, expected %zu", answer.count,
                       json_array_size(expected));
    for (uint32_t i = 0; i < answer.count; i++) {
        struct fo_str id = fo_graph_vertex_id(scene->graph, answer.tasks[i]);
        if (cf_find(expected, NULL, id) < 0)
            return cf_fail(result, "%.*s should not restart", (int)id.len, id.ptr);
        if (i > 0 && answer.tasks[i] <= answer.tasks[i - 1])
            return cf_fail(result, "the answer is not ascending");
    }
    return true;
}

static bool run_decisions(struct cf_result *result, const struct scene *scene, const json_t *json,
                          uint32_t *tasks) {
    const json_t *preceding = json_object_get(json, "preceding");
    const json_t *earlier = NULL;
    struct fo_task_list answer = {tasks, 0};
    size_t index = 0;

    if (preceding && !json_is_array(preceding))
        return cf_fail(result, "preceding is not a list");
    json_array_foreach(preceding, index, earlier) {
        if (!cf_only(result, earlier, "failed_vertex cause_partition") ||
            !decide(result, scene, earlier, tasks, &answer.count))
            return false;
    }
    return decide(result, scene, json, tasks, &answer.count) &&
           check_answer(result, scene, json_object_get(json, "expect_restart"), answer);
}

static bool make_job(struct cf_result *result, const json_t *json, struct scene *scene) {
    struct fo_job_config config = {.failover_strategy = FO_FAILOVER_REGION};
    struct fo_str strategy;
    struct fo_error error;

    if (!cf_text(result, json, "strategy", &strategy))
        return false;
    if (fo_str_equal(strategy, fo_str_of("full")))
        config.failover_strategy = FO_FAILOVER_FULL;
    else if (!fo_str_equal(strategy, fo_str_of("region")))
        return cf_fail(result, "unknown strategy");
    scene->graph = cf_graph(result, scene->vertices, scene->edges);
    if (!scene->graph)
        return false;
    if (fo_job_new(&config, scene->graph, NULL, 0, &scene->job, &error) != 0)
        return cf_fail(result, "%s", error.text);
    return true;
}

bool cf_run_failover(struct cf_result *result, const json_t *json) {
    struct scene scene = {0};
    const json_t *lost = NULL;
    const json_t *expected = NULL;

    if (!cf_only(result, json,
                 "name source strategy vertices edges unavailable_partitions failed_vertex "
                 "cause_partition preceding expect_restart note") ||
        !cf_list(result, json, "vertices", &scene.vertices) ||
        !cf_list(result, json, "edges", &scene.edges) ||
        !cf_list(result, json, "unavailable_partitions", &lost) ||
        !cf_list(result, json, "expect_restart", &expected))
        return false;
    uint32_t *tasks = calloc(json_array_size(scene.vertices) + 1, sizeof *tasks);
    bool passed = tasks && make_job(result, json, &scene) && set_states(result, &scene) &&
                  lose_partitions(result, &scene, lost) &&
                  run_decisions(result, &scene, json, tasks);
    scene.job = fo_job_free(scene.job);
    (void)fo_graph_unref(scene.graph);
    free(tasks);
    return passed;
}
