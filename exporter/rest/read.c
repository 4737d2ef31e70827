/* SPDX-License-Identifier: Apache-2.0 */
/* The questions of the read half. */
#include <errno.h>

#include "exporter/config/number.h"
#include "exporter/config/task_name.h"
#include "exporter/rest/call.h"
#include "exporter/rest/shapes.h"

/* ---- on the door's thread ---- */

static bool read_limit(struct ex_call *call, struct ex_http_request *request,
                       struct ex_http_response *response) {
    struct fo_str text = ex_http_request_query(request, "maxExceptions", 0);
    int32_t limit = EX_EXCEPTIONS_SHOWN;

    if (text.ptr && (ex_number_i32(text, &limit) < 0 || limit < 0)) {
        ex_http_response_error(response, 400, "maxExceptions is a whole number from 0 on");
        return false;
    }
    call->limit = (size_t)limit;
    return true;
}

static bool read_filter(struct ex_call *call, struct ex_http_request *request,
                        struct ex_http_response *response) {
    struct fo_str text = ex_http_request_query(request, "failureLabelFilter", 0);

    if (!text.ptr)
        return true;
    if (!ex_call_keep(call->filter_text, sizeof call->filter_text, text, "failureLabelFilter",
                      response))
        return false;
    if (ex_exception_filter_parse(fo_str_of(call->filter_text), &call->filter) == 0)
        return true;
    ex_http_response_error(response, 400,
                           "failureLabelFilter is a comma list of key:value, at most %d of them",
                           EX_EXCEPTION_FILTER_ITEMS_MAX);
    return false;
}

static bool read_exceptions(struct ex_call *call, struct ex_http_request *request,
                            struct ex_http_response *response) {
    return read_limit(call, request, response) && read_filter(call, request, response);
}

static bool read_vertex(struct ex_call *call, struct ex_http_request *request,
                        struct ex_http_response *response) {
    return ex_call_keep(call->task, sizeof call->task, ex_http_request_param(request, "vertex"),
                        "the name of the vertex", response);
}

static bool read_fail(struct ex_call *call, struct ex_http_request *request,
                      struct ex_http_response *response) {
    struct fo_str task = ex_http_request_query(request, "fail", 0);

    if (task.len > 0)
        return ex_call_keep(call->task, sizeof call->task, task, "fail", response);
    ex_http_response_error(response, 400, "fail names a task, as in fail=vertex[2]");
    return false;
}

/* ---- on the manager's thread ---- */

static int copy_nothing(struct ex_call *call, struct ex_manager *manager) {
    (void)call;
    (void)manager;
    return 0;
}

static int copy_all(struct ex_call *call, struct ex_manager *manager) {
    return ex_manager_copy_jobs(manager, &call->copies, &call->copy_count);
}

static struct ex_job *find(struct ex_call *call, const struct ex_manager *manager) {
    struct ex_job *job = ex_manager_find_job(manager, fo_str_of(call->job));

    if (job)
        ex_job_copy_init(&call->copy, job);
    return job;
}

static int copy_job(struct ex_call *call, struct ex_manager *manager) {
    return find(call, manager) ? 0 : -ENOENT;
}

static int copy_tasks(struct ex_call *call, struct ex_manager *manager) {
    const struct ex_job *job = find(call, manager);

    return job ? ex_job_copy_tasks(&call->copy, job) : -ENOENT;
}

static int copy_all_newest(struct ex_call *call, struct ex_manager *manager) {
    const struct ex_job *job = ex_manager_first_job(manager);
    int ret = copy_all(call, manager);

    for (size_t i = 0; i < call->copy_count && ret == 0; i++, job = ex_job_next(job))
        ret = ex_job_copy_newest(&call->copies[i], job);
    return ret;
}

static int copy_tasks_newest(struct ex_call *call, struct ex_manager *manager) {
    const struct ex_job *job = find(call, manager);
    int ret = job ? ex_job_copy_tasks(&call->copy, job) : -ENOENT;

    return ret == 0 ? ex_job_copy_newest(&call->copy, job) : ret;
}

static uint32_t vertex_of(const struct ex_call *call) {
    return fo_graph_find_vertex(call->copy.spec->graph, fo_str_of(call->task));
}

static int copy_vertex(struct ex_call *call, struct ex_manager *manager) {
    int ret = copy_tasks(call, manager);

    if (ret == 0 && vertex_of(call) == FO_NO_TASK) {
        ex_http_response_error(ex_call_response(call), 404, "Vertex %s not found", call->task);
        return EX_CALL_ANSWERED;
    }
    return ret;
}

static int copy_exceptions(struct ex_call *call, struct ex_manager *manager) {
    const struct ex_job *job = find(call, manager);

    return job ? ex_job_copy_exceptions(&call->copy, job, &call->filter, call->limit) : -ENOENT;
}

static int copy_core(struct ex_call *call, struct ex_manager *manager) {
    const struct ex_job *job = find(call, manager);
    struct fo_error error;

    if (!job)
        return -ENOENT;
    const struct fo_graph *graph = call->copy.spec->graph;
    if (fo_graph_task_count(graph) > EX_REST_PLAN_TASKS_MAX)
        return ex_call_refuse(call, 400, "the job has too many tasks to be asked what if");
    if (fo_job_state_is_terminal(call->copy.state) || call->copy.state == FO_JOB_SUSPENDED)
        return ex_call_refuse(call, 409, "the job has ended");
    if (ex_task_name_parse(graph, fo_str_of(call->task), &call->task_number, &error) < 0)
        return ex_call_refuse(call, 400, error.text);
    return ex_job_copy_core(&call->copy, job);
}

/* ---- on a worker ---- */

static enum ex_flink_profile profile(const struct ex_call *call) {
    return call->rest->config->profile;
}

static json_t *build_jobs(const struct ex_call *call) {
    return ex_rest_jobs(call->copies, call->copy_count, profile(call));
}

static json_t *build_jobs_overview(const struct ex_call *call) {
    return ex_rest_jobs_overview(call->copies, call->copy_count, profile(call));
}

static json_t *build_overview(const struct ex_call *call) {
    return ex_rest_overview(call->copies, call->copy_count, profile(call));
}

static json_t *build_config(const struct ex_call *call) {
    return ex_rest_config(call->rest->config);
}

static json_t *build_job(const struct ex_call *call) {
    return ex_rest_job(&call->copy, profile(call));
}

static json_t *build_status(const struct ex_call *call) {
    return ex_rest_job_status(&call->copy);
}

static json_t *build_exceptions(const struct ex_call *call) {
    return ex_rest_exceptions(&call->copy, call->limit, profile(call));
}

static json_t *build_job_config(const struct ex_call *call) {
    return ex_rest_job_config(&call->copy, profile(call));
}

static json_t *build_vertex(const struct ex_call *call) {
    return ex_rest_vertex(&call->copy, vertex_of(call));
}

static json_t *build_failover_all(const struct ex_call *call) {
    return ex_rest_failover_all(call->copies, call->copy_count);
}

static json_t *build_failover(const struct ex_call *call) {
    return ex_rest_failover(&call->copy);
}

static json_t *build_graph(const struct ex_call *call) {
    return ex_rest_graph(&call->copy);
}

static json_t *build_failures(const struct ex_call *call) {
    return ex_rest_failures(&call->copy);
}

static json_t *build_plan(const struct ex_call *call) {
    return ex_rest_plan(&call->copy, call->task_number);
}

/* The order matters: "/jobs/overview" stands before "/jobs/:id". */
static const struct ex_question questions[] = {
    {"/v1/overview", EX_HTTP_GET, copy_all, .build = build_overview},
    {"/v1/config", EX_HTTP_GET, copy_nothing, .build = build_config},
    {"/v1/jobs", EX_HTTP_GET, copy_all, .build = build_jobs},
    {"/v1/jobs/overview", EX_HTTP_GET, copy_all, .build = build_jobs_overview},
    {"/v1/jobs/:id", EX_HTTP_GET, copy_tasks, .build = build_job},
    {"/v1/jobs/:id/status", EX_HTTP_GET, copy_job, .build = build_status},
    {"/v1/jobs/:id/exceptions", EX_HTTP_GET, copy_exceptions, .build = build_exceptions,
     .read = read_exceptions},
    {"/v1/jobs/:id/config", EX_HTTP_GET, copy_job, .build = build_job_config},
    {"/v1/jobs/:id/vertices/:vertex", EX_HTTP_GET, copy_vertex, .build = build_vertex,
     .read = read_vertex},
    {"/v1/failover", EX_HTTP_GET, copy_all_newest, .build = build_failover_all},
    {"/v1/jobs/:id/failover", EX_HTTP_GET, copy_tasks_newest, .build = build_failover},
    {"/v1/jobs/:id/graph", EX_HTTP_GET, copy_job, .build = build_graph},
    {"/v1/jobs/:id/failures", EX_HTTP_GET, copy_exceptions, .build = build_failures,
     .read = read_exceptions},
    {"/v1/jobs/:id/plan", EX_HTTP_GET, copy_core, .build = build_plan, .read = read_fail},
};

const struct ex_question_list ex_rest_reading = {questions, sizeof questions / sizeof *questions};
