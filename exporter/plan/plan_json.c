/* SPDX-License-Identifier: Apache-2.0 */
#include "exporter/plan/plan_json.h"

#include "exporter/config/task_name.h"

enum { TASK_NAME_BYTES = FO_ID_MAX + 16 };

static json_t *task_names(const struct fo_graph *graph, struct fo_task_list tasks) {
    json_t *names = json_array();
    char name[TASK_NAME_BYTES];

    for (uint32_t i = 0; i < tasks.count; i++)
        (void)json_array_append_new(
            names, json_string(ex_task_name_print(graph, tasks.tasks[i], name, sizeof name)));
    return names;
}

json_t *ex_plan_regions_json(const struct fo_graph *graph) {
    json_t *regions = json_array();

    for (uint32_t i = 0; i < fo_graph_region_count(graph); i++)
        (void)json_array_append_new(regions, task_names(graph, fo_graph_region_tasks(graph, i)));
    return regions;
}

json_t *ex_plan_decision_json(const struct fo_graph *graph,
                              const struct ex_plan_decision *decision) {
    char failed[TASK_NAME_BYTES];
    struct fo_task_list restarted = {decision->tasks, decision->task_count};

    return json_pack(
        "{s:I, s:o, s:s, s:o, s:I, s:o}", "at_ms", (json_int_t)decision->at_ms, "failed",
        decision->failed == FO_NO_TASK
            ? json_null()
            : json_string(ex_task_name_print(graph, decision->failed, failed, sizeof failed)),
        "action", decision->restart ? "restart" : "fail", "restart", task_names(graph, restarted),
        "delay_ms", (json_int_t)decision->delay_ms, "budget_left",
        decision->budget_limited ? json_integer(decision->budget_left) : json_null());
}
