/* SPDX-License-Identifier: Apache-2.0 */
/* What a failure of a task of a running job would lead to, now. */
#include "exporter/plan/plan_json.h"

#include <errno.h>
#include <stdlib.h>

#include "exporter/rest/shapes.h"

/* Decided on a twin of the job, so that the job itself is not held up. 0 or a negative errno. */
static int list_tasks(const struct ex_job_copy *job, uint32_t failed, uint32_t *tasks,
                      uint32_t *ret_count) {
    const struct fo_partition none = {.producer = FO_NO_TASK};
    struct fo_job *twin;
    int ret = fo_job_restore(&job->spec->decisions, job->spec->graph, NULL, job->now_ms,
                             (struct fo_str){job->saved, job->saved_len}, &twin);

    if (ret < 0)
        return ret;
    *ret_count = fo_job_tasks_to_restart(twin, failed, none, tasks);
    (void)fo_job_free(twin);
    return 0;
}

static json_t *show(const struct ex_job_copy *job, const struct ex_plan_decision *decision) {
    const struct fo_graph *graph = job->spec->graph;

    return json_pack("{s:o, s:[o], s:o}", "regions", ex_plan_regions_json(graph), "decisions",
                     ex_plan_decision_json(graph, decision), "gives_up_at_ms",
                     decision->restart ? json_null() : json_integer(0));
}

json_t *ex_rest_plan(const struct ex_job_copy *job, uint32_t failed) {
    uint32_t *tasks = malloc(fo_graph_task_count(job->spec->graph) * sizeof *tasks);
    struct ex_plan_decision decision = {
        .failed = failed,
        .restart = job->budget.next_backoff_ms >= 0,
        .tasks = tasks,
        .budget_limited = job->budget.limited,
        .budget_left = job->budget.remaining > 0 ? job->budget.remaining - 1 : 0,
    };
    int ret = tasks ? 0 : -ENOMEM;

    if (ret == 0 && decision.restart) {
        decision.delay_ms = job->budget.next_backoff_ms;
        ret = list_tasks(job, failed, tasks, &decision.task_count);
    }
    json_t *plan = ret == 0 ? show(job, &decision) : NULL;
    free(tasks);
    return plan;
}
