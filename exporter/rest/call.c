/* SPDX-License-Identifier: Apache-2.0 */
#include "exporter/rest/call.h"

#include <errno.h>
#include <stdlib.h>

static void free_call(struct ex_call *call) {
    ex_job_copy_done(&call->copy);
    for (size_t i = 0; i < call->copy_count; i++)
        ex_job_copy_done(&call->copies[i]);
    free(call->copies);
    (void)ex_job_spec_unref(call->spec);
    free(call->path);
    free(call);
}

struct ex_http_response *ex_call_response(struct ex_call *call) {
    return ex_http_pending_response(call->pending);
}

void ex_call_answer(struct ex_http_response *response, int status, json_t *json) {
    char *text = json ? json_dumps(json, JSON_COMPACT) : NULL;

    json_decref(json);
    if (!text) {
        ex_http_response_error(response, 503, "out of memory");
        return;
    }
    ex_http_response_status(response, status);
    ex_http_response_header(response, "Content-Type", "application/json; charset=utf-8");
    ex_http_response_take(response, text, strlen(text));
}

int ex_call_refuse(struct ex_call *call, int status, const char *text) {
    ex_http_response_error(ex_call_response(call), status, "%s", text);
    return EX_CALL_ANSWERED;
}

bool ex_call_keep(char *target, size_t size, struct fo_str text, const char *what,
                  struct ex_http_response *response) {
    if (text.len >= size || (text.len > 0 && memchr(text.ptr, '\0', text.len))) {
        ex_http_response_error(response, 400, "%s is too long or holds a NUL", what);
        return false;
    }
    if (text.len > 0)
        memcpy(target, text.ptr, text.len);
    target[text.len] = '\0';
    return true;
}

/* ---- the steps ---- */

static void refuse(struct ex_call *call, int error) {
    struct ex_http_response *response = ex_call_response(call);

    if (error == -ENOENT)
        ex_http_response_error(response, 404, "Job %s not found", call->job);
    else if (error == -ESHUTDOWN)
        ex_http_response_error(response, 503, "the daemon is shutting down");
    else
        ex_http_response_error(response, 503, "out of memory");
}

/* [pool] */
static void on_work(uv_work_t *work) {
    struct ex_call *call = work->data;

    ex_call_answer(ex_call_response(call), 200, call->question->build(call));
    ex_http_complete(call->pending);
}

/* [main] */
static void on_worked(uv_work_t *work, int status) {
    (void)status;
    free_call(work->data);
}

/* [main], or any thread when the manager has gone */
static void finish(struct ex_call *call) {
    struct ex_rest *rest = call->quits ? call->rest : NULL;

    ex_http_complete(call->pending);
    free_call(call);
    if (rest)
        rest->quit(rest->ctx); /* closes the doors: everything of this call has ended */
}

/* [main] */
static void on_durable(struct ex_entry *entry, bool durable) {
    struct ex_call *call = (struct ex_call *)((char *)entry - offsetof(struct ex_call, durable));

    if (!durable)
        refuse(call, -ESHUTDOWN);
    finish(call);
}

/* What was asked for and done is not lost once it is answered. [main], or any thread when the
 * manager has gone */
static void on_message(struct ex_inbox_message *message, struct ex_manager *manager) {
    struct ex_call *call = (struct ex_call *)(void *)message; /* its first member */
    int ret = manager ? call->question->ask(call, manager) : -ESHUTDOWN;

    call->work.data = call;
    if (ret == 0 && uv_queue_work(call->rest->loop, &call->work, on_work, on_worked) == 0)
        return;
    if (ret <= 0)
        refuse(call, ret);
    if (ret <= 0 || call->question->method == EX_HTTP_GET) {
        finish(call);
        return;
    }
    call->durable.release = on_durable;
    ex_manager_when_durable(manager, &call->durable);
}

/* [handler] */
void ex_call_handle(void *ctx, struct ex_http_request *request, struct ex_http_response *response) {
    const struct ex_rest_question *context = ctx;
    struct ex_call *call = calloc(1, sizeof *call);

    if (!call) {
        ex_http_response_error(response, 503, "out of memory");
        return;
    }
    call->message.handle = on_message;
    call->rest = context->rest;
    call->question = context->question;
    bool good = ex_call_keep(call->job, sizeof call->job, ex_http_request_param(request, "id"),
                             "the name of the job", response) &&
                (!call->question->read || call->question->read(call, request, response));
    if (good) {
        call->pending = ex_http_defer(request, 0);
        good = call->pending;
        if (!good)
            ex_http_response_error(response, 503, "out of memory");
    }
    if (good)
        ex_inbox_post(call->rest->inbox, &call->message);
    else
        free_call(call);
}
