/* SPDX-License-Identifier: Apache-2.0 */
/* The questions for who controls. But for logs they change something, and are answered on the
 * manager's thread: the answers are small. */
#include <errno.h>
#include <strings.h>

#include "exporter/base/log.h"
#include "exporter/config/task_name.h"
#include "exporter/rest/call.h"
#include "exporter/rest/content_type.h"
#include "exporter/rest/logs.h"
#include "exporter/rest/texts.h"

static const char elsewhere[] =
    "The job is only shown here; give the order to the cluster that runs it.";

static int promise(struct ex_call *call) {
    ex_call_answer(ex_call_response(call), 202, json_object());
    return EX_CALL_ANSWERED;
}

/* ---- submit ---- */

/* What a web page can send without being asked for permission is no job file. */
static bool is_job_file(struct fo_str content_type) {
    static const char *const types[] = {"application/json", "application/yaml",
                                        "application/x-yaml", NULL};

    return ex_content_type_is(content_type, types);
}

/* Whoever only reports has nothing started on this machine. */
static bool may_start(struct ex_http_request *request, const struct ex_job_spec *spec) {
    return (ex_http_request_peer(request)->roles & EX_HTTP_ROLE_CONTROL) != 0 ||
           strcmp(spec->engine_kind, "push") == 0;
}

static int parse_job(struct ex_call *call, struct ex_http_request *request,
                     struct fo_error *reterr) {
    char directory[4096] = "";
    struct fo_str text = ex_http_request_query(request, "directory", 0);
    const struct ex_job_origin origin = {
        .working_directory = text.len > 0 ? directory : NULL,
        .commands_optional = true,
    };

    if (text.len >= sizeof directory || (text.len > 0 && text.ptr[0] != '/')) {
        *reterr = (struct fo_error){.code = -EINVAL, .text = "directory is an absolute path"};
        return -EINVAL;
    }
    if (text.len > 0)
        memcpy(directory, text.ptr, text.len);
    int ret = ex_job_parse(ex_http_request_body(request), &origin, call->rest->config, &call->spec,
                           reterr);
    return ret == 0 ? ex_job_check_machine(call->spec, reterr) : ret;
}

static bool read_job(struct ex_call *call, struct ex_http_request *request,
                     struct ex_http_response *response) {
    struct fo_error error = {.text = "out of memory"};

    if (!is_job_file(ex_http_request_header(request, "Content-Type"))) {
        ex_http_response_error(response, 415,
                               "Content-Type is application/json or application/yaml");
        return false;
    }
    int ret = parse_job(call, request, &error);
    if (ret == 0 && !ex_engines_find(call->rest->engines, call->spec->engine)) {
        ex_http_response_error(response, 400, "engine: no engine \"%s\" runs here",
                               call->spec->engine);
        return false;
    }
    if (ret == 0 && !may_start(request, call->spec)) {
        ex_http_response_error(response, 403,
                               "engine: this client may start jobs of the push engine only");
        return false;
    }
    if (ret < 0 && error.line > 0)
        ex_http_response_error(response, 400, "line %d: %s", error.line, error.text);
    else if (ret < 0)
        ex_http_response_error(response, ret == -ENOMEM ? 503 : 400, "%s", error.text);
    return ret == 0;
}

static int submit(struct ex_call *call, struct ex_manager *manager) {
    struct fo_error error = {.text = "out of memory"};
    struct ex_job *job;
    const struct ex_engine *engine = ex_engines_find(call->rest->engines, call->spec->engine);
    int ret = ex_manager_submit(manager, engine, call->spec, &job, &error);

    if (ret == -EEXIST)
        return ex_call_refuse(call, 409, error.text);
    if (ret == -ENOMEM || ret == -ESHUTDOWN)
        return ex_call_refuse(call, 503, error.text);
    if (ret < 0)
        return ex_call_refuse(call, 400, error.text);
    ex_log(EX_LOG_INFO, "Job submitted.", EX_TEXT("job_name", call->spec->name),
           EX_TEXT("job_id", ex_job_id(job)));
    ex_call_answer(ex_call_response(call), 201,
                   json_pack("{s:s, s:o}", "jid", ex_job_id(job), "name",
                             ex_rest_text(fo_str_of(call->spec->name))));
    return EX_CALL_ANSWERED;
}

/* ---- cancel ---- */

static bool read_mode(struct ex_call *call, struct ex_http_request *request,
                      struct ex_http_response *response) {
    struct fo_str mode = ex_http_request_query(request, "mode", 0);

    (void)call;
    if (!mode.ptr || (mode.len == 6 && strncasecmp(mode.ptr, "cancel", mode.len) == 0))
        return true;
    if (mode.len == 4 && strncasecmp(mode.ptr, "stop", mode.len) == 0)
        ex_http_response_error(response, 308,
                               "The termination mode \"stop\" has been removed. For an ungraceful "
                               "shutdown, please use \"cancel\" instead.");
    else
        ex_http_response_error(response, 400, "mode is cancel");
    return false;
}

static int cancel(struct ex_call *call, struct ex_manager *manager) {
    struct ex_job *job = ex_manager_find_job(manager, fo_str_of(call->job));

    if (!job)
        return ex_call_refuse(call, 404, "Job could not be found.");
    enum fo_job_state state = fo_job_state(ex_job_core(job));
    int ret = ex_manager_cancel(manager, job);
    if (ret == 0 || state == FO_JOB_CANCELED || state == FO_JOB_CANCELLING)
        return promise(call);
    if (ret == -ENOTSUP)
        return ex_call_refuse(call, 409, elsewhere);
    if (ret == -EALREADY || ret == -EINVAL) {
        ex_http_response_error(ex_call_response(call), 409,
                               "Job cancellation failed because the job has already reached "
                               "another terminal state (%s).",
                               fo_job_state_name(state));
        return EX_CALL_ANSWERED;
    }
    return ex_call_refuse(call, 500, "Job cancellation failed: out of memory");
}

/* ---- restart, pause, resume ---- */

static bool read_task(struct ex_call *call, struct ex_http_request *request,
                      struct ex_http_response *response) {
    return ex_call_keep(call->task, sizeof call->task, ex_http_request_query(request, "task", 0),
                        "task", response);
}

/* What became of an order to a job that was found. */
static int tell(struct ex_call *call, const struct ex_job *job, int ret) {
    if (ret == 0)
        return promise(call);
    if (ret == -ENOMEM)
        return ret;
    if (ret == -ENOTSUP)
        return ex_call_refuse(call, 409, elsewhere);
    ex_http_response_error(ex_call_response(call), 409, "Job %s is %s", call->job,
                           fo_job_state_name(fo_job_state(ex_job_core(job))));
    return EX_CALL_ANSWERED;
}

static int restart(struct ex_call *call, struct ex_manager *manager) {
    struct ex_job *job = ex_manager_find_job(manager, fo_str_of(call->job));
    uint32_t task = FO_NO_TASK;
    struct fo_error error;

    if (!job)
        return -ENOENT;
    if (call->task[0] != '\0' &&
        ex_task_name_parse(ex_job_spec(job)->graph, fo_str_of(call->task), &task, &error) < 0)
        return ex_call_refuse(call, 400, error.text);
    return tell(call, job, ex_manager_restart(manager, job, task));
}

static int hold(struct ex_call *call, struct ex_manager *manager, bool pause) {
    struct ex_job *job = ex_manager_find_job(manager, fo_str_of(call->job));

    return job ? tell(call, job, ex_manager_pause(manager, job, pause)) : -ENOENT;
}

static int pause_restarts(struct ex_call *call, struct ex_manager *manager) {
    return hold(call, manager, true);
}

static int resume_restarts(struct ex_call *call, struct ex_manager *manager) {
    return hold(call, manager, false);
}

/* ---- the daemon ---- */

static int reload(struct ex_call *call, struct ex_manager *manager) {
    struct fo_error error = {.text = ""};

    (void)manager;
    if (call->rest->reload(call->rest->ctx, &error) < 0)
        return ex_call_refuse(call, 500, error.text);
    return promise(call);
}

static int quit(struct ex_call *call, struct ex_manager *manager) {
    (void)manager;
    call->quits = true;
    return promise(call);
}

static const struct ex_question questions[] = {
    {"/v1/jobs", EX_HTTP_POST, submit, .read = read_job, .body_max_bytes = EX_REST_JOB_MAX_BYTES,
     .roles = EX_HTTP_ROLE_REPORT},
    {"/v1/jobs/:id", EX_HTTP_PATCH, cancel, .read = read_mode},
    {"/v1/jobs/:id/logs", EX_HTTP_GET, ex_logs_ask, .build = ex_logs_build, .read = ex_logs_read},
    {"/v1/jobs/:id/restart", EX_HTTP_POST, restart, .read = read_task},
    {"/v1/jobs/:id/pause", EX_HTTP_POST, pause_restarts, .build = NULL},
    {"/v1/jobs/:id/resume", EX_HTTP_POST, resume_restarts, .build = NULL},
    {"/v1/-/reload", EX_HTTP_POST, reload, .build = NULL},
    {"/v1/-/quit", EX_HTTP_POST, quit, .build = NULL},
};

const struct ex_question_list ex_rest_controlling = {questions,
                                                     sizeof questions / sizeof *questions};
